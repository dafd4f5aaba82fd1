"""Processes as the kernel shows them in /proc: who lives, since when, whose child it is, what its whole tree uses."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_DEAD: Final = frozenset("ZXx")
_CHUNK_BYTES: Final = 16384
_GOD: Final = b": God Daemon ("


@dataclass(frozen=True, slots=True)
class Process:
    """One living process. pid and `started_ticks` (since boot) together are its identity: pids come again.
    `cpu_seconds` counts its ended children in, so that a tree's sum does not fall when one of them ends."""

    pid: int
    parent: int
    started_ticks: int
    cpu_seconds: float
    resident_bytes: int

    @property
    def started_at(self) -> float:
        """Unix seconds by the machine's clock as it is now; if that is stepped, so is this."""
        return round(boot_time() + self.started_ticks / TICKS_PER_SECOND, 2)


def boot_time() -> float:
    """When the kernel's clock began, by the machine's clock as it is now, finer than the whole seconds of /proc/stat.
    Not the monitor's steady clock: it is compared with what other programs have written down."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)


class Processes:
    """One moment's view of /proc; make a new one for each look. Reads no more of it than is asked for."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root
        # needs CONFIG_PROC_CHILDREN; without it one scan of everything finds the children
        self._lists_children = os.path.exists(f"{root}/thread-self/children")  # noqa: PTH110 — hot

    def get(self, pid: int) -> Process | None:
        """The process, if it lives; a zombie does not."""
        return _process(_read(f"{self._root}/{pid}/stat")) if pid > 0 else None

    def tree(self, top: Process) -> tuple[Process, ...]:
        """`top` and everything below it that lives."""
        found, seen, waiting = [top], {top.pid}, [top.pid]
        while waiting:
            for child in self._children(waiting.pop()):
                if child not in seen:
                    seen.add(child)
                    waiting.append(child)
                    process = self.get(child)
                    if process is not None:
                        found.append(process)
        return tuple(found)

    def _children(self, pid: int) -> Iterator[int]:
        if not self._lists_children:
            yield from self._by_parent.get(pid, ())
            return
        for thread in _names(f"{self._root}/{pid}/task"):
            yield from map(int, _read(f"{self._root}/{pid}/task/{thread}/children").split())

    @cached_property
    def _by_parent(self) -> dict[int, list[int]]:
        found = dict[int, list[int]]()
        for name in _names(self._root):
            if name.isdigit() and (process := self.get(int(name))) is not None:
                found.setdefault(process.parent, []).append(process.pid)
        return found


def process_manager_homes(root: str = "/proc") -> tuple[str, ...]:
    """The homes of all PM2 daemons that run here, by the title each one gives itself."""
    homes = set[str]()
    for name in _names(root):
        if name.isdigit() and (title := _read(f"{root}/{name}/cmdline")).startswith(b"PM2 v"):
            _, found, home = title.rstrip(b"\0 ").partition(_GOD)
            if found and home.endswith(b")"):
                homes.add(os.fsdecode(home[:-1]))
    return tuple(sorted(homes))


def memory_kills(root: str = "/proc") -> int | None:
    """How many processes the kernel has ended for want of memory since it started; None where it does not say."""
    for line in _read(f"{root}/vmstat").splitlines():
        name, _, number = line.partition(b" ")
        if name == b"oom_kill" and number.isdigit():
            return int(number)
    return None


def in_own_namespace(pid: int, root: str = "/proc") -> bool:
    """Whether the pids this process speaks of are the pids we see; in a container of its own they are not."""
    for line in _read(f"{root}/{pid}/status").splitlines():
        if line.startswith(b"NSpid:"):
            return line.split()[1:] == [str(pid).encode()]
    return False


def _process(stat: bytes) -> Process | None:
    # the command's name stands in brackets and may hold anything, brackets too
    fields = stat[stat.rfind(b")") + 2 :].split()
    try:
        if fields[0].decode() in _DEAD:
            return None
        used = sum(map(int, fields[11:15]))
        return Process(
            int(stat.split(b" ", 1)[0]),
            int(fields[1]),
            int(fields[19]),
            used / TICKS_PER_SECOND,
            int(fields[21]) * PAGE_BYTES,
        )
    except (IndexError, ValueError):
        return None


def _read(path: str) -> bytes:
    """All of a small file of /proc; nothing when the process has gone or is hidden from us."""
    data = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return data
    try:
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            data += chunk
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    return data


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 — hot
    except OSError:
        return []
