"""From all that is known around a root's trouble to the cause that explains it best, or to an honest "unknown"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from monitor.core import bounds
from monitor.core.causes import RULES
from monitor.core.causes.scene import Place, Scene, Sight, Sign, facts_of, readings_of
from monitor.core.model import (
    Blind,
    CheckPlan,
    CheckState,
    Confidence,
    Diagnosis,
    Evidence,
    Message,
    Plan,
    ServiceState,
    State,
    Status,
)
from monitor.core.topology import dependants, dependencies

UNKNOWN: Final = "unknown"

STILL_SERVES: Final = frozenset(
    {
        "app_slow", "certificate_expiring", "certificate_not_reloaded", "connection_budget", "database_exposed",
        "database_slots_exhausted", "database_slow", "firewall_not_as_intended", "host_cpu", "host_disk", "host_memory",
        "nginx_config_broken", "nginx_config_not_loaded", "sqlite_in_use", "stale_environment",
    }
)  # fmt: skip
"""With these a service goes on serving. They explain nothing that is worse than the very sign they rest on: a database
whose certificate ends next week is not down because of that."""


def diagnose(plan: Plan, state: State, root: str, now: float) -> Diagnosis:
    """The surest cause. Without one the cause is `unknown`, and the evidence says what was looked at, and what could
    not be seen."""
    scene = scene_of(plan, state, root)
    best = max(_serious(scene), key=lambda diagnosis: diagnosis.confidence.rank, default=None)
    if best is None:
        return _unknown(plan, state, scene, now)
    told = [each.message for each in best.evidence]
    also = tuple(each for each in _evidence(scene) if each.message not in told)
    return replace(best, evidence=(*best.evidence, *also))


def _serious(scene: Scene) -> Iterator[Diagnosis]:
    """Without those that are too mild to explain the worst sign."""
    for each in explanations(scene):
        rests_on = next(sign for sign in scene.signs if sign.trouble.message == each.evidence[0].message)
        if each.cause not in STILL_SERVES or rests_on.trouble.status is scene.signs[0].trouble.status:
            yield each


def explanations(scene: Scene) -> tuple[Diagnosis, ...]:
    """Every cause that a rule finds, in the order of the rules."""
    return tuple(diagnosis for rule in RULES if (diagnosis := rule(scene)) is not None)


def scene_of(plan: Plan, state: State, root: str) -> Scene:
    """All that is known at this moment, as it stands to the root."""
    service, known = plan.services.get(root), state.services.get(root)
    if service is None or known is None:
        return Scene(root, ())
    signs = [sign for check in service.checks for sign in _signs(check, known.checks.get(check.name, CheckState()))]
    signs.sort(key=lambda sign: (-sign.trouble.status.rank, sign.metric, sign.check))
    return Scene(root, tuple(signs), tuple(_sights(plan, state, root, since=_began(known))))


def _unknown(plan: Plan, state: State, scene: Scene, now: float) -> Diagnosis:
    """Nothing here is guessed: it says what failed, what was looked at beside that and was well or could not be seen,
    and how that stands on which the service rests."""
    around = tuple(
        Evidence(name, Message(f"evidence.dependency_{_seen_as(state, name)}", {"service": name}), now)
        for name in dependencies(plan, scene.root)
    )
    values = {"service": scene.root}
    return Diagnosis(
        cause=UNKNOWN,
        summary=Message("cause.unknown.summary", values),
        confidence=Confidence.UNKNOWN,
        evidence=(*_evidence(scene), *_examined(scene), *around, *_unseen(scene)),
        remedy=Message("cause.unknown.remedy", values),
    )


def _seen_as(state: State, name: str) -> str:
    """A dependency may be failing too mildly to explain anything; then it is named as what it is."""
    known = state.services.get(name)
    status = known.status if known else Status.UNKNOWN
    return "failing" if status.failing else status.value


def _evidence(scene: Scene) -> Iterator[Evidence]:
    for sign in scene.signs:
        yield Evidence(scene.root, sign.trouble.message, sign.at)


def _examined(scene: Scene) -> Iterator[Evidence]:
    for sight in scene.seen(Place.OWN):
        if sight.is_well and sight.at is not None:
            yield Evidence(sight.service, Message("evidence.check_well", {"check": sight.check}), sight.at)


def _unseen(scene: Scene) -> Iterator[Evidence]:
    for sight in scene.seen(Place.OWN, Place.ABOVE):
        if sight.blind is not None and sight.at is not None:
            values = {"service": sight.service, "check": sight.check, "why": sight.blind}
            yield Evidence(sight.service, Message("evidence.check_blind", values), sight.at)


def _signs(check: CheckPlan, known: CheckState) -> Iterator[Sign]:
    for metric, settled in known.settled.items():
        if settled.status.failing and settled.trouble is not None:
            yield Sign(
                check.name,
                check.kind,
                bounds.metric_of(metric),
                settled.trouble,
                settled.looked_at,
                _first(settled.failing_since, settled.looked_at),
                facts_of(known.last),
                readings_of(known.last),
                known.rule_changes,
                known.restarts,
                known.memory_kills,
            )


def _began(known: ServiceState) -> float:
    """When the first look of the present trouble began."""
    failing = [each for check in known.checks.values() for each in check.settled.values() if each.status.failing]
    return min((_first(each.failing_since, each.looked_at) for each in failing), default=0.0)


def _first(failing_since: float | None, looked_at: float) -> float:
    """What is getting better has lost its beginning; its last look is all there is."""
    return looked_at if failing_since is None else failing_since


def _sights(plan: Plan, state: State, root: str, *, since: float) -> Iterator[Sight]:
    """Every check that is planned, whether it was looked at or not; the nearest dependency first."""
    above, below = dependencies(plan, root), dependants(plan, root)
    places = {root: Place.OWN, **dict.fromkeys(above, Place.ABOVE), **dict.fromkeys(below, Place.BELOW)}
    for name in (*places, *(name for name in plan.services if name not in places)):
        known = state.services.get(name, ServiceState())
        for check in plan.services[name].checks:
            yield _sight(name, check, known.checks.get(check.name, CheckState()), places.get(name), since=since)


def _sight(service: str, check: CheckPlan, known: CheckState, place: Place | None, *, since: float) -> Sight:
    last = known.last
    failing = (each for each in known.settled.values() if each.status.failing and each.trouble is not None)
    return Sight(
        service,
        check.name,
        check.kind,
        place or Place.BESIDE,
        at=last.began if last else None,
        in_time=last is not None and last.began >= since,
        facts=facts_of(last),
        readings=readings_of(last),
        blind=last.result.reason if last and isinstance(last.result, Blind) else None,
        troubles=tuple((each.trouble, each.looked_at) for each in failing if each.trouble is not None),
    )
