"""When looks begin: rhythm, wishes, overlap, steps of the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import SystemClock
from monitor.schedule import EPOCH, Key, Rhythm, Schedule

MOMENTS = st.integers(0, 2**53).map(lambda n: EPOCH + timedelta(microseconds=n))
KEY = Key("rds", "rds")


class HandClock(SystemClock):
    """The real clock with a wall that can be stepped by hand."""

    step = 0.0

    def wall(self) -> float:
        return super().wall() + self.step


class Looks:
    """Counts the looks that a schedule starts; each lasts `takes` seconds."""

    def __init__(self, takes: float = 0.0) -> None:
        self.takes = takes
        self.began: list[float] = []
        self.skips: list[str] = []
        self.clock = HandClock()
        self.pulses = 0
        self.steps: list[float] = []
        self.schedule = Schedule(
            clock=self.clock,
            run=self._run,
            skipped=self.skips.append,
            lagged=lambda _: None,
            pulse=self._pulse,
            stepped=self._stepped,
        )

    async def _stepped(self, by: float) -> None:
        self.steps.append(by)
        self.clock.correct(by)
        self.schedule.move(by)

    def _pulse(self) -> None:
        self.pulses += 1

    async def _run(self, _service: str, _check: str) -> None:
        self.began.append(self.clock.now())
        await asyncio.sleep(self.takes)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@given(now=MOMENTS, every=st.floats(0.001, 1e7), name=st.text(max_size=5))
def test_the_next_slot_is_always_after_now_and_at_most_one_interval_away(
    now: datetime, every: float, name: str
) -> None:
    """APScheduler never ends when a trigger answers with a moment that is not after now."""
    rhythm = Rhythm(Key(name, "rds"), every)
    slot = rhythm.get_next_fire_time(None, now)
    assert now < slot <= now + timedelta(microseconds=rhythm.interval)
    following = rhythm.get_next_fire_time(slot, slot)
    assert following - slot == timedelta(microseconds=rhythm.interval)


@given(now=MOMENTS, years=st.integers(-10, 10))
def test_a_step_of_the_clock_by_years_still_finds_the_next_slot_within_one_interval(now: datetime, years: int) -> None:
    stepped = max(EPOCH, now + timedelta(days=365 * years))
    slot = Rhythm(KEY, 15).get_next_fire_time(now, stepped)
    assert stepped < slot <= stepped + timedelta(seconds=15)


async def test_every_check_is_looked_at_at_once_at_the_start() -> None:
    looks = Looks()
    looks.schedule.start({Key(f"s{n}", "tcp"): 3600.0 for n in range(20)})
    await _until(lambda: len(looks.began) == 20)
    await looks.schedule.close(within_seconds=1)


async def test_checks_are_looked_at_in_their_rhythm() -> None:
    looks = Looks()
    looks.schedule.start({KEY: 0.1})
    await _until(lambda: len(looks.began) >= 5)
    await looks.schedule.close(within_seconds=1)
    seen = len(looks.began)
    await asyncio.sleep(0.3)
    assert len(looks.began) == seen, "no look begins after close"


async def test_a_look_that_is_due_while_one_is_under_way_is_skipped_and_counted() -> None:
    looks = Looks(takes=0.5)
    looks.schedule.start({KEY: 0.1})
    await _until(lambda: len(looks.skips) >= 2)
    assert set(looks.skips) == {"overrun"}
    assert len(looks.began) == 1
    await looks.schedule.close(within_seconds=2)


async def test_a_thousand_wishes_make_one_look() -> None:
    looks = Looks()
    looks.schedule.start({KEY: 3600.0})
    await _until(lambda: len(looks.began) == 1)
    now = looks.clock.now()
    for _ in range(1000):
        looks.schedule.want("rds", "rds", now + 0.1)
    await _until(lambda: len(looks.began) == 2)
    await asyncio.sleep(0.3)
    assert len(looks.began) == 2
    assert looks.began[1] >= now + 0.1
    await looks.schedule.close(within_seconds=1)


async def test_a_wish_made_during_a_look_is_met_by_a_look_that_begins_after_it() -> None:
    looks = Looks(takes=0.2)
    looks.schedule.start({KEY: 3600.0})
    await _until(lambda: len(looks.began) == 1)
    wished = looks.clock.now()
    looks.schedule.want("rds", "rds", wished)
    await _until(lambda: len(looks.began) == 2)
    assert looks.began[1] > wished
    await asyncio.sleep(0.4)
    assert len(looks.began) == 2
    await looks.schedule.close(within_seconds=1)


async def test_the_earlier_of_two_wishes_counts() -> None:
    looks = Looks()
    looks.schedule.start({KEY: 3600.0})
    await _until(lambda: len(looks.began) == 1)
    now = looks.clock.now()
    looks.schedule.want("rds", "rds", now + 600)
    looks.schedule.want("rds", "rds", now + 0.05)
    await _until(lambda: len(looks.began) == 2)
    await looks.schedule.close(within_seconds=1)


async def test_a_wish_outlives_looks_that_come_and_go_before_its_moment() -> None:
    """Found on the real chain: a due look between a wish and its moment ended with a crash when the moment came."""
    looks = Looks(takes=0.01)
    crashes: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: crashes.append(context))
    looks.schedule.start({KEY: 0.05})
    await _until(lambda: len(looks.began) >= 1)
    looks.schedule.want("rds", "rds", looks.clock.now() + 0.4)
    await _until(lambda: len(looks.began) >= 20)
    await looks.schedule.close(within_seconds=1)
    assert crashes == []


async def test_a_wish_for_what_is_not_watched_is_ignored() -> None:
    looks = Looks()
    looks.schedule.start({KEY: 3600.0})
    looks.schedule.want("gone", "rds", looks.clock.now())
    await looks.schedule.close(within_seconds=1)
    assert len(looks.began) <= 1


@pytest.mark.parametrize("step_seconds", [-3600.0, 3600.0, 365 * 86400.0])
async def test_looks_go_on_in_their_rhythm_after_the_clock_stepped(
    monkeypatch: pytest.MonkeyPatch, step_seconds: float
) -> None:
    """Left alone, the scheduler is silent for the hour it was set back, or builds a year of run times."""
    looks = Looks()

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stepped:
            return cast(Stepped, datetime.fromtimestamp(looks.clock.wall(), tz))

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Stepped)  # the scheduler's own clock steps too
    looks.schedule.start({KEY: 0.2})
    await _until(lambda: len(looks.began) >= 2)
    looks.clock.step = step_seconds
    await asyncio.sleep(1.5)
    seen = len(looks.began)
    await _until(lambda: len(looks.began) >= seen + 3)
    await asyncio.sleep(0.5)
    gaps = [after - before for before, after in pairwise(looks.began[seen:])]
    assert min(gaps) > 0.1, "missed slots are not caught up one by one"
    await looks.schedule.close(within_seconds=1)


async def test_close_gives_looks_under_way_time_and_then_ends_them() -> None:
    looks = Looks(takes=30)
    looks.schedule.start({KEY: 3600.0})
    await _until(lambda: len(looks.began) == 1)
    before = asyncio.get_running_loop().time()
    await looks.schedule.close(within_seconds=0.2)
    assert asyncio.get_running_loop().time() - before < 10


def test_the_phase_of_a_check_is_the_same_after_a_restart() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert Rhythm(KEY, 15).get_next_fire_time(None, now) == Rhythm(KEY, 15).get_next_fire_time(None, now)
    phases = {Rhythm(Key(f"service-{n}", "tcp"), 15).phase for n in range(50)}
    assert len(phases) == 50


async def test_what_is_added_is_looked_at_at_once_and_what_is_dropped_never_again() -> None:
    looks = Looks(takes=0.01)
    looks.schedule.start({KEY: 0.05})
    await _until(lambda: len(looks.began) >= 3)
    await looks.schedule.drop([KEY, Key("never", "there")])
    count = len(looks.began)
    looks.schedule.want("rds", "rds", looks.clock.now())
    await asyncio.sleep(0.3)
    assert len(looks.began) == count
    looks.schedule.add({KEY: 60.0})
    await _until(lambda: len(looks.began) == count + 1)
    await looks.schedule.close(within_seconds=1)


async def test_a_look_of_what_is_dropped_is_over_when_that_returns_and_others_go_on() -> None:
    looks, other = Looks(takes=30), Key("nodejs", "pm2")
    looks.schedule.start({KEY: 60.0, other: 60.0})
    await _until(lambda: len(looks.began) == 2)
    looks.schedule.want("rds", "rds", looks.clock.now() + 0.01)
    await looks.schedule.drop([KEY])
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("look ")] == [
        "look nodejs/pm2"
    ]
    await asyncio.sleep(0.1)
    assert len(looks.began) == 2, "a wish for it is forgotten"
    await looks.schedule.close(within_seconds=0.1)


async def test_the_schedule_shows_that_it_lives() -> None:
    looks = Looks()
    looks.schedule.start({})
    await _until(lambda: looks.pulses > 0)
    await looks.schedule.close(within_seconds=1)
