"""Why a database cannot be reached: told by the phase in which a fresh login failed, and by the firewall before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from monitor.core.causes import commands, firewall
from monitor.core.causes.firewall import Rules
from monitor.core.causes.scene import Place, Said, Scene, Sign, against, phases_of
from monitor.core.model import Confidence, DatabaseEndpoint, Diagnosis, Evidence, Finding, Message, RuledOut

RDS: Final = "rds"
AFTER_TCP: Final = ("tls", "auth", "query")


def latent_outage(scene: Scene) -> Diagnosis | None:
    """New connections fail while a session opened before is still answered. Seen by both at once, so certain."""
    for sign in scene.signs:
        found = [fact for fact in sign.facts if isinstance(fact, Finding) and fact.reason == "latent_outage"]
        if not found:
            continue
        rules, endpoint = firewall.around(scene), endpoint_of(scene)
        facts = rules.facts if rules and rules.reachable is False else None
        return scene.diagnosis(
            "latent_outage",
            sign,
            Confidence.CERTAIN,
            evidence=(
                Evidence(scene.root, found[0].message, sign.at),
                *((rules.read_closed,) if rules and facts else ()),
                *_standing(scene),
            ),
            ruled_out=(
                against("database_unresponsive.old_session_answered"),
                against("rds_not_available.old_session_answered"),
                *firewall.available(rules),
            ),
            commands=(facts.open_with,) if facts and facts.open_with else (commands.knock(endpoint),),
        )
    return None


def dns_failure(scene: Scene) -> Diagnosis | None:
    """The name has no address, or the resolver does not answer; security groups cannot block a VPC's resolver."""
    sign = scene.failed(RDS, phases=("resolve",), reasons=("dns", "timeout"))
    if sign is None:
        return None
    endpoint = endpoint_of(scene)
    return scene.diagnosis(
        "dns_failure",
        sign,
        Confidence.CERTAIN if sign.trouble.reason == "dns" else Confidence.LIKELY,
        ruled_out=(against("security_group_blocks.not_reached"), against("database_unresponsive.not_reached")),
        commands=(commands.resolve(endpoint), "resolvectl status", commands.endpoints()),
    )


def network_path_blocked(scene: Scene) -> Diagnosis | None:
    """Packets vanish without an answer. What drops them is told as exactly as the rules could be read; where they are
    closed, or AWS says that nobody is there, that is the cause and not this."""
    if sign := scene.failed(RDS, phases=("tcp",), reasons=("timeout",)):
        rules = firewall.around(scene)
        if rules and (rules.reachable is False or rules.is_not_serving):
            return None
        return _path_open(scene, sign, rules) if rules and rules.reachable else _path_unread(scene, sign, rules)
    if sign := scene.failed(RDS, phases=("tcp",), reasons=("unreachable",)):
        return scene.diagnosis(
            "network_path_blocked",
            sign,
            Confidence.LIKELY,
            not_seen="routes_not_read",
            ruled_out=(resolved(scene, sign), against("security_group_blocks.rejected", text=sign.said)),
            commands=(f"ip route get {_address(scene)}", commands.knock(endpoint_of(scene))),
        )
    return None


def rds_not_available(scene: Scene) -> Diagnosis | None:
    """AWS says itself that the instance does not serve; or a host answered that nothing listens there, so it is stopped
    or restarting, or the port is wrong."""
    refused = scene.failed(RDS, phases=("tcp",), reasons=("refused", "reset"))
    silent = scene.failed(RDS, phases=("tcp",), reasons=("timeout",))
    closed = scene.failed(firewall.SECURITY_GROUP, reasons=("path_closed",))
    rules = firewall.own(closed, scene.root) if closed else firewall.around(scene)
    unanswered = refused or silent or closed
    if unanswered and rules and rules.is_not_serving:
        return _not_serving(scene, unanswered, rules)
    if refused is None:
        return None
    return scene.diagnosis(
        "rds_not_available",
        refused,
        Confidence.LIKELY,
        evidence=(rules.said_state,) if rules and rules.state else (),
        not_seen="" if rules and rules.state else "rds_state_not_read",
        ruled_out=(
            resolved(scene, refused),
            against("security_group_blocks.refused", text=refused.said),
            against("network_path_blocked.refused", text=refused.said),
        ),
        commands=(commands.knock(endpoint_of(scene)), *commands.instance(endpoint_of(scene))),
    )


