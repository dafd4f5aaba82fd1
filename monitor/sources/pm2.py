"""PM2 as it really is: its list, over one lasting connection to its daemon, each entry held against the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from monitor.sources.pm2_bus import ITSELF, BusEvent, Exit
from monitor.sources.pm2_entries import Entry, Standing, entries, printable, standing
from monitor.sources.pm2_home import Pm2Unreadable, dumped, find_home
from monitor.sources.pm2_link import Link, LinkLost, Pm2Unanswered, connect
from monitor.sources.pm2_network import AppNetwork, AppTree, networks
from monitor.sources.pm2_wire import LIST, VERSION, ProtocolBroken
from monitor.sources.processes import Process, Processes, process_manager_homes

__all__ = ["Daemon", "Instance", "Pm2Snapshot", "Pm2Source", "Pm2Sources", "Pm2Unanswered", "Pm2Unreadable", "Standing"]

START_TOLERANCE_SECONDS: Final = 5.0
"""PM2 notes a start just before it forks; on a busy machine the fork comes later."""

NETWORKS_FRESH_SECONDS: Final = 60.0
"""Where an app listens changes with its processes, and is looked up when they do; its connections come and go."""

FINDS_HOME: Final = ("PM2_HOME", "HOME")
"""The variables that decide where a home is looked for."""

PLANNED_REMEMBERED_SECONDS: Final = 60.0
"""How long a planned exit is told of; a look that comes later has seen what came of it."""

SIGNALS_REMEMBERED: Final = 1000
"""Of the last ends of so many entries it is known by which signal they came."""

PAUSES_SECONDS: Final = (0.0, 0.0, 0.05, 0.2)
"""Before each try to get an answer over a connection that does not end at once."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """PM2's own process, as the kernel names the other end of the socket. Another pid = it was started anew."""

    pid: int
    version: str
    home: Path


@dataclass(frozen=True, slots=True)
class Instance:
    """One entry and what is true of it. `worker` numbers it within its app; `process` is there only while it lives."""

    entry: Entry
    worker: int
    standing: Standing
    process: Process | None


@dataclass(frozen=True, slots=True)
class Pm2Snapshot:
    """One answer of PM2, and the kernel's view at the same moment."""

    daemon: Daemon
    instances: tuple[Instance, ...]
    processes: Processes

    def of(self, app: str) -> tuple[Instance, ...]:
        """All instances of that name, in every namespace: PM2 takes a name twice."""
        return tuple(each for each in self.instances if each.entry.name == app)

    @property
    def running(self) -> tuple[int, ...]:
        """Who runs: the daemon, and what it has started."""
        return (self.daemon.pid, *(each.process.pid for each in self.instances if each.process))

    def trees(self) -> dict[str, AppTree]:
        """The living processes of each app that has any."""
        found = dict[str, AppTree]()
        for app in dict.fromkeys(each.entry.name for each in self.instances):
            tops = [each.process for each in self.of(app) if each.process]
            below = (process.pid for top in tops for process in self.processes.tree(top))
            if tops:
                found[app] = AppTree(tuple(top.pid for top in tops), tuple(below))
        return found


@dataclass(frozen=True, slots=True)
class _Networks:
    """What was found, at which moment, of which processes."""

    key: tuple[int, ...]
    at: float
    networks: Mapping[str, AppNetwork]


