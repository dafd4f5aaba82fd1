"""Thresholds over time: recovery values, bounds that must last, and severities that page nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import bounds
from monitor.core.model import (
    CheckPlan,
    NoticeKind,
    Reading,
    Severity,
    Status,
    Threshold,
)
from monitor.core.step import begin
from tests.core.story import World, check_plan, plan_of

INFO, WARNING, ERROR, CRITICAL = Severity
HYSTERESIS = Threshold("cpu", 0.70, 0.90, "ratio", recover={WARNING: 0.65, CRITICAL: 0.80})
LASTING = Threshold("cpu", 0.70, 0.90, "ratio", lasts={WARNING: 120.0})
FOUR = Threshold("cpu", 0.70, 0.95, "ratio", info=0.50, error=0.80)
EVERY = 15.0


def world(threshold: Threshold, *, confirm: int = 1, recover: int = 1) -> World:
    """One service with one threshold, believed at once unless told otherwise."""
    check = check_plan(every=EVERY, confirm=confirm, recover=recover, thresholds=(threshold,))  # type: ignore[arg-type]
    return World(plan_of({"host": ()}, checks=(check,)))


def show(world: World, *values: float) -> list[Status]:
    """A look every 15 s; what is believed after each."""
    believed = []
    for value in values:
        world.look("host", ".", readings=(Reading("cpu", value, "ratio"),))
        believed.append(world.status("host"))
        world.after(EVERY)
    return believed


def words(statuses: list[Status]) -> str:
    return " ".join(status.value for status in statuses)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ((0.66, 0.70, 0.69, 0.66, 0.65, 0.69), "healthy warning warning warning healthy healthy"),
        ((0.95, 0.85, 0.80, 0.65), "critical critical warning healthy"),
        ((0.95, 0.10), "critical healthy"),
    ],
)
def test_past_a_bound_a_number_is_in_trouble_until_it_has_recovered(values: tuple[float, ...], wanted: str) -> None:
    assert words(show(world(HYSTERESIS), *values)) == wanted


def test_a_number_that_may_not_sink_recovers_upwards() -> None:
    free = Threshold("cpu", 21.0, 7.0, worse="below", recover={WARNING: 25.0})
    assert words(show(world(free), 22, 21, 24, 25, 24)) == "healthy warning warning healthy healthy"


def test_a_number_on_its_way_back_says_where_it_will_be_well() -> None:
    here = world(HYSTERESIS)
    show(here, 0.75, 0.68)
    (alert,) = here.open[0].alerts
    assert (alert.message.key, alert.message.values["limit"]) == ("trouble.recovering", "65 %")
    assert (alert.value, alert.threshold) == (0.68, 0.70)


def test_a_bound_that_must_last_counts_when_it_has_and_at_once() -> None:
    here = world(LASTING, confirm=3)
    assert set(show(here, *(0.8,) * 8)) == {Status.HEALTHY}, "8 looks are 105 s"
    assert show(here, 0.8) == [Status.WARNING]


def test_one_good_look_begins_the_wait_anew() -> None:
    assert Status.WARNING not in show(world(LASTING), *(0.8,) * 7, 0.1, *(0.8,) * 8)


def test_a_worse_bound_that_need_not_last_counts_meanwhile() -> None:
    assert words(show(world(LASTING), 0.8, 0.95, 0.8)) == "healthy critical healthy"


def test_the_look_that_ends_the_wait_is_asked_for() -> None:
    here = world(Threshold("cpu", 0.7, None, lasts={WARNING: 10.0}))
    events = here.look("host", ".", readings=(Reading("cpu", 0.8),))
    assert here.wanted(events) == [("host", 10.0)]
    later = world(Threshold("cpu", 0.7, None, lasts={WARNING: 600.0}))
    assert later.wanted(later.look("host", ".", readings=(Reading("cpu", 0.8),))) == []


@pytest.mark.parametrize(("value", "severity"), [(0.55, INFO)])
def test_info_alone_is_an_alert_that_pages_nobody(value: float, severity: Severity) -> None:
    here = world(FOUR)
    assert show(here, value, value) == [Status.WARNING] * 2
    here.after(60)
    (incident,) = here.open
    assert [alert.severity for alert in incident.alerts] == [severity]
    assert incident.severity is severity
    show(here, 0.1, 0.1)
    assert (here.open, here.notices) == ([], [])


def test_error_alone_is_an_alert_that_pages_nobody() -> None:
    here = world(Threshold("cpu", None, None, error=0.8))
    show(here, 0.9, 0.9, 0.9, 0.1)
    assert (here.open, here.notices) == ([], [])
    (incident,) = here.state.incidents
    assert [alert.severity for alert in incident.alerts] == [ERROR]


def test_what_pages_is_held_back_from_the_moment_it_pages() -> None:
    here = World(plan_of({"db": (), "host": ("db",)}, checks=(_checked(FOUR),)))
    show(here, *(0.55,) * 5)
    here.look("host", ".", readings=(Reading("cpu", 0.75, "ratio"),))
    assert here.notices == [], "what could explain it is looked at first"
    here.look("db", ".")
    here.after(13)
    (opened,) = here.notices
    assert opened.kind is NoticeKind.OPENED
    assert {alert.severity for alert in opened.incident.alerts} == {INFO, WARNING}
    show(here, 0.1, 0.1)
    assert [notice.kind for notice in here.notices] == [NoticeKind.OPENED, NoticeKind.RESOLVED]


def test_what_ceases_to_page_within_the_hold_pages_nobody() -> None:
    here = World(plan_of({"db": (), "host": ("db",)}, checks=(_checked(FOUR),)))
    show(here, 0.55, 0.55)
    here.look("host", ".", readings=(Reading("cpu", 0.75, "ratio"),))
    here.after(2)
    show(here, *(0.55,) * 4)
    assert here.notices == []
    assert len(here.open) == 1


def test_an_info_explains_nobodys_outage() -> None:
    here = World(plan_of({"host": (), "web": ("host",)}, checks=(_checked(FOUR),)))
    show(here, 0.55)
    here.look("web", "X")
    here.after(13)
    assert here.words == ["web opened"]


def test_a_bound_that_left_the_configuration_takes_its_alert_along() -> None:
    here = world(FOUR)
    show(here, 0.55)
    here.plan = world(Threshold("cpu", 0.70, 0.95, "ratio")).plan
    here.state = begin(here.plan, here.state, here.now)
    here.after(2)
    assert here.open == []


def test_a_severity_without_a_bound_begins_nowhere() -> None:
    assert [FOUR.bound(severity) for severity in Severity] == [0.50, 0.70, 0.80, 0.95]
    assert [name for name, _ in bounds.tracks(Threshold("cpu", None, None))] == ["cpu"]


def test_a_track_knows_its_metric() -> None:
    assert [bounds.metric_of(bounds.track("cpu", severity)) for severity in Severity] == ["cpu"] * 4


def _checked(threshold: Threshold) -> CheckPlan:
    return check_plan(every=EVERY, confirm=1, recover=1, thresholds=(threshold,))  # type: ignore[arg-type]


VALUES = st.lists(st.sampled_from([0.1, 0.6, 0.65, 0.68, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]), max_size=20)


def _slowly(values: list[float], *, lasts: int) -> Iterator[Status]:
    """The slow and obvious way: a memory for each bound."""
    past = {WARNING: 0, CRITICAL: 0}
    for value in values:
        for severity, first, last in ((WARNING, 0.70, 0.65), (CRITICAL, 0.90, 0.80)):
            still = value > last if past[severity] else value >= first
            past[severity] = past[severity] + 1 if still else 0
        if past[CRITICAL]:
            yield Status.CRITICAL
        else:
            yield Status.WARNING if past[WARNING] > lasts else Status.HEALTHY


@given(VALUES, st.integers(0, 4))
def test_any_values_are_believed_as_the_slow_way_has_it(values: list[float], lasts: int) -> None:
    wait = {WARNING: lasts * EVERY} if lasts else {}
    threshold = Threshold("cpu", 0.70, 0.90, "ratio", recover=HYSTERESIS.recover, lasts=wait)
    assert show(world(threshold), *values) == list(_slowly(values, lasts=lasts))


@given(st.lists(st.sampled_from([0.1, 0.3, 0.55, 0.85]), max_size=20))
def test_whatever_is_only_info_or_error_pages_nobody(values: list[float]) -> None:
    here = world(Threshold("cpu", None, None, info=0.5, error=0.8), confirm=3, recover=2)
    show(here, *values)
    here.after(30)
    assert here.notices == []
