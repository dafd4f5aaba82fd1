"""Functions of programs that embed the monitor: told of every event, and unable to harm it by raising or hanging."""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol, TypeAlias

import structlog

from monitor.core.model import Event

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 1_000

Callback: TypeAlias = Callable[[Event], Awaitable[None] | None]
"""A plain function is called in a thread of its own, a coroutine function in a task of its own."""


class Callbacks:
    """Each callback has its own queue, so a slow one delays no other. A full queue drops what is new: said once."""

    def __init__(self) -> None:
        self._lines: dict[Callback, _Line] = {}

    def register(self, callback: Callback) -> None:
        """Call it with every event from now on, in their order. Registering twice changes nothing."""
        if callback not in self._lines:
            makes_coroutines = inspect.iscoroutinefunction(callback)
            self._lines[callback] = _InTask(callback) if makes_coroutines else _InThread(callback)

    def remove(self, callback: Callback) -> None:
        """Call it no longer, not even with what waits. Raises ValueError when it was not registered."""
        if callback not in self._lines:
            raise ValueError("this callback is not registered")
        self._lines.pop(callback).close()

    def tell(self, events: Iterable[Event]) -> None:
        """Queue the events for everybody. Never waits, never raises."""
        for event in events:
            for line in self._lines.values():
                line.put(event)

    def close(self) -> None:
        """Call nobody any more."""
        for callback in tuple(self._lines):
            self.remove(callback)


class _Line(Protocol):
    def put(self, event: Event) -> None: ...
    def close(self) -> None: ...


class _InTask:
    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(MOST_WAITING)
        self._overflowing = False
        self._task = asyncio.create_task(self._call())

    def put(self, event: Event) -> None:
        try:
            self._waiting.put_nowait(event)
            self._overflowing = False
        except asyncio.QueueFull:
            self._overflowing = self._overflowing or _overflows(self._callback)

    def close(self) -> None:
        self._task.cancel()

    async def _call(self) -> None:
        while True:
            event = await self._waiting.get()
            try:
                answer = self._callback(event)
                if answer is not None:
                    await answer
            except Exception:  # somebody else's code: whatever it does ends here
                log.exception("callback.crashed", callback=_name(self._callback))


class _InThread:
    """The thread is a daemon: one that hangs in a callback does not keep the program from ending."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._waiting: queue.Queue[Event | None] = queue.Queue(MOST_WAITING)
        self._overflowing = False
        self._closed = threading.Event()
        threading.Thread(target=self._call, name=f"callback {_name(callback)}", daemon=True).start()

    def put(self, event: Event) -> None:
        try:
            self._waiting.put_nowait(event)
            self._overflowing = False
        except queue.Full:
            self._overflowing = self._overflowing or _overflows(self._callback)

    def close(self) -> None:
        self._closed.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:  # then it is busy, and sees that it is closed when it comes back
            return

    def _call(self) -> None:
        while not self._closed.is_set():
            event = self._waiting.get()
            if event is None or self._closed.is_set():
                return
            try:
                self._callback(event)
            except Exception:  # somebody else's code: whatever it does ends here
                log.exception("callback.crashed", callback=_name(self._callback))


def _overflows(callback: Callback) -> bool:
    log.error("callback.overflow", callback=_name(callback), waiting=MOST_WAITING, consequence="events are dropped")
    return True


def _name(callback: Callback) -> str:
    return getattr(callback, "__qualname__", type(callback).__name__)
