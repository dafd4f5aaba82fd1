"""This machine as the kernel shows it: processors, memory, swap, file systems, load, descriptors, network."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, TypeAlias

CPU_WINDOW_SECONDS: Final = 60.0
"""Over how long the use of the processors is told: a build of some seconds is no trouble."""

CPU_LEAST_SECONDS: Final = 30.0
"""Over less than this it is not told at all: after a start, and by `infra-monitor check`."""

MOST_FILESYSTEMS: Final = 20
MOST_NETWORK_DEVICES: Final = 20
_DESCRIPTORS: Final = Path("/proc/sys/fs/file-nr")
_IDLE: Final = ("idle", "iowait")
_COUNTED_TWICE: Final = ("guest", "guest_nice")  # they are in user and nice already
_ALWAYS_FULL: Final = frozenset({"squashfs", "iso9660", "erofs", "cramfs", "udf"})


class Unreadable(Exception):  # noqa: N818 — it is a finding about this machine
    """The kernel does not show it to us, or not in time."""


@dataclass(frozen=True, slots=True)
class Filesystem:
    """Space in bytes as a user without special rights has it, the shares as `df` counts them. `inodes_used` is absent
    where inodes are not limited."""

    mountpoint: str
    size: int
    available: int
    used: float
    inodes_used: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment; times in seconds, sizes in bytes, `…_used` as shares. `cpu_used` is absent until it was watched for
    long enough, `swap_used` where there is no swap. `missing` are paths that were asked for and are not there."""

    cpu_seconds: Mapping[str, float]
    cpu_used: float | None = None
    processors: int
    memory_size: int
    memory_available: int
    swap_used: float | None
    load: tuple[float, float, float]
    descriptors_used: float
    booted_at: float
    filesystems: tuple[Filesystem, ...]
    missing: tuple[str, ...]
    network: Mapping[str, tuple[int, int]]


class Usage:
    """How busy the processors were over the last minute, or since the last look if that is longer ago."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float, float]] = deque()

    def until(self, at: float, counters: Mapping[str, float]) -> float | None:
        """Take in the counters of this moment; the share of the time until then that was not idle."""
        total = sum(counters.values())
        idle = sum(counters.get(mode, 0.0) for mode in _IDLE)
        self._seen.append((at, idle, total))
        while len(self._seen) > 1 and at - self._seen[1][0] >= CPU_WINDOW_SECONDS:
            self._seen.popleft()
        began, idle_then, total_then = self._seen[0]
        if at - began < CPU_LEAST_SECONDS or total <= total_then:
            return None
        return min(1.0, max(0.0, 1.0 - (idle - idle_then) / (total - total_then)))


Disks: TypeAlias = tuple[str, ...] | None


class HostSource:
    """What looks share, so that the use of the processors is told over time and not over the moments of a look. Reading
    is done in a thread of its own, one at a time: a file system that hangs must not hang the monitor."""

    def __init__(self, read: Callable[[Disks], Sample] | None = None) -> None:
        self._read = read or read_sample
        self._usage = Usage()
        self._in_flight: dict[Disks, asyncio.Future[Sample | Unreadable]] = {}

    async def sample(self, disks: Disks, *, deadline: float) -> Sample:
        """By `deadline` (on the loop's clock), of these paths or of every real file system. Raises Unreadable."""
        loop = asyncio.get_running_loop()
        answer = self._in_flight.get(disks) or self._begin(disks, loop)
        await asyncio.wait((answer,), timeout=max(0.0, deadline - loop.time()))
        if not answer.done():
            raise Unreadable("the kernel does not answer; perhaps a file system hangs")
        result = answer.result()
        if isinstance(result, Unreadable):
            raise Unreadable(str(result))
        return replace(result, cpu_used=self._usage.until(loop.time(), result.cpu_seconds))

    def _begin(self, disks: Disks, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Sample | Unreadable]:
        answer: asyncio.Future[Sample | Unreadable] = loop.create_future()
        self._in_flight[disks] = answer
        threading.Thread(target=self._run, args=(disks, loop, answer), name="host", daemon=True).start()
        return answer

    def _run(self, disks: Disks, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Sample | Unreadable]) -> None:
        result: Sample | Unreadable
        try:
            result = self._read(disks)
        except Exception as error:  # noqa: BLE001 — in a thread an exception would be lost and leave the look waiting
            result = Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or repr(error)}")
        try:
            loop.call_soon_threadsafe(self._finish, disks, answer, result)
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits

    def _finish(self, disks: Disks, answer: asyncio.Future[Sample | Unreadable], result: Sample | Unreadable) -> None:
        del self._in_flight[disks]
        if not answer.done():
            answer.set_result(result)


