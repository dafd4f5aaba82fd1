"""A slow disk: the one thread of a store is busy with something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from monitor.store import Store


@contextmanager
def held(store: Store) -> Iterator[None]:
    """Within, the store does nothing; whatever it is asked waits in line."""
    begun, release = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        release.wait(30)

    store._writer.submit(wait)
    assert begun.wait(30)
    try:
        yield
    finally:
        release.set()
