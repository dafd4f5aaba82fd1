"""Why Nginx, or a route through it, does not serve: told by its processes, its peers and its configuration together."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.core.causes.scene import Scene
from monitor.core.model import Confidence, Diagnosis, Message

NGINX: Final = "nginx"
SERVES: Final = ("nginx_down.answers",)
REACHED: Final = (*SERVES, "upstream_down.reached")


def nginx_down(scene: Scene) -> Diagnosis | None:
    """It does not run, or takes no connection."""
    sign = scene.failed(NGINX, phases=("process", "connect"))
    if sign is None:
        return None
    return scene.diagnosis("nginx_down", sign, Confidence.CERTAIN, ruled_out=("nginx_frozen.refused",))


def nginx_frozen(scene: Scene) -> Diagnosis | None:
    """It takes connections and is silent. Certain when the kernel shows its workers stopped."""
    sign = scene.failed(NGINX, phases=("answer",))
    if sign is None:
        return None
    confidence = Confidence.CERTAIN if sign.trouble.reason == "frozen" else Confidence.LIKELY
    return scene.diagnosis("nginx_frozen", sign, confidence)


def upstream_port_mismatch(scene: Scene) -> Diagnosis | None:
    """Nobody listens where Nginx asks, and the only application that no route leads to listens elsewhere."""
    return _found(scene, "upstream_port_mismatch")


def upstream_down(scene: Scene) -> Diagnosis | None:
    """No peer of a route answers when it is asked directly. They refuse, or take connections and are silent."""
    if (gone := _found(scene, "upstream_down")) is not None:
        return gone
    silent = _found(scene, "upstream_down", reason="upstream_unresponsive")
    if silent is None:
        return None
    values = {"service": scene.root}
    return replace(
        silent,
        summary=Message("cause.upstream_down.silent", values),
        remedy=Message("cause.upstream_down.silent_remedy", values),
    )


def upstream_marked_failed(scene: Scene) -> Diagnosis | None:
    """The peers answer us, and Nginx has written down that it sees none alive."""
    return _found(scene, "upstream_marked_failed", ruled_out=REACHED)


def upstream_timeout_mismatch(scene: Scene) -> Diagnosis | None:
    """The application answers, later than Nginx waits."""
    return _found(scene, "upstream_timeout_mismatch", ruled_out=REACHED)


def nginx_config_broken(scene: Scene) -> Diagnosis | None:
    """It serves with what it has; what is on disk it would refuse."""
    return _found(scene, "nginx_config_broken")


def nginx_config_not_loaded(scene: Scene) -> Diagnosis | None:
    """It serves with what it has; what is on disk is newer."""
    return _found(scene, "nginx_config_not_loaded")


def certificate_not_reloaded(scene: Scene) -> Diagnosis | None:
    """The certificate on disk is another than the one that is served."""
    return _found(scene, "certificate_not_reloaded")


def _found(scene: Scene, cause: str, *, reason: str = "", ruled_out: tuple[str, ...] = SERVES) -> Diagnosis | None:
    sign = scene.failed(NGINX, reasons=(reason or cause,))
    return scene.diagnosis(cause, sign, Confidence.CERTAIN, ruled_out=ruled_out) if sign else None
