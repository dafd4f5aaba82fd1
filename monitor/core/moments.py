"""Moving everything we remember in time at once, for the day the machine's clock is put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, TypeVar

from monitor.core.model import Incident, Input, State

_T = TypeVar("_T", State, Input, Incident)

NAMES: Final = frozenset({"since", "at", "began", "last_start"})
ENDINGS: Final = ("_at", "_since", "_until")
SEVERAL: Final = frozenset({"episodes", "past", "changes", "restarts", "memory_kills"})
"""Fields that hold moments among other things, or nothing but moments."""
THEIRS: Final = frozenset({"result", "workers", "environments", "pools", "landmarks"})
"""What a look found: the times in it are those of other people's clocks."""


def is_moment(name: str) -> bool:
    """Whether a number of this name is a moment of ours."""
    return name in NAMES or name.endswith(ENDINGS)


def moved(value: _T, by: float) -> _T:
    """The same, as if all of it had happened `by` seconds later. 0 means never, and stays."""
    return _moved(value, by)  # type: ignore[no-any-return]  # it has the type that it had


def newest(state: State) -> float:
    """When the newest look ended that is remembered; 0 without one."""
    checks = (check for service in state.services.values() for check in service.checks.values())
    return max((check.last.ended for check in checks if check.last), default=0.0)


def _moved(value: Any, by: float) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _field(each.name, getattr(value, each.name), by) for each in fields(value)})
    if isinstance(value, tuple):
        return tuple(_moved(each, by) for each in value)
    if isinstance(value, Mapping):
        return {key: _moved(each, by) for key, each in value.items()}
    return value


def _field(name: str, value: Any, by: float) -> Any:
    if name in THEIRS:
        return value
    if name in SEVERAL:
        return _each(value, by)
    if is_moment(name) and isinstance(value, int | float):
        return value + by if value else value
    return _moved(value, by)


def _each(value: Any, by: float) -> Any:
    """`episodes` are moments; `past` has one behind each key; `restarts`, and the `changes` of a service, begin each
    entry with one. Other changes are values of their own."""
    if isinstance(value, Mapping):
        return {key: at + by for key, at in value.items()}
    return tuple(_entry(each, by) for each in value)


def _entry(entry: Any, by: float) -> Any:
    if isinstance(entry, tuple):
        return (entry[0] + by, *entry[1:])
    return _moved(entry, by) if is_dataclass(entry) else entry + by
