"""Why an app does not use the database that it should: told by its settings, its connections and its files."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.core.causes.scene import Scene
from monitor.core.environments import STALE
from monitor.core.model import Confidence, Diagnosis, Evidence, Finding
from monitor.core.pools import BUDGET

WIRING: Final = "wiring"
ELSEWHERE: Final = ("wrong_host", "localhost_fallback", "wrong_name")


def wrong_database(scene: Scene) -> Diagnosis | None:
    """The app is told of, or connected to, another database than the one that is watched."""
    return _found(scene, "wrong_database", reasons=ELSEWHERE)


def sqlite_in_use(scene: Scene) -> Diagnosis | None:
    """The app works on a file of its own: what it writes there, nobody else sees."""
    return _found(scene, "sqlite_in_use", reasons=("sqlite_in_use",))


def stale_environment(scene: Scene) -> Diagnosis | None:
    """Somebody edited the settings and did not restart the app."""
    return _metric(scene, "stale_environment", kind=WIRING, metric=STALE)


def connection_budget(scene: Scene) -> Diagnosis | None:
    """The pools of all apps together are larger than the database."""
    return _metric(scene, "connection_budget", kind="rds", metric=BUDGET)


def _found(scene: Scene, cause: str, *, reasons: tuple[str, ...]) -> Diagnosis | None:
    """With everything else that this look found, for it may say how it came about."""
    sign = scene.failed(WIRING, reasons=reasons)
    if sign is None:
        return None
    diagnosis = scene.diagnosis(cause, sign, Confidence.CERTAIN)
    told = sign.trouble.message
    also = (fact.message for fact in sign.facts if isinstance(fact, Finding) and fact.message != told)
    return replace(
        diagnosis, evidence=(*diagnosis.evidence, *(Evidence(scene.root, message, sign.at) for message in also))
    )


def _metric(scene: Scene, cause: str, *, kind: str, metric: str) -> Diagnosis | None:
    for sign in scene.signs:
        if sign.kind == kind and sign.metric == metric:
            return scene.diagnosis(cause, sign, Confidence.CERTAIN)
    return None
