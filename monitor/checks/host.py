"""Has this machine enough of everything: processors, memory, space, descriptors?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from monitor.checks.base import Check, CheckBlind, Env, Family
from monitor.core.model import Finding, Message, Reading, Seen, Status, Threshold
from monitor.sources.host import Filesystem, Sample, Unreadable


def _is_whole(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("write the whole path, for example /var/lib/postgresql")
    return path


class HostCheck(Check):
    """Look at the machine that the monitor runs on. The use of the processors is told over the last minute, so that a
    short burst is no trouble; it is absent in the first half minute, and in `infra-monitor check`."""

    families: ClassVar[tuple[Family, ...]] = (
        Family("cpu", "infra_host_cpu_used_ratio", "gauge", "Time that was not idle, over the last minute (0 to 1)."),
        Family("cpu_seconds", "infra_host_cpu_seconds_total", "counter", "Time of all processors by what they did."),
        Family("processors", "infra_host_processors", "gauge", "Processors."),
        Family("load", "infra_host_load", "gauge", "Processes that run or wait to, on average over some minutes."),
        Family("memory", "infra_host_memory_used_ratio", "gauge", "Memory that is not available (0 to 1)."),
        Family("memory_size", "infra_host_memory_size_bytes", "gauge", "Memory of the machine."),
        Family(
            "memory_available", "infra_host_memory_available_bytes", "gauge", "Memory that programs can still have."
        ),
        Family("swap", "infra_host_swap_used_ratio", "gauge", "Swap in use (0 to 1); absent where there is none."),
        Family("disk", "infra_host_disk_used_ratio", "gauge", "Space in use, as df counts it (0 to 1)."),
        Family("disk_size", "infra_host_disk_size_bytes", "gauge", "Size of the file system."),
        Family("disk_available", "infra_host_disk_available_bytes", "gauge", "Space that users can still have."),
        Family("disk_inodes", "infra_host_disk_inodes_used_ratio", "gauge", "Inodes in use (0 to 1)."),
        Family("descriptors", "infra_host_descriptors_used_ratio", "gauge", "Open files over the kernel's limit."),
        Family("network_received", "infra_host_network_received_bytes_total", "counter", "Bytes that came in."),
        Family("network_sent", "infra_host_network_sent_bytes_total", "counter", "Bytes that went out."),
        Family("booted", "infra_host_boot_timestamp_seconds", "gauge", "When the machine was started."),
    )
    default_thresholds: ClassVar[tuple[Threshold, ...]] = (
        Threshold("cpu", 0.70, 0.90, "ratio"),
        Threshold("memory", 0.80, 0.95, "ratio"),
        Threshold("disk", 0.85, 0.95, "ratio"),
        Threshold("disk_inodes", 0.85, 0.95, "ratio"),
        Threshold("descriptors", 0.80, 0.95, "ratio"),
        Threshold("swap", None, None, "ratio"),
    )

    kind: Literal["host"]
    disks: tuple[Annotated[str, AfterValidator(_is_whole)], ...] | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        description="Paths whose file systems to look at. Default: all that lie on real devices and can be written to.",
    )

    async def look(self, env: Env) -> Seen:
        """Raises CheckBlind when the kernel does not show it. A path that is not there is a finding."""
        try:
            sample = await env.host.sample(self.disks, deadline=env.deadline)
        except Unreadable as unreadable:
            raise CheckBlind(str(unreadable)) from None
        missing = ", ".join(sample.missing)
        finding = Finding(Status.WARNING, "disk_missing", Message("host.disk_missing", {"disks": missing}))
        return Seen(tuple(_readings(sample)), (finding,) if missing else ())


def _readings(sample: Sample) -> Iterator[Reading]:
    if sample.cpu_used is not None:
        yield Reading("cpu", sample.cpu_used, "ratio")
    for mode, seconds in sample.cpu_seconds.items():
        yield Reading("cpu_seconds", seconds, "seconds", {"mode": mode})
    yield Reading("processors", sample.processors)
    for minutes, load in zip(("1", "5", "15"), sample.load, strict=True):
        yield Reading("load", load, labels={"minutes": minutes})
    yield Reading("memory", 1 - sample.memory_available / sample.memory_size, "ratio")
    yield Reading("memory_size", sample.memory_size, "bytes")
    yield Reading("memory_available", sample.memory_available, "bytes")
    if sample.swap_used is not None:
        yield Reading("swap", sample.swap_used, "ratio")
    for each in sample.filesystems:
        yield from _of_disk(each)
    yield Reading("descriptors", sample.descriptors_used, "ratio")
    for device, (received, sent) in sample.network.items():
        yield Reading("network_received", received, "bytes", {"device": device})
        yield Reading("network_sent", sent, "bytes", {"device": device})
    yield Reading("booted", sample.booted_at, "seconds")


def _of_disk(filesystem: Filesystem) -> Iterator[Reading]:
    labels = {"mountpoint": filesystem.mountpoint}
    yield Reading("disk", filesystem.used, "ratio", labels)
    yield Reading("disk_size", filesystem.size, "bytes", labels)
    yield Reading("disk_available", filesystem.available, "bytes", labels)
    if filesystem.inodes_used is not None:
        yield Reading("disk_inodes", filesystem.inodes_used, "ratio", labels)
