"""What a person reads of a service's past."""

from __future__ import annotations

from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from monitor import answers
from monitor.core.slots import days, half_hours, slots
from monitor.core.uptime import Stay
from monitor.core.words import Status
from monitor.web.drawing import past, uptime

SEOUL = ZoneInfo("Asia/Seoul")
NOW = 1_780_000_200.0  # 05:30 in Seoul


def titles(found: answers.Json, window: str, language: str) -> tuple[str, list[str]]:
    root = ET.fromstring(past(found, window, language=language, zone=SEOUL))  # noqa: S314 — ours
    return str(root.get("aria-label")), ["".join(each.itertext()) for each in root.iter("title")]


def test_each_half_hour_says_when_it_was_how_the_service_was_and_for_how_long_it_was_down() -> None:
    stays = (Stay("rds", Status.HEALTHY, NOW - 5000, NOW - 1000), Stay("rds", Status.DOWN, NOW - 1000, NOW - 400))
    found = answers.past("rds", slots(stays, half_hours(NOW, SEOUL)))
    label, said = titles(found, "24h", "en")
    assert label == "rds, the last 24 hours: 86.95 % up, down for 10m"
    assert said[-2:] == ["05-29 05:00–05:30 · down for 10m", "05-29 05:30–06:00 · not watched"]
    assert said[-3] == "05-29 04:00–05:00 · healthy", "two halves of an hour, of which the same is to be said"
    label, said = titles(found, "24h", "ko")
    assert label == "rds, 최근 24시간: 가동률 86.95%, 중단 10분"
    assert said[-2] == "05-29 05:00–05:30 · 10분 동안 중단"


def test_each_day_says_its_date() -> None:
    stays = (Stay("rds", Status.WARNING, NOW - 86_400, NOW),)
    label, said = titles(answers.past("rds", slots(stays, days(NOW, SEOUL))), "90d", "en")
    assert label == "rds, the last 90 days: 100 % up"
    assert said == ["2026-03-01 – 2026-05-27 · not watched", "2026-05-28 – 2026-05-29 · warning"]


@pytest.mark.parametrize(
    ("down", "said"), [(0.0, "100 % up"), (0.3, "99.99 % up, down for 0.3s"), (7.8, "99.99 % up, down for 7s")]
)
def test_a_service_that_was_down_was_never_up_all_the_time(down: float, said: str) -> None:
    stays = (Stay("rds", Status.HEALTHY, NOW - 80_000, NOW - down), Stay("rds", Status.DOWN, NOW - down, NOW))
    assert uptime(answers.past("rds", slots(stays, half_hours(NOW, SEOUL))), "en") == said


def test_what_nobody_watched_has_no_percentage() -> None:
    found = answers.past("rds", slots((), half_hours(NOW, SEOUL)))
    assert uptime(found, "en") == "not watched"
    assert titles(found, "24h", "en")[0] == "rds, the last 24 hours: not watched"
