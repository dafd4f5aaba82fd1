"""What only shows when parts of the configuration are put side by side: names given twice, circles of dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from monitor.config.document import Path
from monitor.config.explain import Explained
from monitor.core.model import Plan, ServicePlan
from monitor.core.topology import CyclicDependency, check_acyclic

MOST_CIRCLES: Final = 20


def names_given_twice(data: Any) -> Iterator[Explained]:
    """Two checks of one service, or two channels, that would answer to the same name. `data` may be anything."""
    for service, checks in _checks(data):
        yield from _twice(checks, ("services", service, "checks"), "check")
    yield from _twice(_under(data, "notify"), ("notify",), "channel")


def watched_databases(data: Any) -> dict[str, str]:
    """What `database` of a check that looks around a database may say, and which database that is: its name, or the
    service that watches it. A name in `databases` wins; a service that watches several means none of them."""
    named = _under(data, "databases")
    known = {str(name): str(name) for name in ("default", *(named if isinstance(named, dict) else ()))}
    for service, checks in _checks(data):
        listed = checks if isinstance(checks, list) else ()
        found = {_database(check) for check in listed if _under(check, "kind") == "rds"}
        if len(found) == 1:
            known.setdefault(str(service), *found)
    return known


def _database(check: Any) -> str:
    """Something that is no name is told where it stands."""
    name = check.get("database", "default")
    return name if isinstance(name, str) else ""


def _checks(data: Any) -> Iterator[tuple[str, Any]]:
    services = _under(data, "services")
    for name, service in services.items() if isinstance(services, dict) else ():
        yield name, _under(service, "checks")


def _under(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None


def _twice(entries: Any, path: Path, what: str) -> Iterator[Explained]:
    first: dict[str, int] = {}
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        label = _under(entry, "name") or _under(entry, "kind")
        if not isinstance(label, str):
            continue
        if label in first:
            yield Explained(
                (*path, index),
                f"a second {what} called {label} (the first is number {first[label] + 1}); give it a name",
            )
        first.setdefault(label, index)


def planned_roughly(data: Any) -> Plan:
    """As much of the plan as can be known of a configuration with mistakes in it: who says it depends on whom."""
    services = _under(data, "services")
    names = tuple(services) if isinstance(services, dict) else ()
    return Plan(services={name: ServicePlan(name, (), _said(services[name], names)) for name in names})


def _said(service: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    said = _under(service, "depends_on")
    return tuple(name for name in said if name in names) if isinstance(said, list) else ()


def circles(plan: Plan) -> Iterator[Explained]:
    """The circles of dependencies, each once: `a → b → a`; no more of them than a person would read."""
    services = dict(plan.services)
    for _ in range(MOST_CIRCLES):
        try:
            check_acyclic(Plan(services=services))
        except CyclicDependency as circle:
            first, second = circle.path[0], circle.path[1]
            yield Explained(
                ("services", first, "depends_on"), f"services must not depend on each other: {' → '.join(circle.path)}"
            )
            left = tuple(name for name in services[first].depends_on if name != second)
            services[first] = ServicePlan(first, (), left)
        else:
            return
