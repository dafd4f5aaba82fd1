"""Work that may hang in the kernel, kept off the event loop: a file on a dead server, a process that cannot be read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Aside:
    """Each name has a thread of its own, and one run in flight: what hangs delays nobody else and piles nothing up."""

    def __init__(self) -> None:
        self._in_flight: set[str] = set()

    async def run(self, name: str, work: Callable[[], T], *, deadline: float) -> T:
        """What `work` returns or raises, by `deadline` (on the loop's clock). Raises TimeoutError, at once when an
        earlier run of that name still hangs."""
        if name in self._in_flight:
            raise TimeoutError
        outcome: Future[T] = Future()
        outcome.set_running_or_notify_cancel()  # from now on nobody can cancel it under the thread's hands
        self._in_flight.add(name)
        threading.Thread(target=self._work, args=(name, work, outcome), name=name[:80], daemon=True).start()
        async with asyncio.timeout_at(deadline):
            return await asyncio.wrap_future(outcome)

    def _work(self, name: str, work: Callable[[], T], outcome: Future[T]) -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 — in a thread it would be lost; whoever waits is to have it
            self._in_flight.discard(name)
            outcome.set_exception(error)
        else:
            self._in_flight.discard(name)
            outcome.set_result(result)
