"""Why something that should answer does not serve: told by the phase in which asking it failed, and by what it said."""

from __future__ import annotations

from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.processes import alive
from monitor.core.causes.scene import Place, Scene, Sign, against, phases_of
from monitor.core.model import Confidence, Diagnosis, RuledOut, Worker

ASKED: Final = ("http", "tcp")


def app_unresponsive(scene: Scene) -> Diagnosis | None:
    """It takes connections and says nothing, or not all of it; or nobody listens there, which may have other reasons:
    it is not running, or it listens elsewhere."""
    silent = _failed(scene, phases=("tls", "answer", "body"), reasons=("timeout", "closed", "reset"))
    if silent:
        return scene.diagnosis(
            "app_unresponsive",
            silent,
            Confidence.CERTAIN,
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
    """Whether PM2 keeps this app, and does not show that all of it is alive: then that has a cause of its own."""
    return any(scene.seen(Place.OWN, kind="pm2")) and not alive(scene)


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
