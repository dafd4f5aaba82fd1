"""One Nginx of this machine: its configuration, read again when it changes, its logs, and what is loaded of what."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from monitor.sources.nginx_conf.derive import configuration
from monitor.sources.nginx_conf.files import Tree, read_tree, stamp
from monitor.sources.nginx_conf.model import Configuration
from monitor.sources.nginx_conf.shadow import Trial, try_out
from monitor.sources.nginx_log import Follower, LogUnreadable
from monitor.sources.nginx_log_access import Reader, Summary, Window
from monitor.sources.nginx_log_errors import LogError, classify
from monitor.sources.nginx_processes import Hidden, NginxMaster, by_pid_file, by_title
from monitor.sources.processes import Process

DEFAULT_PID_FILE: Final = "/run/nginx.pid"
CLOCK_GRAIN_SECONDS: Final = 0.05
"""The kernel counts the start of a process in hundredths; a file that was written just before must not seem newer."""

MOST_ERRORS: Final = 2000

Master: TypeAlias = NginxMaster | Hidden | None


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What is written, and who runs. `loaded`: whether it is what the workers have; None if that cannot be told.
    `seen`: this Nginx has been seen to run before."""

    configuration: Configuration
    master: Master
    loaded: bool | None
    seen: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What the logs brought since the last look; the access log's summaries are of its last minute."""

    errors: tuple[LogError, ...] = ()
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()


