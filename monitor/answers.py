"""The words in which state is answered: one JSON shape per thing, the same in the API, the CLI and the webhooks.

Keys are always present, null if unknown; times are RFC 3339 in UTC; `error_rate` is in percent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from monitor.core import bounds
from monitor.core.changes import distance, suspects
from monitor.core.judge import judge, series
from monitor.core.model import (
    Alert,
    Blind,
    Change,
    ChangeKind,
    CheckPlan,
    CheckState,
    Diagnosis,
    Failed,
    Incident,
    Maintenance,
    Message,
    Observation,
    Plan,
    Reading,
    Recurring,
    Seen,
    Severity,
    Silence,
    State,
    Status,
)
from monitor.core.slots import Slot
from monitor.core.timeline import Moment
from monitor.core.topology import dependencies
from monitor.core.uptime import Availability, overall, shown, uptime_seconds
from monitor.locale import lasting, speak

Json: TypeAlias = dict[str, Any]

OURSELVES: Final = "infra-monitor"
UPTIME_WINDOWS: Final = ("24h", "7d", "30d")

_COUNTED: Final = (
    Status.HEALTHY,
    Status.WARNING,
    Status.CRITICAL,
    Status.DOWN,
    Status.MAINTENANCE,
    Status.UNKNOWN,
)


def rfc3339(at: float | None) -> str | None:
    """Milliseconds and `Z`; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(round(at, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def summary(plan: Plan, state: State, now: float) -> Json:
    """The counts of design §7."""
    counts = dict.fromkeys(_COUNTED, 0)
    for name in plan.services:
        counts[shown(state, name, now)] += 1
    alerts = [alert for _, alert in open_alerts(state)]
    return {
        "total_services": len(plan.services),
        **{f"{status}_services": count for status, count in counts.items()},
        "active_alerts": len(alerts),
        "critical_alerts": sum(alert.severity is Severity.CRITICAL for alert in alerts),
        "overall_status": overall(plan, state, now).value,
    }


def service(
    plan: Plan,
    state: State,
    name: str,
    now: float,
    language: str,
    *,
    uptime: Mapping[str, Availability] | None = None,
) -> Json:
    """One service. Raises KeyError when it is not planned. `uptime`: over 24h, 7d and 30d, as the history has it."""
    planned = plan.services[name]
    known = state.services[name]
    observations = [check.last for check in known.checks.values() if check.last]
    readings = [reading for observation in observations for reading in readings_of(observation)]
    mine = [(incident, alert) for incident, alert in open_alerts(state) if alert.service == name]
    explained = next((i.diagnosis for i in state.incidents if i.resolved_at is None and _concerns(i, name)), None)
    return {
        "name": name,
        "status": shown(state, name, now).value,
        "since": rfc3339(known.since or None),
        "last_check": rfc3339(max((observation.ended for observation in observations), default=None)),
        "uptime_seconds": uptime_seconds(state, name, now),
        "uptime": {window: availability((uptime or {}).get(window)) for window in UPTIME_WINDOWS},
        "response_time_ms": milliseconds(readings, "response_time"),
        "error_rate": next((reading.value for reading in readings if reading.name == "error_rate"), None),
        "metrics": {series(reading): reading.value for reading in readings},
        "units": {series(reading): reading.unit for reading in readings},
        "dependencies": sorted(dependencies(plan, name)),
        "alerts": [alert_of(alert, incident.id, language) for incident, alert in mine],
        "diagnosis": diagnosis(explained, language) if explained else None,
        "metadata": dict(planned.metadata),
        "checks": [check(each, known.checks.get(each.name, CheckState()), language) for each in planned.checks],
    }


def check(planned: CheckPlan, known: CheckState, language: str) -> Json:
    """The last look of one check: its verdict, and where and why it failed."""
    answer: Json = {
        "check": planned.name,
        "kind": planned.kind,
        "verdict": Status.UNKNOWN.value,
        "phase": None,
        "reason": known.blind_reason,
        "message": None,
        "took_seconds": None,
        "last_look": None,
    }
    last = known.last
    if last is None:
        return answer
    answer |= {"took_seconds": round(last.took_seconds, 4), "last_look": rfc3339(last.began)}
    if isinstance(last.result, Blind):
        return answer | {"reason": last.result.reason}
    troubles = [trouble for trouble in judge(last, planned.thresholds, known.settled).troubles.values() if trouble]
    worst = max(troubles, key=lambda trouble: trouble.status.rank, default=None)
    answer["verdict"] = (worst.status if worst else Status.HEALTHY).value
    answer["reason"] = worst.reason if worst else None
    answer["message"] = speak(worst.message, language) if worst else None
    if isinstance(last.result, Failed):
        failure = last.result.failure
        answer |= {"phase": failure.phase, "reason": failure.reason, "message": failure.message}
    return answer


def alert_of(alert: Alert, incident_id: str, language: str) -> Json:
    """One alert as `/api/v1/alerts` lists it."""
    return {
        "id": alert.id,
        "incident": incident_id,
        "service": alert.service,
        "check": alert.check,
        "metric": bounds.metric_of(alert.metric) if alert.metric else None,
        "severity": alert.severity.value,
        "status": alert.status.value,
        "message": speak(alert.message, language),
        "value": alert.value,
        "threshold": alert.threshold,
        "opened_at": rfc3339(alert.opened_at),
        "acknowledged_at": rfc3339(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by,
        "resolved_at": rfc3339(alert.resolved_at),
        "resolved_by": alert.resolved_by,
        "note": alert.note or None,
    }


def incident(incident: Incident, statuses: Mapping[str, Status], *, language: str, url: str) -> Json:
    """One incident as the webhook, the API and the CLI show it. `url` is the address of the monitor's own pages."""
    graded = Status.CRITICAL if incident.severity is Severity.CRITICAL else Status.WARNING  # one without alerts
    worst = max((alert.status for alert in incident.alerts), key=lambda status: status.rank, default=graded)
    return {
        "id": incident.id,
        "status": "open" if incident.resolved_at is None else "resolved",
        "severity": incident.severity.value,
        "title": speak(Message(f"incident.title.{worst.value}", {"service": incident.root}), language),
        "root": incident.root,
        "impacted": [
            {"name": name, "status": statuses.get(name, Status.UNKNOWN).value} for name in sorted(incident.impacted)
        ],
        "cause": _cause(incident, language),
        "changes": [change(each, incident.began_at, language) for each in incident.changes],
        "alerts": [alert_of(alert, incident.id, language) for alert in incident.alerts],
        "opened_at": rfc3339(incident.opened_at),
        "resolved_at": rfc3339(incident.resolved_at),
        "resolved_by": incident.resolved_by,
        "reopens": incident.reopens,
        "part_of": incident.adopted_by,
        "told": [
            {"kind": told.kind.value, "at": rfc3339(told.at), "channels": list(told.channels)} for told in incident.told
        ],
        "url": f"{url.rstrip('/')}/incidents/{incident.id}",
    }


def change(change: Change, began_at: float | None, language: str) -> Json:
    """What was changed, and `when` that was, seen from the beginning of the trouble."""
    return {
        "at": rfc3339(change.at),
        "since": rfc3339(change.since),
        "kind": change.kind.value,
        "service": change.service or None,
        "message": speak(change.message, language),
        "when": None if began_at is None else _when(change, began_at, language),
    }


def _when(change: Change, began_at: float, language: str) -> str:
    far = distance(change, began_at)
    values = {"least": lasting(far.least, language), "most": lasting(far.most, language)}
    return speak(Message(f"change.when.{far.word}", values), language)


def _cause(incident: Incident, language: str) -> Json | None:
    """What was changed shortly before stands behind the first of the evidence, which is what failed."""
    if incident.diagnosis is None:
        return None
    near = suspects(incident)
    lately = [change(each, incident.began_at, language) for each in near]
    cause = diagnosis(_without_what_is_told_better(incident.diagnosis, near), language)
    first, rest = cause["evidence"][:1], cause["evidence"][1:]
    said = [
        {"service": each["service"] or OURSELVES, "message": f"{each['message']} ({each['when']})", "at": each["at"]}
        for each in lately
    ]
    return cause | {"evidence": [*first, *said, *rest]}


def _without_what_is_told_better(diagnosis: Diagnosis, near: Iterable[Change]) -> Diagnosis:
    """A change of the rules says when it was, seen from the trouble; the bare difference says no more."""
    if not any(each.kind is ChangeKind.RULES for each in near):
        return diagnosis
    kept = tuple(each for each in diagnosis.evidence if each.message.key != "evidence.rules_changed")
    return replace(diagnosis, evidence=kept)


def availability(found: Availability | None) -> Json:
    """Percent to three digits, of the seconds in which it was known; see `core.uptime`."""
    percent = found.percent if found else None
    return {
        "percent": None if percent is None else round(percent, 3),
        "known_seconds": round(found.known_seconds, 1) if found else 0.0,
    }


def past(service: str, slots: Sequence[Slot]) -> Json:
    """How a service was in each part of a time, and of all of it how much it answered."""
    known = [each.availability for each in slots]
    whole = Availability(sum(each.up_seconds for each in known), sum(each.known_seconds for each in known))
    return {
        "service": service,
        **availability(whole),
        "slots": [
            {
                "from": rfc3339(each.began),
                "to": rfc3339(each.ended),
                "status": each.status.value if each.status else None,
                "down_seconds": round(each.down_seconds, 1),
                **availability(each.availability),
            }
            for each in slots
        ],
    }


def moment(moment: Moment, language: str) -> Json:
    """One line of an incident's timeline."""
    return {
        "at": rfc3339(moment.at),
        "kind": moment.kind,
        "service": moment.service,
        "what": moment.what,
        "by": moment.by,
        "note": moment.note,
        "message": speak(moment.message, language) if moment.message else None,
    }


def silence(silence: Silence, now: float) -> Json:
    """Who is not to be told of what, until when."""
    return {
        "id": silence.id,
        "matchers": dict(silence.matchers),
        "starts_at": rfc3339(silence.starts_at),
        "ends_at": rfc3339(silence.ends_at),
        "active": silence.starts_at <= now < silence.ends_at,
        "by": silence.by,
        "reason": silence.reason,
    }


def maintenance(window: Maintenance, now: float) -> Json:
    """One window; see `recurring` for the other kind of entry, which has the same keys."""
    return {
        "id": window.id,
        "kind": "window",
        "service": window.service,
        "starts_at": rfc3339(window.starts_at),
        "ends_at": rfc3339(window.ends_at),
        "active": window.starts_at <= now < window.ends_at,
        "by": window.by,
        "reason": window.reason,
        "recurring": window.recurring,
        "cron": None,
        "time_zone": None,
        "seconds": window.ends_at - window.starts_at,
    }


def recurring(rule: Recurring, state: State, now: float) -> Json:
    """A rule, with the window that comes next or runs."""
    window = next((each for each in state.maintenance if each.recurring == rule.id), None)
    return {
        "id": rule.id,
        "kind": "recurring",
        "service": rule.service,
        "starts_at": rfc3339(window.starts_at) if window else None,
        "ends_at": rfc3339(window.ends_at) if window else None,
        "active": window is not None and window.starts_at <= now < window.ends_at,
        "by": rule.by,
        "reason": rule.reason,
        "recurring": None,
        "cron": rule.cron,
        "time_zone": rule.time_zone,
        "seconds": rule.seconds,
    }


def diagnosis(diagnosis: Diagnosis, language: str) -> Json:
    """A cause with what speaks for it and what was ruled out."""
    return {
        "id": diagnosis.cause,
        "summary": speak(diagnosis.summary, language),
        "confidence": diagnosis.confidence.value,
        "evidence": [
            {"service": each.service, "message": speak(each.message, language), "at": rfc3339(each.at)}
            for each in diagnosis.evidence
        ],
        "ruled_out": [{"cause": each.cause, "why": speak(each.why, language)} for each in diagnosis.ruled_out],
        "remedy": _remedy(diagnosis, language),
    }


def _remedy(diagnosis: Diagnosis, language: str) -> str | None:
    """What to do, and below it the commands for that, each in a line of its own."""
    if diagnosis.remedy is None:
        return None
    return "\n".join((speak(diagnosis.remedy, language), *diagnosis.commands))


def open_alerts(state: State) -> Iterator[tuple[Incident, Alert]]:
    """Every alert that is not resolved, with its incident."""
    for each in state.incidents:
        for alert in each.alerts:
            if alert.resolved_at is None:
                yield each, alert


def _concerns(incident: Incident, name: str) -> bool:
    return incident.root == name or any(alert.service == name for alert in incident.alerts)


def readings_of(observation: Observation) -> tuple[Reading, ...]:
    """What was measured, also by a look that failed."""
    return observation.result.readings if isinstance(observation.result, Seen | Failed) else ()


def milliseconds(readings: Iterable[Reading], name: str) -> float | None:
    """The longest of that name."""
    worst = max((reading.value for reading in readings if reading.name == name), default=None)
    return None if worst is None else round(worst * 1000, 3)