class Pm2Source:
    """One PM2 home. Looks may ask at the same time; they share the connection and take turns."""

    def __init__(self, home: Path | None, environ: Mapping[str, str]) -> None:
        self._configured = home
        self._environ = environ
        self._home: Path | None = None
        self._turn = asyncio.Lock()
        self._link: Link | None = None
        self._gone = list[Callable[[], None]]()
        self._concerned = list[tuple[str, Callable[[], None]]]()
        self._planned_at = dict[str, float]()
        self._signals = dict[tuple[str, int], str]()
        self._last: Pm2Snapshot | None = None
        self._networks: _Networks | None = None

    def on_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called on the event loop whenever PM2's end of the connection goes away: time to look. What
        comes back ends that."""
        self._gone.append(callback)
        return partial(self._gone.remove, callback)

    def on_event(self, app: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called whenever PM2's bus says something of that app: time to look. What comes back ends
        that."""
        self._concerned.append((app, callback))
        return partial(self._concerned.remove, (app, callback))

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to be told."""
        return bool(self._gone)

    @property
    def answering_home(self) -> Path | None:
        """The home of the daemon that we are connected to; None while there is none."""
        return self._link.home if self._link is not None and not self._link.lost else None

    def heard(self, event: BusEvent | Exit) -> None:
        """Take in what the bus said. Of every end it says two things: by which signal, then that it ended."""
        if isinstance(event, Exit):
            self._signals.pop((event.app, event.pm_id), None)
            self._signals[event.app, event.pm_id] = event.signal
            while len(self._signals) > SIGNALS_REMEMBERED:
                del self._signals[next(iter(self._signals))]
            return
        if event.planned:
            self._planned_at[event.app] = asyncio.get_running_loop().time()
        for app, callback in tuple(self._concerned):
            if app == event.app:
                callback()

    def missed(self) -> None:
        """The bus may have said anything meanwhile: whoever is concerned had better look."""
        self._signals.clear()
        for _, callback in tuple(self._concerned):
            callback()

    def planned_exit(self, app: str) -> float | None:
        """How many seconds ago a process of `app` ended that PM2 had told to; None if that is long ago or unknown."""
        at = self._planned_at.get(app)
        ago = None if at is None else asyncio.get_running_loop().time() - at
        return ago if ago is not None and ago <= PLANNED_REMEMBERED_SECONDS else None

    def ended_by(self, instance: Instance) -> str:
        """The signal that ended the last process of an entry; empty if there was none, or nothing is known of it."""
        entry = instance.entry
        return "" if entry.pm_id is None else self._signals.get((entry.name, entry.pm_id), "")

    def processes(self, app: str | None) -> tuple[Process, ...]:
        """Those of `app` when PM2 last answered, PM2's own children first; with None, the daemon itself."""
        if self._last is None:
            return ()
        seen = self._last.processes
        if app is None:
            daemon = seen.get(self._last.daemon.pid)
            return (daemon,) if daemon else ()
        tops = [each.process for each in self._last.of(app) if each.process]
        return (*tops, *(below for top in tops for below in seen.tree(top)[1:]))

    async def snapshot(self, deadline: float) -> Pm2Snapshot:
        """Ask PM2 until `deadline` (on the loop's clock). Raises Pm2Unanswered or Pm2Unreadable; what cannot be seen is
        never an empty list."""
        try:
            async with asyncio.timeout_at(deadline), self._turn:
                listed, daemon = await self._list()
        except TimeoutError:
            raise Pm2Unanswered("reply", "timeout", "PM2 takes connections but does not answer: it hangs") from None
        except ProtocolBroken as broken:
            raise Pm2Unanswered("reply", "protocol", str(broken)) from broken
        processes = Processes()
        if self._last is not None and self._last.daemon.pid != daemon.pid:
            self._planned_at.pop(ITSELF, None)  # that order has been carried out
        self._last = Pm2Snapshot(daemon, _instances(listed, daemon, processes), processes)
        return self._last

    def networks(self, snapshot: Pm2Snapshot, now: float) -> Mapping[str, AppNetwork] | None:
        """What was found last of where the apps listen and to whom they have connected, unless that is old or the
        processes are others since; then None."""
        found = self._networks
        fresh = found is not None and found.key == snapshot.running and now < found.at + NETWORKS_FRESH_SECONDS
        return found.networks if found is not None and fresh else None

    def find_networks(self, snapshot: Pm2Snapshot, now: float) -> Mapping[str, AppNetwork]:
        """Find it, and remember. It may block where the kernel does: not for the event loop."""
        try:
            found = networks(snapshot.daemon.pid, snapshot.trees())
        except OSError:
            found = {}
        self._networks = _Networks(snapshot.running, now, found)
        return found

    def survivors(self, app: str) -> int | None:
        """How many of the processes that were `app` when PM2 last answered still live; None if there were none."""
        known = [each.process for each in self._last.of(app) if each.process] if self._last else []
        now = Processes()
        return sum(_lives(process, now) for process in known) if known else None

    def dumped(self, app: str) -> int | None:
        """How many instances of `app` PM2 would start after a reboot; None if nothing says so."""
        return dumped(self._home, app) if self._home else None

    async def close(self) -> None:
        """Hang up."""
        self._hang_up()
        await asyncio.sleep(0)  # asyncio closes an aborted transport one turn of its loop later

    async def _list(self) -> tuple[tuple[Entry, ...], Daemon]:
        """A kept connection may have died since its last use, and a daemon that is just dying still takes new ones."""
        for pause in PAUSES_SECONDS:
            await asyncio.sleep(pause)
            if self._link is None:
                self._link = await self._connect()
            with suppress(LinkLost):
                return await self._ask(self._link)
        raise ProtocolBroken("PM2 closes the connection without an answer")

    async def _ask(self, link: Link) -> tuple[tuple[Entry, ...], Daemon]:
        try:
            if link.version is None:
                link.version = printable(await link.ask(VERSION)) or ""
            listed = entries(await link.ask(LIST))
        except BaseException:  # cut off, too: see `Link.ask`
            self._hang_up()
            raise
        return listed, Daemon(link.pid, link.version, link.home)

    async def _connect(self) -> Link:
        if self._home is None or not self._home.is_dir():
            # found once, it stays: a PM2 that has died no longer shows where it lived
            self._home = find_home(self._configured, self._environ)
        try:
            return await connect(self._home, tell_gone=self._tell_gone)
        except Pm2Unanswered as failed:
            raise Pm2Unanswered(failed.phase, failed.reason, f"{failed}{self._elsewhere()}") from failed

    def _elsewhere(self) -> str:
        """The likeliest mistake when nobody has told us the home: PM2 runs as another user."""
        others = [home for home in process_manager_homes() if home != str(self._home)]
        return f"; a PM2 runs with home {', '.join(others)}" if others and self._configured is None else ""

    def _tell_gone(self) -> None:
        for callback in tuple(self._gone):
            callback()

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.hang_up()
            self._link = None


