"""The check's look at real processes with real sockets and files; only PM2's list is made up."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from monitor.checks.base import CheckBlind, Env
from monitor.checks.wiring import WiringCheck
from monitor.clock import SystemClock
from monitor.core.model import Environment, Finding, Pools, Seen, Status
from monitor.database import DatabaseConfig, Databases, NotConfigured
from monitor.locale import LANGUAGES, speak
from monitor.sources.aside import Aside
from monitor.sources.aws import Aws
from monitor.sources.pm2 import Pm2Sources
from monitor.sources.resolver import Resolver
from tests.sources.fake_pm2 import answering, entry, fake_pm2, silent
from tests.sources.test_sockets import listening, needs_root

SECRET = "canary-0815-password"
NAMES = {
    "localhost": ("::1", "127.0.0.1"),
    "prod.rds": ("10.0.1.5", "10.0.2.5"),
    "here.test": ("127.0.0.1",),
    "old.rds": ("10.9.9.9",),
    "two.test": ("127.0.0.1", "127.0.0.2"),
}
APP = """
import os, socket, sqlite3, subprocess, sys
held = []
for word in sys.argv[1:]:
    host, colon, port = word.rpartition(":")
    if word == "child":
        held.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
    elif colon:
        held.append(socket.create_connection((host, int(port))))
    else:
        held.append(sqlite3.connect(word)); held[-1].execute("create table if not exists t (x)"); held[-1].commit()
print("ready", flush=True); sys.stdin.read()
"""


def lookup(host: str) -> Sequence[str]:
    if host not in NAMES:
        raise OSError(-2, "Name or service not known")
    return NAMES[host]


class House:
    """A directory in which processes of an app run, and the PM2 that lists them."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.product = directory / "product"
        self.product.mkdir()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.databases: dict[str, DatabaseConfig | NotConfigured] = {}
        self.aside = Aside()
        self._stack = stack

    def env_file(self, text: str, *, at: str = ".") -> Path:
        path = self.product / at / ".env"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def start(self, *words: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None, **more: Any) -> int:
        """One worker of the app."""
        process = self._stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", APP, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=cwd or self.product,
                env={"PATH": os.environ["PATH"], "DB_PASSWORD": SECRET, **(environ or {})},
                **more,
            )
        )
        self._stack.callback(self._end, process)
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        self.processes.append(process)
        return process.pid

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()

    def expect(self, host: str, port: int, *, name: str = "signalcraft", database: str = "default") -> None:
        self.databases[database] = DatabaseConfig(host=host, port=port, name=name, user="app")

    def listed(self) -> list[dict[str, Any]]:
        return [
            entry(each.pid, psutil.Process(each.pid).create_time(), NODE_APP_INSTANCE=number)
            for number, each in enumerate(self.processes)
        ]

    async def look(self, **settings: Any) -> Seen:
        async with fake_pm2(self.directory / "home", answering(self.listed())):
            return await self.look_at(self.directory / "home", **settings)

    async def look_at(self, home: Path, *, seconds: float = 5.0, **settings: Any) -> Seen:
        async with surroundings(self.databases) as (pm2, databases, resolver):
            check = WiringCheck.model_validate({"kind": "wiring", "home": home, **settings})
            env = Env(
                service="web",
                deadline=asyncio.get_running_loop().time() + seconds,
                clock=SystemClock(),
                databases=databases,
                pm2=pm2,
                resolver=resolver,
                aside=self.aside,
                aws=Aws({}),
            )
            seen = await check.look(env)
            assert SECRET not in repr(seen)
            for each in seen.facts:
                if isinstance(each, Finding):
                    assert all("{" not in speak(each.message, language) for language in LANGUAGES)
            return seen


@asynccontextmanager
async def surroundings(
    configs: Mapping[str, DatabaseConfig | NotConfigured],
) -> AsyncIterator[tuple[Pm2Sources, Databases, Resolver]]:
    pm2, resolver = Pm2Sources({}), Resolver(lookup)
    databases = Databases(configs, resolver=resolver)
    try:
        yield pm2, databases, resolver
    finally:
        await databases.close()
        await pm2.close()
        resolver.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(tmp_path, stack)


@pytest.fixture
def port() -> Iterator[int]:
    """Where something listens on every address of this machine, as a database would."""
    with listening("0.0.0.0") as number:  # noqa: S104 — so that 127.0.0.2 is somebody else
        yield number


def verdicts(seen: Seen) -> list[tuple[Status, str]]:
    return [(each.status, each.reason) for each in seen.facts if isinstance(each, Finding) and each.status.failing]


def remarks(seen: Seen) -> list[str]:
    return [each.reason for each in seen.facts if isinstance(each, Finding) and not each.status.failing]


def number(seen: Seen, name: str, **labels: str) -> float:
    (value,) = [each.value for each in seen.readings if each.name == name and {"app": "web", **labels} == each.labels]
    return value


