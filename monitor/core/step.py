"""All of the core as one function: the state, the moment and one input give the next state and what happened."""

from __future__ import annotations

from dataclasses import replace

from monitor.core import bounds, changes, discovery, incidents, letting_go, notices, orders, services
from monitor.core.environments import STALE
from monitor.core.judge import LOOK
from monitor.core.model import (
    Change,
    ChangeKind,
    CheckPlan,
    CheckState,
    Event,
    Input,
    Message,
    Observation,
    Plan,
    Reloaded,
    ServicePlan,
    ServiceState,
    State,
)
from monitor.core.orders import UnknownId
from monitor.core.pools import BUDGET
from monitor.core.topology import dependants, linked
from monitor.core.turn import Turn
from monitor.core.workers import RESTARTS

__all__ = ["UnknownId", "begin", "step"]


def step(plan: Plan, state: State, now: float, input: Input) -> tuple[State, tuple[Event, ...]]:  # noqa: A002 — the word of the design
    """Take one input in and draw every conclusion; None lets time pass. Without a change it is the same state object.

    Raises UnknownId, for an order about something that does not exist.
    """
    turn = Turn(plan, state, now)
    match input:
        case Observation():
            services.take_look(turn, input)
        case Reloaded():
            changes.note(turn, Change(ChangeKind.CONFIGURATION, "", Message("change.configuration"), now, now))
        case None:
            pass
        case _:
            orders.obey(turn, input)
    orders.forget_ended(turn)
    services.let_time_pass(turn)
    discovery.forget(turn)
    _conclude(turn)
    return (state if turn.state == state else turn.state), tuple(turn.events)


def _conclude(turn: Turn) -> None:
    """What the statuses mean for incidents. It follows from what is believed, not from which input came."""
    quiet = not any(each.status.failing for each in turn.state.services.values())
    if quiet and not turn.open_incidents():
        return
    incidents.follow_alerts(turn)
    incidents.find_roots(turn)
    incidents.raise_alerts(turn)
    letting_go.let_go(turn)
    incidents.grade(turn)
    changes.attach(turn)
    incidents.end_finished(turn)
    notices.tell_due(turn)


def begin(plan: Plan, state: State | None, now: float) -> State:
    """The state to go on from at a start or after a reload: what is no longer planned leaves, what is new is unknown.
    Open incidents stay as they are; the next step ends those whose services have left."""
    before = state or State()
    known = {name: _begin_service(each, before.services.get(name), now) for name, each in plan.services.items()}
    links = tuple(each for each in before.links if {each.service, each.needs} <= plan.services.keys())
    whole = linked(plan, links)
    open_again = tuple(
        each if each.resolved_at is not None else replace(each, impacted=dependants(whole, each.root))
        for each in before.incidents
    )
    return replace(before, services=known, incidents=open_again, links=links)


def _begin_service(plan: ServicePlan, known: ServiceState | None, now: float) -> ServiceState:
    before = known or ServiceState(since=now)
    checks = {each.name: _begin_check(each, before.checks.get(each.name, CheckState())) for each in plan.checks}
    return replace(before, checks=checks)


def _begin_check(plan: CheckPlan, known: CheckState) -> CheckState:
    metrics = {LOOK, RESTARTS, STALE, BUDGET, *(name for each in plan.thresholds for name, _ in bounds.tracks(each))}
    return replace(known, settled={metric: each for metric, each in known.settled.items() if metric in metrics})
