"""A way to a server that a test can cut and mend: a forwarder on a port of its own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from threading import Lock, Thread
from typing import Self


class Wire:
    """Forwards bytes. Cut, it refuses new connections and has ended those it had, when `cut` returns."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = Lock()
        self._listener: socket.socket | None = None
        self._ends: set[socket.socket] = set()
        self._threads: list[Thread] = []
        self.port = 0

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def mend(self) -> None:
        """Listen, always on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def cut(self) -> None:
        """Nobody gets through any more, and no thread and no socket is left."""
        with self._lock:
            listener, self._listener = self._listener, None
            if listener:
                _end(listener)
            for end in self._ends:
                _end(end)
        while self._threads:
            self._threads.pop().join()
        if listener:
            listener.close()

    def _start(self, does: Callable[[socket.socket], None], end: socket.socket) -> None:
        thread = Thread(target=does, args=(end,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                with self._lock:
                    if self._listener is not listener:
                        near.close()
                        return
                    self._ends.add(near)
                    self._start(self._forward, near)

    def _forward(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target, timeout=10)
        except OSError:
            self._close(near)
            return
        far.settimeout(None)
        with self._lock:
            self._ends.add(far)
            cut = self._listener is None
        if cut:
            _end(far)
        back = Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()
        self._close(near, far)

    def _close(self, *ends: socket.socket) -> None:
        with self._lock:
            self._ends.difference_update(ends)
        for end in ends:
            end.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Until one of the two ends; then both do."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _end(source)
    _end(sink)


def _end(end: socket.socket) -> None:
    """Wakes whoever waits for it; closing alone would not."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