class NginxSource:
    """One configuration and who runs with it. What one look leaves for the next is here: checks keep no memory."""

    def __init__(self, path: Path, prefix: Path | None, pid_file: Path | None) -> None:
        self._path = str(path)
        self._prefix = str(prefix) if prefix else None
        self._pid_file = str(pid_file) if pid_file else None
        self._tree: Tree | None = None
        self._configuration: Configuration | None = None
        self._in_sync: tuple[tuple[int, float], str] | None = None
        self._last_master: NginxMaster | None = None
        self._followers = dict[str, Follower]()
        self._window = Window()
        self._trial: tuple[str, asyncio.Task[Trial]] | None = None

    def on_disk(self) -> OnDisk:
        """Read what has changed. May hang with the disk: not for the event loop."""
        if self._tree is None or not self._tree.unchanged:
            self._tree = read_tree(self._path)
            self._configuration = None
        master = self._master(self._tree)
        seen = self._last_master is not None
        if isinstance(master, NginxMaster):
            if self._configuration is None or (self._last_master and master.prefix != self._last_master.prefix):
                self._configuration = configuration(self._tree, prefix=self._prefix_with(master))
            self._last_master = master
        if self._configuration is None:
            self._configuration = configuration(self._tree, prefix=self._prefix_with(self._last_master))
        return OnDisk(self._configuration, master, self._is_loaded(self._configuration, master), seen)

    def written(self, configuration: Configuration, known: Mapping[str, str], now: float) -> Written:
        """Read what is new in the logs. May hang with the disk: not for the event loop."""
        unreadable, errors, requests = list[str](), list[LogError](), []
        for path in configuration.error_logs:
            for line in self._new_lines(path, unreadable):
                error = classify(line, known)
                if error is not None and len(errors) < MOST_ERRORS:
                    errors.append(error)
        for log in configuration.access_logs:
            written = configuration.log_formats.get(log.format)
            reader = Reader(written) if written is not None else None
            if reader is not None and reader.usable:
                lines = self._new_lines(log.path, unreadable)
                requests += [found for line in lines if (found := reader.read(line, known, now)) is not None]
        self._window.add(requests, now)
        return Written(tuple(errors), self._window.summaries(), tuple(unreadable))

    async def trial(self, *, patience: float) -> Trial | None:
        """What `nginx -t` says of what is on disk now; None while it has not said it within `patience` seconds. It is
        asked once for each content."""
        tree = self._tree
        if tree is None:
            return None
        if self._trial is None or self._trial[0] != tree.digest:
            self._forget_trial()
            master = self._last_master
            program, prefix = (master.program or None, master.prefix or None) if master else (None, None)
            task = asyncio.create_task(try_out(tree, program=program, prefix=self._prefix or prefix))
            self._trial = (tree.digest, task)
        task = self._trial[1]
        if not task.done() and patience > 0:
            await asyncio.wait({task}, timeout=patience)
        return task.result() if task.done() else None

    @property
    def processes(self) -> tuple[Process, ...]:
        """Nginx's when it was last read, the master first."""
        master = self._last_master
        return (master.process, *(each.process for each in master.workers)) if master else ()

    @property
    def files(self) -> tuple[str, ...]:
        """All that was read, or looked through for more, when it was last read, and what is served of it: the error
        logs, and the certificates."""
        if self._tree is None or self._configuration is None:
            return ()
        certificates = (each.path for each in self._configuration.certificates if each.path)
        return (*self._tree.stamps, *certificates, *self._configuration.error_logs)

    async def close(self) -> None:
        """Let go of files and of a trial that is under way."""
        for follower in self._followers.values():
            follower.close()
        if self._trial is not None:
            self._trial[1].cancel()
            await asyncio.wait({self._trial[1]})
            self._trial = None

    def _prefix_with(self, master: NginxMaster | None) -> str:
        return self._prefix or (master.prefix if master else "") or str(Path(self._path).parent)

    def _master(self, tree: Tree) -> Master:
        stated = next((each.args[0] for each in tree.directives if each.name == "pid" and each.args), None)
        prefix = self._prefix_with(self._last_master)
        path = self._pid_file or (str(Path(prefix, stated)) if stated else DEFAULT_PID_FILE)
        found = by_pid_file(path)
        if isinstance(found, NginxMaster) and not self._is_ours(found):
            found = None
        return found or by_title(self._path, unnamed=self._is_usual)

    def _is_ours(self, master: NginxMaster) -> bool:
        return self._pid_file is not None or not master.config or self._same(master.config)

    def _same(self, path: str) -> bool:
        known = stamp(path)
        return path == self._path or (known is not None and known == stamp(self._path))

    @property
    def _is_usual(self) -> bool:
        """Where an Nginx without -c has its configuration."""
        return self._path in {"/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf"}

    def _is_loaded(self, configuration: Configuration, master: Master) -> bool | None:
        """By the times of the kernel; what was only touched has the content that was in sync with these workers."""
        if not isinstance(master, NginxMaster) or master.loaded_at is None:
            return None
        if configuration.changed_at <= master.loaded_at + CLOCK_GRAIN_SECONDS:
            self._in_sync = (master.generation, configuration.digest)
            return True
        return self._in_sync == (master.generation, configuration.digest)

    def _new_lines(self, path: str, unreadable: list[str]) -> list[bytes]:
        follower = self._followers.setdefault(path, Follower(path))
        try:
            return follower.lines()
        except LogUnreadable as error:
            unreadable.append(str(error))
            return []

    def _forget_trial(self) -> None:
        if self._trial is not None:
            self._trial[1].cancel()
            self._trial = None


class NginxSources:
    """One source for each configuration that is watched."""

    def __init__(self) -> None:
        self._sources = dict[tuple[Path, Path | None, Path | None], NginxSource]()
        self._used = Counter[tuple[Path, Path | None, Path | None]]()

    def get(self, path: Path, *, prefix: Path | None = None, pid_file: Path | None = None) -> NginxSource:
        """The source of that configuration."""
        key = (path, prefix, pid_file)
        if key not in self._sources:
            self._sources[key] = NginxSource(*key)
        return self._sources[key]

    def use(self, path: Path, *, prefix: Path | None = None, pid_file: Path | None = None) -> Callable[[], None]:
        """Keep that source until what comes back is called."""
        key = (path, prefix, pid_file)
        self._used[key] += 1
        return partial(self._used.subtract, [key])

    async def rest(self) -> None:
        """Let go of those that nobody wants kept."""
        for key in [key for key in self._sources if self._used[key] <= 0]:
            await self._sources.pop(key).close()
        self._used = +self._used

    async def close(self) -> None:
        """Let go of everything."""
        for source in self._sources.values():
            await source.close()
