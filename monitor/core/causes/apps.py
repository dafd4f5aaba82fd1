"""Why something that should answer does not serve: told by the phase in which asking it failed, and by what it said."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.core.causes.scene import Scene, Sign
from monitor.core.model import Confidence, Diagnosis, Message

ASKED: Final = ("http", "tcp")
CONNECTED: Final = ("network_path_blocked.connected",)


def app_unresponsive(scene: Scene) -> Diagnosis | None:
    """It takes connections and says nothing, or not all of it; or nobody listens there, which may have other reasons:
    it is not running, or it listens elsewhere."""
    silent = _failed(scene, phases=("tls", "answer", "body"), reasons=("timeout", "closed", "reset"))
    if silent:
        return scene.diagnosis("app_unresponsive", silent, Confidence.CERTAIN, ruled_out=CONNECTED)
    closed = _failed(scene, phases=("tcp", "connect"), reasons=("refused", "missing", "reset"))
    if closed is None:
        return None
    nobody = scene.diagnosis("app_unresponsive", closed, Confidence.LIKELY)
    values = {"service": scene.root}
    return replace(
        nobody,
        summary=Message("cause.app_unresponsive.refused", values),
        remedy=Message("cause.app_unresponsive.refused_remedy", values),
    )


def app_errors(scene: Scene) -> Diagnosis | None:
    """It answers, and not what it should."""
    wrong = _failed(scene, phases=("answer", "body"), reasons=("status", "text", "unexpected", "protocol"))
    return scene.diagnosis("app_errors", wrong, Confidence.CERTAIN, ruled_out=CONNECTED) if wrong else None


def app_slow(scene: Scene) -> Diagnosis | None:
    """It answers as it should, too slowly."""
    for sign in scene.signs:
        if sign.kind in ASKED and sign.metric == "response_time":
            return scene.diagnosis("app_slow", sign, Confidence.CERTAIN, ruled_out=CONNECTED)
    return None


def _failed(scene: Scene, *, phases: tuple[str, ...], reasons: tuple[str, ...]) -> Sign | None:
    found = (scene.failed(kind, phases=phases, reasons=reasons) for kind in ASKED)
    return next((sign for sign in found if sign is not None), None)
