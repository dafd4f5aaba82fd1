"""One look and its thresholds: what it says by itself."""

from __future__ import annotations

import math

import pytest

from monitor.core.judge import Verdict, judge, quantity, series
from monitor.core.model import (
    Blind,
    Failed,
    Failure,
    Message,
    Observation,
    Reading,
    Seen,
    Status,
    Threshold,
    Worker,
)
from tests.core.story import finding

CPU = Threshold("cpu", 0.7, 0.9, "ratio")
LEFT = Threshold("left", 21.0, 7.0, worse="below")
WORKER = Worker("app", 0, 1, "online", alive=True, gave_up=False, restarts=0, created_at=1.0, started_at=1.0)


def verdict(result: Seen | Failed | Blind, *thresholds: Threshold) -> Verdict:
    return judge(Observation("rds", "rds", 1.0, 0.1, result), thresholds)


def statuses(result: Seen | Failed | Blind, *thresholds: Threshold) -> dict[str, Status]:
    found = verdict(result, *thresholds).troubles
    return {metric: trouble.status if trouble else Status.HEALTHY for metric, trouble in found.items()}


def test_a_blind_look_says_nothing_at_all() -> None:
    assert verdict(Blind("not configured: DB_HOST"), CPU) == Verdict(blind_reason="not configured: DB_HOST")


def test_a_failed_look_is_as_bad_as_its_failure_says_and_still_tells_what_it_read() -> None:
    failed = Failed(Failure("auth", "slots", "too many", Status.CRITICAL), (Reading("cpu", 0.8),))
    assert statuses(failed, CPU, LEFT) == {"": Status.CRITICAL, "cpu": Status.WARNING}
    trouble = verdict(failed).troubles[""]
    assert trouble is not None
    assert (trouble.phase, trouble.reason) == ("auth", "slots")
    assert trouble.message == Message("trouble.failed", {"phase": "auth", "text": "too many"})


def test_a_failure_that_means_nothing_bad_is_none() -> None:
    assert statuses(Failed(Failure("query", "odd", "", Status.HEALTHY))) == {"": Status.HEALTHY}


def test_a_look_that_saw_is_as_bad_as_its_worst_finding() -> None:
    assert statuses(Seen()) == {"": Status.HEALTHY}
    assert statuses(Seen(facts=(WORKER, finding(Status.HEALTHY)))) == {"": Status.HEALTHY}
    both = Seen(facts=(finding(Status.WARNING), finding(Status.DOWN)))
    assert statuses(both) == {"": Status.DOWN}


def test_what_is_certain_is_kept_beside_what_is_worse_but_has_its_grace() -> None:
    found = verdict(Seen(facts=(finding(Status.WARNING, "sure"), finding(Status.DOWN, "soon", grace=30.0))))
    assert found.troubles[""] is not None
    assert found.troubles[""].reason == "soon"
    assert found.certain is not None
    assert found.certain.reason == "sure"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ((0.69,), Status.HEALTHY),
        ((0.7,), Status.WARNING),
        ((0.9,), Status.CRITICAL),
        ((0.1, 0.95, 0.2), Status.CRITICAL),
        ((math.nan, 0.75), Status.WARNING),
    ],
)
def test_above_the_worst_series_decides(values: tuple[float, ...], status: Status) -> None:
    readings = tuple(Reading("cpu", value) for value in values)
    assert statuses(Seen(readings), CPU)["cpu"] is status


@pytest.mark.parametrize(
    ("value", "status"), [(30, Status.HEALTHY), (21, Status.WARNING), (7, Status.CRITICAL), (-1, Status.CRITICAL)]
)
def test_below_less_is_worse(value: float, status: Status) -> None:
    assert statuses(Seen((Reading("left", value), Reading("left", 40.0))), LEFT)["left"] is status


def test_a_metric_without_a_reading_or_without_a_bound_is_no_news() -> None:
    assert statuses(Seen((Reading("cpu", math.nan),)), CPU) == {"": Status.HEALTHY}
    unbounded = Threshold("cpu", None, None)
    assert statuses(Seen((Reading("cpu", 9.0),)), unbounded)["cpu"] is Status.HEALTHY


def test_a_crossed_bound_says_value_and_limit_with_their_unit() -> None:
    hot = Reading("disk", 0.912, "ratio", {"mount": "/", "device": "sda"})
    trouble = verdict(Seen((hot,)), Threshold("disk", 0.85, None)).troubles["disk"]
    assert trouble is not None
    assert trouble.message == Message(
        "trouble.above", {"metric": 'disk{device="sda",mount="/"}', "value": "91.2 %", "limit": "85 %"}
    )
    assert (trouble.value, trouble.threshold) == (0.912, 0.85)
    low = verdict(Seen((Reading("left", 3.0),)), LEFT).troubles["left"]
    assert low is not None
    assert low.message.key == "trouble.below"


def test_a_series_is_written_as_prometheus_writes_it() -> None:
    assert series(Reading("up", 1.0)) == "up"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.831, "ratio", "83.1 %"),
        (12.5, "percent", "12.5 %"),
        (0.1204, "seconds", "120 ms"),
        (2.5, "seconds", "2500 ms"),
        (90.0, "seconds", "1m 30s"),
        (-90.0, "seconds", "-90"),
        (math.inf, "seconds", "inf"),
        (512.0, "bytes", "512 B"),
        (1536.0, "bytes", "1.5 KiB"),
        (3 * 1024**2, "bytes", "3 MiB"),
        (2.5 * 1024**4, "bytes", "2560 GiB"),
        (1234567.0, "", "1.23457e+06"),
        (42.0, "", "42"),
    ],
)
def test_a_quantity_is_short_enough_to_be_read_at_night(value: float, unit: str, words: str) -> None:
    assert quantity(value, unit) == words
