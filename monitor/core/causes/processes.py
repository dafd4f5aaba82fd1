"""Why an application's processes do not run: told by PM2 and by the kernel."""

from __future__ import annotations

from typing import Final

from monitor.core.causes.scene import Scene
from monitor.core.model import Confidence, Diagnosis

PM2: Final = "pm2"
LISTED: Final = ("pm2_daemon_down.answered",)


def pm2_daemon_down(scene: Scene) -> Diagnosis | None:
    """PM2 itself is gone, or there and frozen. An answer that is none leaves open who gave it."""
    if sign := scene.failed(PM2, phases=("connect", "reply"), reasons=("missing_socket", "refused", "timeout")):
        return scene.diagnosis("pm2_daemon_down", sign, Confidence.CERTAIN)
    if sign := scene.failed(PM2, phases=("connect", "reply")):
        return scene.diagnosis("pm2_daemon_down", sign, Confidence.POSSIBLE)
    return None


def process_gave_up(scene: Scene) -> Diagnosis | None:
    """PM2 has given up: it will start the process no more, whatever status it shows."""
    return _found(scene, "process_gave_up", reason="gave_up")


def process_missing(scene: Scene) -> Diagnosis | None:
    """PM2 is there and knows no such app."""
    return _found(scene, "process_missing", reason="missing")


def process_stopped(scene: Scene) -> Diagnosis | None:
    """It was stopped, or ended by itself and is not to be started again."""
    return _found(scene, "process_stopped", reason="stopped")


def process_crash_loop(scene: Scene) -> Diagnosis | None:
    """It dies again and again, and is started again each time."""
    return _found(scene, "process_crash_loop", reason="restarts")


def _found(scene: Scene, cause: str, *, reason: str) -> Diagnosis | None:
    sign = scene.failed(PM2, reasons=(reason,))
    return scene.diagnosis(cause, sign, Confidence.CERTAIN, ruled_out=LISTED) if sign else None
