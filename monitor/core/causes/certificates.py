"""Whose certificate ends, or has ended."""

from __future__ import annotations

from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.database import RDS, endpoint_of, reached
from monitor.core.causes.nginx import NGINX, RELOAD, answers
from monitor.core.causes.scene import Scene, Sign
from monitor.core.model import Confidence, Diagnosis, Evidence, Finding, Message

CERTBOT: Final = ("certbot certificates", "certbot renew")
DEFAULT_SERVER: Final = "the default server"
"""What the look calls a server without a name."""


def certificate_expiring(scene: Scene) -> Diagnosis | None:
    """The server's certificate ends soon, and whoever verifies it is then locked out; or it has ended, and we are. Not
    where the one on disk is another already: then it was renewed, and only has to be loaded. While Nginx is out of
    sight, nobody knows that."""
    for sign in scene.signs:
        expired = sign.trouble.reason == "certificate_expired"
        if (not expired and sign.metric != "certificate_remaining") or _is_renewed(sign):
            continue
        shown = (commands.certificate(endpoint_of(scene)),) if sign.kind == RDS else CERTBOT
        return scene.diagnosis(
            "certificate_expiring",
            sign,
            Confidence.POSSIBLE if sign.kind == NGINX and not sign.facts else Confidence.CERTAIN,
            words="expired" if expired else "",
            ruled_out=reached(scene, sign) if sign.kind == RDS else (),
            commands=shown,
        )
    return None


def certificate_not_reloaded(scene: Scene) -> Diagnosis | None:
    """The certificate on disk is another than the one that is served, whether that ends soon or not."""
    found = scene.failed(NGINX, reasons=("certificate_not_reloaded",))
    ends = scene.past(NGINX, metrics=("certificate_remaining",))
    sign = ends if ends and _is_renewed(ends) else found
    if sign is None:
        return None
    also = (
        Evidence(scene.root, message, sign.at) for message in _not_reloaded(sign) if message != sign.trouble.message
    )
    return scene.diagnosis(
        "certificate_not_reloaded",
        sign,
        Confidence.CERTAIN,
        evidence=also,
        ruled_out=answers(sign),
        commands=(commands.nginx_test(), RELOAD),
    )


def _not_reloaded(sign: Sign) -> tuple[Message, ...]:
    found = (fact for fact in sign.facts if isinstance(fact, Finding) and fact.reason == "certificate_not_reloaded")
    return tuple(fact.message for fact in found)


def _is_renewed(sign: Sign) -> bool:
    """Whether its look has found another certificate on disk for the very name whose certificate ends."""
    series = str(sign.trouble.message.values.get("metric", ""))
    names = (message.values.get("name") for message in _not_reloaded(sign))
    return any(f'server_name="{"" if name == DEFAULT_SERVER else name}"' in series for name in names)
