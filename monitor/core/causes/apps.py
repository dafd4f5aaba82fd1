"""Why something that should answer does not serve: told by the phase in which asking it failed, and by what it said."""

from __future__ import annotations

from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.processes import alive
from monitor.core.causes.scene import Place, Scene, Sight, Sign, against, phases_of
from monitor.core.model import Confidence, Diagnosis, RuledOut, Worker

ASKED: Final = ("http", "tcp")
YOUNG_SECONDS: Final = 30.0
"""A process that began no longer ago may not listen yet."""

CUT_OFF: Final = ("closed", "reset")
"""Also what the end of the process does to whoever it was just answering."""


def app_unresponsive(scene: Scene) -> Diagnosis | None:
    """It takes connections and says nothing, or not all of it; or nobody listens there, which may have other reasons:
    it is not running, has just begun, or it listens elsewhere."""
    silent = _failed(scene, phases=("tls", "answer", "body"), reasons=("timeout", "closed", "reset"))
    if silent:
        return scene.diagnosis(
            "app_unresponsive",
            silent,
            Confidence.POSSIBLE if silent.trouble.reason in CUT_OFF and _may_be_gone(scene) else Confidence.CERTAIN,
            evidence=scene.machine(),
            ruled_out=(_connected(silent), *alive(scene), *scene.well()),
            commands=(*_busy(scene), *_log(scene), *_restart(scene)),
        )
    closed = _failed(scene, phases=("tcp", "connect"), reasons=("refused", "missing", "reset"))
    if closed is None:
        return None
    return scene.diagnosis(
        "app_unresponsive",
        closed,
        Confidence.POSSIBLE if _may_be_gone(scene) else Confidence.LIKELY,
        words="refused",
        ruled_out=(*alive(scene), *scene.well()),
        commands=(commands.listeners(), *_log(scene)),
    )


def app_errors(scene: Scene) -> Diagnosis | None:
    """It answers, and not what it should."""
    wrong = _failed(scene, phases=("answer", "body"), reasons=("status", "text", "unexpected", "protocol"))
    if wrong is None:
        return None
    return scene.diagnosis(
        "app_errors",
        wrong,
        Confidence.CERTAIN,
        ruled_out=(
            _connected(wrong),
            against("app_unresponsive.answered", what=wrong.said),
            *alive(scene),
            *scene.well(),
        ),
        commands=_log(scene) or (commands.listeners(),),
    )


def app_slow(scene: Scene) -> Diagnosis | None:
    """It answers as it should, too slowly."""
    sign = scene.past(*ASKED, metrics=("response_time",))
    if sign is None:
        return None
    return scene.diagnosis(
        "app_slow",
        sign,
        Confidence.CERTAIN,
        evidence=scene.machine(),
        ruled_out=(_connected(sign), *alive(scene), *scene.well()),
        commands=(*_busy(scene), *_log(scene)),
    )


def _failed(scene: Scene, *, phases: tuple[str, ...], reasons: tuple[str, ...]) -> Sign | None:
    found = (scene.failed(kind, phases=phases, reasons=reasons) for kind in ASKED)
    return next((sign for sign in found if sign is not None), None)


def _may_be_gone(scene: Scene) -> bool:
    """Whether PM2 keeps this app, and does not show that all of it is alive, and has been for a while: then that has a
    cause of its own."""
    kept = tuple(scene.seen(Place.OWN, kind="pm2"))
    return bool(kept) and (not alive(scene) or any(_is_young(each) for each in kept))


def _is_young(sight: Sight) -> bool:
    began = (fact.started_at for fact in sight.facts if isinstance(fact, Worker))
    return any(at is not None and sight.at is not None and sight.at - at < YOUNG_SECONDS for at in began)


def _connected(sign: Sign) -> RuledOut:
    return against("network_path_blocked.connected", took=phases_of(sign, sign.readings))


def _worker(scene: Scene) -> Worker | None:
    """PM2 knows what else there is to do about the app, if it runs under PM2."""
    return next(scene.facts(Worker, Place.OWN), None)


def _busy(scene: Scene) -> tuple[str, ...]:
    pids = [str(each.pid) for each in scene.facts(Worker, Place.OWN) if each.pid]
    return (f"top -b -n 1 -p {','.join(pids)}",) if pids else ("top -b -n 1 -o %CPU | head -20",)


def _log(scene: Scene) -> tuple[str, ...]:
    worker = _worker(scene)
    return (commands.pm2_log(scene.supervisor(), worker.app),) if worker else ()


def _restart(scene: Scene) -> tuple[str, ...]:
    worker = _worker(scene)
    return (commands.pm2(scene.supervisor(), "restart", worker.app),) if worker else ()
