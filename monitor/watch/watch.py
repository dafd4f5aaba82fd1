"""All watchers together: after each look they learn what to keep an eye on, and between looks they ask for the next."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from monitor.checks.base import Check
from monitor.clock import Clock
from monitor.core.model import Blind, Observation
from monitor.look import Surroundings
from monitor.schedule import Key
from monitor.sources.pm2 import Pm2Source
from monitor.watch.files import FileSigns, stamps
from monitor.watch.guard import Guard
from monitor.watch.pm2_bus import BusWatch
from monitor.watch.processes import ProcessWatch
from monitor.watch.wishes import Wishes

PULSE_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 1.0
"""However often its processes die and its servers speak, a check is looked at once in so long, and no more often."""

FILES_SECONDS: Final = 10.0


class Wanting(Protocol):
    """The schedule, as far as it is asked here."""

    def want(self, service: str, check: str, at: float) -> None:
        """Have a look that begins at that moment of the monitor's clock."""


class Watch:
    """Many signs make few looks, and none makes anything but a look. `watched` and `events` say, by the kind of sign,
    how much is watched now and how many signs there were."""

    def __init__(self, *, around: Surroundings, schedule: Wanting, clock: Clock, pulse: Callable[[], None]) -> None:
        self._around = around
        self._schedule = schedule
        self._clock = clock
        self._pulse = pulse
        self._wishes = Wishes(want=self._want, now=clock.monotonic)
        self._checks = dict[Key, Check]()
        self._ends = dict[Key, Callable[[], None]]()
        self._processes = ProcessWatch(partial(self._tell, kind="process"))
        self._files = FileSigns()
        self._buses = list[BusWatch]()
        self._guard = Guard(self._cut)
        self._task: asyncio.Task[None] | None = None
        self.events = Counter({"process": 0, "file": 0, "server": 0})

    @property
    def watched(self) -> Mapping[str, int]:
        """How much is watched now."""
        return {
            "process": self._processes.watched,
            "file": len(self._files.paths),
            "pm2_bus": sum(each.is_open for each in self._buses),
        }

    def start(self, checks: Mapping[Key, Check]) -> None:
        """Begin, with these."""
        self._guard.start()
        self._task = asyncio.create_task(self._run(), name="watch")
        self.add(checks)

    def add(self, checks: Mapping[Key, Check]) -> None:
        """Watch for these, too, as far as they are not yet."""
        for key, check in checks.items():
            if key not in self._checks:
                self._checks[key] = check
                env = self._around.env(key.service, math.inf)
                self._ends[key] = check.watch(env, partial(self._tell, key, kind="server"))

    def drop(self, key: Key) -> None:
        """This check is looked at no longer."""
        if self._checks.pop(key, None) is not None:
            self._ends.pop(key)()
            self._processes.drop(key)
            self._files.drop(key)
            self._wishes.forget(key)

    def looked(self, observation: Observation) -> None:
        """A look has ended: what it saw is watched until the next. One that saw nothing changes nothing."""
        key = Key(observation.service, observation.check)
        check = self._checks.get(key)
        if check is None or isinstance(observation.result, Blind):
            return
        signs = check.signs(self._around.env(key.service, math.inf), observation.result.facts)
        self._processes.follow(key, signs.processes)
        self._files.follow(key, signs.files)

    async def close(self) -> None:
        """Watch nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._guard.close()
        for key in tuple(self._checks):
            self.drop(key)
        for each in self._buses:
            each.hang_up()
        await asyncio.sleep(0)  # asyncio closes an aborted transport one turn of its loop later

    def _tell(self, key: Key, *, kind: str) -> None:
        self.events[kind] += 1
        check = self._checks.get(key)
        if check is not None:
            self._wishes.tell(key, patience=check.every if kind == "file" else min(check.every, PATIENCE_SECONDS))

    def _want(self, key: Key, delay: float) -> None:
        self._schedule.want(key.service, key.check, self._clock.now() + delay)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            self._pulse()
            self._guard.beat()
            await self._tend_buses()
            await self._look_at_files()

    async def _tend_buses(self) -> None:
        """A reload may have put other sources there."""
        sources = [each for each in self._around.pm2.in_use if each.is_watched]
        for bus in [each for each in self._buses if each.source not in sources]:
            bus.hang_up()
            self._buses.remove(bus)
        known: list[Pm2Source] = [each.source for each in self._buses]
        self._buses += [BusWatch(each) for each in sources if each not in known]
        for bus in self._buses:
            await bus.tend()

    async def _look_at_files(self) -> None:
        paths = self._files.paths
        if not paths:
            return
        deadline = self._clock.monotonic() + FILES_SECONDS
        with contextlib.suppress(TimeoutError):  # the disk hangs; it will have changed later, too
            seen = await self._around.aside.run("watched files", partial(stamps, paths), deadline=deadline)
            for key in self._files.changed(seen):
                self._tell(key, kind="file")

    def _cut(self) -> None:
        for each in tuple(self._buses):
            each.cut()
