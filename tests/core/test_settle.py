"""Verdicts over time: confirmation, recovery, grace, growing stale."""

from __future__ import annotations

import pytest

from monitor.core.model import LookWanted, Reading, Status
from tests.core.story import START, World, check_plan, finding, plan_of

LETTERS = {"h": Status.HEALTHY, "w": Status.WARNING, "c": Status.CRITICAL, "d": Status.DOWN, "u": Status.UNKNOWN}


def rds(**options: float) -> World:
    return World(plan_of({"rds": ()}, checks=(check_plan("look", kind="http", **options),)))


def believed(signs: str, **options: float) -> str:
    """The status after each look, as its first letter."""
    world = rds(**options)
    letters = []
    for sign in signs:
        world.after(5).look("rds", sign)
        letters.append(world.status("rds").value[0])
    return "".join(letters)


@pytest.mark.parametrize(
    ("signs", "statuses"),
    [
        (".", "h"),
        ("xxx.", "uudd"),
        ("x.", "uu"),
        ("X", "d"),
        (".xx.xx.", "hhhhhhh"),
        (".xxx.", "hhhdd"),
        (".xxx..", "hhhddh"),
        (".xxx.x.", "hhhdddd"),
        (".wxw", "hhhw"),
        (".xwxx", "hhhww"),
        (".xwxxx", "hhhwwd"),
        (".xxxww", "hhhddw"),
        (".Xw", "hdd"),
        (".Xww", "hddw"),
        (".X..", "hddh"),
        (".wXw", "hhdd"),
        ("?.?", "uhh"),
        (".xxx???", "hhhdddd"),
    ],
)
def test_worse_is_the_mildest_of_three_and_better_the_worst_of_two(signs: str, statuses: str) -> None:
    assert believed(signs) == statuses


def test_the_numbers_of_looks_are_the_checks_own() -> None:
    assert believed(".x.x", confirm=1, recover=1) == "hdhd"
    assert believed(".xx...x", confirm=2, recover=3) == "hhdddhh"


def test_an_unconfirmed_failure_is_looked_at_again_at_once() -> None:
    world = rds()
    world.look("rds", ".")
    assert world.wanted(world.look("rds", "x")) == [("rds", 0.3)]
    assert world.wanted(world.look("rds", "x")) == [("rds", 0.3)]
    assert world.wanted(world.look("rds", "x")) == []
    assert world.wanted(world.look("rds", "x")) == []


def test_the_first_good_look_after_trouble_asks_for_the_next_soon() -> None:
    world = rds()
    world.look("rds", "X")
    assert world.wanted(world.look("rds", ".")) == [("rds", 2.0)]
    assert world.wanted(world.look("rds", ".")) == []
    hasty = rds(every=1.0)
    hasty.look("rds", "X")
    assert hasty.wanted(hasty.look("rds", ".")) == [("rds", 1.0)]


def test_each_metric_settles_on_its_own_and_one_without_a_reading_stays() -> None:
    world = rds(confirm=1, recover=1)
    world.look("rds", ".", readings=(Reading("cpu", 0.8),))
    assert world.status("rds") is Status.WARNING
    world.look("rds", ".")
    assert world.status("rds") is Status.WARNING
    world.look("rds", "x")
    assert {alert.metric for alert in world.open[0].alerts} == {None, "cpu"}
    world.look("rds", ".", readings=(Reading("cpu", 0.1),))
    assert world.status("rds") is Status.HEALTHY


def test_what_was_healthy_is_unknown_once_nothing_was_seen_for_stale_after() -> None:
    world = rds()
    world.look("rds", ".", readings=(Reading("cpu", 0.1),))
    world.after(45)
    assert world.status("rds") is Status.HEALTHY
    world.after(1)
    assert world.status("rds") is Status.UNKNOWN
    world.look("rds", ".")
    assert world.status("rds") is Status.HEALTHY
    assert world.notices == []


def test_what_was_broken_stays_broken_and_says_why_we_are_blind() -> None:
    world = rds()
    world.look("rds", "X")
    world.after(100).look("rds", "?")
    world.after(100).look("rds", "?")
    check = world.state.services["rds"].checks["look"]
    assert world.status("rds") is Status.DOWN
    assert check.blind_reason == "not configured: DB_HOST"
    assert check.blind_since == START + 100
    world.look("rds", ".")
    assert world.state.services["rds"].checks["look"].blind_reason is None


def test_of_a_broken_look_only_the_metrics_that_were_well_grow_stale() -> None:
    world = rds()
    world.look("rds", "X", readings=(Reading("cpu", 0.1),))
    world.after(60)
    assert list(world.state.services["rds"].checks["look"].settled) == [""]
    assert world.status("rds") is Status.DOWN


def test_a_look_that_is_not_planned_or_older_than_the_last_tells_nothing() -> None:
    world = rds()
    world.look("rds", ".")
    before = world.state
    assert world.look("redis", "X") == ()
    assert world.look("rds", "X", check="other") == ()
    assert world.look("rds", "X", began=START - 1) == ()
    assert world.state is before


# Grace ----------------------------------------------------------------------------------------------------------------


def test_what_is_being_mended_counts_only_once_it_has_lasted() -> None:
    world = rds()
    mended = finding(Status.WARNING, grace=30.0)
    world.look("rds", ".")
    assert world.wanted(world.look("rds", ".", mended)) == []
    world.after(20)
    assert world.wanted(world.look("rds", ".", mended)) == [("rds", 10.0)]
    world.after(9.9).look("rds", ".", mended)
    assert world.status("rds") is Status.HEALTHY
    world.after(0.1).look("rds", ".", mended)
    assert world.status("rds") is Status.WARNING


def test_what_is_being_mended_counts_when_it_comes_back_a_third_time_in_ten_minutes() -> None:
    world = rds()
    mended = finding(Status.WARNING, grace=30.0)
    for _ in range(2):
        world.after(100).look("rds", ".", mended)
        world.after(10).look("rds", ".")
    assert world.status("rds") is Status.HEALTHY
    world.after(100).look("rds", ".", mended)
    assert world.status("rds") is Status.WARNING


def test_three_times_in_more_than_ten_minutes_are_nothing() -> None:
    world = rds()
    for _ in range(5):
        world.after(301).look("rds", ".", finding(Status.WARNING, grace=30.0))
        world.look("rds", ".")
    assert world.status("rds") is Status.HEALTHY


def test_grace_for_the_worse_does_not_hide_what_is_certain() -> None:
    world = rds()
    for _ in range(3):
        world.look("rds", ".", finding(Status.DOWN, grace=30.0), finding(Status.WARNING))
    assert world.status("rds") is Status.WARNING


def test_looks_are_wanted_as_events_for_the_check_that_asked() -> None:
    world = World(plan_of({"rds": ()}, checks=(check_plan("one"), check_plan("two"))))
    assert LookWanted("rds", "two", world.now + 0.3) in world.look("rds", "x", check="two")
