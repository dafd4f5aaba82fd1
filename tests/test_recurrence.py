"""Maintenance that comes back begins when cron would begin it."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from monitor.core.model import Recurring
from monitor.recurrence import Unclear, check, due, next_start

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()


def start(cron: str, zone: str = "UTC", after: float = MONDAY) -> str | None:
    found = next_start(cron, zone, after)
    return None if found is None else datetime.fromtimestamp(found, UTC).strftime("%a %d %H:%M")


@pytest.mark.parametrize(
    ("cron", "zone", "begins"),
    [
        ("0 3 * * 0", "UTC", "Sun 29 03:00"),
        ("0 3 * * 7", "UTC", "Sun 29 03:00"),
        ("0 3 * * sun", "Asia/Seoul", "Sat 28 18:00"),
        ("0 3 * * 1", "UTC", "Mon 30 03:00"),
        ("0 3 * * 1-5", "UTC", "Tue 24 03:00"),
        ("0 3 * * 6-0", "UTC", "Sat 28 03:00"),
        ("0 3 * * 5-7", "UTC", "Fri 27 03:00"),
        ("0 3 * * */3", "UTC", "Wed 25 03:00"),
        ("0 3 * * 4/2", "UTC", "Thu 26 03:00"),
        ("0 3 * * sat,wed", "UTC", "Wed 25 03:00"),
        ("*/10 * * * *", "UTC", "Mon 23 12:10"),
        ("0 12 * * *", "UTC", "Tue 24 12:00"),
        ("30 4 1 * *", "UTC", "Tue 01 04:30"),
        ("0 0 31 2 *", "UTC", None),
    ],
)
def test_cron_is_read_as_cron_reads_it(cron: str, zone: str, begins: str | None) -> None:
    assert start(cron, zone) == begins


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("", "UTC", "five fields"),
        ("0 3 * *", "UTC", "five fields"),
        ("0 3 * * 0 2026", "UTC", "five fields"),
        ("0 3 1 * 0", "UTC", "not both"),
        ("60 3 * * *", "UTC", "cron cannot be"),
        ("a 3 * * *", "UTC", "cron cannot be"),
        ("0 3 * * 8", "UTC", "no day of the week"),
        ("0 3 * * x", "UTC", "no day of the week"),
        ("0 3 * * 1-", "UTC", "no day of the week"),
        ("0 3 * * *", "Mars/Olympus", "time_zone cannot be"),
        ("0 3 * * *", "../etc/passwd", "time_zone cannot be"),
        ("0 3 * * *", "Asia", "time_zone cannot be"),
        ("0 3 * * *", "", "time_zone cannot be"),
        ("٠ 3 * * *", "UTC", "five fields"),
    ],
)
def test_what_says_nothing_is_refused_in_words(cron: str, zone: str, said: str) -> None:
    with pytest.raises(Unclear, match=said):
        check(cron, zone)


def starts(cron: str, zone: str, day: str, count: int = 3) -> list[str]:
    """From the beginning of that day, by the clock of the zone with its distance from UTC."""
    after, found = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp() - 1, list[str]()
    for _ in range(count):
        after = next_start(cron, zone, after) or 0.0
        found.append(datetime.fromtimestamp(after, ZoneInfo(zone)).strftime("%d %H:%M%z"))
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "day", "begins"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28", ["28 02:30+0100", "29 03:30+0200", "30 02:30+0200"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24", ["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"]),
        ("30 1 * * *", "America/New_York", "2026-11-01", ["01 01:30-0400", "02 01:30-0500", "03 01:30-0500"]),
        ("0 0 * * *", "America/Santiago", "2026-09-05", ["05 00:00-0400", "06 01:00-0300", "07 00:00-0300"]),
        ("0 3 * * 0", "Europe/Berlin", "2026-03-22", ["22 03:00+0100", "29 03:00+0200", "05 03:00+0200"]),
        ("0 2 * * *", "Australia/Lord_Howe", "2026-04-04", ["04 02:00+1100", "05 02:00+1030", "06 02:00+1030"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-25T02:00", ["25 02:00+0200", "25 02:00+0100", "25 03:00+0100"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T01:30", ["29 01:30+0100", "29 03:00+0200", "29 03:30+0200"]),
        ("0 3 * * *", "Asia/Seoul", "2026-03-29", ["29 03:00+0900", "30 03:00+0900", "31 03:00+0900"]),
    ],
)
def test_where_clocks_are_put_forward_or_back_a_time_of_day_comes_once_and_a_rhythm_goes_on(
    cron: str, zone: str, day: str, begins: list[str]
) -> None:
    assert starts(cron, zone, day) == begins


def test_the_next_window_is_due_when_the_last_is_over_and_one_that_runs_is_not_missed() -> None:
    rule = Recurring("r", "rds", "0 * * * *", "UTC", 600.0, "ann")
    assert due(rule, MONDAY + 300) == MONDAY  # began five minutes ago: still ten minutes long
    assert due(rule, MONDAY + 601) == MONDAY + 3600
    begun = Recurring("r", "rds", "0 * * * *", "UTC", 600.0, "ann", last_start=MONDAY)
    assert due(begun, MONDAY + 599) is None
    assert due(begun, MONDAY + 600) == MONDAY + 3600
    assert due(begun, MONDAY + 3600 * 5 + 60) == MONDAY + 3600 * 5
