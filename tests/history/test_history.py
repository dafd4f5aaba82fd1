"""What happens is remembered over restarts, and nothing that goes wrong with it harms anybody."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.core.model import (
    Blind,
    CheckPlan,
    Failed,
    Failure,
    Incident,
    Maintenance,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    ServiceState,
    Severity,
    State,
    Status,
)
from monitor.history import FRESH_SECONDS, MOST_LABELLED, MOST_WAITING, PLACE_SECONDS, History
from monitor.state_directory import StoreError

T = 1_780_000_200.0
PLAN = Plan({"rds": ServicePlan("rds", (CheckPlan("rds", "rds", every=15, timeout=5, stale_after=45),))})


@dataclass
class HandClock:
    at: float = T

    def now(self) -> float:
        return self.at

    wall = monotonic = now


@dataclass
class Kept:
    """A history with a clock that is moved by hand."""

    directory: Path
    clock: HandClock
    history: History

    def look(self, *readings: Reading, status: Status = Status.HEALTHY, failed: bool = False) -> None:
        result = Failed(Failure("tcp", "timeout", "…"), readings) if failed else Seen(readings)
        news = Observation("rds", "rds", self.clock.at, 0.1, result)
        self.history.take(PLAN, State({"rds": ServiceState(status)}), news, self.clock.at)

    async def reopen(self) -> None:
        await self.history.close()
        self.history = History(self.directory, self.clock)

    async def points(self, metric: str, hours: float = 1.0) -> dict[str, list[tuple[float, float]]]:
        lines = await self.history.lines("rds", metric=metric, hours=hours)
        return {line.series.metric: [(each.at - T, each.value) for each in line.points] for line in lines}


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    clock = HandClock()
    made = Kept(tmp_path, clock, History(tmp_path, clock))
    yield made
    await made.history.close()


async def test_numbers_of_a_look_are_remembered_over_a_restart_even_of_one_that_failed(kept: Kept) -> None:
    kept.look(Reading("response_time", 0.5, "seconds"))
    kept.clock.at += 15
    kept.look(Reading("response_time", 4.0, "seconds"), failed=True)
    await kept.reopen()
    assert await kept.points("response_time") == {"response_time": [(0.0, 0.5), (15.0, 4.0)]}
    assert [each.unit for each in await kept.history.names("rds")] == ["seconds"]


async def test_what_is_no_number_and_what_a_blind_look_brought_is_not_kept(kept: Kept) -> None:
    kept.look(Reading("lag", math.nan), Reading("lag", math.inf))
    kept.history.take(PLAN, State(), Observation("rds", "rds", T, 0.1, Blind("no route")), T)
    assert await kept.history.names("rds") == ()


async def test_a_name_stands_for_all_its_labels(kept: Kept) -> None:
    kept.look(*(Reading("connections", n, labels={"state": each}) for n, each in enumerate(("active", "idle"))))
    assert list(await kept.points("connections")) == ['connections{state="active"}', 'connections{state="idle"}']
    assert list(await kept.points('connections{state="idle"}')) == ['connections{state="idle"}']
    assert await kept.points("connection") == {}


async def test_labelled_series_of_a_check_are_bounded_and_places_become_free(kept: Kept) -> None:
    def many(first: int) -> list[Reading]:
        return [Reading("cpu", n, labels={"worker": str(n)}) for n in range(first, first + MOST_LABELLED + 5)]

    kept.look(*many(0), Reading("plain", 1.0))
    assert len(await kept.history.names("rds")) == MOST_LABELLED + 1
    kept.clock.at += PLACE_SECONDS
    kept.look(*many(1_000))
    assert len(await kept.history.names("rds")) == 2 * MOST_LABELLED + 1


async def test_beyond_a_day_there_are_five_minutes_each(kept: Kept) -> None:
    kept.look(Reading("load", 1.0))
    kept.clock.at += 10
    kept.look(Reading("load", 3.0))
    assert await kept.points("load", hours=48) == {"load": [(0.0, 2.0)]}
    (line,) = await kept.history.lines("rds", metric="load", hours=1, resolution="5m", check="rds")
    assert [(each.low, each.high, each.n) for each in line.points] == [(1.0, 3.0, 2)]
    assert await kept.history.lines("rds", metric="load", hours=1, check="other") == ()


async def test_availability_counts_stays_over_restarts_and_not_the_time_without_a_monitor(kept: Kept) -> None:
    kept.look(status=Status.HEALTHY)
    kept.clock.at += 60
    kept.look(status=Status.DOWN)
    kept.clock.at += 20
    await kept.reopen()
    kept.clock.at += 500
    kept.look(status=Status.WARNING)
    kept.clock.at += 20
    found = (await kept.history.availability())["rds"]
    assert list(found) == ["24h", "7d", "30d"]
    assert {(each.up_seconds, each.known_seconds) for each in found.values()} == {(80.0, 100.0)}
    kept.clock.at += FRESH_SECONDS
    assert (await kept.history.availability())["rds"]["24h"].known_seconds == 105.0


async def test_maintenance_is_a_stay_of_its_own_and_a_service_that_leaves_has_an_end(kept: Kept) -> None:
    window = Maintenance("m", "rds", T + 10, T + 20, "ann")
    state = State({"rds": ServiceState(Status.DOWN)}, maintenance=(window,))
    for seconds in (0, 10, 20, 30):
        kept.history.take(PLAN, state, None, T + seconds)
    kept.history.take(Plan({}), State(), None, T + 35)
    kept.clock.at += 100
    stays = [(each.status, each.began - T, each.ended - T) for each in await kept.history.stays(T - 1)]
    assert stays == [(Status.DOWN, 0, 10), (Status.MAINTENANCE, 10, 20), (Status.DOWN, 20, 35)]


async def test_incidents_that_are_over_are_remembered_once(kept: Kept) -> None:
    over = Incident("incident-1", "rds", Severity.CRITICAL, T, resolved_at=T + 60)
    still = Incident("incident-2", "rds", Severity.CRITICAL, T)
    for _ in range(2):
        kept.history.take(PLAN, State(incidents=(over, still)), None, T + 60)
    await kept.reopen()
    assert await kept.history.incidents(T) == (over,)
    assert await kept.history.incidents(T + 61) == ()
    assert await kept.history.incident("incident-1") == over
    assert await kept.history.incident("incident-2") is None


async def test_an_incident_that_this_version_cannot_read_is_passed_over(kept: Kept) -> None:
    over = Incident("incident-1", "rds", Severity.CRITICAL, T, resolved_at=T + 60)
    kept.history.take(PLAN, State(incidents=(over,)), None, T + 60)
    await kept.history.flush()
    await kept.history._run(lambda file: file._connection.execute("UPDATE incidents SET body = '{}'"))
    assert await kept.history.incidents(0) == ()


async def test_while_the_disk_refuses_everything_waits_and_is_written_when_it_takes_again(kept: Kept) -> None:
    kept.look(Reading("load", 1.0))
    await kept.history.flush()
    await kept.history._run(lambda file: file._connection.execute("PRAGMA query_only = 1"))
    kept.clock.at += 15
    kept.look(Reading("load", 2.0))
    await kept.history.flush()
    assert kept.history.failed is not None
    await kept.history._run(lambda file: file._connection.execute("PRAGMA query_only = 0"))
    await kept.history.flush()
    assert kept.history.failed is None
    assert await kept.points("load") == {"load": [(0.0, 1.0), (15.0, 2.0)]}


async def test_what_waits_is_bounded_and_the_newest_is_kept(tmp_path: Path) -> None:
    clock = HandClock()
    kept = Kept(tmp_path / "file" / "history", clock, History(tmp_path / "file" / "history", clock))
    (tmp_path / "file").write_text("in the way")
    for _ in range(MOST_WAITING + 5):
        clock.at += 1
        kept.look(Reading("load", clock.at))
    await kept.history.flush()
    assert (len(kept.history._samples), kept.history.dropped) == (MOST_WAITING, 5)
    assert kept.history._samples[-1].value == clock.at
    with pytest.raises(StoreError):
        await kept.history.names("rds")
    (tmp_path / "file").unlink()
    (tmp_path / "file" / "history").mkdir(parents=True)
    assert (await kept.history.size()).samples == MOST_WAITING
    await kept.history.close()


async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(kept: Kept) -> None:
    await kept.history.close()
    (kept.directory / "history.db").write_bytes(b"no database " * 1000)
    kept.history = History(kept.directory, kept.clock)
    kept.look(Reading("load", 1.0))
    assert await kept.points("load") == {"load": [(0.0, 1.0)]}
    assert (kept.directory / "history.db.damaged-1").exists()
