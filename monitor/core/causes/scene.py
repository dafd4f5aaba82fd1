"""What a rule may look at: the signs of the root's trouble, and the newest look at everything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from monitor.core.judge import quantity
from monitor.core.model import (
    Confidence,
    Diagnosis,
    Evidence,
    Fact,
    Failed,
    Message,
    Observation,
    Reading,
    RuleChange,
    RuledOut,
    Seen,
    Supervisor,
    Trouble,
)

F = TypeVar("F")

Said = str | int | float
"""A value that words may hold."""


_WELL: Final = {
    "rds": "database_unresponsive.well",
    "pm2": "pm2_daemon_down.well",
    "security_group": "firewall_path_closed.well",
}
"""What is ruled out by a look of this kind that found nothing wrong."""


class Place(StrEnum):
    """Where a look was, as seen from the root: at itself, at what it needs, at what needs it, at anything else."""

    OWN = "own"
    ABOVE = "above"
    BELOW = "below"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class Sign:
    """One metric of one check of the root that is failing, since the look that began at `since`. `facts` and `readings`
    are those of the check's newest look; `rule_changes` are what its looks have found changed; `restarts` and
    `memory_kills` are the unplanned restarts, and the processes that the kernel ended for want of memory, of the last
    ten minutes: when that was seen, and how many."""

    check: str
    kind: str
    metric: str
    trouble: Trouble
    at: float
    since: float = 0.0
    facts: tuple[Fact, ...] = ()
    readings: tuple[Reading, ...] = ()
    rule_changes: tuple[RuleChange, ...] = ()
    restarts: tuple[tuple[float, int], ...] = ()
    memory_kills: tuple[tuple[float, int], ...] = ()

    @property
    def course(self) -> tuple[str, ...]:
        """What stays the same while one and the same fault goes on: which metric fails, and in which way. An app's
        processes die, wait, are given up and are stopped in the course of one fault."""
        way = () if self.kind == "pm2" else (self.trouble.phase, self.trouble.reason)
        return (self.check, self.metric, *way)

    @property
    def said(self) -> str:
        """What the other side said, or what was found, for use in another sentence."""
        return str(self.trouble.message.values.get("text", self.trouble.reason))


@dataclass(frozen=True, slots=True)
class Sight:
    """The newest look of one check of any service. `at` is when it began, None without one; `in_time`: that was no
    earlier than the trouble. What is older says how it was before. `blind`: why it could not look; `troubles` are what
    is believed to be wrong there, and when that was last seen."""

    service: str
    check: str
    kind: str
    place: Place
    at: float | None = None
    in_time: bool = False
    facts: tuple[Fact, ...] = ()
    readings: tuple[Reading, ...] = ()
    blind: str | None = None
    troubles: tuple[tuple[Trouble, float], ...] = ()

    @property
    def is_well(self) -> bool:
        """It was looked at in time, and there is nothing wrong with it."""
        return self.in_time and self.blind is None and not self.troubles


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is known around a root's trouble at a moment. Signs stand from worst to mildest, sights as planned."""

    root: str
    signs: tuple[Sign, ...]
    sights: tuple[Sight, ...] = ()

    def failed(self, kind: str, *, phases: Iterable[str] = (), reasons: Iterable[str] = ()) -> Sign | None:
        """The worst sign of a look of this kind that failed in one of these phases for one of these reasons; an empty
        choice means any."""
        wanted_phases, wanted_reasons = tuple(phases), tuple(reasons)
        for sign in self.signs:
            fits = not wanted_phases or sign.trouble.phase in wanted_phases
            if sign.kind == kind and fits and (not wanted_reasons or sign.trouble.reason in wanted_reasons):
                return sign
        return None

    def past(self, *kinds: str, metrics: Iterable[str]) -> Sign | None:
        """The worst sign of a look of these kinds whose number is past its bound."""
        wanted = tuple(metrics)
        return next((sign for sign in self.signs if sign.kind in kinds and sign.metric in wanted), None)

    def seen(self, *places: Place, kind: str = "") -> Iterator[Sight]:
        """The sights at these places, of this kind."""
        return (each for each in self.sights if each.place in places and kind in ("", each.kind))

    def facts(self, sort: type[F], *places: Place) -> Iterator[F]:
        """Every fact of this sort that was seen at these places (none named: anywhere), however old."""
        for each in self.sights:
            if not places or each.place in places:
                yield from (fact for fact in each.facts if isinstance(fact, sort))

    def supervisor(self) -> Supervisor | None:
        """PM2 as it was last seen, wherever that was."""
        return next(self.facts(Supervisor), None)

    def machine(self) -> tuple[Evidence, ...]:
        """What the machine has too little of, as it is believed at this moment; it may make everything else slow."""
        return tuple(
            Evidence(each.service, trouble.message, at)
            for each in self.sights
            if each.kind == "host" and each.place is not Place.OWN
            for trouble, at in each.troubles
        )

    def well(self) -> tuple[RuledOut, ...]:
        """What the root needs that was looked at since the trouble began, and has none."""
        return tuple(
            against(_WELL[each.kind], service=each.service)
            for each in self.seen(Place.ABOVE)
            if each.is_well and each.kind in _WELL
        )

    def diagnosis(
        self,
        cause: str,
        sign: Sign,
        confidence: Confidence,
        *,
        words: str = "",
        values: dict[str, Said] | None = None,
        evidence: Iterable[Evidence] = (),
        not_seen: str = "",
        ruled_out: Iterable[RuledOut] = (),
        commands: Iterable[str] = (),
    ) -> Diagnosis:
        """A diagnosis that rests on `sign`. `words` chooses other words than the usual ones: `cause.X.WORDS` instead of
        `summary`, `cause.X.WORDS_remedy` instead of `remedy`. `not_seen` names the words for what was not examined."""
        shown = [Evidence(self.root, sign.trouble.message, sign.at), *evidence]
        if not_seen:
            shown.append(Evidence(self.root, Message(f"evidence.{not_seen}"), sign.at))
        said: dict[str, Said] = {"service": self.root, **(values or {})}
        return Diagnosis(
            cause=cause,
            summary=Message(f"cause.{cause}.{words or 'summary'}", said),
            confidence=confidence,
            evidence=tuple(shown),
            ruled_out=tuple(ruled_out),
            remedy=Message(f"cause.{cause}.{f'{words}_remedy' if words else 'remedy'}", said),
            commands=tuple(commands),
            rests_on=sign.course,
        )


def against(why: str, /, **values: Said) -> RuledOut:
    """What speaks against another cause; `cause.why` is put into words as `ruled_out.cause.why`."""
    return RuledOut(why.partition(".")[0], Message(f"ruled_out.{why}", values))


def phases_of(sign: Sign, readings: Iterable[Reading]) -> str:
    """How long each phase took, up to the one in which it failed: `resolve 3 ms, tcp 10s`."""
    found = []
    for reading in readings:
        if reading.name == "phase_duration" and (phase := reading.labels.get("phase")):
            found.append(f"{phase} {quantity(reading.value, 'seconds')}")
            if phase == sign.trouble.phase:
                break
    return ", ".join(found) or "–"


def facts_of(look: Observation | None) -> tuple[Fact, ...]:
    """The facts a look brought back; a blind one has none."""
    return look.result.facts if look and isinstance(look.result, Seen | Failed) else ()


def readings_of(look: Observation | None) -> tuple[Reading, ...]:
    """The readings a look brought back; a blind one has none."""
    return look.result.readings if look and isinstance(look.result, Seen | Failed) else ()
