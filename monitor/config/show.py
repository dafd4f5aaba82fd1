"""What the configuration comes to: with its defaults, its databases and what follows by nature; without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr

from monitor.checks.base import Check
from monitor.config.load import Loaded
from monitor.config.model import state_directory
from monitor.config.plan import plan
from monitor.config.secrets import MASK, Veil, secrets_of
from monitor.core.model import ServicePlan, Severity, Threshold
from monitor.database import NotConfigured


def effective(loaded: Loaded, environ: Mapping[str, str]) -> str:
    """The configuration as YAML. Unset settings are left out."""
    config, planned = loaded.config, plan(loaded.config)
    shown = _plain(config) | {
        "state": {"directory": str(state_directory(config, environ))},
        "databases": {name: _plain(database) for name, database in loaded.databases.items()},
        "services": {
            name: _plain(service) | _by_nature(planned.services[name], service.checks)
            for name, service in config.services.items()
        },
    }
    filled = _filled(shown, Veil(secrets_of(loaded)))
    return str(yaml.safe_dump(filled, sort_keys=False, allow_unicode=True, width=120))


def _by_nature(planned: ServicePlan, checks: tuple[Check, ...]) -> dict[str, Any]:
    return {"depends_on": list(planned.depends_on), "checks": [_check(check) for check in checks]}


def _check(check: Check) -> dict[str, Any]:
    return {
        **_plain(check),
        "name": check.label,
        "thresholds": {each.metric: _bounds(each) for each in check.judged_by()},
    }


def _bounds(threshold: Threshold) -> dict[str, Any]:
    """Each bound as it would be written: alone, or with what belongs to it."""
    shown: dict[str, Any] = {}
    for severity in Severity:
        at, lasts = threshold.bound(severity), threshold.lasts.get(severity)
        more = {"recover": threshold.recover.get(severity), "for": None if lasts is None else duration(lasts)}
        shown[severity.value] = {"at": at, **more} if any(more.values()) else at
    return shown


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        case Mapping():
            return {key: _plain(each) for key, each in value.items()}
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case SecretStr():
            return MASK
        case NotConfigured() | Path():
            return str(value)
        case float():  # every decimal number of the configuration but the bounds is a duration
            return duration(value)
        case _:
            return value


def duration(seconds: float) -> str:
    """In the largest unit that divides it: `5m`, `90s`, `0.25s`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _filled(value: Any, veil: Veil) -> Any:
    """Without what is not set or empty, and without secrets that were put into other texts."""
    match value:
        case list():
            return [_filled(each, veil) for each in value]
        case dict():
            filled = {key: _filled(each, veil) for key, each in value.items()}
            return {key: each for key, each in filled.items() if each is not None and each not in ({}, [])}
        case str():
            return veil.over(value)
        case _:
            return value
