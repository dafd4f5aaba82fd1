"""What workers read when they began, held against what stands in their `.env` now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.core.model import Environment, Fact, Message, Status, Trouble

STALE: Final = "environment"
"""The metric of settings that were changed under a running worker."""


def environments_of(facts: Iterable[Fact]) -> tuple[Environment, ...]:
    """The environments among the facts of a look."""
    return tuple(fact for fact in facts if isinstance(fact, Environment))


def remembered(known: Iterable[Environment], found: Iterable[Environment]) -> tuple[Environment, ...]:
    """What each worker's process read: what was known of it, else what stands there, if nobody has written the file
    since that process began. Otherwise nobody can know, and nothing is remembered. A worker that was not seen keeps
    its past."""
    seen = tuple(found)
    old = {each.process: each for each in known}
    now = {(each.app, each.worker) for each in seen}
    unseen = tuple(each for each in old.values() if (each.app, each.worker) not in now)
    read = (old.get(each.process) or (None if each.touched else each) for each in seen)
    return (*unseen, *(each for each in read if each is not None))


def stale(read: Iterable[Environment], found: Iterable[Environment]) -> Trouble | None:
    """A worker goes on with what it read. Everything works until its next restart, or works no longer already."""
    old = {each.process: each for each in read}
    pairs = [(old[each.process], each) for each in found if each.process in old]
    changed = [(before, after) for before, after in pairs if before.marks != after.marks]
    if not changed:
        return None
    names = {name for before, after in changed for name in _differing(before, after)}
    _, last = changed[0]
    values: dict[str, str | int | float] = {
        "app": last.app,
        "file": last.file,
        "names": ", ".join(sorted(names)),
        "workers": len(changed),
    }
    words = Message("wiring.stale_environment", values)
    grace = last.grace_seconds
    return Trouble(STALE, Status.WARNING, "stale_environment", words, grace_seconds=grace, harmless=True)


def _differing(before: Environment, after: Environment) -> set[str]:
    names = before.marks.keys() | after.marks.keys()
    return {name for name in names if before.marks.get(name) != after.marks.get(name)}
