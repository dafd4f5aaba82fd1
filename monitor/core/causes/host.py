"""What the machine has too little of: told by the reading that is past its bound."""

from __future__ import annotations

from typing import Final

from monitor.core.causes.scene import Scene
from monitor.core.model import Confidence, Diagnosis

HOST: Final = "host"


def host_disk(scene: Scene) -> Diagnosis | None:
    """A file system has no space, or no inodes, for much more."""
    return _past(scene, "host_disk", metrics=("disk", "disk_inodes"))


def host_memory(scene: Scene) -> Diagnosis | None:
    """Hardly any memory is available."""
    return _past(scene, "host_memory", metrics=("memory",))


def host_cpu(scene: Scene) -> Diagnosis | None:
    """The processors have hardly been idle."""
    return _past(scene, "host_cpu", metrics=("cpu",))


def _past(scene: Scene, cause: str, *, metrics: tuple[str, ...]) -> Diagnosis | None:
    for sign in scene.signs:
        if sign.kind == HOST and sign.metric in metrics:
            return scene.diagnosis(cause, sign, Confidence.CERTAIN)
    return None
