"""What every channel is: its validated, frozen configuration with one method that sends one notice."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from monitor.core.model import Notice

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
    """One notice on its way to one channel. `id` is the same over all tries; receivers may use it to drop repeats."""

    id: str
    notice: Notice
    language: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The shared things a channel may use to send."""

    http: aiohttp.ClientSession
    clock: Clock


class Channel(BaseModel):
    """Where notices go. A kind is a subclass in a file of its own and a line in `notify/__init__.py`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="What it is called; needed when there are two of a kind. Default: its kind.",
    )
    language: Literal["en", "ko"] | None = Field(default=None, description="Default: the `language` of all.")

    @property
    def label(self) -> str:
        """The `channel` label: the name, else the kind."""
        return self.name or self.kind

    @abstractmethod
    async def send(self, delivery: Delivery, post: Post) -> None:
        """Return when the receiver has taken the notice; raise NotTaken if it has not; stay within 30 s."""
