"""A source and a daemon that misbehaves: what cannot be had from a real PM2."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from monitor.sources.pm2 import Pm2Source, Pm2Sources, Pm2Unanswered, Pm2Unreadable, Standing
from monitor.sources.pm2_wire import LIST, MAX_REPLY_BYTES, VERSION
from tests.sources.fake_pm2 import Behaviour, FakePm2, answering, entry, fake_pm2, frame, reply, silent


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A living process that we started, as PM2 starts its apps."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@asynccontextmanager
async def source_of(home: Path) -> AsyncIterator[Pm2Source]:
    sources = Pm2Sources({})
    try:
        yield sources.get(home)
    finally:
        await sources.close()


def within(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def refused(source: Pm2Source, *, seconds: float = 5.0) -> tuple[str, str]:
    with pytest.raises(Pm2Unanswered) as caught:
        await source.snapshot(within(seconds))
    return caught.value.phase, caught.value.reason


async def test_the_connection_is_kept_and_carries_the_constants_only(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", answering([])) as fake, source_of(fake.home) as source:
        for _ in range(4):
            await source.snapshot(within(5))
        snapshot = await source.snapshot(within(5))
        assert fake.received == VERSION.frame + 5 * LIST.frame
        assert fake.connections == 1
    assert (snapshot.daemon.pid, snapshot.daemon.version, snapshot.instances) == (os.getpid(), "7.0.4", ())


async def test_many_looks_at_once_take_turns(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    listed = [entry(child.pid, time.time())]
    async with fake_pm2(tmp_path / "h", answering(listed)) as fake, source_of(fake.home) as source:
        snapshots = await asyncio.gather(*(source.snapshot(within(5)) for _ in range(20)))
        assert fake.connections == 1
        assert fake.received == VERSION.frame + 20 * LIST.frame
    assert all(each.of("web")[0].standing is Standing.ALIVE for each in snapshots)


async def test_silence_ends_at_the_deadline(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", silent) as fake, source_of(fake.home) as source:
        start = time.monotonic()
        assert await refused(source, seconds=0.5) == ("reply", "timeout")
        assert 0.5 <= time.monotonic() - start < 1.0


async def test_all_looks_that_wait_for_a_silent_daemon_end_at_their_own_deadlines(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", silent) as fake, source_of(fake.home) as source:
        start = time.monotonic()
        outcomes = await asyncio.gather(*(refused(source, seconds=0.3) for _ in range(5)))
        assert outcomes == [("reply", "timeout")] * 5
        assert time.monotonic() - start < 0.8


async def test_a_late_answer_is_never_taken_for_the_next_one(tmp_path: Path) -> None:
    """Same id, older truth: it may only be told from the right one by the connection it comes over."""

    async def late(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request == VERSION.frame:
            writer.write(reply("7.0.1", VERSION.id))
        else:
            old = reply([entry(1, 1, name="old")], LIST.id)
            asyncio.get_running_loop().call_later(0.6, writer.write, old)

    async with fake_pm2(tmp_path / "h", late) as fake, source_of(fake.home) as source:
        assert await refused(source, seconds=0.3) == ("reply", "timeout")
        fake.behave = answering([], "7.0.2")
        for _ in range(40):  # while the old answer is on its way, and long after it
            snapshot = await source.snapshot(within(5))
            assert (snapshot.daemon.version, snapshot.instances) == ("7.0.2", ())
            await asyncio.sleep(0.02)
        assert fake.connections == 2


async def test_a_look_that_is_cut_off_leaves_no_answer_behind(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", silent) as fake, source_of(fake.home) as source:
        look = asyncio.create_task(source.snapshot(within(5)))
        while not fake.received:
            await asyncio.sleep(0)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
        fake.behave = answering([])
        assert (await source.snapshot(within(5))).instances == ()
        assert fake.connections == 2


async def test_five_hundred_looks_cut_off_at_any_moment_leave_nothing_open(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", answering([])) as fake, source_of(fake.home) as source:
        await source.snapshot(within(5))
        before = psutil.Process().num_fds()
        for number in range(500):
            with suppress(Pm2Unanswered):
                await source.snapshot(within((number % 25) * 0.0001))
        assert (await source.snapshot(within(5))).daemon.pid == os.getpid()
        for _ in range(50):
            if psutil.Process().num_fds() <= before:
                break
            await asyncio.sleep(0.1)
        assert psutil.Process().num_fds() <= before


async def test_a_second_answer_is_never_taken_for_the_next_one(tmp_path: Path) -> None:
    counted = iter(range(100))

    async def twice(request: bytes, writer: asyncio.StreamWriter) -> None:
        if request == VERSION.frame:
            writer.write(reply("7.0.4", VERSION.id))
        else:
            answer = reply([entry(0, 1, restart_time=next(counted))], LIST.id)
            writer.write(answer + answer)

    async with fake_pm2(tmp_path / "h", twice) as fake, source_of(fake.home) as source:
        told = [(await source.snapshot(within(5))).instances[0].entry.restarts for _ in range(3)]
        assert told == [0, 1, 2]
        assert fake.connections == 3


async def _in_pieces(request: bytes, writer: asyncio.StreamWriter) -> None:
    known, answer = (VERSION, "7.0.4") if request == VERSION.frame else (LIST, [entry(1, 1)])
    noise = frame(b"j:{}", b"s:somebody-else")
    for byte in noise + reply(answer, known.id):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)


async def test_answers_may_come_in_pieces_and_after_those_of_others(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", _in_pieces) as fake, source_of(fake.home) as source:
        for _ in range(3):
            assert [each.entry.name for each in (await source.snapshot(within(10))).instances] == ["web"]


def _saying(answer: bytes) -> Behaviour:
    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer if request == LIST.frame else reply("7.0.4", VERSION.id))

    return behave


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x10",
        frame(b"j:{broken", LIST.id),
        frame(b'j:{"error":"no"}', LIST.id),
        frame(b"s:topic", b"j:{}"),
        reply({}, LIST.id),
        reply(None, LIST.id),
        reply([7], LIST.id),
        b"\x12" + (MAX_REPLY_BYTES + 1).to_bytes(4, "big") + b"j:",
    ],
    ids=["http", "no arguments", "no json", "error", "bus", "object", "null", "no process", "oversize"],
)
async def test_nonsense_is_a_failure_of_its_own_and_the_next_look_starts_afresh(tmp_path: Path, answer: bytes) -> None:
    async with fake_pm2(tmp_path / "h", _saying(answer)) as fake, source_of(fake.home) as source:
        assert await refused(source) == ("reply", "protocol")
        fake.behave = answering([])
        assert (await source.snapshot(within(5))).instances == ()


async def test_a_daemon_that_always_hangs_up_is_a_protocol_failure(tmp_path: Path) -> None:
    async def hang_up(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with fake_pm2(tmp_path / "h", hang_up) as fake, source_of(fake.home) as source:
        assert await refused(source) == ("reply", "protocol")
        assert fake.connections == 4


@pytest.mark.parametrize("version", [7, None, "", "x" * 1000, "7.0.4\n", ["7"]])
async def test_a_strange_version_is_no_version(tmp_path: Path, version: object) -> None:
    async with fake_pm2(tmp_path / "h", answering([], version)) as fake, source_of(fake.home) as source:
        assert (await source.snapshot(within(5))).daemon.version == ""


async def test_the_end_of_an_idle_connection_is_told_at_once_and_mended_by_the_next_look(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", answering([])) as fake, source_of(fake.home) as source:
        gone = asyncio.Event()
        source.on_gone(gone.set)
        await source.snapshot(within(5))
        assert not gone.is_set()
        await fake.hang_up()
        await asyncio.wait_for(gone.wait(), 5)
        await source.snapshot(within(5))
        assert fake.connections == 2


async def test_our_own_hanging_up_is_told_to_nobody(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", answering([])) as fake, source_of(fake.home) as source:
        told = list[str]()
        source.on_gone(lambda: told.append("gone"))
        await source.snapshot(within(5))
        await source.close()
        await asyncio.sleep(0.05)
        assert told == []


async def test_a_home_without_a_socket_is_a_failure_and_no_home_is_blindness(tmp_path: Path) -> None:
    async with source_of(tmp_path) as source:
        assert await refused(source) == ("connect", "missing_socket")
    async with source_of(tmp_path / "nowhere") as source:
        with pytest.raises(Pm2Unreadable, match="there is no PM2 home"):
            await source.snapshot(within(5))


async def test_a_socket_that_nobody_serves_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as forgotten:
        forgotten.bind(str(tmp_path / "rpc.sock"))
    async with source_of(tmp_path) as source:
        assert await refused(source) == ("connect", "refused")


async def test_a_full_backlog_is_a_timeout(tmp_path: Path) -> None:
    """A daemon that was stopped long ago has no room left for connections."""
    listener, waiting = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    with listener, waiting:
        listener.bind(str(tmp_path / "rpc.sock"))
        listener.listen(0)
        waiting.connect(str(tmp_path / "rpc.sock"))
        async with source_of(tmp_path) as source:
            assert await refused(source) == ("connect", "timeout")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_stranger_on_the_socket_is_not_asked_anything(public_directory: Path) -> None:
    """Run by `nobody` in a home that belongs to somebody else."""
    home = public_directory / "home"
    home.mkdir()
    home.chmod(0o777)
    code = (
        "import os, socket, sys\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen()\n"
        "print('ready', flush=True)\n"
        "print(listener.accept()[0].recv(100), flush=True)"
    )
    socket_path = str(home / "rpc.sock")
    stranger = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, socket_path, stdout=asyncio.subprocess.PIPE
    )
    assert stranger.stdout is not None
    assert await stranger.stdout.readline() == b"ready\n"
    async with source_of(home) as source:
        with pytest.raises(Pm2Unreadable, match=r"rpc\.sock in .* is held by nobody, the home belongs to root"):
            await source.snapshot(within(5))
    assert await stranger.stdout.readline() == b"b''\n"
    assert await stranger.wait() == 0


async def standing_of(fake: FakePm2, *listed: dict[str, Any]) -> list[Standing]:
    fake.behave = answering(list(listed))
    async with source_of(fake.home) as source:
        return [each.standing for each in (await source.snapshot(within(5))).instances]


async def test_a_pid_that_came_again_is_not_the_process_pm2_started(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    """The pid lives, even as a child of PM2's, but it began long after what PM2 listed."""
    async with fake_pm2(tmp_path / "h", silent) as fake:
        assert await standing_of(fake, entry(child.pid, time.time())) == [Standing.ALIVE]
        assert await standing_of(fake, entry(child.pid, time.time() - 60)) == [Standing.RESTARTING]
        assert await standing_of(fake, entry(1, time.time())) == [Standing.RESTARTING]


