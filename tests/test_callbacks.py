"""Functions of embedding programs: told of everything, unable to harm."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from monitor.callbacks import MOST_WAITING, Callbacks
from monitor.core.model import Event, Status, StatusChanged

EVENTS = tuple(StatusChanged(f"s{n}", Status.HEALTHY, Status.DOWN, float(n)) for n in range(5))


@pytest.fixture
async def callbacks() -> Callbacks:
    return Callbacks()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def test_functions_and_coroutines_hear_every_event_in_order_until_they_are_removed(callbacks: Callbacks) -> None:
    plain, waiting = list[Event](), list[Event]()

    async def hear(event: Event) -> None:
        await asyncio.sleep(0)
        waiting.append(event)

    for callback in (plain.append, hear, hear):
        callbacks.register(callback)
    callbacks.tell(EVENTS)
    await until(lambda: len(plain) == len(waiting) == 5)
    assert tuple(plain) == tuple(waiting) == EVENTS
    callbacks.remove(hear)
    with pytest.raises(ValueError, match="not registered"):
        callbacks.remove(hear)
    callbacks.tell(EVENTS[:1])
    await until(lambda: len(plain) == 6)
    assert len(waiting) == 5
    callbacks.close()


async def test_one_that_raises_hears_the_next_event_all_the_same(callbacks: Callbacks) -> None:
    heard = list[Event]()

    def plain(event: Event) -> None:
        heard.append(event)
        raise RuntimeError("plain")

    async def waiting(event: Event) -> None:
        heard.append(event)
        raise RuntimeError("waiting")

    callbacks.register(plain)
    callbacks.register(waiting)
    callbacks.tell(EVENTS)
    await until(lambda: len(heard) == 10)
    callbacks.close()


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_one_that_hangs_delays_nobody_and_what_waits_for_it_is_bounded(
    callbacks: Callbacks, released: threading.Event
) -> None:
    heard = list[Event]()

    def hangs(_event: Event) -> None:
        released.wait(30)

    async def waits(_event: Event) -> None:
        await asyncio.Event().wait()

    for callback in (hangs, waits, heard.append):
        callbacks.register(callback)
    began = time.monotonic()
    for n in range(MOST_WAITING // 5 + 10):
        callbacks.tell(EVENTS)
        if n % 100 == 0:
            await until(lambda: len(heard) == (n + 1) * 5)  # noqa: B023 — it is over before n changes
    assert time.monotonic() - began < 20
    await until(lambda: len(heard) >= MOST_WAITING)
    callbacks.close()
    callbacks.tell(EVENTS)
