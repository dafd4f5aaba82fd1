"""Whose certificate ends, or has ended."""

from __future__ import annotations

from dataclasses import replace

from monitor.core.causes.database import ANSWERED, RDS
from monitor.core.causes.scene import Scene
from monitor.core.model import Confidence, Diagnosis, Message


def certificate_expiring(scene: Scene) -> Diagnosis | None:
    """The server's certificate ends soon, and whoever verifies it is then locked out; or it has ended, and we are."""
    for sign in scene.signs:
        expired = sign.trouble.reason == "certificate_expired"
        if not expired and sign.metric != "certificate_remaining":
            continue
        ruled_out = ANSWERED if sign.kind == RDS else ()
        found = scene.diagnosis("certificate_expiring", sign, Confidence.CERTAIN, ruled_out=ruled_out)
        ended = Message("cause.certificate_expiring.expired", {"service": scene.root})
        return replace(found, summary=ended) if expired else found
    return None
