"""Who depends on whom, near and far; circles are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from monitor.core.model import Link, Plan

Edges: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


class CyclicDependency(Exception):  # noqa: N818 — it is a finding about the configuration
    """A service that in the end depends on itself; `path` goes once around and ends where it began."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(" → ".join(path))
        self.path = path


@dataclass(frozen=True, slots=True)
class Topology:
    """For each service all it depends on and all that depend on it, the nearest first, none twice."""

    above: Mapping[str, tuple[str, ...]]
    below: Mapping[str, tuple[str, ...]]


def topology(plan: Plan) -> Topology:
    """The plan's topology; remembered, because every step asks."""
    return _topology(_edges(plan))


def dependencies(plan: Plan, service: str) -> tuple[str, ...]:
    """All that `service` cannot do without, directly or through others, the nearest first."""
    return topology(plan).above.get(service, ())


def dependants(plan: Plan, service: str) -> tuple[str, ...]:
    """All that cannot do without `service`, directly or through others, the nearest first."""
    return topology(plan).below.get(service, ())


def linked(plan: Plan, links: Iterable[Link]) -> Plan:
    """The plan with what was found out: each link whose ends are planned adds a dependency, unless its service does not
    want that, or it would close a circle. What is configured counts before what was seen, and the older link before the
    younger."""
    pairs = tuple((each.service, each.needs) for each in sorted(links, key=_by_age))
    if not pairs:
        return plan
    wanted = tuple(name for name, each in plan.services.items() if each.discovers)
    more = _accepted(_edges(plan), pairs, wanted)
    changed = {
        name: replace(plan.services[name], depends_on=(*plan.services[name].depends_on, *others))
        for name, others in more.items()
    }
    return replace(plan, services={**plan.services, **changed}) if changed else plan


def check_acyclic(plan: Plan) -> None:
    """Raise CyclicDependency when a service depends on itself in the end."""
    edges = {
        name: [other for other in each.depends_on if other in plan.services] for name, each in plan.services.items()
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        raise CyclicDependency(tuple(reversed(error.args[1]))) from None  # it goes from the needed to the needing


def _edges(plan: Plan) -> Edges:
    return tuple((name, each.depends_on) for name, each in plan.services.items())


def _by_age(link: Link) -> tuple[float, str, str]:
    return link.since, link.service, link.needs


@lru_cache(maxsize=16)
def _accepted(
    edges: Edges, pairs: tuple[tuple[str, str], ...], wanted: tuple[str, ...]
) -> Mapping[str, tuple[str, ...]]:
    planned = {name for name, _ in edges}
    up = {name: [other for other in needs if other in planned] for name, needs in edges}
    more = dict[str, tuple[str, ...]]()
    for service, needs in pairs:
        known = needs in planned and service in wanted and needs not in up[service]
        if known and service != needs and service not in _reach(up, needs):
            up[service].append(needs)
            more[service] = (*more.get(service, ()), needs)
    return more


@lru_cache(maxsize=16)
def _topology(edges: Edges) -> Topology:
    names = {name for name, _ in edges}
    up = {name: tuple(other for other in needs if other in names) for name, needs in edges}
    down = {name: tuple(other for other, needs in edges if name in needs) for name, _ in edges}
    return Topology({name: _reach(up, name) for name in up}, {name: _reach(down, name) for name in down})


def _reach(edges: Mapping[str, Iterable[str]], start: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    frontier = list(edges[start])
    while frontier:
        for name in frontier:
            found.setdefault(name)
        frontier = list(dict.fromkeys(more for name in frontier for more in edges[name] if more not in found))
    return tuple(found)
