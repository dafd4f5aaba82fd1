"""Moved in time as a whole, everything goes on as it would have."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from monitor.core import model, moments
from monitor.core.model import (
    AddSilence,
    CheckState,
    Observation,
    RuleChange,
    Seen,
    ServiceState,
    Settled,
    Severity,
    State,
    Status,
    Worker,
)
from monitor.core.step import step
from tests.core.random_stories import Tale, tales, tell

NO_MOMENTS = {"value", "threshold", "grace_seconds", "took_seconds", "seconds"}
EXACT = (4096.0, -4096.0, 2.0**25)
"""About an hour and a year, so chosen that no sum is rounded."""


@pytest.mark.parametrize("by", EXACT)
@settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(tale=tales())
def test_a_step_of_the_clock_changes_nothing_but_the_times(by: float, tale: Tale) -> None:
    """Ids hold the moment of their making; steps that make none are compared."""
    for each in tell(tale):
        after, events = step(each.plan, moments.moved(each.before, by), each.now + by, moments.moved(each.input, by))
        assert len(events) == len(each.events)
        if each.after.sequence == each.before.sequence:
            assert after == moments.moved(each.after, by)


def test_every_number_that_is_remembered_is_known_to_be_a_moment_or_none() -> None:
    for name in model.__all__:
        kind: Any = getattr(model, name)
        if dataclasses.is_dataclass(kind) and kind.__module__.endswith("believed"):
            for each in dataclasses.fields(kind):
                if "float" in str(each.type) and each.name not in moments.SEVERAL:
                    assert moments.is_moment(each.name) is not (each.name in NO_MOMENTS), (name, each.name)


def test_what_others_say_of_time_stays() -> None:
    worker = Worker("a", 0, 1, "online", True, False, 0, 5.0, 6.0)
    check = CheckState(
        settled={"": Settled(Status.DOWN, 3.0, episodes=(1.0, 2.0), past={Severity.WARNING: 4.0})},
        last=Observation("a", "b", 7.0, 0.5, Seen(facts=(worker,))),
        workers=(worker,),
        restarts=((1.0, 2),),
        rule_changes=(RuleChange(8.0),),
    )
    state = State({"a": ServiceState(since=0.0, checks={"b": check}, changes=((9.0, Status.DOWN),))})
    moved = moments.moved(state, 100.0).services["a"]
    known = moved.checks["b"]
    assert known.settled[""] == Settled(Status.DOWN, 103.0, episodes=(101.0, 102.0), past={Severity.WARNING: 104.0}), (
        "looked_at 0 is never"
    )
    assert known.last == Observation("a", "b", 107.0, 0.5, Seen(facts=(worker,)))
    assert (known.workers, known.restarts, known.rule_changes[0].at) == ((worker,), ((101.0, 2),), 108.0)
    assert (moved.since, moved.changes) == (0.0, ((109.0, Status.DOWN),))
    assert moments.newest(state) == 7.5
    assert moments.newest(State()) == 0.0


def test_orders_move_too() -> None:
    order = AddSilence({"service": "a"}, 1.0, 2.0, "ann")
    assert moments.moved(order, 10.0) == AddSilence({"service": "a"}, 11.0, 12.0, "ann")
    assert moments.moved(None, 10.0) is None