async def test_without_a_start_time_only_pm2s_own_child_is_believed(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    async with fake_pm2(tmp_path / "h", silent) as fake:
        assert await standing_of(fake, entry(child.pid, 1, pm_uptime="overwritten")) == [Standing.ALIVE]
        assert await standing_of(fake, entry(1, 1, pm_uptime="overwritten")) == [Standing.RESTARTING]


@pytest.mark.parametrize("step", [-3600, 3600], ids=["stepped forth", "stepped back"])
async def test_a_step_of_the_clock_does_not_kill_the_apps(
    tmp_path: Path, child: subprocess.Popen[bytes], step: int
) -> None:
    """PM2 noted the start by the old clock; so did the file system when PM2 made its socket."""
    async with fake_pm2(tmp_path / "h", silent) as fake:
        began = psutil.Process(os.getpid()).create_time() + step
        os.utime(fake.home / "rpc.sock", (began, began))
        assert await standing_of(fake, entry(child.pid, time.time() + step)) == [Standing.ALIVE]
        assert await standing_of(fake, entry(child.pid, time.time() + 2 * step)) == [Standing.RESTARTING]
        assert await standing_of(fake, entry(1, time.time() + step)) == [Standing.RESTARTING]


async def test_instances_are_numbered_once_each_whatever_pm2_calls_them(tmp_path: Path) -> None:
    """The same name in two namespaces has the same NODE_APP_INSTANCE twice; some settings give none at all."""
    listed = [
        entry(0, 1, namespace="green"),
        entry(0, 1, namespace="blue"),
        entry(0, 1, namespace="blue", NODE_APP_INSTANCE=1),
        entry(0, 1, namespace="red", NODE_APP_INSTANCE=None),
        entry(0, 1, name="other"),
    ]
    async with fake_pm2(tmp_path / "h", answering(listed)) as fake, source_of(fake.home) as source:
        snapshot = await source.snapshot(within(5))
    numbered = [(each.entry.name, each.entry.namespace, each.worker) for each in snapshot.instances]
    assert numbered == [
        ("other", "default", 0),
        ("web", "blue", 0),
        ("web", "blue", 1),
        ("web", "green", 2),
        ("web", "red", 3),
    ]
    assert len(snapshot.of("web")) == 4


async def test_survivors_are_counted_by_the_kernel_alone(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    listed = [entry(child.pid, time.time())]
    async with fake_pm2(tmp_path / "h", answering(listed)) as fake, source_of(fake.home) as source:
        assert source.survivors("web") is None
        await source.snapshot(within(5))
        assert source.survivors("web") == 1
        assert source.survivors("unknown") is None
        child.kill()
        child.wait()
        assert source.survivors("web") == 0


def test_one_home_has_one_source() -> None:
    sources = Pm2Sources({})
    assert sources.get(Path("/a")) is sources.get(Path("/a"))
    assert sources.get(Path("/a")) is not sources.get(Path("/b"))
    assert sources.get(None) is sources.get(None)


async def test_who_no_longer_wants_to_be_told_is_not_and_an_unwatched_source_hangs_up(tmp_path: Path) -> None:
    told: list[str] = []
    async with fake_pm2(tmp_path, answering([])) as pm2:
        sources = Pm2Sources({"PM2_HOME": "/a"})
        source = sources.get(tmp_path)
        ends = [source.on_gone(lambda: told.append("a")), source.on_gone(lambda: told.append("b"))]
        await source.snapshot(asyncio.get_running_loop().time() + 5)
        ends[0]()
        await sources.rest()
        assert source._link is not None, "somebody still wants to be told"
        ends[1]()
        await sources.rest()
        assert source._link is None
        assert pm2
        assert sources.is_asked_alike({"PM2_HOME": "/a", "DB_HOST": "x"})
        assert not sources.is_asked_alike({"PM2_HOME": "/b"})
        await sources.close()
    assert told == []
