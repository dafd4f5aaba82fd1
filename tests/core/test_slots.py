"""The past in equal parts loses nothing of it and adds nothing to it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.slots import DAYS, HALF_HOUR, HALF_HOURS, days, half_hours, slots
from monitor.core.uptime import Stay, availability
from monitor.core.words import Status

ZONES = ("UTC", "Asia/Seoul", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
moments = st.floats(1_600_000_000, 1_900_000_000).map(lambda at: round(at, 3))


@st.composite
def pasts(draw: st.DrawFn) -> list[Stay]:
    """Stays one after the other, with or without a time between them in which nobody watched."""
    at, found = -20.0, list[Stay]()
    for status, gap, length in draw(
        st.lists(st.tuples(st.sampled_from(Status), st.integers(0, 9), st.integers(0, 40)), max_size=12)
    ):
        found.append(Stay("rds", status, at + gap, at + gap + length))
        at += gap + length
    return found


@given(pasts(), st.lists(st.integers(0, 25), min_size=1, max_size=9))
def test_every_second_of_every_status_is_in_exactly_one_part(stays: list[Stay], widths: list[int]) -> None:
    edges = [sum(widths[:n]) + n for n in range(len(widths) + 1)]
    found = slots(stays, edges)
    assert [(each.began, each.ended) for each in found] == list(itertools.pairwise(edges))
    for status in Status:
        there = sum(
            max(0.0, min(each.ended, edges[-1]) - max(each.began, edges[0])) for each in stays if each.status is status
        )
        assert sum(each.seconds.get(status, 0.0) for each in found) == there
    whole = availability(stays, since=edges[0], until=edges[-1])
    assert sum(each.availability.up_seconds for each in found) == pytest.approx(whole.up_seconds)
    assert sum(each.availability.known_seconds for each in found) == pytest.approx(whole.known_seconds)


@pytest.mark.parametrize(
    ("stays", "status", "down"),
    [
        ((), None, 0),
        (((Status.HEALTHY, 0, 100),), Status.HEALTHY, 0),
        (((Status.HEALTHY, 0, 99), (Status.DOWN, 99, 100)), Status.DOWN, 1),
        (((Status.WARNING, 0, 90), (Status.CRITICAL, 90, 91)), Status.CRITICAL, 0),
        (((Status.UNKNOWN, 0, 2), (Status.HEALTHY, 2, 100)), Status.HEALTHY, 0),
        (((Status.UNKNOWN, 0, 60), (Status.HEALTHY, 60, 100)), Status.UNKNOWN, 0),
        (((Status.MAINTENANCE, 0, 60), (Status.HEALTHY, 60, 100)), Status.MAINTENANCE, 0),
        (((Status.MAINTENANCE, 0, 98), (Status.WARNING, 98, 100)), Status.WARNING, 0),
        (((Status.DOWN, 100, 120),), None, 0),
        (((Status.DOWN, 50, 50),), None, 0),
    ],
)
def test_a_part_is_as_its_worst_trouble_else_as_it_was_for_longest(
    stays: tuple[tuple[Status, float, float], ...], status: Status | None, down: float
) -> None:
    (found,) = slots((Stay("rds", *stay) for stay in stays), (0.0, 100.0))
    assert (found.status, found.down_seconds) == (status, down)


@given(moments, st.sampled_from(ZONES))
def test_half_hours_are_those_of_the_clock_on_the_wall_and_end_after_now(now: float, name: str) -> None:
    zone = ZoneInfo(name)
    edges = half_hours(now, zone)
    assert len(edges) == HALF_HOURS + 1
    assert edges[-2] - 1e-3 <= now <= edges[-1] + 1e-3
    assert all(later - earlier == pytest.approx(HALF_HOUR) for earlier, later in itertools.pairwise(edges))
    for edge in edges:
        local = datetime.fromtimestamp(round(edge), UTC).astimezone(zone)
        assert (local.minute % 30, local.second) == (0, 0)


@given(moments, st.sampled_from(ZONES))
def test_days_are_those_of_the_zone_whatever_its_clocks_do(now: float, name: str) -> None:
    zone = ZoneInfo(name)
    edges = days(now, zone)
    assert len(edges) == DAYS + 1
    assert edges[-2] <= now < edges[-1]
    for earlier, later in itertools.pairwise(edges):
        assert 23 <= (later - earlier) / 3600 <= 25
        first, second = (datetime.fromtimestamp(at, UTC).astimezone(zone).date() for at in (earlier, later))
        assert second - first == timedelta(days=1)
