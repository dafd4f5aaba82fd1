"""From all that is known of a root's trouble to the cause that explains it best, or to an honest "unknown"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from monitor.core import bounds
from monitor.core.causes import RULES
from monitor.core.causes.scene import Around, Scene, Sign, facts_of
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
from monitor.core.topology import dependencies

UNKNOWN: Final = "unknown"


def diagnose(plan: Plan, state: State, root: str, now: float) -> Diagnosis:
    """The surest cause. Without one the cause is `unknown`, and the evidence says what was looked at."""
    scene = _scene(plan, state, root)
    found = [diagnosis for rule in RULES if (diagnosis := rule(scene)) is not None]
    best = max(found, key=lambda diagnosis: diagnosis.confidence.rank, default=None)
    if best is None:
        return _unknown(plan, state, scene, now)
    told = [each.message for each in best.evidence]
    also = tuple(each for each in _evidence(scene) if each.message not in told)
    return replace(best, evidence=(*best.evidence, *also))


def _unknown(plan: Plan, state: State, scene: Scene, now: float) -> Diagnosis:
    """Nothing here is guessed: it says what failed, and how that stands on which the service rests."""
    around = tuple(
        Evidence(name, Message(f"evidence.dependency_{_seen_as(state, name)}", {"service": name}), now)
        for name in dependencies(plan, scene.root)
    )
    values = {"service": scene.root}
    return Diagnosis(
        cause=UNKNOWN,
        summary=Message("cause.unknown.summary", values),
        confidence=Confidence.UNKNOWN,
        evidence=(*_evidence(scene), *around),
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


def _scene(plan: Plan, state: State, root: str) -> Scene:
    service, known = plan.services.get(root), state.services.get(root)
    if service is None or known is None:
        return Scene(root, ())
    signs = [sign for check in service.checks for sign in _signs(check, known.checks.get(check.name, CheckState()))]
    signs.sort(key=lambda sign: (-sign.trouble.status.rank, sign.metric, sign.check))
    return Scene(root, tuple(signs), tuple(_around(plan, state, root)))


def _around(plan: Plan, state: State, root: str) -> Iterator[Around]:
    """The newest looks at all that the root depends on."""
    for name in dependencies(plan, root):
        known = state.services.get(name, ServiceState())
        for check in plan.services[name].checks:
            if (last := known.checks.get(check.name, CheckState()).last) is not None:
                blind = last.result.reason if isinstance(last.result, Blind) else None
                yield Around(name, check.kind, last.began, facts_of(last), blind)


def _signs(check: CheckPlan, known: CheckState) -> Iterator[Sign]:
    facts = facts_of(known.last)
    for metric, settled in known.settled.items():
        if settled.status.failing and settled.trouble is not None:
            name = bounds.metric_of(metric)
            yield Sign(check.name, check.kind, name, settled.trouble, settled.looked_at, facts, known.rule_changes)