async def test_an_app_that_does_what_its_env_says_is_well(house: House, port: int) -> None:
    house.env_file(f"DB_HOST=here.test\nDB_PORT={port}\nDB_NAME=signalcraft\nDB_PASSWORD={SECRET}\n")
    house.expect("here.test", port)
    house.start(f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    house.start(f"127.0.0.1:{port}", "child")
    seen = await house.look()
    assert (verdicts(seen), remarks(seen)) == ([], [])
    assert number(seen, "ok") == 1
    assert number(seen, "processes") == 3
    assert number(seen, "connections", to="endpoint") == 3
    assert number(seen, "connections", to="elsewhere") == 0
    assert number(seen, "sqlite_files") == 0
    assert number(seen, "env_files") == 1
    assert {each.name for each in seen.readings} < {family.reading for family in WiringCheck.families}


async def test_a_worker_without_a_connection_is_remarked_and_no_trouble(house: House, port: int) -> None:
    house.expect("prod.rds", port)
    house.start()
    seen = await house.look()
    assert (verdicts(seen), remarks(seen)) == ([], ["no_connection"])
    assert number(seen, "ok") == 1


async def test_an_app_without_a_living_process_has_nothing_to_be_said_of(house: House) -> None:
    house.expect("prod.rds", 5432)
    seen = await house.look(pool_max=20)
    assert seen.facts == (Pools("web", "default", 0, 20),)
    assert number(seen, "processes") == 0


async def test_all_addresses_of_a_name_are_right(house: House, port: int) -> None:
    house.expect("two.test", port)
    house.start(f"127.0.0.1:{port}", f"127.0.0.2:{port}")
    assert verdicts(await house.look()) == []


async def test_one_worker_that_was_started_with_another_host_is_named(house: House, port: int) -> None:
    house.env_file(f"DB_HOST=here.test\nDB_PORT={port}\n")
    house.expect("here.test", port)
    house.start(f"127.0.0.1:{port}")
    wrong = house.start(f"127.0.0.2:{port}", environ={"DB_HOST": "127.0.0.2"})
    seen = await house.look()
    assert verdicts(seen) == [(Status.CRITICAL, "wrong_host")] * 2
    told, connected = [each.message for each in seen.facts if isinstance(each, Finding)]
    assert (told.key, told.values["source"], told.values["pids"]) == (
        "wiring.wrong_host_environment",
        "environment",
        str(wrong),
    )
    assert connected.values["found"] == f"127.0.0.2:{port}"
    assert number(seen, "ok") == 0
    assert number(seen, "connections", to="elsewhere") == 1


async def test_a_fallback_to_localhost_is_told_when_the_env_says_otherwise(house: House, port: int) -> None:
    path = house.env_file(f"DB_HOST=prod.rds\nDB_PORT={port}\n")
    house.expect("prod.rds", port)
    house.start(f"127.0.0.1:{port}")
    assert verdicts(await house.look()) == [(Status.CRITICAL, "localhost_fallback")]
    path.write_text(f"DB_HOST=localhost\nDB_PORT={port}\n")
    assert verdicts(await house.look()) == [], "a pooler stands there"


async def test_a_name_that_means_the_same_is_right_and_one_that_means_nothing_is_wrong(house: House) -> None:
    path = house.env_file("DB_HOST=10.0.2.5\nDB_PORT=5432\n")
    house.expect("prod.rds", 5432)
    house.start()
    assert verdicts(await house.look()) == []
    path.write_text("DB_HOST=nowhere.test\nDB_PORT=5432\n")
    assert verdicts(await house.look()) == [(Status.CRITICAL, "wrong_host")]


async def test_sqlite_is_seen_where_it_is_open_and_where_it_is_told(house: House) -> None:
    house.expect("prod.rds", 5432)
    house.env_file("DATABASE_URL=sqlite:///app.db\n")
    house.start(str(house.product / "app.db"), str(house.product / "cache.db"))
    seen = await house.look()
    assert verdicts(seen) == [(Status.CRITICAL, "sqlite_in_use"), (Status.WARNING, "sqlite_in_use")]
    assert number(seen, "sqlite_files") == 2
    house.env_file("")
    assert verdicts(await house.look(ignore_files=["*/cache.db"])) == [(Status.WARNING, "sqlite_in_use")]
    seen = await house.look(ignore_files=["*/cache.db", "*/app.db"])
    assert (verdicts(seen), number(seen, "sqlite_files")) == ([], 0)


async def test_the_env_of_a_product_may_stand_above_its_parts_and_a_second_one_is_remarked(house: House) -> None:
    house.expect("prod.rds", 5432)
    house.env_file("DB_HOST=old.rds\n")
    part = house.product / "backend"
    part.mkdir()
    house.start(cwd=part)
    assert verdicts(await house.look()) == [(Status.CRITICAL, "wrong_host")]
    house.env_file("DB_HOST=prod.rds\n", at="backend")
    seen = await house.look()
    assert (verdicts(seen), remarks(seen)) == ([], ["second_env", "no_connection"])
    assert number(seen, "env_files") == 2


async def test_another_database_may_be_used_when_it_is_named(house: House, port: int) -> None:
    house.expect("prod.rds", 5432)
    house.expect("here.test", port, name="orders", database="orders")
    house.env_file("DB_HOST=prod.rds\n")
    house.start(f"127.0.0.1:{port}", environ={"DB_HOST": "here.test", "DB_PORT": str(port), "DB_NAME": "orders"})
    assert verdicts(await house.look()) == [(Status.CRITICAL, "localhost_fallback")] * 2
    assert verdicts(await house.look(also=["orders"])) == []


async def test_the_pools_are_counted_by_the_processes_at_the_end_of_each_tree(house: House) -> None:
    house.expect("prod.rds", 5432)
    house.start("child", "child", "child")
    house.start()
    seen = await house.look(pool_max=20)
    assert Pools("web", "default", 4, 20) in seen.facts
    assert number(seen, "pool_connections") == 80


async def test_what_the_env_said_is_brought_for_the_core_to_remember(house: House) -> None:
    house.expect("prod.rds", 5432)
    path = house.env_file(f"DB_HOST=prod.rds\nDB_PASSWORD={SECRET}\n")
    os.utime(path, (time.time() - 60, time.time() - 60))
    pid = house.start()

    async def environment() -> Environment:
        (found,) = [each for each in (await house.look(edit_grace="5m")).facts if isinstance(each, Environment)]
        return found

    before = await environment()
    assert (before.app, before.worker, before.file, before.grace_seconds) == ("web", 0, str(path), 300.0)
    assert before.process.startswith(f"{pid}:")
    assert not before.touched
    path.write_text(f"DB_HOST=other.rds\nDB_PASSWORD={SECRET}\n")
    os.utime(path, (time.time() + 60, time.time() + 60))
    after = await environment()
    assert after.touched
    assert {name for name in before.marks if before.marks[name] != after.marks[name]} == {"DB_HOST"}
    path.unlink()
    gone = await environment()
    assert (gone.file, gone.marks, gone.process) == (".env", {}, before.process)


Reason = Callable[[House], str]


async def test_what_is_not_known_makes_it_blind(house: House) -> None:
    home = house.directory / "home"
    with pytest.raises(CheckBlind, match=r"not configured: databases\.default"):
        await house.look()
    house.databases["default"] = NotConfigured(("DB_HOST",))
    with pytest.raises(CheckBlind, match="not configured: DB_HOST"):
        await house.look()
    house.expect("nowhere.test", 5432)
    with pytest.raises(CheckBlind, match=r"nowhere\.test does not resolve"):
        await house.look()
    house.expect("prod.rds", 5432)
    (home / "rpc.sock").unlink()
    with pytest.raises(CheckBlind, match=r"PM2 does not answer \(missing_socket\)"):
        await house.look_at(home)
    with pytest.raises(CheckBlind, match="absent"):
        await house.look_at(house.directory / "absent")
    async with fake_pm2(home, silent):
        with pytest.raises(CheckBlind, match=r"PM2 does not answer \(timeout\)"):
            await house.look_at(home, seconds=0.3)


async def test_a_database_behind_a_unix_socket_needs_no_address(house: House) -> None:
    house.databases["default"] = DatabaseConfig(host="/run/postgresql", name="signalcraft", user="app")
    house.env_file("DB_HOST=/run/postgresql\n")
    house.start()
    assert verdicts(await house.look()) == []


async def test_a_process_that_hangs_in_the_kernel_ends_the_look_in_time(house: House) -> None:
    """A dead file server in the place of `.env` hangs like this: an earlier look has not come back."""
    house.expect("prod.rds", 5432)
    house.start()
    house.aside._in_flight.add("wiring web/wiring")
    with pytest.raises(CheckBlind, match="cannot be read in time"):
        await house.look()


async def test_a_file_that_cannot_be_read_makes_it_blind_unless_there_is_bad_news(house: House) -> None:
    house.expect("prod.rds", 5432)
    loop = house.product / ".env"
    loop.symlink_to(loop)
    house.start()
    with pytest.raises(
        CheckBlind, match=r"not permitted to see .*/\.env cannot be read.*run infra-monitor as the user"
    ):
        await house.look()
    house.start(environ={"DB_HOST": "old.rds"})
    assert verdicts(await house.look()) == [(Status.CRITICAL, "wrong_host")]


@needs_root
async def test_a_process_of_somebody_else_makes_it_blind_and_says_what_to_grant() -> None:
    """Seen by a user who may speak with PM2 and is not its owner."""
    with tempfile.TemporaryDirectory(prefix="im-wiring-") as name, ExitStack() as stack:
        os.chmod(name, 0o755)  # noqa: PTH101, S103 — nobody has to get in
        await _look_as_nobody(House(Path(name), stack))


async def _look_as_nobody(house: House) -> None:
    house.expect("prod.rds", 5432)
    pid = house.start()
    async with fake_pm2(house.directory / "home", answering(house.listed())) as pm2:
        (pm2.home / "rpc.sock").chmod(0o777)
        pm2.home.chmod(0o755)
        uid = os.geteuid()
        os.seteuid(65534)
        try:
            with pytest.raises(CheckBlind) as blind:
                await house.look_at(pm2.home)
        finally:
            os.seteuid(uid)
    assert f"not permitted to see process {pid}; run infra-monitor as the user that owns PM2" in blind.value.reason
