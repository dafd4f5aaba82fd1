"""Why packets do not arrive, or who could send some: told by the security-group rules that were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from monitor.core.causes.scene import Place, Scene, Sign, against
from monitor.core.model import Confidence, Diagnosis, Evidence, Fact, Firewall, Message, RuledOut, Status

SECURITY_GROUP: Final = "security_group"
RDS: Final = "rds"
COMMANDS_SHOWN: Final = 3
LINES_SHOWN: Final = 3
AVAILABLE: Final = "available"
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
    """The firewall before the root, as it was read since the trouble began; without `facts` it was not, and `before`
    says that it was read earlier, `blind` why it could not be read."""

    at: float
    service: str
    facts: Firewall | None = None
    before: bool = False
    blind: str | None = None

    @property
    def reachable(self) -> bool | None:
        """Whether the rules let this host in."""
        return self.facts.reachable if self.facts else None

    @property
    def state(self) -> str:
        """AWS' word for how the database is; empty where it said none."""
        return self.facts.state if self.facts else ""

    @property
    def is_not_serving(self) -> bool:
        """Whether AWS itself says that the database serves nobody at the moment."""
        return self.state in NOT_SERVING or self.state.startswith("incompatible-")

    @property
    def said_state(self) -> Evidence:
        """AWS' own word, as evidence."""
        return Evidence(self.service, Message("evidence.rds_state", {"state": self.state}), self.at)

    @property
    def read_open(self) -> Evidence:
        """The rules that let this host in, as evidence."""
        lines = self.facts.lines if self.facts else ()
        more = (f"+{len(lines) - LINES_SHOWN}",) if len(lines) > LINES_SHOWN else ()
        values = {"service": self.service, "rules": "; ".join((*lines[:LINES_SHOWN], *more)) or "–"}
        return Evidence(self.service, Message("evidence.rules_open", values), self.at)

    @property
    def read_closed(self) -> Evidence:
        """That no rule lets this host in, as evidence."""
        return Evidence(self.service, Message("evidence.rules_closed", {"service": self.service}), self.at)


def security_group_blocks(scene: Scene) -> Diagnosis | None:
    """The rules do not let this host in, and the port is silent: the one is why the other. Not while AWS says that
    there is nobody behind the port anyway."""
    sign = scene.failed(SECURITY_GROUP, reasons=("path_closed",))
    if sign and sign.trouble.status is Status.CRITICAL:
        rules = own(sign, scene.root)
        if rules.is_not_serving:
            return None
        sure = Confidence.CERTAIN if rules.facts else Confidence.POSSIBLE  # AWS' word on the instance is gone, too
        return _closed(scene, "security_group_blocks", sign, sure, rules=rules)
    silent = scene.failed(RDS, phases=("tcp",), reasons=("timeout",))
    before = around(scene)
    if silent and before and before.reachable is False and not before.is_not_serving:
        told = _closed(scene, "security_group_blocks", silent, Confidence.LIKELY, rules=before)
        return replace(told, evidence=(*told.evidence, before.read_closed))
    return None


def firewall_path_closed(scene: Scene) -> Diagnosis | None:
    """The rules do not let this host in, whatever still gets through."""
    sign = scene.failed(SECURITY_GROUP, reasons=("path_closed",))
    if sign is None:
        return None
    answers = (against("security_group_blocks.answers"),) if sign.trouble.status is Status.WARNING else ()
    rules = own(sign, scene.root)
    return _closed(scene, "firewall_path_closed", sign, Confidence.CERTAIN, rules=rules, ruled_out=answers)


def database_exposed(scene: Scene) -> Diagnosis | None:
    """The port is open to far more of the world than uses it."""
    return _open(scene, "database_exposed", reasons=("exposed_world", "exposed_wide"))


def firewall_not_as_intended(scene: Scene) -> Diagnosis | None:
    """Others than those who are meant to may come in, or those who are meant to are not named."""
    return _open(scene, "firewall_not_as_intended", reasons=("not_as_intended",))


def own(sign: Sign, service: str) -> Rules:
    """What the failing look itself has read."""
    return Rules(sign.at, service, _fact(sign.facts))


def around(scene: Scene) -> Rules | None:
    """What is known of the firewall before the root; None where nobody watches one. What was read before the trouble
    began is no evidence: the very rule may have been taken away since."""
    for each in scene.seen(Place.ABOVE, kind=SECURITY_GROUP):
        at, found = each.at or 0.0, _fact(each.facts)
        return Rules(at, each.service, found if each.in_time else None, found is not None, each.blind)
    return None


def unread(rules: Rules | None) -> Iterator[Evidence]:
    """Why there are no rules to go by: they could not be read (it names the missing permission), or not since then."""
    if rules is None:
        return
    if rules.blind is not None:
        values = {"service": rules.service, "why": rules.blind}
        yield Evidence(rules.service, Message("evidence.firewall_blind", values), rules.at)
    elif rules.facts is None and rules.before:
        yield Evidence(rules.service, Message("evidence.rules_before", {"service": rules.service}), rules.at)


def available(rules: Rules | None) -> tuple[RuledOut, ...]:
    """What AWS' word says against trouble with the instance."""
    if rules is None or rules.state != AVAILABLE:
        return ()
    return (against("rds_not_available.available", service=rules.service),)


def _closed(
    scene: Scene, cause: str, sign: Sign, confidence: Confidence, *, rules: Rules, ruled_out: Iterable[RuledOut] = ()
) -> Diagnosis:
    facts = rules.facts
    told = scene.diagnosis(
        cause,
        sign,
        confidence,
        ruled_out=(
            *((against("dns_failure.address", address=facts.address),) if facts else ()),
            *ruled_out,
            *available(rules),
        ),
        commands=(facts.open_with,) if facts and facts.open_with else (),
    )
    return _with_changes(told, scene, sign)


def _open(scene: Scene, cause: str, *, reasons: Iterable[str]) -> Diagnosis | None:
    sign = scene.failed(SECURITY_GROUP, reasons=reasons)
    if sign is None:
        return None
    facts = own(sign, scene.root).facts
    lines = facts.close_with if facts else ()
    more = (f"# +{len(lines) - COMMANDS_SHOWN}",) if len(lines) > COMMANDS_SHOWN else ()
    told = scene.diagnosis(
        cause,
        sign,
        Confidence.CERTAIN,
        ruled_out=(against("firewall_path_closed.open", why=facts.reason),) if facts and facts.reachable else (),
        commands=(*lines[:COMMANDS_SHOWN], *more),
    )
    return _with_changes(told, scene, sign)


def _with_changes(told: Diagnosis, scene: Scene, sign: Sign) -> Diagnosis:
    """With the last change of the rules."""
    changes = tuple(
        Evidence(
            scene.root,
            Message(
                "evidence.rules_changed",
                {"added": "; ".join(change.added) or "–", "removed": "; ".join(change.removed) or "–"},
            ),
            change.at,
        )
        for change in sign.rule_changes[-1:]
    )
    return replace(told, evidence=(*told.evidence, *changes))


def _fact(facts: Iterable[Fact]) -> Firewall | None:
    return next((fact for fact in facts if isinstance(fact, Firewall)), None)
