"""The source and a real PM2: what it sees, what it sends, and how it loses it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from monitor.sources.pm2 import Pm2Snapshot, Pm2Source, Pm2Sources, Pm2Unanswered, Pm2Unreadable, Standing
from monitor.sources.pm2_wire import LIST, VERSION
from tests.sources.real_pm2 import SECRET, RealPm2


@asynccontextmanager
async def source_of(home: Path | None, **environ: str) -> AsyncIterator[Pm2Source]:
    sources = Pm2Sources(environ)
    try:
        yield sources.get(home)
    finally:
        await sources.close()


async def seen(source: Pm2Source, seconds: float = 2.0) -> Pm2Snapshot:
    return await source.snapshot(asyncio.get_running_loop().time() + seconds)


async def refused(source: Pm2Source, seconds: float = 2.0) -> tuple[str, str]:
    with pytest.raises(Pm2Unanswered) as caught:
        await seen(source, seconds)
    return caught.value.phase, caught.value.reason


async def test_the_daemon_is_known_by_the_kernel_and_the_apps_by_pm2(pm2: RealPm2) -> None:
    pm2.start(pm2.node())
    async with source_of(pm2.home) as source:
        snapshot = await seen(source)
    assert snapshot.daemon.pid == pm2.daemon.pid
    assert snapshot.daemon.version == "7.0.4"
    children = {each.pid for each in pm2.daemon.children()}
    assert {each.process.pid for each in snapshot.of("web") if each.process} == children
    assert [(each.worker, each.standing) for each in snapshot.of("web")] == [(0, Standing.ALIVE), (1, Standing.ALIVE)]
    assert SECRET not in repr(snapshot)
    script = str(pm2.directory / "server.js")
    assert {entry.entry.release[1] for entry in snapshot.instances} == {script}, "which a deployment may change"
    assert str(pm2.directory) not in repr(snapshot.instances).replace(script, ""), "no other path"


async def test_the_only_pm2_of_the_machine_is_found_by_its_title(pm2: RealPm2) -> None:
    """Other tests' daemons may run at this moment; then they are all named."""
    pm2.start(pm2.node(instances=1))
    async with source_of(None, HOME=str(pm2.directory / "nobody")) as source:
        try:
            found = str((await seen(source)).daemon.home)
        except Pm2Unreadable as several:
            found = str(several)
    assert str(pm2.home) in found


async def test_a_home_that_we_guessed_wrong_is_told_with_the_right_one(pm2: RealPm2) -> None:
    pm2.start(pm2.node(instances=1))
    (pm2.directory / ".pm2").mkdir()
    async with source_of(None, HOME=str(pm2.directory)) as source:
        with pytest.raises(Pm2Unanswered, match=f"a PM2 runs with home .*{pm2.home}"):
            await seen(source)


@asynccontextmanager
async def recorder(front: Path, behind: Path) -> AsyncIterator[list[bytes]]:
    """A socket before PM2's, which writes down what goes in."""
    sent = list[bytes]()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: list[bytes] | None) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if note is not None:
                    note.append(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_pm2, to_pm2 = await asyncio.open_unix_connection(behind)
        await asyncio.gather(copy(reader, to_pm2, sent), copy(from_pm2, writer, None))

    server = await asyncio.start_unix_server(serve, front)
    try:
        yield sent
    finally:
        server.close()
        await server.wait_closed()


async def test_nothing_but_the_constants_is_ever_sent(pm2: RealPm2, tmp_path: Path) -> None:
    """One malformed frame would kill PM2 and every cluster app."""
    pm2.start(pm2.node(), pm2.gunicorn())
    async with recorder(tmp_path / "rpc.sock", pm2.home / "rpc.sock") as sent, source_of(tmp_path) as source:
        snapshots = await asyncio.gather(*(seen(source) for _ in range(10)))
        for _ in range(10):
            snapshots.append(await seen(source))
        await source.close()
        snapshots.append(await seen(source))
        await source.close()
        await asyncio.sleep(0.05)
    assert b"".join(sent) == VERSION.frame + 20 * LIST.frame + VERSION.frame + LIST.frame
    for snapshot in snapshots:
        assert [each.standing for each in snapshot.instances] == [Standing.ALIVE] * 3
    assert pm2.daemon.is_running()


async def test_five_hundred_looks_cut_off_at_random_leave_pm2_and_us_well(pm2: RealPm2) -> None:
    pm2.start(pm2.node())
    async with source_of(pm2.home) as source:
        daemon = (await seen(source)).daemon
        ours, theirs = psutil.Process(), pm2.daemon
        before = ours.num_fds(), theirs.num_fds()
        for number in range(500):
            with suppress(Pm2Unanswered):
                await seen(source, (number % 40) * 0.0001)
        assert (await seen(source)).daemon == daemon
        deadline = time.monotonic() + 10
        while (ours.num_fds(), theirs.num_fds()) != before:
            assert time.monotonic() < deadline, (ours.num_fds(), theirs.num_fds(), before)
            await asyncio.sleep(0.05)
        assert [each.standing for each in (await seen(source)).of("web")] == [Standing.ALIVE] * 2


async def test_a_killed_daemon_is_told_at_once_and_then_refused(pm2: RealPm2) -> None:
    pm2.start(pm2.node())
    async with source_of(pm2.home) as source:
        gone = asyncio.Event()
        source.on_gone(gone.set)
        await seen(source)
        pm2.daemon.kill()
        await asyncio.wait_for(gone.wait(), 5)
        assert await refused(source) == ("connect", "refused")


async def test_a_stopped_daemon_is_a_timeout_and_afterwards_the_truth_again(pm2: RealPm2) -> None:
    pm2.start(pm2.node())
    async with source_of(pm2.home) as source:
        before = await seen(source)
        pm2.daemon.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        assert await refused(source, 1.0) == ("reply", "timeout")
        assert await refused(source, 1.0) == ("reply", "timeout"), "a new connection is as silent"
        assert time.monotonic() - start < 3.0
        pm2.daemon.send_signal(signal.SIGCONT)
        after = await seen(source, 10.0)
        assert after.daemon == before.daemon
        assert [each.standing for each in after.of("web")] == [Standing.ALIVE] * 2


async def test_a_daemon_that_left_cleanly_has_no_socket_and_a_new_one_another_pid(pm2: RealPm2) -> None:
    pm2.start(pm2.node())
    async with source_of(pm2.home) as source:
        before = await seen(source)
        pm2.command("kill")
        assert await refused(source) == ("connect", "missing_socket")
        pm2.start(pm2.node())
        after = await seen(source)
        assert after.daemon.pid != before.daemon.pid
        assert len(after.of("web")) == 2


ASK = """
import asyncio, sys
from pathlib import Path
from monitor.sources.pm2 import Pm2Sources
async def ask():
    sources = Pm2Sources({})
    try:
        print(len((await sources.get(Path(sys.argv[1])).snapshot(asyncio.get_running_loop().time() + 5)).instances))
    except Exception as error:
        print(type(error).__name__, error)
    await sources.close()
asyncio.run(ask())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_users_pm2_is_blindness_with_what_to_do(pm2: RealPm2) -> None:
    """PM2's sockets let their owner and group in, nobody else."""
    pm2.start(pm2.node(instances=1))
    strangers = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    command = [*strangers, sys.executable, "-c", ASK, str(pm2.home)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    assert told.stdout.startswith("Pm2Unreadable ")
    assert "rpc.sock is closed to nobody; run the monitor as root" in told.stdout
