"""What a rule may look at: the signs of the root's trouble."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.core.model import (
    Confidence,
    Diagnosis,
    Evidence,
    Fact,
    Failed,
    Message,
    Observation,
    RuleChange,
    RuledOut,
    Seen,
    Trouble,
)


@dataclass(frozen=True, slots=True)
class Sign:
    """One metric of one check of the root that is failing. `facts` are those of the check's newest look;
    `rule_changes` are what its looks have found changed."""

    check: str
    kind: str
    metric: str
    trouble: Trouble
    at: float
    facts: tuple[Fact, ...] = ()
    rule_changes: tuple[RuleChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """The newest look of one check of a service that the root depends on. `blind`: why it could not look."""

    service: str
    kind: str
    at: float
    facts: tuple[Fact, ...] = ()
    blind: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is known of a root's trouble at a moment. Signs stand from worst to mildest."""

    root: str
    signs: tuple[Sign, ...]
    around: tuple[Around, ...] = ()

    def failed(self, kind: str, *, phases: Iterable[str] = (), reasons: Iterable[str] = ()) -> Sign | None:
        """The worst sign of a look of this kind that failed in one of these phases for one of these reasons; an empty
        choice means any."""
        wanted_phases, wanted_reasons = tuple(phases), tuple(reasons)
        for sign in self.signs:
            fits = not wanted_phases or sign.trouble.phase in wanted_phases
            if sign.kind == kind and fits and (not wanted_reasons or sign.trouble.reason in wanted_reasons):
                return sign
        return None

    def diagnosis(
        self, cause: str, sign: Sign, confidence: Confidence, *, not_seen: str = "", ruled_out: Iterable[str] = ()
    ) -> Diagnosis:
        """A diagnosis that rests on `sign`. `not_seen` names the words for what was not examined; `ruled_out` are
        `cause.why`, put into words as `ruled_out.cause.why`."""
        evidence = [Evidence(self.root, sign.trouble.message, sign.at)]
        if not_seen:
            evidence.append(Evidence(self.root, Message(f"evidence.{not_seen}"), sign.at))
        values = {"service": self.root}
        return Diagnosis(
            cause=cause,
            summary=Message(f"cause.{cause}.summary", values),
            confidence=confidence,
            evidence=tuple(evidence),
            ruled_out=tuple(RuledOut(each.split(".")[0], Message(f"ruled_out.{each}")) for each in ruled_out),
            remedy=Message(f"cause.{cause}.remedy", values),
        )


def facts_of(look: Observation | None) -> tuple[Fact, ...]:
    """The facts a look brought back; a blind one has none."""
    return look.result.facts if look and isinstance(look.result, Seen | Failed) else ()
