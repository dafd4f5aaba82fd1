"""Processes that end are told of at once, to everybody concerned and to nobody else; descriptors are bounded."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.schedule import Key
from monitor.sources.processes import Process, Processes
from monitor.watch.processes import ProcessWatch

A, B = Key("web", "pm2"), Key("api", "pm2")


class Sleepers:
    """Processes to be ended."""

    def __init__(self) -> None:
        self._all = dict[int, subprocess.Popen[bytes]]()

    def one(self) -> Process:
        started = subprocess.Popen(["sleep", "600"])
        self._all[started.pid] = started
        found = Processes().get(started.pid)
        assert found
        return found

    def kill(self, process: Process, *, reap: bool = True) -> None:
        self._all[process.pid].kill()
        if reap:
            self._all[process.pid].wait()
        else:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    def end(self) -> None:
        for each in self._all.values():
            each.kill()
            each.wait()


@pytest.fixture
def sleepers() -> Iterator[Sleepers]:
    made = Sleepers()
    yield made
    made.end()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _told(told: list[Key], count: int) -> None:
    async with asyncio.timeout(5):
        while len(told) < count:
            await asyncio.sleep(0.001)


async def test_the_end_of_a_process_is_told_within_milliseconds_and_once(sleepers: Sleepers) -> None:
    told, took = list[Key](), list[float]()
    watch = ProcessWatch(told.append)
    for number in range(10):
        process, stays = sleepers.one(), sleepers.one()
        watch.follow(A, [process, stays])
        began = time.monotonic()
        sleepers.kill(process, reap=bool(number % 2))  # also while it is a zombie
        await _told(told, number + 1)
        took.append(time.monotonic() - began)
    watch.follow(A, [])
    await asyncio.sleep(0.05)
    assert told == [A] * 10
    assert sorted(took)[5] < 0.1
    watch.close()


async def test_who_follows_it_is_told_and_nobody_else(sleepers: Sleepers) -> None:
    told = list[Key]()
    watch = ProcessWatch(told.append)
    shared, own = sleepers.one(), sleepers.one()
    watch.follow(A, [shared])
    watch.follow(B, [shared, own])
    sleepers.kill(shared)
    await _told(told, 2)
    assert sorted(told) == [B, A]
    sleepers.kill(own)
    await _told(told, 3)
    assert told[2] == B
    watch.close()


async def test_one_that_had_ended_before_it_was_followed_is_told_of_once(sleepers: Sleepers) -> None:
    told = list[Key]()
    watch = ProcessWatch(told.append)
    reaped, zombie, lives = sleepers.one(), sleepers.one(), sleepers.one()
    later = Process(lives.pid, lives.parent, lives.started_ticks - 1, 0.0, 0)  # its number was given again
    sleepers.kill(reaped)
    sleepers.kill(zombie, reap=False)
    for number, each in enumerate((reaped, zombie, later), start=1):
        for _ in range(3):
            watch.follow(A, [each])
        assert told == [A] * number
    assert watch.watched == 0
    watch.close()


async def test_a_check_that_is_dropped_hears_nothing_and_leaves_no_descriptor(sleepers: Sleepers) -> None:
    before = _descriptors()
    told = list[Key]()
    watch = ProcessWatch(told.append)
    both, one = sleepers.one(), sleepers.one()
    watch.follow(A, [both, one])
    watch.follow(B, [both])
    assert (watch.watched, _descriptors()) == (2, before + 2)
    watch.drop(A)
    assert (watch.watched, _descriptors()) == (1, before + 1)
    sleepers.kill(both)
    await _told(told, 1)
    assert told == [B]
    watch.close()
    watch.drop(B)
    assert (watch.watched, _descriptors()) == (0, before)


async def test_there_are_never_more_descriptors_than_allowed_and_the_first_processes_count(sleepers: Sleepers) -> None:
    told = list[Key]()
    watch = ProcessWatch(told.append, most=2)
    first, second, third = (sleepers.one() for _ in range(3))
    watch.follow(A, [first, second, third])
    assert watch.watched == 2
    sleepers.kill(third)
    sleepers.kill(second)
    await _told(told, 1)
    await asyncio.sleep(0.05)
    assert told == [A]
    watch.close()


async def test_without_a_descriptor_left_nothing_is_told_and_nothing_fails(sleepers: Sleepers) -> None:
    """Where the kernel does not give us one, looks come when they are due."""
    told = list[Key]()
    watch = ProcessWatch(told.append)
    process = sleepers.one()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        watch.follow(A, [process])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (watch.watched, told) == (0, [])
    watch.close()
