"""What was changed lately, and how long before the trouble: what people ask for first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from monitor.core.model import Change, ChangeKind, Incident
from monitor.core.roots import members
from monitor.core.topology import dependants, dependencies
from monitor.core.turn import Turn

KEPT_OF_A_KIND: Final = 10
"""Of each kind and service, so that an app that dies every second hides no change but its own."""

KEPT: Final = 200
CLOSE_SECONDS: Final = 600.0
"""What was changed so long before the trouble may have led to it."""

FIRST_KEPT: Final = 20
LAST_KEPT: Final = 10
SUSPECTS: Final = 3

ONE_GO_SECONDS: Final = 30.0
"""PM2 restarts a cluster worker by worker: what follows so soon is the same restart."""

_MOMENT_SECONDS: Final = 1.0
"""What was seen as short before the trouble as this, may have been at the same time."""

_ONE_GO: Final = frozenset({ChangeKind.RESTARTED, ChangeKind.DEPLOYED})


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a change lies from the beginning of the trouble. `word`: `before` (by `most` seconds), `between` (`least`
    and `most` before), `within` (`most` before, if it was before at all), `after` (by `most`)."""

    word: str
    least: float
    most: float


def note(turn: Turn, change: Change) -> None:
    """Remember a change; of each kind and service only the last. An app that is back at once was not stopped, but seen
    half-way through its restart."""
    kept = [each for each in turn.state.changes if not _was_half_way(each, change)]
    same = [each for each in kept if (each.kind, each.service) == (change.kind, change.service)]
    if change.kind in _ONE_GO and any(change.at - each.at < ONE_GO_SECONDS for each in same):
        return
    if len(same) >= KEPT_OF_A_KIND:
        kept.remove(same[0])
    turn.state = replace(turn.state, changes=(*kept, change)[-KEPT:])


def _was_half_way(earlier: Change, change: Change) -> bool:
    return (
        change.kind in _ONE_GO
        and (earlier.kind, earlier.service) == (ChangeKind.STOPPED, change.service)
        and change.at - earlier.at < ONE_GO_SECONDS
    )


def attach(turn: Turn) -> None:
    """Every open incident holds the changes of all that is connected with it."""
    for incident in turn.open_incidents():
        began_at = _began_at(turn, incident)
        scope = {incident.root, *dependencies(turn.plan, incident.root), *dependants(turn.plan, incident.root)}
        scope |= {"", *members(incident)}
        more = tuple(
            each
            for each in turn.state.changes
            if each.service in scope and each.at >= began_at - CLOSE_SECONDS and each not in incident.changes
        )
        if more or began_at != incident.began_at:
            turn.put(replace(incident, began_at=began_at, changes=bounded((*incident.changes, *more))))


def bounded(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """The first ones, near the beginning of the trouble, and the last."""
    if len(changes) <= FIRST_KEPT + LAST_KEPT:
        return changes
    return (*changes[:FIRST_KEPT], *changes[-LAST_KEPT:])


def distance(change: Change, began_at: float) -> Distance:
    """How long before the trouble it was changed, as exactly as that is known."""
    least, most = began_at - change.at, began_at - change.since
    if most < 0:
        return Distance("after", -most, -least)
    if least == most:
        return Distance("before", least, most)
    return Distance("between", least, most) if least >= _MOMENT_SECONDS else Distance("within", 0.0, most)


def suspects(incident: Incident) -> tuple[Change, ...]:
    """The changes that may have come before the trouble, the nearest first, no more than people can weigh."""
    began_at = incident.began_at
    if began_at is None:
        return ()
    near = [each for each in incident.changes if began_at - CLOSE_SECONDS <= each.at and each.since <= began_at]
    return tuple(sorted(near, key=lambda each: abs(began_at - each.at))[:SUSPECTS])


def _began_at(turn: Turn, incident: Incident) -> float:
    """When the trouble began that is the root's worst. Once people were told, it stands."""
    known = incident.began_at
    if known is not None and incident.told and incident.told[-1].root == incident.root:
        return known
    worst = turn.status(incident.root)
    starts = [
        settled.looked_at if settled.failing_since is None else settled.failing_since
        for _, _, settled in turn.failing(incident.root)
        if settled.status is worst
    ]
    return min(starts, default=incident.opened_at if known is None else known)
