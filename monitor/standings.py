"""How a channel stands: what it owes, what came of its newest try, and whether it has stopped."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.store import Backlog


@dataclass(frozen=True, slots=True)
class Try:
    """One try to hand a notice over. `outcome` as in `infra_notices_total`; `error` is empty when it was taken."""

    at: float
    outcome: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`kind` is None when no channel of this name is configured any more. `stopped`: the try whose answer was that the
    receiver wants nothing more; nothing is sent to it until it is configured otherwise, or the monitor reloads or
    restarts. `unrefreshed`: why it could not be told again of what is open."""

    channel: str
    kind: str | None
    owed: Backlog = field(default_factory=Backlog)
    newest: Try | None = None
    delivered_at: float | None = None
    stopped: Try | None = None
    unrefreshed: str = ""
