"""A step of the machine's clock: what is remembered keeps its distance from now; nothing is lost, nothing doubled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.model import Incident, Reading, Severity, State, Status
from monitor.history import FRESH_SECONDS, History
from tests.history.test_history import PLAN, HandClock, Kept, T


def step(kept: Kept, by: float) -> None:
    """As `ServiceMonitoring.correct` does it."""
    kept.clock.at += by
    kept.history.move(by)


async def shown(kept: Kept, *, resolution: str = "full", hours: float = 1.0) -> list[tuple[float, float]]:
    """How many seconds ago it was which value, as a chart has it."""
    (line,) = await kept.history.lines("rds", metric="load", hours=hours, resolution=resolution)  # type: ignore[arg-type]
    return [(round(kept.clock.at - each.at, 3), each.value) for each in line.points]


@pytest.fixture
async def kept(tmp_path: Path) -> Kept:
    clock = HandClock()
    return Kept(tmp_path, clock, History(tmp_path, clock))


@pytest.mark.parametrize("by", [3600.0, -3600.0, 365 * 86_400.0, -1234.567])
async def test_a_chart_goes_on_where_it_was_without_a_gap_or_an_overlap(kept: Kept, by: float) -> None:
    for n in range(4):
        kept.look(Reading("load", float(n)))
        if n == 1:
            step(kept, by)
        kept.clock.at += 15
    expected = [(60.0, 0.0), (45.0, 1.0), (30.0, 2.0), (15.0, 3.0)]
    assert await shown(kept) == expected
    await kept.reopen()
    assert await shown(kept) == expected, "the next start knows of the step"
    kept.look(Reading("load", 4.0))
    assert (await shown(kept))[-1] == (0.0, 4.0)
    await kept.history.close()


async def test_five_minutes_are_rolled_up_after_the_clock_was_put_back_over_some_of_them(kept: Kept) -> None:
    for n in range(12):
        kept.look(Reading("load", float(n)))
        await kept.history.flush()
        if n == 5:
            step(kept, -3600.0)
        kept.clock.at += 300
    await kept.reopen()
    await kept.history.flush()
    size = await kept.history._run(lambda file: file.size())
    assert size.rollups == 12
    assert [value for _, value in await shown(kept, resolution="5m", hours=48)] == [float(n) for n in range(12)]
    await kept.history.close()


@pytest.mark.parametrize("by", [3600.0, -3600.0])
async def test_an_hour_that_never_passed_counts_in_no_uptime(kept: Kept, by: float) -> None:
    kept.look(status=Status.HEALTHY)
    kept.clock.at += 60
    step(kept, by)
    kept.clock.at += 20
    kept.look(status=Status.DOWN)
    kept.clock.at += 20 + FRESH_SECONDS
    await kept.history.flush()
    (day, *_) = (await kept.history.availability())["rds"].values()
    assert (day.up_seconds, day.known_seconds) == (80.0, 100.0 + FRESH_SECONDS)
    stays = [(stay.status, stay.ended - stay.began) for stay in await kept.history.stays(kept.clock.at - 1000)]
    assert stays == [(Status.HEALTHY, 80.0), (Status.DOWN, 20.0 + FRESH_SECONDS)]
    await kept.reopen()
    assert (await kept.history.availability())["rds"]["24h"] == day
    await kept.history.close()


async def test_a_past_incident_is_told_with_the_times_of_the_new_clock(kept: Kept) -> None:
    over = Incident("incident-1", "rds", Severity.CRITICAL, T, resolved_at=T + 60)
    kept.clock.at += 60
    kept.history.take(PLAN, State(incidents=(over,)), None, kept.clock.at)
    step(kept, -7200.0)
    moved = replace(over, opened_at=T - 7200, resolved_at=T + 60 - 7200)
    assert await kept.history.incident("incident-1") == moved
    await kept.reopen()
    assert await kept.history.incidents(T - 7200) == (moved,)
    assert await kept.history.incidents(T) == ()
    await kept.history.close()


async def test_what_was_put_back_while_the_monitor_did_not_run_is_noticed_at_its_start(kept: Kept) -> None:
    kept.look(Reading("load", 1.0))
    kept.clock.at += 20
    kept.look(Reading("load", 2.0))
    await kept.history.flush()
    await kept.history.close()
    kept.clock.at -= 3600
    kept.history = History(kept.directory, kept.clock)
    assert await shown(kept) == [(20.0, 1.0), (0.0, 2.0)]
    kept.clock.at += 10
    kept.look(Reading("load", 3.0))
    assert await shown(kept) == [(30.0, 1.0), (10.0, 2.0), (0.0, 3.0)]
    size = await kept.history.size()
    assert size.oldest is not None
    assert kept.clock.at - size.oldest == 30.0
    await kept.history.close()
