"""Servers that do as a test says, on loopback ports and sockets of their own; and certificates for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
FOREVER = 3600.0


@dataclass
class Talker:
    """A running server, and what was said to it."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def talking(act: Act, *, tls: ssl.SSLContext | None = None, path: Path | None = None) -> AsyncIterator[Talker]:
    """A server that acts so on each connection, whatever becomes of it."""
    talker = Talker(0)
    running: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        running.add(task)
        try:
            await act(_Heard(reader, talker.heard), writer)  # type: ignore[arg-type]  # it reads, that is all
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            running.discard(task)
            writer.transport.abort()

    if path is not None:
        server = await asyncio.start_unix_server(serve, path)
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        talker.port = server.sockets[0].getsockname()[1]
    try:
        yield talker
    finally:
        await asyncio.sleep(0.02)  # who is at the door is let in first, or asyncio forgets to close behind them
        server.close()
        for task in tuple(running):
            task.cancel()
        if running:
            await asyncio.wait(tuple(running))
        await asyncio.sleep(0.02)  # the transports' last words


class _Heard:
    """Notes what is read."""

    def __init__(self, reader: asyncio.StreamReader, heard: list[bytes]) -> None:
        self._reader = reader
        self._heard = heard

    async def readuntil(self, end: bytes) -> bytes:
        said = await self._reader.readuntil(end)
        self._heard.append(said)
        return said

    async def read(self, most: int) -> bytes:
        said = await self._reader.read(most)
        self._heard.append(said)
        return said


def saying(*pieces: bytes, gap: float = 0.0, then_hold: bool = False, ask_first: bytes | None = b"\r\n\r\n") -> Act:
    """Wait for a request, say these pieces, and close, or hold the connection for ever."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if ask_first is not None:
            await reader.readuntil(ask_first)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(gap)
        if then_hold:
            await asyncio.sleep(FOREVER)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    return act


@contextmanager
def dropping_packets() -> Iterator[int]:
    """A port whose queue is full: the kernel drops whoever knocks, in silence."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@dataclass(frozen=True)
class Authority:
    """Certificates of our own making."""

    directory: Path

    @property
    def file(self) -> Path:
        return self.directory / "ca.crt"

    def context(self, name: str, *, days: float = 30) -> ssl.SSLContext:
        """What a server with this name shows; with negative days the certificate ended that long ago."""
        key, request, certificate = (self.directory / f"{name}{days}.{kind}" for kind in ("key", "csr", "crt"))
        _openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        alternatives = self.directory / f"{name}.ext"
        alternatives.write_text(f"subjectAltName=DNS:{name}\n")
        settings = self.directory / "ca.cnf"
        settings.write_text(_SETTINGS.format(directory=self.directory))
        (self.directory / "index").write_text("")
        end = datetime.now(UTC) + timedelta(days=days)
        _openssl(
            "ca", "-batch", "-config", settings, "-in", request, "-out", certificate, "-extfile", alternatives,
            "-startdate", "20200101000000Z", "-enddate", end.strftime("%Y%m%d%H%M%SZ"),
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


_SETTINGS = """\
[ca]
default_ca = ours
[ours]
database = {directory}/index
new_certs_dir = {directory}
rand_serial = yes
certificate = {directory}/ca.crt
private_key = {directory}/ca.key
default_md = sha256
policy = any
[any]
commonName = supplied
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def make_authority(directory: Path) -> Authority:
    """One that nobody trusts yet."""
    made = Authority(directory)
    _openssl("req", "-x509", *_NEW_KEY, "-keyout", directory / "ca.key", "-out", made.file, "-subj", "/CN=our own CA")
    return made


def _openssl(*words: str | Path | int) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