def database_unresponsive(scene: Scene) -> Diagnosis | None:
    """The connection stands and nobody speaks: the server is frozen or starved."""
    sign = scene.failed(RDS, phases=AFTER_TCP, reasons=("timeout", "silent"))
    if sign is None:
        return None
    endpoint, rules = endpoint_of(scene), firewall.around(scene)
    return scene.diagnosis(
        "database_unresponsive",
        sign,
        Confidence.LIKELY,
        evidence=(rules.said_state,) if rules and rules.state else (),
        ruled_out=reached(scene, sign),
        commands=(*commands.instance(endpoint), *commands.of_instance(endpoint, "reboot-db-instance"))
        or (commands.knock(endpoint),),
    )


def endpoint_of(scene: Scene) -> DatabaseEndpoint | None:
    """Where the root's own looks went; else that of the database that it needs."""
    return next(scene.facts(DatabaseEndpoint, Place.OWN), None) or next(
        scene.facts(DatabaseEndpoint, Place.ABOVE), None
    )


def resolved(scene: Scene, sign: Sign) -> RuledOut:
    """The name came to an address: the login went on from there."""
    return against("dns_failure.resolved", address=_address(scene), took=phases_of(sign, sign.readings))


def reached(scene: Scene, sign: Sign) -> tuple[RuledOut, ...]:
    """A connection was made, so that nothing on the way is to blame."""
    took = phases_of(sign, sign.readings)
    return (
        resolved(scene, sign),
        against("security_group_blocks.connected", took=took),
        against("network_path_blocked.connected", took=took),
    )


def _path_open(scene: Scene, sign: Sign, rules: Rules) -> Diagnosis:
    why = rules.facts.reason if rules.facts else ""
    return scene.diagnosis(
        "network_path_blocked",
        sign,
        Confidence.LIKELY,
        evidence=(rules.read_open, *_standing(scene)),
        not_seen="acls_not_read",
        ruled_out=(
            resolved(scene, sign),
            against("database_credentials.not_reached"),
            against("security_group_blocks.open", service=rules.service, why=why),
            *firewall.available(rules),
        ),
        commands=(commands.knock(endpoint_of(scene)), *_network(rules)),
    )


def _path_unread(scene: Scene, sign: Sign, rules: Rules | None) -> Diagnosis:
    """Nobody knows whether the rules are open, nor whether the host is there at all."""
    endpoint = endpoint_of(scene)
    told = scene.diagnosis(
        "network_path_blocked",
        sign,
        Confidence.POSSIBLE if rules else Confidence.LIKELY,
        words="silent",
        not_seen="rules_not_read",
        ruled_out=(resolved(scene, sign), against("database_credentials.not_reached")),
        commands=(commands.knock(endpoint), *commands.instance(endpoint)),
    )
    return replace(told, evidence=(*told.evidence, *firewall.unread(rules), *_standing(scene)))


def _not_serving(scene: Scene, sign: Sign, rules: Rules) -> Diagnosis:
    endpoint = endpoint_of(scene)
    start = commands.of_instance(endpoint, "start-db-instance") if rules.state == "stopped" else ()
    return scene.diagnosis(
        "rds_not_available",
        sign,
        Confidence.CERTAIN,
        words="state",
        values={"state": rules.state},
        evidence=(rules.said_state, *((rules.read_closed,) if rules.reachable is False else ())),
        ruled_out=() if sign.kind == firewall.SECURITY_GROUP else (resolved(scene, sign),),
        commands=(*start, *commands.instance(endpoint)),
    )


def _standing(scene: Scene) -> Iterator[Evidence]:
    """Connections that were made before and still stand: they prove nothing, and a restart would lose them."""
    for sight in scene.seen(Place.BELOW, kind="wiring"):
        for reading in sight.readings:
            if reading.name == "connections" and reading.labels.get("to") == "endpoint" and reading.value and sight.at:
                values: dict[str, Said] = {"app": reading.labels.get("app", sight.service), "count": int(reading.value)}
                yield Evidence(sight.service, Message("evidence.connections_stand", values), sight.at)


def _network(rules: Rules) -> tuple[str, ...]:
    """The region stands in the subject: `REGION/NAME:PORT`."""
    region = rules.facts.subject.partition("/")[0] if rules.facts else ""
    show = "NetworkAcls[].[NetworkAclId,Associations[].SubnetId,Entries[]]"
    return (f"aws ec2 describe-network-acls --query '{show}' --region {commands.word(region, 'REGION')}",)


def _address(scene: Scene) -> str:
    endpoint = endpoint_of(scene)
    return commands.word(endpoint.address or endpoint.host, "ADDRESS") if endpoint else "–"
