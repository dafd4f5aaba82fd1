"""From the configuration to what the core needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.checks.base import Check
from monitor.config.model import Config, ServiceConfig
from monitor.core.model import CheckPlan, Plan, ServicePlan

STALE_AFTER_LOOKS: Final = 3
"""How many intervals without a look make a service unknown, unless the check says otherwise."""

SPARE_SECONDS: Final = 1.0
"""A look that takes its whole timeout is no blindness: its verdict comes this much later at the latest."""


def plan(config: Config) -> Plan:
    """The plan. A service depends on what `depends_on` says, and on every other service with a check that provides
    what one of its own checks needs (an app of PM2 needs PM2's daemon). What is found out is added in the core."""
    providers: dict[str, list[str]] = {}
    for name, service in config.services.items():
        for check in service.checks:
            for thing in check.provides:
                providers.setdefault(thing, []).append(name)
    return Plan(
        services={name: _service(name, service, providers) for name, service in config.services.items()},
        channels=tuple(channel.planned() for channel in config.notify),
        remind=None if config.remind == "never" else config.remind,
    )


def _service(name: str, service: ServiceConfig, providers: Mapping[str, list[str]]) -> ServicePlan:
    by_nature = (other for check in service.checks for need in check.needs for other in providers.get(need, ()))
    return ServicePlan(
        name=name,
        checks=tuple(_check(check) for check in service.checks),
        depends_on=tuple(dict.fromkeys((*service.depends_on, *(other for other in by_nature if other != name)))),
        metadata=dict(service.metadata),
        addresses=tuple(dict.fromkeys(address for check in service.checks for address in check.asks)),
        discovers=service.discover,
    )


def _check(check: Check) -> CheckPlan:
    return CheckPlan(
        name=check.label,
        kind=check.kind,
        every=check.every,
        timeout=check.timeout,
        stale_after=check.stale_after
        or max(STALE_AFTER_LOOKS * check.every, check.every + check.timeout + SPARE_SECONDS),
        confirm=check.confirm,
        recover=check.recover,
        thresholds=check.judged_by(),
    )
