"""What people see of a service at a moment: its status with maintenance put over it, and how long it has been up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.core.model import Plan, State, Status


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a service was shown with one status, as far as the monitor watched it."""

    service: str
    status: Status
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Availability:
    """Of the time in which it was known whether the service answers, how much it did. Maintenance, `unknown` and the
    time in which the monitor did not run count on neither side."""

    up_seconds: float
    known_seconds: float

    @property
    def percent(self) -> float | None:
        """None when nothing is known."""
        return 100 * self.up_seconds / self.known_seconds if self.known_seconds else None


def availability(stays: Iterable[Stay], *, since: float, until: float) -> Availability:
    """The part of the stays that lies between the two moments."""
    up = known = 0.0
    for stay in stays:
        seconds = min(stay.ended, until) - max(stay.began, since)
        if seconds <= 0 or stay.status in (Status.MAINTENANCE, Status.UNKNOWN):
            continue
        known += seconds
        up += 0.0 if stay.status is Status.DOWN else seconds
    return Availability(up, known)


def in_maintenance(state: State, service: str, now: float) -> bool:
    """Whether the service is declared as being worked on at this moment."""
    return any(each.service == service and each.starts_at <= now < each.ends_at for each in state.maintenance)


def shown(state: State, service: str, now: float) -> Status:
    """The status people see. A service nobody has looked at is unknown."""
    if in_maintenance(state, service, now):
        return Status.MAINTENANCE
    known = state.services.get(service)
    return known.status if known else Status.UNKNOWN


def overall(plan: Plan, state: State, now: float) -> Status:
    """The worst of down > critical > warning > unknown > healthy over all services that are not being worked on."""
    statuses = (shown(state, name, now) for name in plan.services)
    counted = [status for status in statuses if status is not Status.MAINTENANCE]
    return max(counted, key=lambda status: status.rank, default=Status.HEALTHY)


def uptime_seconds(state: State, service: str, now: float) -> float | None:
    """Seconds since it was last down, or since it was first seen; None before that."""
    known = state.services.get(service)
    if known is None or known.first_seen_at is None:
        return None
    if known.status is Status.DOWN:
        return 0.0
    return max(0.0, now - (known.first_seen_at if known.last_down_at is None else known.last_down_at))
