"""What the connection pools of all apps may ask of a database, weighed against what it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from monitor.core.model import (
    Blind,
    DatabaseServer,
    Fact,
    Failed,
    Message,
    Pools,
    Seen,
    Status,
    Trouble,
)

BUDGET: Final = "connection_budget"
"""The metric of pools that are together larger than the database."""

USABLE: Final = "usable_connections"


@dataclass(frozen=True, slots=True)
class Offer:
    """How many sessions a database has for its clients."""

    database: str
    usable: float


def pools_of(facts: Iterable[Fact]) -> tuple[Pools, ...]:
    """The pools among the facts of a look."""
    return tuple(fact for fact in facts if isinstance(fact, Pools))


def offer_of(result: Seen | Failed | Blind) -> Offer | None:
    """What a look at a database found; None if it found no such thing."""
    if isinstance(result, Blind):
        return None
    server = next((fact for fact in result.facts if isinstance(fact, DatabaseServer)), None)
    usable = next((reading.value for reading in result.readings if reading.name == USABLE), None)
    return Offer(server.database, usable) if server is not None and usable is not None else None


def budget(service: str, offer: Offer, asked: Iterable[Pools]) -> Trouble | None:
    """Pools that could ask for more than there is will one day do so, all at once, and then nobody gets in."""
    every = [each for each in asked if each.count]
    wanted = sum(each.count * each.most for each in every)
    if wanted <= offer.usable:
        return None
    shown = ", ".join(f"{each.app} {each.count} × {each.most}" for each in every)
    words = Message(
        "wiring.connection_budget", {"service": service, "wanted": wanted, "usable": int(offer.usable), "pools": shown}
    )
    return Trouble(BUDGET, Status.WARNING, BUDGET, words, value=float(wanted), threshold=offer.usable, harmless=True)
