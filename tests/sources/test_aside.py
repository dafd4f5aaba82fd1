"""What hangs in a thread of its own delays nobody."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from monitor.sources.aside import Aside


def soon() -> float:
    return asyncio.get_running_loop().time() + 10.0


async def test_what_is_done_aside_comes_back() -> None:
    aside = Aside()
    assert await aside.run("one", lambda: threading.current_thread().name, deadline=soon()) == "one"
    assert await aside.run("one", lambda: 2, deadline=soon()) == 2


async def test_what_it_raises_comes_back_too() -> None:
    def fail() -> None:
        raise PermissionError("not ours")

    aside = Aside()
    for _ in range(2):
        with pytest.raises(PermissionError, match="not ours"):
            await aside.run("one", fail, deadline=soon())


async def test_what_hangs_ends_at_the_deadline_and_is_begun_no_second_time() -> None:
    aside, released, begun = Aside(), threading.Event(), list[float]()

    def hang() -> None:
        begun.append(time.monotonic())
        released.wait(60)

    loop = asyncio.get_running_loop()
    start = loop.time()
    with pytest.raises(TimeoutError):
        await aside.run("nfs", hang, deadline=start + 0.2)
    assert 0.2 <= loop.time() - start < 5
    with pytest.raises(TimeoutError):
        await aside.run("nfs", hang, deadline=soon())
    assert len(begun) == 1
    assert await aside.run("other", lambda: "served", deadline=soon()) == "served"
    released.set()
    while "nfs" in aside._in_flight:  # the thread lives on a moment
        await asyncio.sleep(0.01)
    assert await aside.run("nfs", lambda: "back", deadline=soon()) == "back"


async def test_who_gives_up_waiting_leaves_no_error_behind(caplog: pytest.LogCaptureFixture) -> None:
    aside, released = Aside(), threading.Event()

    def fail_late() -> None:
        released.wait(60)
        raise ValueError("too late")

    task = asyncio.create_task(aside.run("late", fail_late, deadline=soon()))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    released.set()
    while "late" in aside._in_flight:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert caplog.records == []
