"""What people see of a service at a moment: its status with maintenance put over it, and how long it has been up."""

from __future__ import annotations

from monitor.core.model import Plan, State, Status


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
