"""Power that fails at any moment loses nothing that was acknowledged, and nothing that was sent on its way."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sqlite3
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.delivery import program
from tests.delivery.power import Call, Disk, calls, strace
from tests.delivery.receiver import receiving

ROOT = Path(__file__).parents[2]
COMMITS = 120
LOSSES = 100
INCIDENT = re.compile(rb'"id": ?"inc-(\d+)"')


@dataclass(frozen=True, slots=True)
class Run:
    """What a monitor in small asked of the kernel while it committed and sent notices."""

    directory: Path
    calls: tuple[Call, ...]

    def known(self, call: Call) -> set[int]:
        """The notices of which the world hears by this call: acknowledged on stdout, or on the way to the receiver."""
        if call.name == "write" and call.text.strip().isdigit():
            return {int(call.text)}
        return {int(number) for number in INCIDENT.findall(call.text)} if call.name == "sendto" else set()

    @property
    def telling(self) -> list[int]:
        """The places of the calls by which the world hears of one."""
        return [place for place, call in enumerate(self.calls) if self.known(call)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return asyncio.run(_run(tmp_path_factory.mktemp("power")))


async def _run(place: Path) -> Run:
    directory, trace = place / "state", place / "trace"
    async with receiving() as receiver:
        command = [*strace(trace), sys.executable, "-m", program.__name__, str(directory), receiver.url, str(COMMITS)]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
        said, _ = await asyncio.wait_for(process.communicate(), timeout=120)
    assert (process.returncode, len(said.split())) == (0, COMMITS)
    run = Run(directory, tuple(calls(trace)))
    trace.unlink()
    heard = {
        name: {n for call in run.calls if call.name == name for n in run.known(call)} for name in ("write", "sendto")
    }
    assert heard["write"] == heard["sendto"] == set(range(1, COMMITS + 1)), "all of them were acknowledged and sent"
    return run


def left_after(run: Run, losses: set[int], *, seed: int, honest: bool = True) -> list[tuple[set[int], set[int]]]:
    """For each loss, which comes after so many calls: what the world knew of, and what is still there."""
    chance, known = random.Random(seed), set[int]()
    disk = Disk(run.directory, chance=chance, honest=honest)
    found = []
    for number, call in enumerate(run.calls):
        disk.take(call)
        known |= run.known(call)
        if known and number in losses:
            with tempfile.TemporaryDirectory() as name:
                disk.lose_power(Path(name))
                found.append((set(known), notices_in(Path(name))))
    return found


def notices_in(directory: Path) -> set[int]:
    """As the next start finds them, in a database that is sound, beside a state that is as old as they are."""
    connection = sqlite3.connect(directory / "state.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    notices = [json.loads(body) for (body,) in connection.execute("SELECT notice FROM outbox")]
    (frame,) = connection.execute("SELECT body FROM pieces WHERE kind = 'frame'").fetchone()
    connection.close()
    numbers = {int(notice["incident"]["id"].removeprefix("inc-")) for notice in notices}
    assert json.loads(frame)["sequence"] == max(numbers) == len(numbers)
    return numbers


@pytest.mark.timeout(300)
def test_100_losses_of_power_lose_no_notice_that_anybody_knows_of(run: Run) -> None:
    """Also in the middle of a checkpoint; whatever was not synced is there, or not, or torn at a sector."""
    chance, telling = random.Random(4), run.telling
    losses = chance.sample(range(telling[0], len(run.calls)), LOSSES // 2)
    after = left_after(run, {*losses, *chance.sample(telling, LOSSES // 2)}, seed=4)
    assert len(after) > LOSSES // 2
    _nothing_is_lost(after)


def _nothing_is_lost(after: list[tuple[set[int], set[int]]]) -> None:
    for known, there in after:
        assert known <= there
        assert len(there) <= max(known) + 1, "no notice comes from nowhere"


def test_a_disk_that_does_not_sync_would_be_found_out(run: Run) -> None:
    """That this proof can fail."""
    with pytest.raises((sqlite3.Error, AssertionError, TypeError)):
        _nothing_is_lost(left_after(run, set(run.telling[::10]), seed=1, honest=False))
