"""How the monitor itself is, beside what it watches: above all how each of its channels stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.heartbeat import Sent
from monitor.store import Backlog


@dataclass(frozen=True, slots=True)
class Try:
    """One try to hand a notice over. `outcome` as in `infra_notices_total`; `error` is empty when it was taken."""

    at: float
    outcome: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a channel owes, what came of its newest try, and whether it has stopped. `kind` is None when no channel of
    this name is configured any more. `stopped`: the try whose answer was that the receiver wants nothing more; nothing
    is sent to it until it is configured otherwise, or the monitor reloads or restarts. `unrefreshed`: why it could not
    be told again of what is open."""

    channel: str
    kind: str | None
    owed: Backlog = field(default_factory=Backlog)
    newest: Try | None = None
    delivered_at: float | None = None
    stopped: Try | None = None
    unrefreshed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`heartbeat` is None if nobody expects one; `store_error`: why the newest change could not be kept."""

    channels: tuple[Standing, ...] = ()
    heartbeat: Sent | None = None
    store_error: str | None = None
