"""What people are told, and when: one notice that it began, one that it is over, and little in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from monitor.core import hold
from monitor.core.audience import audience, heard, heard_ever, is_acknowledged, is_told, late
from monitor.core.diagnose import diagnose, scene_of
from monitor.core.model import Incident, Notice, NoticeDue, NoticeKind, Silence, Told
from monitor.core.roots import members
from monitor.core.superseding import better
from monitor.core.topology import dependencies
from monitor.core.turn import Turn
from monitor.core.uptime import in_maintenance, shown

UNKNOWN: Final = "unknown"
LONGEST_REMIND_SECONDS: Final = 86400.0


def is_muted(turn: Turn, incident: Incident) -> bool:
    """Whether its root is being worked on, or a silence matches. This holds back everything but `resolved`."""
    if in_maintenance(turn.state, incident.root, turn.now):
        return True
    said = {
        "service": incident.root,
        "severity": incident.severity.value,
        "cause": incident.diagnosis.cause if incident.diagnosis else UNKNOWN,
    }
    return any(_matches(silence, said, turn.now) for silence in turn.state.silences)


def _matches(silence: Silence, said: Mapping[str, str], now: float) -> bool:
    running = silence.starts_at <= now < silence.ends_at
    return running and all(said.get(key) == value for key, value in silence.matchers.items())


def tell_due(turn: Turn) -> None:
    """Tell what is due of every open incident."""
    for each in turn.open_incidents():
        if is_told(each) and hold.may_be_planned(turn, each):
            continue
        incident = _diagnosed(turn, each)
        kind = _due(turn, incident)
        if kind is not None:
            incident = tell(turn, incident, kind)
        elif incident.flapping and not turn.service(incident.root).flapping and not turn.status(incident.root).failing:
            incident = turn.put(replace(incident, flapping=False))
        if is_told(incident) and not is_muted(turn, incident):
            _tell_late(turn, incident)


def tell(turn: Turn, incident: Incident, kind: NoticeKind, *, to: tuple[str, ...] | None = None) -> Incident:
    """Tell one notice, to whom it concerns or to these channels. It names the alerts that are open; the last one, that
    it is over, names all."""
    channels = _listeners(turn, incident, kind) if to is None else to
    cause = incident.diagnosis.cause if incident.diagnosis else UNKNOWN
    said = Told(kind, turn.now, root=incident.root, severity=incident.severity, cause=cause, channels=channels)
    told = replace(incident, told=(*incident.told, said), flapping=kind is NoticeKind.FLAPPING)
    shows = told
    if kind is not NoticeKind.RESOLVED:
        shows = replace(told, alerts=tuple(alert for alert in told.alerts if alert.resolved_at is None))
    concerned = dict.fromkeys((told.root, *told.impacted, *members(told)))
    statuses = {name: shown(turn.state, name, turn.now) for name in concerned}
    turn.events.append(NoticeDue(Notice(kind, shows, statuses, turn.now), channels))
    return turn.put(told)


def _listeners(turn: Turn, incident: Incident, kind: NoticeKind) -> tuple[str, ...]:
    """Whoever it concerns is told that it began; whatever comes later is for those who know of it."""
    if kind is NoticeKind.OPENED:
        return audience(turn, incident)
    if kind is NoticeKind.FLAPPING:
        return (*heard(turn, incident), *late(turn, incident))
    if kind is NoticeKind.RESOLVED:
        return heard_ever(turn, incident)
    return heard(turn, incident)


def _tell_late(turn: Turn, incident: Incident) -> None:
    """Tell that it began to channels that it concerns only now."""
    flapping = turn.service(incident.root).flapping
    if not flapping and not (turn.status(incident.root).failing and members(incident)):
        return
    if channels := late(turn, incident):
        tell(turn, incident, NoticeKind.FLAPPING if flapping else NoticeKind.OPENED, to=channels)


def _due(turn: Turn, incident: Incident) -> NoticeKind | None:
    known = is_told(incident)
    if is_muted(turn, incident) or (incident.quiet and not known):
        return None
    if turn.service(incident.root).flapping:
        return NoticeKind.FLAPPING if not incident.flapping and (known or hold.is_over(turn, incident)) else None
    if not turn.status(incident.root).failing:
        return None
    if not known:
        return NoticeKind.OPENED if members(incident) and hold.is_over(turn, incident) else None
    if incident.flapping or _is_news(incident):
        return NoticeKind.UPDATED
    return NoticeKind.REMINDER if _is_forgotten(turn, incident) else None


def _is_forgotten(turn: Turn, incident: Incident) -> bool:
    """Nobody is on it and nothing was told for long: twice as long with each reminder, a day at most."""
    if turn.plan.remind is None or is_acknowledged(incident):
        return False
    reminders = sum(each.kind is NoticeKind.REMINDER for each in incident.told)
    longest = max(turn.plan.remind, LONGEST_REMIND_SECONDS)
    return turn.now >= incident.told[-1].at + min(turn.plan.remind * 2.0 ** min(reminders, 32), longest)


def _is_news(incident: Incident) -> bool:
    """Another root, a worse severity, or a cause that was not yet told of this root."""
    if incident.told[-1].root != incident.root:
        return True
    loudest = max(each.severity.rank for each in incident.told)
    causes = {each.cause for each in incident.told if each.root == incident.root}
    return incident.severity.rank > loudest or (
        incident.diagnosis is not None and incident.diagnosis.cause not in causes
    )


def _diagnosed(turn: Turn, incident: Incident) -> Incident:
    """The incident with the best diagnosis so far; thought over when something it rests on was looked at."""
    if not turn.status(incident.root).failing:
        return incident
    scope = (incident.root, *dependencies(turn.plan, incident.root))
    if incident.diagnosis is not None and turn.observed not in scope:
        return incident
    scene = scene_of(turn.plan, turn.state, incident.root)
    best = better(incident, diagnose(turn.plan, turn.state, incident.root, turn.now), scene)
    return incident if best is incident.diagnosis else turn.put(replace(incident, diagnosis=best))
