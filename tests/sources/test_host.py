"""The machine as the kernel shows it: the use of its processors over time, its real file systems, and no hanging."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from monitor.sources.host import (
    MOST_FILESYSTEMS,
    Disks,
    HostSource,
    Sample,
    Unreadable,
    Usage,
    filesystem,
    read_sample,
    real_mountpoints,
)


def counters(busy: float, idle: float) -> dict[str, float]:
    return {"user": busy, "idle": idle / 2, "iowait": idle / 2}


def soon() -> float:
    return asyncio.get_running_loop().time() + 10


def test_the_use_of_the_processors_is_not_told_before_half_a_minute_was_seen() -> None:
    usage = Usage()
    assert [usage.until(at, counters(at, at)) for at in (0.0, 10.0, 29.0)] == [None] * 3
    assert usage.until(30.0, counters(30.0, 30.0)) == 0.5


def test_half_a_second_of_full_use_is_hardly_seen() -> None:
    usage = Usage()
    usage.until(0.0, counters(0.0, 0.0))
    assert usage.until(59.5, counters(0.0, 59.5)) == 0.0
    assert usage.until(60.0, counters(0.5, 59.5)) == pytest.approx(0.5 / 60)


def test_a_busy_minute_is_seen_whole_and_the_looks_of_a_confirmation_see_the_same() -> None:
    usage = Usage()
    for at in range(0, 121, 15):
        usage.until(float(at), counters(max(0.0, at - 60.0), min(at, 60.0)))
    assert usage.until(120.3, counters(60.3, 60.0)) == 1.0
    assert usage.until(120.6, counters(60.6, 60.0)) == 1.0


def test_looks_that_come_seldom_tell_the_whole_time_between_them() -> None:
    usage = Usage()
    usage.until(0.0, counters(0.0, 0.0))
    usage.until(300.0, counters(300.0, 0.0))
    assert usage.until(600.0, counters(300.0, 300.0)) == 0.0


def test_counters_that_went_backwards_tell_nothing_impossible() -> None:
    usage = Usage()
    usage.until(0.0, counters(100.0, 100.0))
    assert usage.until(60.0, counters(90.0, 90.0)) is None
    again = Usage()
    again.until(0.0, counters(0.0, 100.0))
    assert again.until(60.0, counters(110.0, 90.0)) == 1.0


def test_no_more_is_remembered_than_a_minute_needs() -> None:
    usage = Usage()
    for second in range(1000):
        usage.until(float(second), counters(0.0, second))
    assert len(usage._seen) <= 62


@dataclass(frozen=True)
class Mounted:
    device: str
    mountpoint: str
    fstype: str = "ext4"
    opts: str = "rw,relatime"


def test_the_root_and_every_writable_device_count_once() -> None:
    mounted = [
        Mounted("/dev/vdb", "/var/lib/docker/plugins"),
        Mounted("/dev/vda1", "/"),
        Mounted("/dev/vdb", "/data"),
        Mounted("/dev/vda1", "/home/chroot"),
        Mounted("/dev/loop0", "/snap/core/1", "squashfs", "ro,nodev"),
        Mounted("/dev/sr0", "/media/cdrom", "iso9660"),
        Mounted("/dev/vdc", "/archive", "ext4", "ro"),
    ]
    assert real_mountpoints(mounted) == ("/", "/data")


def test_the_root_counts_also_where_it_is_on_no_device() -> None:
    """In a container it is an overlay."""
    assert real_mountpoints([]) == ("/",)
    assert real_mountpoints([Mounted("/dev/vdb", "/data")]) == ("/", "/data")


def test_a_thousand_devices_are_not_a_thousand_series() -> None:
    many = [Mounted(f"/dev/vd{number}", f"/data{number}") for number in range(1000)]
    assert len(real_mountpoints(many)) == MOST_FILESYSTEMS


def test_space_is_counted_as_df_counts_it(tmp_path: Path) -> None:
    told = filesystem(str(tmp_path))
    assert told
    said = subprocess.run(["df", "--output=pcent,size", "-B1", tmp_path], capture_output=True, text=True, check=True)
    percent, size = said.stdout.splitlines()[1].split()
    assert told.used * 100 == pytest.approx(float(percent.rstrip("%")), abs=1.1)
    assert told.size == int(size)


def test_what_has_no_space_of_its_own_is_no_disk() -> None:
    assert filesystem("/proc") is None


def test_a_sample_is_what_the_kernel_says() -> None:
    sample = read_sample(None)
    memory = psutil.virtual_memory()
    assert sample.memory_size == memory.total
    assert sample.memory_available == pytest.approx(memory.available, rel=0.2)
    assert sample.processors == os.cpu_count()
    assert sample.filesystems[0].mountpoint == "/"
    assert 0 < sample.descriptors_used < 1
    assert sample.booted_at == pytest.approx(psutil.boot_time(), abs=2)
    assert set(sample.cpu_seconds) >= {"user", "system", "idle", "iowait"}
    assert not {"guest", "lo"} & {*sample.cpu_seconds, *sample.network}
    assert sample.cpu_used is None


def test_paths_that_are_not_there_are_named() -> None:
    sample = read_sample(("/", "/nowhere/at/all"))
    assert [each.mountpoint for each in sample.filesystems] == ["/"]
    assert sample.missing == ("/nowhere/at/all",)


async def test_samples_add_up_to_the_use_of_the_processors() -> None:
    source = HostSource()
    assert (await source.sample(None, deadline=soon())).cpu_used is None
    source._usage._seen[0] = (source._usage._seen[0][0] - 40, *source._usage._seen[0][1:])  # as if forty seconds ago
    used: float | None = None
    for _ in range(50):  # until the counters, which move in hundredths of a second, have moved
        used = (await source.sample(None, deadline=soon())).cpu_used
        if used is not None:
            break
        await asyncio.sleep(0.01)
    assert used is not None
    assert 0 <= used <= 1


async def test_a_kernel_that_hangs_is_told_at_the_deadline_and_asked_once() -> None:
    held, asked = threading.Event(), []

    def hang(disks: Disks) -> Sample:
        asked.append(disks)
        held.wait(30)
        return read_sample(disks)

    source = HostSource(hang)
    loop = asyncio.get_running_loop()
    for _ in range(2):
        began = loop.time()
        with pytest.raises(Unreadable, match="does not answer"):
            await source.sample(None, deadline=began + 0.2)
        assert loop.time() - began < 0.7
    assert asked == [None], "one thread at a time, however often it is looked"
    held.set()
    assert (await source.sample(None, deadline=soon())).processors


async def test_what_cannot_be_read_is_said_in_the_kernels_words() -> None:
    def refuse(_: Disks) -> Sample:
        raise PermissionError(13, "Permission denied", "/proc/meminfo")

    with pytest.raises(Unreadable, match="cannot be read: Permission denied"):
        await HostSource(refuse).sample(None, deadline=soon())


async def test_an_answer_that_comes_after_the_end_disturbs_nobody() -> None:
    program = (
        "import asyncio, threading, monitor.sources.host as h\n"
        "held = threading.Event()\n"
        "async def main():\n"
        "    source = h.HostSource(lambda _: held.wait(20))\n"
        "    try: await source.sample(None, deadline=0)\n"
        "    except h.Unreadable: pass\n"
        "asyncio.run(main()); held.set(); [t.join() for t in threading.enumerate() if t.name == 'host']\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=Path(__file__).parents[2], stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
