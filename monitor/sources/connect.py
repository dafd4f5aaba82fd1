"""One fresh connection, phase by phase: the name, TCP, TLS; each timed, all under one deadline.

Own, and not aiohttp's: a look wants exactly one connection, to know in which phase it stalled (TLS told from TCP), and
to see the certificate; and `infra-monitor check` need not load a web framework to ask a port whether it answers.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from monitor.sources.resolver import LookupFailed, Resolver

LONGEST_LINE: Final = 64 * 1024
_LAST_PORT: Final = 65535
_CERTIFICATE_HAS_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_OUR_OWN: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_REASONS: Final = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.ENOENT: "missing",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: `host` and `port`, or the `path` of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`redis:6379`, `[::1]:6379` or `unix:/run/redis.sock`. Raises ValueError with a text for people."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/"):
            raise ValueError("a Unix socket is written with its whole path, for example unix:/run/redis.sock")
        return Address(path=path)
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not colon or not host or (":" in host and not bracketed):
        raise ValueError("must be host:port, [IPv6]:port or unix:/path, for example 127.0.0.1:6379")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= _LAST_PORT):
        raise ValueError("the port must be 1 to 65535")
    return Address(host, int(port))


class Unanswered(Exception):  # noqa: N818 — it is a finding about somebody else, not an error of ours
    """The other side did not do its part in this phase. `message` holds no secret of ours."""

    def __init__(self, phase: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.phase = phase
        self.reason = reason
        self.message = message


class Hindered(Exception):  # noqa: N818 — it is a finding about this machine
    """It was not even tried: this machine could not or may not. It says nothing about the other side."""


class Stopwatch:
    """How long each phase took. The last one begun is the one that a failure belongs to."""

    def __init__(self) -> None:
        self.phase = ""
        self.phases: dict[str, float] = {}
        self._began = 0.0

    def begin(self, phase: str) -> None:
        """The phase before it, if any, is over."""
        self.stop()
        self.phase, self._began = phase, asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Nothing is under way any more."""
        if self.phase:
            self.phases[self.phase] = asyncio.get_running_loop().time() - self._began

    @property
    def total(self) -> float:
        """All phases together."""
        return sum(self.phases.values())


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection. `certificate` is the server's, in DER, where TLS is spoken."""

    reader: asyncio.StreamReader
    transport: asyncio.WriteTransport
    certificate: bytes | None = None


@asynccontextmanager
async def connection(
    address: Address,
    *,
    resolver: Resolver,
    deadline: float,
    watch: Stopwatch,
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> AsyncIterator[Connection]:
    """Connect, and be cut off at the end. Whatever goes wrong, also in what is done with the connection, is raised as
    Unanswered in the phase that `watch` is in, at `deadline` (on the loop's clock) at the latest; or as Hindered.
    `server_name` is whom TLS asks for where that is not the host."""
    transport: asyncio.WriteTransport | None = None
    try:
        async with asyncio.timeout_at(deadline):
            opened = await _connected(address, resolver, watch, deadline)
            made = await _spoken_to(opened, server_name or address.host, watch, tls)
            transport = made.transport
            yield made
    except TimeoutError:
        raise Unanswered(watch.phase, "timeout", _SILENCE.get(watch.phase, _SILENT)) from None
    except (OSError, EOFError, LookupFailed) as error:
        raise _explained(error, watch.phase, address) from None
    finally:
        watch.stop()
        if transport is not None:
            transport.abort()


_SILENCE: Final = {
    "tcp": "nothing came back: packets are dropped on the way",
    "tls": "the connection was accepted, and then nothing was said",
    "body": "the answer began and did not end",
}
_SILENT: Final = "no answer came"


async def _connected(address: Address, resolver: Resolver, watch: Stopwatch, deadline: float) -> socket.socket:
    if address.path:
        watch.begin("connect")
        return await _open(socket.AF_UNIX, address.path)
    watch.begin("resolve")
    found = await resolver.resolve(address.host, deadline=deadline)
    watch.begin("tcp")
    return await _first(found, address.port, deadline)


async def _first(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    """The first that accepts, in this order; each but the last within half of the time that is left. When none does,
    silence tells more than a closed door."""
    loop = asyncio.get_running_loop()
    refusals: list[OSError] = []
    for number, each in enumerate(addresses, 1):
        family = socket.AF_INET6 if ":" in each else socket.AF_INET
        left = deadline - loop.time()
        try:
            async with asyncio.timeout(left if number == len(addresses) else left / 2):
                return await _open(family, (each, port))
        except OSError as error:  # TimeoutError is one, too
            refusals.append(error)
    raise next((error for error in refusals if isinstance(error, TimeoutError)), refusals[0])


async def _open(family: socket.AddressFamily, where: str | tuple[str, int]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        await asyncio.get_running_loop().sock_connect(opened, where)
    except BaseException:
        opened.close()
        raise
    return opened


async def _spoken_to(
    opened: socket.socket, server_name: str, watch: Stopwatch, tls: ssl.SSLContext | None
) -> Connection:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LONGEST_LINE, loop)
    if tls is None:
        plain, _ = await loop.create_connection(lambda: asyncio.StreamReaderProtocol(reader), sock=opened)
        return Connection(reader, plain)
    watch.begin("tls")
    transport, _ = await loop.create_connection(
        lambda: asyncio.StreamReaderProtocol(reader),
        sock=opened,
        ssl=tls,
        server_hostname=server_name.rstrip(".") or "localhost",
        ssl_handshake_timeout=3600,  # the deadline is ours; asyncio's own would end longer ones
    )
    return Connection(reader, transport, transport.get_extra_info("ssl_object").getpeercert(binary_form=True))


def _explained(error: Exception, phase: str, address: Address) -> Unanswered | Hindered:
    match error:
        case LookupFailed():
            return Unanswered("resolve", error.reason, error.message)
        case ssl.SSLCertVerificationError():
            expired = error.verify_code == _CERTIFICATE_HAS_EXPIRED
            return Unanswered(phase, "certificate_expired" if expired else "certificate", error.verify_message)
        case ssl.SSLError():
            return Unanswered(
                phase, "tls", f"TLS failed: {(error.reason or 'no reason given').replace('_', ' ').lower()}"
            )
        case OSError():
            return _by_number(error, phase, address)
        case _:
            return Unanswered(phase, "closed", "the connection was closed before the answer was whole")


def _by_number(error: OSError, phase: str, address: Address) -> Unanswered | Hindered:
    number = error.errno or errno.ECONNRESET  # asyncio's own are all about a connection that was lost
    words = os.strerror(number)
    if number in _OUR_OWN:
        return Hindered(f"this machine cannot open connections: {words}")
    if address.path and number in (errno.EACCES, errno.EPERM):
        return Hindered(f"no permission to open {address.path}")
    return Unanswered(phase, _REASONS.get(number, "unreachable"), words)


def printable(data: bytes, *, longest: int = 120) -> str:
    """What somebody said, as one short line that can be shown."""
    text = " ".join(data[: 4 * longest].decode("utf-8", "replace").split())
    text = "".join(each if each.isprintable() else "?" for each in text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """One that trusts the system's authorities, or only those in `ca_file`; a file that has changed is read again.
    Raises Hindered when the file cannot be used."""
    try:
        return _context(ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Hindered(
            f"cannot use the certificates in {ca_file}: {getattr(error, 'strerror', None) or error}"
        ) from None


@lru_cache(maxsize=16)
def _context(ca_file: Path | None, _changed_at: int) -> ssl.SSLContext:
    """It costs 20 ms to make one, so it is kept for the next look."""
    return ssl.create_default_context(cafile=ca_file)
