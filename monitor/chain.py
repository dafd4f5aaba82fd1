"""The chain as it stands: who needs whom, how each is, and why what is broken is broken, as JSON values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from monitor import answers
from monitor.answers import Json
from monitor.core.model import (
    CheckState,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    ServiceState,
    State,
    Status,
    Worker,
)
from monitor.core.topology import dependants, dependencies, linked
from monitor.core.uptime import shown
from monitor.locale import speak

_BAD_FIRST: Final = (Status.DOWN, Status.CRITICAL, Status.WARNING)
_SHOWN: Final = 2
_ASKED: Final = "upstream_response"
_NOTHING_KNOWN: Final = ServiceState()


def topology(plan: Plan, state: State, now: float, language: str) -> Json:
    """Every service with what is wrong with it, and who needs whom; an edge points from the dependant to what it needs.
    `source`: `configured`, by `depends_on` or by the nature of a check, or `discovered`; `evidence` is what was seen,
    also of a configured one; `response_time_ms` how long what it needs took to answer. `plan` is the configured one."""
    return {
        "services": [_service(each, state, now, language) for each in plan.services.values()],
        "edges": [
            {
                "from": name,
                "to": other,
                "source": "configured" if other in plan.services[name].depends_on else "discovered",
                "evidence": _evidence(state, name, other, language),
                "response_time_ms": _answered_in(state, name, other),
            }
            for name, each in linked(plan, state.links).services.items()
            for other in each.depends_on
        ],
    }


def explained(
    plan: Plan, state: State, now: float, *, names: Collection[str] = (), language: str = "en", url: str = ""
) -> Json:
    """What is wrong and why: the open incidents that concern these services (none named: all), and the chain around
    them. `overall_status` is the worst of the named ones."""
    wanted = tuple(names) or tuple(plan.services)
    statuses = {name: shown(state, name, now) for name in plan.services}
    counted = [statuses[name] for name in wanted if statuses[name] is not Status.MAINTENANCE]
    worst = max(counted, key=lambda status: status.rank, default=Status.HEALTHY)
    whole = linked(plan, state.links)
    near = {*wanted, *(each for name in wanted for each in (*dependencies(whole, name), *dependants(whole, name)))}
    found = topology(plan, state, now, language)
    return {
        "overall_status": worst.value,
        "language": language,
        "incidents": [
            answers.incident(each, statuses, language=language, url=url)
            for each in state.incidents
            if each.resolved_at is None
            and each.adopted_by is None
            and {each.root, *each.impacted, *(alert.service for alert in each.alerts)} & set(wanted)
        ],
        "topology": {
            "services": [each for each in found["services"] if each["name"] in near],
            "edges": [each for each in found["edges"] if near >= {each["from"], each["to"]}],
        },
    }


def _evidence(state: State, service: str, needs: str, language: str) -> str | None:
    """What was seen of it, by the links that were seen first."""
    links = [each for each in state.links if (each.service, each.needs) == (service, needs)]
    said = [speak(each.how, language) for each in sorted(links, key=lambda each: (each.since, each.through))]
    return ", ".join(said[:_SHOWN]) + (" …" if said[_SHOWN:] else "") if said else None


def _answered_in(state: State, service: str, needs: str) -> float | None:
    """At the addresses by which it is used, where those were asked; else at its own looks. The longest counts."""
    used = {each.through for each in state.links if (each.service, each.needs) == (service, needs)}
    asked = [each for each in _readings(state, service) if each.labels.get("peer") in used]
    found = answers.milliseconds(asked, _ASKED)
    return answers.milliseconds(_readings(state, needs), "response_time") if found is None else found


def _readings(state: State, service: str) -> list[Reading]:
    known = state.services.get(service, _NOTHING_KNOWN)
    return [each for check in known.checks.values() if check.last for each in answers.readings_of(check.last)]


def _service(plan: ServicePlan, state: State, now: float, language: str) -> Json:
    known = state.services.get(plan.name, _NOTHING_KNOWN)
    return {
        "name": plan.name,
        "status": shown(state, plan.name, now).value,
        "kinds": list(dict.fromkeys(each.kind for each in plan.checks)),
        "message": _message(plan, known, language),
        "workers": _workers(known.checks),
    }


def _message(plan: ServicePlan, known: ServiceState, language: str) -> str | None:
    """What the worst of its checks says; of one that nobody can see, why not."""
    said = [answers.check(each, known.checks.get(each.name, CheckState()), language) for each in plan.checks]
    for status in (*_BAD_FIRST, Status.UNKNOWN):
        for each in said:
            if each["verdict"] == status.value and (each["message"] or each["reason"]):
                return str(each["message"] or each["reason"])
    return None


def _workers(checks: Mapping[str, CheckState]) -> Json | None:
    """Of the newest look at an app that showed any."""
    for known in checks.values():
        workers = _seen(known.last) or known.workers
        if workers:
            return {"alive": sum(each.alive for each in workers), "listed": len(workers)}
    return None


def _seen(look: Observation | None) -> tuple[Worker, ...]:
    facts = look.result.facts if look and isinstance(look.result, Seen) else ()
    return tuple(fact for fact in facts if isinstance(fact, Worker))
