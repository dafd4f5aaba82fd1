"""Looking once at everything, without a daemon and without a memory."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from monitor.checks.base import Check
from monitor.clock import Clock, SystemClock
from monitor.config.load import Loaded
from monitor.config.plan import plan
from monitor.core.model import Failed, Finding, Observation, Plan, Seen, State
from monitor.core.step import begin, step
from monitor.look import look, surroundings

_NOBODY_IS_TOLD: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Glance:
    """What one look at everything has led to."""

    plan: Plan
    state: State
    now: float


async def glance(loaded: Loaded, names: Collection[str]) -> Glance:
    """Look at these services side by side, and believe what was seen at once: nobody waits here for a confirmation, and
    no supervisor has time to mend anything."""
    clock = SystemClock()
    checks: list[tuple[str, Check]] = [(n, each) for n in names for each in loaded.config.services[n].checks]
    observations = await _look_at(checks, loaded, clock)
    planned = _decided_at_once(plan(loaded.config))
    believed = begin(planned, None, clock.now())
    for observation in observations:
        believed, _ = step(planned, believed, clock.now(), _without_grace(observation))
    return Glance(planned, believed, clock.now())


async def _look_at(checks: list[tuple[str, Check]], loaded: Loaded, clock: Clock) -> list[Observation]:
    async with surroundings(loaded.databases, environ=loaded.environment, clock=clock, aws=loaded.config.aws) as around:
        return await asyncio.gather(*(look(name, each, around) for name, each in checks))


def _decided_at_once(planned: Plan) -> Plan:
    services = {
        name: replace(each, checks=tuple(replace(check, confirm=1, recover=1) for check in each.checks))
        for name, each in planned.services.items()
    }
    return replace(planned, services=services, hold=_NOBODY_IS_TOLD)


def _without_grace(observation: Observation) -> Observation:
    result = observation.result
    if not isinstance(result, Seen | Failed):
        return observation
    facts = tuple(replace(fact, grace_seconds=0.0) if isinstance(fact, Finding) else fact for fact in result.facts)
    return replace(observation, result=replace(result, facts=facts))
