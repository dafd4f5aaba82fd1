"""A thread that acts when the event loop stands still: what must not be left unread is let go of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

LIMIT_SECONDS: Final = 2.0
"""A loop that has not shown itself for this long stands still."""


class Guard:
    """Calls `let_go`, in a thread of its own, when nobody has called `beat` for a while; once for each standstill."""

    def __init__(self, let_go: Callable[[], None], *, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._let_go = let_go
        self._limit = limit_seconds
        self._beat_at = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._guard, name="watch guard", daemon=True)

    def start(self) -> None:
        """Begin."""
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """The loop turns."""
        self._beat_at = time.monotonic()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def _guard(self) -> None:
        acted_at = 0.0
        while not self._ended.wait(self._limit / 2):
            beat_at = self._beat_at
            if acted_at != beat_at and time.monotonic() - beat_at > self._limit:
                acted_at = beat_at
                self._let_go()
