"""Servers that fail in one way each. Everything that PostgreSQL can do itself is done by a real one instead."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Self

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """The port of a server that handles each connection so."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        except asyncio.CancelledError:
            return  # the end of the test
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hang_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    return


def answer_with(first: bytes) -> Handler:
    """Answer the first packet, whatever it is, and then say nothing."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(first)
        await asyncio.Event().wait()

    return handler


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promise TLS, then send one byte of a record that never ends every tenth of a second."""
    await reader.readexactly(8)
    writer.write(b"S")
    await reader.read(65536)
    writer.write(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
    while True:
        writer.write(b"\x00")
        await asyncio.sleep(0.1)


@contextlib.contextmanager
def full() -> Iterator[int]:
    """A port whose queue of connections is full, so that the kernel drops every further SYN."""
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class Proxy:
    """Stands between us and a real server, and can stop forwarding or accepting; connection number `stall_from`, and
    those after it, are accepted and left alone."""

    def __init__(self, upstream: int, *, stall_from: int | None = None) -> None:
        self._upstream = upstream
        self._stall_from = stall_from
        self.accepted = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stall(self) -> None:
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def refuse(self) -> None:
        """No new connections; those that stand go on."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        with contextlib.suppress(asyncio.CancelledError, ConnectionError), contextlib.closing(writer):
            if self._stall_from is not None and self.accepted >= self._stall_from:
                await asyncio.Event().wait()
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
            with contextlib.closing(up_writer):
                there = asyncio.create_task(self._pump(reader, up_writer))
                back = asyncio.create_task(self._pump(up_reader, writer))
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
