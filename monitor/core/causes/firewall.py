"""Why packets do not arrive, or who could send some: told by the security-group rules that were read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from monitor.core.causes.scene import Scene, Sign
from monitor.core.model import Confidence, Diagnosis, Evidence, Fact, Firewall, Message, RuleChange, Status

SECURITY_GROUP: Final = "security_group"
RDS: Final = "rds"
COMMANDS_SHOWN: Final = 3
NOT_SERVING: Final = frozenset(
    {
        "creating", "deleting", "failed", "inaccessible-encryption-credentials", "insufficient-capacity", "maintenance",
        "rebooting", "renaming", "resetting-master-credentials", "restore-error", "starting", "stopped", "stopping",
        "storage-full", "upgrading",
    }
)  # fmt: skip
"""AWS' words for an instance that serves nobody at the moment."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The firewall before the root, as it was last read; without `facts` it could not be read."""

    at: float
    service: str
    facts: Firewall | None = None
    blind: str | None = None

    @property
    def reachable(self) -> bool | None:
        """Whether the rules let this host in."""
        return self.facts.reachable if self.facts else None


def security_group_blocks(scene: Scene) -> Diagnosis | None:
    """The rules do not let this host in, and the port is silent: the one is why the other."""
    sign = scene.failed(SECURITY_GROUP, reasons=("path_closed",))
    if sign and sign.trouble.status is Status.CRITICAL:
        return _closed(scene, "security_group_blocks", sign, Confidence.CERTAIN, _fact(sign.facts))
    silent = scene.failed(RDS, phases=("tcp",), reasons=("timeout",))
    rules = around(scene)
    if silent and rules and rules.reachable is False:
        told = _closed(scene, "security_group_blocks", silent, Confidence.LIKELY, rules.facts)
        read = Evidence(rules.service, Message("evidence.rules_closed", {"service": rules.service}), rules.at)
        return replace(told, evidence=(*told.evidence, read))
    return None


def firewall_path_closed(scene: Scene) -> Diagnosis | None:
    """The rules do not let this host in, whatever still gets through."""
    sign = scene.failed(SECURITY_GROUP, reasons=("path_closed",))
    return _closed(scene, "firewall_path_closed", sign, Confidence.CERTAIN, _fact(sign.facts)) if sign else None


def database_exposed(scene: Scene) -> Diagnosis | None:
    """The port is open to far more of the world than uses it."""
    return _open(scene, "database_exposed", reasons=("exposed_world", "exposed_wide"))


def firewall_not_as_intended(scene: Scene) -> Diagnosis | None:
    """Others than those who are meant to may come in, or those who are meant to are not named."""
    return _open(scene, "firewall_not_as_intended", reasons=("not_as_intended",))


def around(scene: Scene) -> Rules | None:
    """What is known of the firewall before the root; None where nobody watches one."""
    for each in scene.around:
        if each.kind == SECURITY_GROUP:
            return Rules(each.at, each.service, _fact(each.facts), each.blind)
    return None


def unread(rules: Rules | None) -> tuple[Evidence, ...]:
    """Why the rules could not be read; it names the missing permission."""
    if rules is None or rules.blind is None:
        return ()
    values = {"service": rules.service, "why": rules.blind}
    return (Evidence(rules.service, Message("evidence.firewall_blind", values), rules.at),)


def state_of_the_instance(scene: Scene) -> Evidence | None:
    """AWS' own word that the database serves nobody at the moment."""
    rules = around(scene)
    state = rules.facts.state if rules and rules.facts else ""
    if rules and (state in NOT_SERVING or state.startswith("incompatible-")):
        return Evidence(rules.service, Message("evidence.rds_state", {"state": state}), rules.at)
    return None


def _closed(scene: Scene, cause: str, sign: Sign, confidence: Confidence, rules: Firewall | None) -> Diagnosis:
    told = scene.diagnosis(cause, sign, confidence, ruled_out=("dns_failure.resolved",))
    return _mended(told, scene, sign, (rules.open_with,) if rules else ())


def _open(scene: Scene, cause: str, *, reasons: Iterable[str]) -> Diagnosis | None:
    sign = scene.failed(SECURITY_GROUP, reasons=reasons)
    if sign is None:
        return None
    rules = _fact(sign.facts)
    return _mended(scene.diagnosis(cause, sign, Confidence.CERTAIN), scene, sign, rules.close_with if rules else ())


def _mended(told: Diagnosis, scene: Scene, sign: Sign, commands: Iterable[str]) -> Diagnosis:
    """With the last change of the rules, and the very commands that would mend them."""
    changes = tuple(_changed(scene.root, change) for change in sign.rule_changes[-1:])
    shown = [each for each in commands if each]
    remedy = told.remedy
    if shown:
        more = [f"(+{len(shown) - COMMANDS_SHOWN})"] if len(shown) > COMMANDS_SHOWN else []
        values: dict[str, str | int | float] = {"command": "\n".join([*shown[:COMMANDS_SHOWN], *more])}
        remedy = Message(f"cause.{told.cause}.command", values)
    return replace(told, evidence=(*told.evidence, *changes), remedy=remedy)


def _changed(root: str, change: RuleChange) -> Evidence:
    values: dict[str, str | int | float] = {
        "added": "; ".join(change.added) or "–",
        "removed": "; ".join(change.removed) or "–",
    }
    return Evidence(root, Message("evidence.rules_changed", values), change.at)


def _fact(facts: Iterable[Fact]) -> Firewall | None:
    return next((fact for fact in facts if isinstance(fact, Firewall)), None)
