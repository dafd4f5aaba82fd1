"""What every channel is: its validated, frozen configuration with one method that sends one notice."""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from monitor.core.durations import parse_duration
from monitor.core.model import ChannelPlan, Notice, Severity
from monitor.sources.aside import Aside

if TYPE_CHECKING:
    import aiohttp

    from monitor.clock import Clock


class NotTaken(Exception):  # noqa: N818 — it is the receiver's answer, not an error of ours
    """The receiver did not take the notice. `permanent`: asking again is useless; `stop`: it wants nothing more (410).
    `retry_after`: the seconds it asked us to wait."""

    def __init__(
        self, reason: str, *, permanent: bool = False, stop: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.stop = stop
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice on its way to one channel. `id` is the same over all tries; receivers may use it to drop repeats.
    `url` is the address of the monitor's own pages; `timezone` the zone in which people are told times."""

    id: str
    notice: Notice
    language: str
    url: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The shared things a channel may use to send. `quotes`: whoever sends is there and wants to read the receiver's
    own words; else they are not repeated, for a receiver may echo what it must not."""

    http: aiohttp.ClientSession
    clock: Clock
    aside: Aside = field(default_factory=Aside)
    quotes: bool = False


def _seconds(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a duration, for example 10m")  # noqa: TRY004 — pydantic collects ValueErrors
    return parse_duration(value) if isinstance(value, str) else value


_Duration = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=float | str)]

Wait = Annotated[_Duration, Field(ge=0, allow_inf_nan=False)]
"""A duration in configuration that may be nothing."""

TryTime = Annotated[_Duration, Field(gt=0, le=25, allow_inf_nan=False)]
"""How long one try may take: shorter than the outbox waits."""


def _known_service(name: str, info: ValidationInfo) -> str:
    known = info.context["services"] if info.context else (name,)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise ValueError(f"there is no service {name!r}" + (f", did you mean {near[0]}?" if near else ""))
    return name


SeverityWord: TypeAlias = Literal["info", "warning", "error", "critical"]


class Channel(BaseModel):
    """Where notices go. A kind is a subclass in a file of its own and a line in `notify/__init__.py`."""

    # What is wrong in a channel may be a secret: it must not come back in the text of a mistake.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    keeps_open: ClassVar[bool] = False
    """Whether the receiver keeps what was opened until it is told that it is over (a test by hand tells it so)."""

    kind: str
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="What it is called; needed when there are two of a kind. Default: its kind.",
    )
    language: Literal["en", "ko"] | None = Field(default=None, description="Default: the `language` of all.")
    severity: SeverityWord | tuple[SeverityWord, ...] | None = Field(
        default=None,
        description="Only incidents at least as severe as this word, or exactly those of a list. Default: all.",
    )
    services: tuple[Annotated[str, AfterValidator(_known_service)], ...] = Field(
        default=(), description="Only incidents that one of these services causes or is taken along by. Default: all."
    )
    after: Wait | None = Field(
        default=None,
        description="Only incidents that people have known for so long, still open and not acknowledged "
        "(escalation). Default: at once.",
    )

    @property
    def label(self) -> str:
        """The `channel` label: the name, else the kind."""
        return self.name or self.kind

    def planned(self) -> ChannelPlan:
        """What the core needs to know of it."""
        return ChannelPlan(self.label, self._severities(), self.services, self.after or 0.0)

    def _severities(self) -> tuple[Severity, ...]:
        match self.severity:
            case None:
                return tuple(Severity)
            case str(least):
                return tuple(each for each in Severity if each.rank >= Severity(least).rank)
            case listed:
                return tuple(Severity(each) for each in listed)

    @abstractmethod
    async def send(self, delivery: Delivery, post: Post) -> str:
        """Return, in a few words, the receiver's answer when it has taken the notice; raise NotTaken if it has not;
        stay within 30 s."""

    @property
    def refreshed_every(self) -> float | None:
        """How often the receiver must hear of open incidents again lest it takes them for over; None: never."""
        return None

    async def refresh(self, deliveries: Sequence[Delivery], post: Post) -> None:
        """Tell it of these again. Raises NotTaken."""

    @property
    def is_watchdog(self) -> bool:
        """Whether the receiver is told in the same rhythm that the monitor lives, and tells people when it is not."""
        return False

    async def live(self, post: Post, *, language: str, url: str) -> None:
        """Tell it that the monitor lives. Raises NotTaken."""