class Pm2Sources:
    """The sources of all homes, one each."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._sources = dict[Path | None, Pm2Source]()

    def get(self, home: Path | None) -> Pm2Source:
        """The source of that home; with None, of the one `find_home` finds."""
        if home not in self._sources:
            self._sources[home] = Pm2Source(home, self._environ)
        return self._sources[home]

    @property
    def in_use(self) -> tuple[Pm2Source, ...]:
        """Those that somebody has asked for."""
        return tuple(self._sources.values())

    def is_asked_alike(self, environ: Mapping[str, str]) -> bool:
        """Whether the homes would be found in the same places."""
        return all(self._environ.get(name) == environ.get(name) for name in FINDS_HOME)

    async def rest(self) -> None:
        """Hang up where nobody wants to be told of anything; the next question connects again."""
        for source in self._sources.values():
            if not source.is_watched:
                await source.close()

    async def close(self) -> None:
        """Hang up everywhere."""
        for source in self._sources.values():
            await source.close()


def _instances(listed: Iterable[Entry], daemon: Daemon, processes: Processes) -> tuple[Instance, ...]:
    """In a lasting order, numbered by NODE_APP_INSTANCE, or by the next free number where that is missing or taken."""
    taken = dict[str, set[int]]()
    found = list[Instance]()
    for entry in sorted(listed, key=lambda each: (each.name, each.namespace, each.pm_id or 0)):
        numbers = taken.setdefault(entry.name, set())
        worker = entry.instance
        if worker is None or worker in numbers:
            worker = next(number for number in count() if number not in numbers)
        numbers.add(worker)
        process = processes.get(entry.pid)
        alive = process is not None and _started_it(entry, process, daemon, processes)
        true = standing(entry, alive=alive)
        found.append(Instance(entry, worker, true, process if true is Standing.ALIVE else None))
    return tuple(found)


def _started_it(entry: Entry, process: Process, daemon: Daemon, processes: Processes) -> bool:
    """Whether this process is the one that PM2 started then, not a later one to which the kernel gave the same pid.

    The machine's clock may have been stepped since then, which moves the two times apart and would make every app look
    dead. PM2's own children are forgiven as much as PM2 itself is off, measured by the age of its socket.
    """
    if entry.begun_at is None:
        return process.parent == daemon.pid
    apart = entry.begun_at - process.started_at
    if abs(apart) <= START_TOLERANCE_SECONDS:
        return True
    low, high = sorted((0.0, _clock_step(daemon, processes)))
    return process.parent == daemon.pid and low - START_TOLERANCE_SECONDS <= apart <= high + START_TOLERANCE_SECONDS


def _clock_step(daemon: Daemon, processes: Processes) -> float:
    """By how many seconds the clock has been stepped since PM2 began to listen; positive = back."""
    process = processes.get(daemon.pid)
    try:
        return (daemon.home / "rpc.sock").stat().st_mtime - process.started_at if process else 0.0
    except OSError:
        return 0.0


def _lives(process: Process, now: Processes) -> bool:
    found = now.get(process.pid)
    return found is not None and found.started_ticks == process.started_ticks
