"""How the dashboards ask Prometheus: what is selected, and the few shapes that come again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_HOST: Final = 'instance="$host"'
WINDOW: Final = "$__rate_interval"
STATUSES: Final = {"healthy": 0, "unknown": 1, "warning": 2, "critical": 3, "down": 4, "maintenance": 5}
"""The number that a status is drawn as; the order is from well to bad, maintenance apart."""


def host(metric: str, *labels: str) -> str:
    """Of the chosen host's daemon: `host("infra_incidents")`, `host("infra_watched", 'sign="file"')`."""
    return f"{metric}{{{', '.join((_HOST, *labels))}}}"


def of(variable: str) -> Callable[..., str]:
    """Like `host`, of what is chosen in that variable alone. Each dashboard has a name of its own for it, so that a
    link to another one does not take along a service that is not to be had there."""

    def here(metric: str, *labels: str) -> str:
        return host(metric, f'service=~"${variable}"', *labels)

    return here


def total(expression: str, *by: str) -> str:
    """Its sum by those labels."""
    return f"sum by ({', '.join(by)}) ({expression})"


def worst(expression: str, *by: str) -> str:
    """Its largest by those labels."""
    return f"max by ({', '.join(by)}) ({expression})"


def growth(counter: str) -> str:
    """By how much a counter grew that begins at 0 with the daemon."""
    return f"increase({counter}[{WINDOW}])"


def counted(counter: str) -> str:
    """The same for counters whose labels are born with the first event: `increase` alone does not see that one."""
    return f"({counter} unless {counter} offset {WINDOW}) or {growth(counter)}"


def rate(counter: str) -> str:
    """Its growth in a second."""
    return f"rate({counter}[{WINDOW}])"


def quantile(share: float, histogram: str, *by: str) -> str:
    """Of the buckets of a histogram, for example 0.95."""
    return f"histogram_quantile({share}, {total(rate(histogram), *by, 'le')})"


def age(timestamp: str) -> str:
    """Seconds since then."""
    return f"time() - {timestamp}"


def days_until(timestamp: str) -> str:
    """Days from now; negative when it is over."""
    return f"({timestamp} - time()) / 86400"


def status_number(selected: str) -> str:
    """For each service the number of its status. `selected`: a selector without status, as `{instance="a"}`."""
    terms = (f'infra_service_status{selected[:-1]}, status="{name}"}} * {rank}' for name, rank in STATUSES.items())
    return " or ".join(terms)


def worst_number(selected: str) -> str:
    """The number of the worst status, services in maintenance left out as everywhere."""
    terms = (
        f'infra_service_status{selected[:-1]}, status="{name}"}} * {0 if name == "maintenance" else rank}'
        for name, rank in STATUSES.items()
    )
    return " or ".join(terms)
