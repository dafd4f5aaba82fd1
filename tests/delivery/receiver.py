"""A receiver of notices that speaks real HTTP and does what the test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.clock import SystemClock
from monitor.notify.base import Post


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived; names of headers in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


async def accept(_request: Request) -> web.Response:
    return web.Response(status=204)


@dataclass(slots=True)
class Receiver:
    """`answer` decides on each request; all of them are kept in `requests`."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Awaitable[web.StreamResponse]] = accept

    def answers(self, status: int, **headers: str) -> None:
        async def answer(_request: Request) -> web.Response:
            return web.Response(status=status, headers={name.replace("_", "-"): each for name, each in headers.items()})

        self.answer = answer

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        arrived = Request(request.method, request.path_qs, headers, await request.read())
        self.requests.append(arrived)
        return await self.answer(arrived)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        await server.close()


@asynccontextmanager
async def posting() -> AsyncIterator[Post]:
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        yield Post(http=http, clock=SystemClock())
