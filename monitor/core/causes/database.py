"""Why a database does not serve: told by the phase in which a fresh login failed, and by what the server said."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.core.causes import firewall
from monitor.core.causes.scene import Scene, Sign
from monitor.core.model import Confidence, Diagnosis, Evidence, Finding, Message, SessionHolder

RDS: Final = "rds"
AFTER_TCP: Final = ("tls", "auth", "query")
REACHED: Final = ("dns_failure.resolved", "security_group_blocks.connected", "network_path_blocked.connected")
ANSWERED: Final = (*REACHED, "database_unresponsive.answered")
HOLDERS_SHOWN: Final = 3


def latent_outage(scene: Scene) -> Diagnosis | None:
    """New connections fail while a session opened before is still answered. Seen by both at once, so certain."""
    for sign in scene.signs:
        found = [fact for fact in sign.facts if isinstance(fact, Finding) and fact.reason == "latent_outage"]
        if found:
            diagnosis = scene.diagnosis(
                "latent_outage", sign, Confidence.CERTAIN, ruled_out=("database_unresponsive.old_session_answered",)
            )
            seen = Evidence(scene.root, found[0].message, sign.at)
            return replace(diagnosis, evidence=(*diagnosis.evidence, seen))
    return None


def dns_failure(scene: Scene) -> Diagnosis | None:
    """The name has no address, or the resolver does not answer; security groups cannot block a VPC's resolver."""
    if sign := scene.failed(RDS, phases=("resolve",), reasons=("dns", "timeout")):
        confidence = Confidence.CERTAIN if sign.trouble.reason == "dns" else Confidence.LIKELY
        return scene.diagnosis("dns_failure", sign, confidence, ruled_out=("security_group_blocks.not_reached",))
    return None


def network_path_blocked(scene: Scene) -> Diagnosis | None:
    """Packets vanish without an answer. What drops them is told as exactly as the rules could be read."""
    if sign := scene.failed(RDS, phases=("tcp",), reasons=("timeout",)):
        ruled_out = ("dns_failure.resolved", "database_credentials.not_reached")
        rules = firewall.around(scene)
        if rules and rules.facts and rules.reachable:
            return scene.diagnosis(
                "network_path_blocked",
                sign,
                Confidence.LIKELY,
                not_seen="acls_not_read",
                ruled_out=(*ruled_out, "security_group_blocks.open"),
            )
        blocked = scene.diagnosis(
            "network_path_blocked",
            sign,
            Confidence.POSSIBLE if rules else Confidence.LIKELY,
            not_seen="rules_not_read",
            ruled_out=ruled_out,
        )
        return replace(blocked, evidence=(*blocked.evidence, *firewall.unread(rules)))
    if sign := scene.failed(RDS, phases=("tcp",), reasons=("unreachable",)):
        ruled_out = ("dns_failure.resolved", "security_group_blocks.rejected")
        return scene.diagnosis(
            "network_path_blocked", sign, Confidence.LIKELY, not_seen="routes_not_read", ruled_out=ruled_out
        )
    return None


def rds_not_available(scene: Scene) -> Diagnosis | None:
    """AWS says itself that the instance does not serve; or a host answered that nothing listens there, so it is stopped
    or restarting, or the port is wrong."""
    sign = scene.failed(RDS, phases=("tcp",), reasons=("refused", "reset"))
    unanswered = sign or scene.failed(RDS, phases=("tcp",), reasons=("timeout",))
    said = firewall.state_of_the_instance(scene)
    if unanswered and said:
        told = scene.diagnosis("rds_not_available", unanswered, Confidence.CERTAIN, ruled_out=("dns_failure.resolved",))
        return replace(told, evidence=(*told.evidence, said))
    if sign:
        ruled_out = ("dns_failure.resolved", "security_group_blocks.refused", "network_path_blocked.refused")
        return scene.diagnosis(
            "rds_not_available", sign, Confidence.LIKELY, not_seen="rds_state_not_read", ruled_out=ruled_out
        )
    return None


def database_unresponsive(scene: Scene) -> Diagnosis | None:
    """The connection stands and nobody speaks: the server is frozen or starved."""
    if sign := scene.failed(RDS, phases=AFTER_TCP, reasons=("timeout", "silent")):
        return scene.diagnosis("database_unresponsive", sign, Confidence.LIKELY, ruled_out=REACHED)
    return None


def database_tls(scene: Scene) -> Diagnosis | None:
    """The two ends do not agree on encryption or on the certificate."""
    return _said(scene, "database_tls", reasons=("tls",))


def database_credentials(scene: Scene) -> Diagnosis | None:
    """The server is up and does not let this user in."""
    return _said(scene, "database_credentials", reasons=("credentials",))


def database_missing(scene: Scene) -> Diagnosis | None:
    """The server is up and has no database of this name."""
    return _said(scene, "database_missing", reasons=("database_missing",))


def database_slots_exhausted(scene: Scene) -> Diagnosis | None:
    """Every connection slot is taken; or nearly, which is told before it happens."""
    if full := _said(scene, "database_slots_exhausted", reasons=("slots",)):
        return full
    for sign in scene.signs:
        if sign.kind == RDS and sign.metric == "connections_used":
            nearly = scene.diagnosis("database_slots_exhausted", sign, Confidence.CERTAIN)
            summary = Message("cause.database_slots_exhausted.nearly", {"service": scene.root})
            return replace(nearly, summary=summary, evidence=(*nearly.evidence, *_holders(scene, sign)))
    return None


def database_starting(scene: Scene) -> Diagnosis | None:
    """The server says itself that it is starting or shutting down."""
    return _said(scene, "database_starting", reasons=("starting", "shutting_down"))


def database_read_only(scene: Scene) -> Diagnosis | None:
    """Reading works, writing does not: a standby, or a server told to be read-only."""
    return _said(scene, "database_read_only", reasons=("read_only",))


def database_slow(scene: Scene) -> Diagnosis | None:
    """It answers everything, too slowly."""
    return _metric(scene, "database_slow", metric="response_time")


def _said(scene: Scene, cause: str, *, reasons: tuple[str, ...]) -> Diagnosis | None:
    sign = scene.failed(RDS, reasons=reasons)
    return scene.diagnosis(cause, sign, Confidence.CERTAIN, ruled_out=ANSWERED) if sign else None


def _metric(scene: Scene, cause: str, *, metric: str) -> Diagnosis | None:
    for sign in scene.signs:
        if sign.kind == RDS and sign.metric == metric:
            return scene.diagnosis(cause, sign, Confidence.CERTAIN, ruled_out=ANSWERED)
    return None


def _holders(scene: Scene, sign: Sign) -> tuple[Evidence, ...]:
    """Who holds the most sessions."""
    holders = sorted(
        (fact for fact in sign.facts if isinstance(fact, SessionHolder)), key=lambda holder: -holder.sessions
    )
    return tuple(
        Evidence(
            scene.root,
            Message(
                "evidence.session_holder",
                {
                    "application": holder.application or "?",
                    "client": holder.client or "?",
                    "state": holder.state,
                    "sessions": holder.sessions,
                },
            ),
            sign.at,
        )
        for holder in holders[:HOLDERS_SHOWN]
    )
