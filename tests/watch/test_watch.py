"""The watchers together, on a real schedule: what a look shows is watched, and every sign has a look."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from monitor.checks.base import Check, Env, Signs
from monitor.clock import SystemClock
from monitor.core.model import Blind, Fact, Failed, Failure, Observation, Seen
from monitor.look import surroundings
from monitor.schedule import Key, Schedule
from monitor.sources.processes import Process, Processes
from monitor.watch import Watch

KEY = Key("web", "tree")


class TreeCheck(Check):
    """For this test: a process and a file that matter; `server` is called as a server's own word is."""

    kind: Literal["tree"] = "tree"
    every: float = 3600.0
    processes: tuple[int, ...] = ()
    files: tuple[str, ...] = ()

    def watch(self, env: Env, look_now: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002 — as in the base
        TELL.append(look_now)
        return TELL.clear

    def signs(self, env: Env, facts: Iterable[Fact]) -> Signs:  # noqa: ARG002 — as in the base
        found = [Processes().get(pid) or Process(pid, 1, 1, 0.0, 0) for pid in self.processes]
        return Signs(tuple(found), self.files)

    async def look(self, env: Env) -> Seen:  # noqa: ARG002 — as in the base
        return Seen()


TELL: list[Callable[[], None]] = []


class House:
    """A schedule with looks that take a moment, and the watchers beside it."""

    def __init__(self, watch: Watch, schedule: Schedule, began: list[float]) -> None:
        self.watch = watch
        self.schedule = schedule
        self.began = began

    def looked(self, result: Seen | Failed | Blind) -> None:
        self.watch.looked(Observation(*KEY, 0.0, 0.0, result))

    async def a_look(self) -> float:
        """Wait for the next one; how many seconds it took to begin."""
        start, known = time.monotonic(), len(self.began)
        async with asyncio.timeout(10):
            while len(self.began) == known:
                await asyncio.sleep(0.002)
        return self.began[known] - start


@asynccontextmanager
async def house(check: TreeCheck) -> AsyncIterator[House]:
    clock, began, beats = SystemClock(), list[float](), list[float]()

    async def run(_service: str, _check: str) -> None:
        began.append(time.monotonic())
        await asyncio.sleep(0.005)

    async def stepped(_by: float) -> None:
        """Nobody steps the clock here."""

    schedule = Schedule(
        clock=clock,
        run=run,
        skipped=lambda _: None,
        lagged=lambda _: None,
        pulse=lambda: None,
        stepped=stepped,
    )
    async with surroundings({}, environ={}, clock=clock) as around:
        watch = Watch(around=around, schedule=schedule, clock=clock, pulse=lambda: beats.append(clock.monotonic()))
        schedule.start({KEY: check.every})
        watch.start({KEY: check})
        await asyncio.sleep(0.05)
        try:
            yield House(watch, schedule, began)
        finally:
            await schedule.close(within_seconds=1)
            await watch.close()


@pytest.fixture
def sleeper() -> Iterable[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


async def test_the_end_of_a_process_that_a_look_showed_has_a_look_at_once(sleeper: subprocess.Popen[bytes]) -> None:
    async with house(TreeCheck(processes=(sleeper.pid,))) as here:
        assert here.watch.watched == {"process": 0, "file": 0, "pm2_bus": 0}
        here.looked(Seen())
        assert here.watch.watched["process"] == 1
        sleeper.kill()
        assert await here.a_look() < 0.5
        assert here.watch.events["process"] == 1


async def test_a_look_that_failed_says_what_to_watch_too_and_a_blind_one_changes_nothing(
    sleeper: subprocess.Popen[bytes],
) -> None:
    async with house(TreeCheck(processes=(sleeper.pid,))) as here:
        here.looked(Failed(Failure("connect", "refused", "no")))
        here.looked(Blind("not configured"))
        sleeper.kill()
        assert await here.a_look() < 0.5


async def test_a_file_that_changes_has_a_look_within_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    async with house(TreeCheck(files=(str(path),))) as here:
        here.looked(Seen())
        await asyncio.sleep(2.2)
        path.write_text("DB_HOST=a\n")
        assert await here.a_look() < 4.0  # two, and room for a busy machine
        assert here.watch.events == {"process": 0, "file": 1, "server": 0}


async def test_a_thousand_signs_in_a_second_cost_four_looks() -> None:
    async with house(TreeCheck()) as here:
        known = len(here.began)
        end = time.monotonic() + 1.0
        for number in range(1000):
            TELL[0]()
            await asyncio.sleep(max(0.0, end - time.monotonic()) / (1000 - number))
        await asyncio.sleep(2.0)
        assert here.watch.events["server"] == 1000
        assert 1 <= len(here.began) - known <= 5  # four, and one more when the machine stretches the second


async def test_a_check_that_is_dropped_has_no_look_and_is_asked_for_nothing(sleeper: subprocess.Popen[bytes]) -> None:
    async with house(TreeCheck(processes=(sleeper.pid,))) as here:
        here.looked(Seen())
        here.watch.drop(KEY)
        here.watch.drop(KEY)
        assert TELL == []
        known = len(here.began)
        here.looked(Seen())
        sleeper.kill()
        await asyncio.sleep(0.2)
        assert len(here.began) == known
        assert here.watch.watched["process"] == 0
