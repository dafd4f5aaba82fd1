"""What one look brought back, whatever came of it."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.core.model.facts import Fact, Reading
from monitor.core.words import Status


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and why a look failed. `message` is the other side's text, secrets removed; `status` is what it means."""

    phase: str
    reason: str
    message: str
    status: Status = Status.DOWN


@dataclass(frozen=True, slots=True)
class Seen:
    """The look succeeded; its findings and readings may still be bad news."""

    readings: tuple[Reading, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The thing looked at did not answer as it should."""

    failure: Failure
    readings: tuple[Reading, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Blind:
    """We could not look. It says nothing about the thing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look brought back. `exhausted` = it used its whole deadline, so it needs no confirmation."""

    service: str
    check: str
    began: float
    took_seconds: float
    result: Seen | Failed | Blind
    exhausted: bool = False

    @property
    def ended(self) -> float:
        """When the look was over."""
        return self.began + self.took_seconds
