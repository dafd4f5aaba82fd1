"""What PM2's workers show from one look to the next: restarts that were planned, and restarts that were not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from monitor.core.model import (
    CheckState,
    Fact,
    Failed,
    Finding,
    MemoryKills,
    Message,
    Observation,
    PlannedExit,
    Status,
    Trouble,
    Worker,
)

RESTARTS: Final = "restarts"
"""The metric of unplanned restarts."""

WINDOW: Final = 600.0
LIMIT: Final = 3
PLANNED_GRACE: Final = 30.0
MOMENT_SECONDS: Final = 1.0
"""The end of something and the word that it was ordered come on two ways, and may be seen in either order."""


def workers_of(facts: Iterable[Fact]) -> tuple[Worker, ...]:
    """The workers among the facts of a look."""
    return tuple(fact for fact in facts if isinstance(fact, Worker))


def planned(before: Iterable[Worker], after: Iterable[Worker]) -> bool:
    """Whether somebody stopped, restarted or reloaded a worker between two looks: it has begun to stop, or it was
    created anew. A worker that stays `stopping` is no second plan."""
    known = {(each.app, each.worker): each for each in before}
    for worker in after:
        old = known.get((worker.app, worker.worker))
        if worker.pm2_status == "stopping" and (old is None or old.pm2_status != "stopping"):
            return True
        if old and created_anew(old, worker) and worker.pid != old.pid:  # `pm2 reset` keeps the process
            return True
    return False


def stopped(before: Iterable[Worker], facts: Iterable[Fact]) -> bool:
    """Whether an operator stopped the app between two looks: the check says so by giving the finding a grace. Whoever
    looks seldom sees no worker that is `stopping`, only the end of it."""
    said = any(isinstance(fact, Finding) and fact.reason == "stopped" and fact.grace_seconds for fact in facts)
    return said and any(worker.alive for worker in before)


def ordered(known: CheckState, look: Observation, facts: Iterable[Fact]) -> bool:
    """Whether PM2 itself said that it ended a process since the look before. Its list tells of that as well, but for an
    app that was taken out of it, and not before the new process is there."""
    since = look.began if known.workers_at is None else known.workers_at
    return any(isinstance(fact, PlannedExit) and look.ended - fact.seconds_ago >= since for fact in facts)


def dismissed(look: Observation) -> float | None:
    """When the supervisor was told to end, if this look has found it gone and knows that."""
    facts = look.result.facts if isinstance(look.result, Failed) else ()
    return next((look.ended - fact.seconds_ago for fact in facts if isinstance(fact, PlannedExit)), None)


def restarts(
    known: CheckState, after: Iterable[Worker], at: float, *, was_ordered: bool
) -> tuple[tuple[float, int], ...]:
    """The unplanned restarts of the last ten minutes. A counter that went down was reset and tells nothing; a worker
    that somebody created anew begins without a past, also after PM2 had given up on it."""
    old = {(each.app, each.worker): each for each in known.workers}
    more = 0
    for worker in after:
        before = old.get((worker.app, worker.worker))
        if before and created_anew(before, worker):
            return ()
        more += max(0, worker.restarts - before.restarts) if before and not was_ordered else 0
    kept = tuple(each for each in known.restarts if each[0] > at - WINDOW)
    return (*kept, (at, more)) if more else kept


def take_memory_kills(known: CheckState, facts: Iterable[Fact], at: float) -> CheckState:
    """With the processes that the kernel has ended for want of memory since the look before. A count that went down
    began anew with the machine."""
    found = next((fact.since_boot for fact in facts if isinstance(fact, MemoryKills)), None)
    if found is None:
        return known
    before = found if known.killed_so_far is None else known.killed_so_far
    kept = tuple(each for each in known.memory_kills if each[0] > at - WINDOW)
    more = ((at, found - before),) if found > before else ()
    return replace(known, memory_kills=(*kept, *more), killed_so_far=found)


def crash_loop(app: str, history: Iterable[tuple[float, int]]) -> Trouble | None:
    """Three unplanned restarts in ten minutes are a warning, although something runs again each time."""
    count = sum(more for _, more in history)
    if count < LIMIT:
        return None
    words = Message("trouble.restarts", {"app": app, "count": count})
    return Trouble(RESTARTS, Status.WARNING, RESTARTS, words, value=float(count), threshold=float(LIMIT))


def created_anew(before: Worker, after: Worker) -> bool:
    """Only somebody's order does that: PM2 itself keeps created_at over its restarts, and loses it as it gives up."""
    return after.created_at is not None and after.created_at != before.created_at
