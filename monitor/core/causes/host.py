"""What the machine has too little of: told by the reading that is past its bound."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.scene import Scene
from monitor.core.model import Confidence, Diagnosis

HOST: Final = "host"
_MOUNTPOINT: Final = re.compile(r'mountpoint="([^"]*)"')


def host_disk(scene: Scene) -> Diagnosis | None:
    """A file system has no space, or no inodes, for much more."""
    sign = scene.past(HOST, metrics=("disk", "disk_inodes"))
    if sign is None:
        return None
    found = _MOUNTPOINT.search(str(sign.trouble.message.values.get("metric", "")))
    place = commands.word(found[1] if found else "/", "PATH")
    if sign.metric == "disk_inodes":
        return _past(
            scene, "host_disk", ("disk_inodes",), (f"df -i {place}", f"du -x --inodes {place} | sort -n | tail")
        )
    shown = (f"df -h {place}", f"du -xh {place} | sort -h | tail", "pm2 flush", "journalctl --vacuum-size=200M")
    return _past(scene, "host_disk", ("disk",), shown)


def host_memory(scene: Scene) -> Diagnosis | None:
    """Hardly any memory is available."""
    return _past(scene, "host_memory", ("memory",), ("free -m", "ps -eo pid,rss,args --sort=-rss | head"))


def host_cpu(scene: Scene) -> Diagnosis | None:
    """The processors have hardly been idle."""
    return _past(scene, "host_cpu", ("cpu",), ("ps -eo pid,pcpu,args --sort=-pcpu | head", "uptime"))


def _past(scene: Scene, cause: str, metrics: Iterable[str], shown: Iterable[str]) -> Diagnosis | None:
    sign = scene.past(HOST, metrics=metrics)
    return scene.diagnosis(cause, sign, Confidence.CERTAIN, commands=shown) if sign else None