def read_sample(disks: Disks) -> Sample:
    """Ask the kernel. Blocks; raises whatever reading raises."""
    import psutil  # noqa: PLC0415 — needed by this kind of check alone, and 15 ms to load

    counters = psutil.cpu_times()._asdict()
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    taken, _, most = map(int, _DESCRIPTORS.read_text().split())
    filesystems, missing = _asked_for(disks) if disks is not None else (_real(psutil.disk_partitions()), ())
    return Sample(
        cpu_seconds={mode: seconds for mode, seconds in counters.items() if mode not in _COUNTED_TWICE},
        processors=os.cpu_count() or 1,
        memory_size=memory.total,
        memory_available=memory.available,
        swap_used=swap.used / swap.total if swap.total else None,
        load=os.getloadavg(),
        descriptors_used=taken / most,
        booted_at=psutil.boot_time(),
        filesystems=filesystems,
        missing=missing,
        network=dict(_network(psutil.net_io_counters(pernic=True))),
    )


class Partition(Protocol):
    """What psutil tells of a mounted file system."""

    @property
    def device(self) -> str: ...  # noqa: D102 — psutil's words
    @property
    def mountpoint(self) -> str: ...  # noqa: D102 — same
    @property
    def fstype(self) -> str: ...  # noqa: D102 — same
    @property
    def opts(self) -> str: ...  # noqa: D102 — same


class Traffic(Protocol):
    """What psutil tells of a network device."""

    @property
    def bytes_recv(self) -> int: ...  # noqa: D102 — psutil's words
    @property
    def bytes_sent(self) -> int: ...  # noqa: D102 — same


def real_mountpoints(partitions: Sequence[Partition]) -> tuple[str, ...]:
    """The root, and what lies on devices of its own and can be written to; each device once."""
    found = {"": "/"}
    for each in sorted(partitions, key=lambda each: (len(each.mountpoint), each.mountpoint)):
        read_only = "ro" in each.opts.split(",") or each.fstype in _ALWAYS_FULL
        if each.mountpoint == "/":
            found[each.device] = found.pop("", "/")
        elif not read_only:
            found.setdefault(each.device, each.mountpoint)
    return tuple(sorted(found.values()))[:MOST_FILESYSTEMS]


def _real(partitions: Sequence[Partition]) -> tuple[Filesystem, ...]:
    """What we may not enter is left out."""
    found = []
    for mountpoint in real_mountpoints(partitions):
        with suppress(OSError):
            found.append(filesystem(mountpoint))
    return tuple(each for each in found if each is not None)


def _asked_for(paths: Sequence[str]) -> tuple[tuple[Filesystem, ...], tuple[str, ...]]:
    found, missing = [], []
    for path in paths:
        try:
            found.append(filesystem(path))
        except FileNotFoundError:
            missing.append(path)
    return tuple(each for each in found if each is not None), tuple(missing)


def filesystem(path: str) -> Filesystem | None:
    """The one that `path` is on; None for one without any space of its own, as /proc. Raises OSError."""
    told = os.statvfs(path)
    used = told.f_blocks - told.f_bfree
    if used + told.f_bavail <= 0:
        return None
    return Filesystem(
        mountpoint=path,
        size=told.f_blocks * told.f_frsize,
        available=told.f_bavail * told.f_frsize,
        used=used / (used + told.f_bavail),
        inodes_used=(told.f_files - told.f_ffree) / told.f_files if told.f_files else None,
    )


def _network(devices: Mapping[str, Traffic]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Bytes in and out; without the loopback, and without those that come and go with containers."""
    kept = sorted(name for name in devices if name != "lo" and not name.startswith("veth"))
    for name in kept[:MOST_NETWORK_DEVICES]:
        yield name, (devices[name].bytes_recv, devices[name].bytes_sent)
