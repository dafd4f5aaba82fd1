"""One question to a peer, or to Nginx: what came of it, and whether Nginx itself wrote the answer."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from monitor.sources.connect import Address, Connection, Hindered, Stopwatch, Unanswered, connection
from monitor.sources.exchange import Request, exchange
from monitor.sources.resolver import Resolver

_OWN_PAGE: Final = b"<hr><center>"
"""Nginx ends each of its own pages with its name behind this, and so do its relatives."""

_FIRST_ERROR: Final = 400


@dataclass(frozen=True, slots=True)
class Question:
    """Where to ask and what. `path` None: only connect (and shake hands, with `tls`). An empty `host` is one that
    Nginx refuses by itself. `server_name` is for TLS."""

    address: Address
    path: str | None
    host: str = ""
    tls: bool = False
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `reason` is `ok`, or why there is no answer; `hindered` and `withheld` say nothing of the other
    side. `page`: Nginx's own error page."""

    reason: str
    phase: str = ""
    status: int | None = None
    seconds: float = 0.0
    page: bool = False
    certificate: bytes | None = None
    body: bytes = b""

    @property
    def answered(self) -> bool:
        """Whether it did what was asked."""
        return self.reason == "ok"

    @property
    def stalled(self) -> bool:
        """Whether it took the connection, or the packets, and was silent."""
        return self.reason == "timeout"

    @property
    def failed(self) -> bool:
        """Whether we know that there is no service."""
        return self.reason not in {"ok", "timeout", "hindered", "withheld"}


WITHHELD: Final = Outcome("withheld")


async def ask(question: Question, *, resolver: Resolver, deadline: float) -> Outcome:
    """Never raises for what the other side does."""
    watch, certificate = Stopwatch(), None
    began = asyncio.get_running_loop().time()
    try:
        async with connection(
            question.address,
            resolver=resolver,
            deadline=deadline,
            watch=watch,
            tls=_any_certificate() if question.tls else None,
            server_name=question.server_name,
        ) as connected:
            certificate = connected.certificate
            return await _answer(question, connected, watch, began)
    except Unanswered as failed:
        took = asyncio.get_running_loop().time() - began
        return Outcome(failed.reason, failed.phase, seconds=took, certificate=certificate)
    except Hindered:
        return Outcome("hindered")


async def _answer(question: Question, connected: Connection, watch: Stopwatch, began: float) -> Outcome:
    loop = asyncio.get_running_loop()
    if question.path is None:
        return Outcome("ok", seconds=loop.time() - began, certificate=connected.certificate)
    request = Request("GET", question.host, question.path, {})
    answer = await exchange(connected, request, watch, enough=_OWN_PAGE)
    page = answer.status >= _FIRST_ERROR and _OWN_PAGE in answer.body
    took = loop.time() - began
    return Outcome("ok", "", answer.status, took, page, connected.certificate, answer.body[:1024])


@lru_cache(maxsize=1)
def _any_certificate() -> ssl.SSLContext:
    """What is served is looked at, not believed: peers are asked by address, where no certificate can fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
