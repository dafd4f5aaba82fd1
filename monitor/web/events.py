"""The stream of server-sent events: who listens hears of every change, and can neither slow us nor make us grow."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import hdrs, web

from monitor.core.model import LookWanted, Observation, Reloaded
from monitor.questions import Questions
from monitor.service_monitoring import Change, ServiceMonitoring
from monitor.web.answer import Refused, json_line
from monitor.web.news import Happening, News

log = structlog.get_logger(__name__)

MOST_LISTENERS: Final = 32
MOST_WAITING: Final = 64
BUFFER_BYTES: Final = 64 * 1024
"""What the kernel may keep of one stream; it would take megabytes for who does not read."""
WRITE_SECONDS: Final = 10.0
KEEP_ALIVE_SECONDS: Final = 15.0
_RETRY: Final = b"retry: 2000\n\n"
_KEEP_ALIVE: Final = b": still here\n\n"


class Events:
    """While somebody listens, each commit is compared with what was told before. Changes go out with the commit; what
    is no news by itself (looks that ended, numbers of an incident) once a second, with the passing of time."""

    def __init__(
        self,
        monitoring: ServiceMonitoring,
        questions: Questions,
        *,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        self._monitoring = monitoring
        self._questions = questions
        self._keep_alive_seconds = keep_alive_seconds
        self._streams: set[_Stream] = set()
        self._news: News | None = None
        self._count = 0
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many there are."""
        return len(self._streams)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Everything from now on, until one of both sides has enough. Raises Refused when there are too many."""
        response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: "no-store", "X-Accel-Buffering": "no"})
        response.content_type = "text/event-stream"
        if request.method == hdrs.METH_HEAD:
            return response
        stream = self._join(request)
        try:
            await response.prepare(request)
            await stream.pour(response, keep_alive_seconds=self._keep_alive_seconds)
        except (ConnectionError, TimeoutError):
            stream.cut()
        finally:
            self._leave(stream)
        return response

    async def close(self, _app: web.Application | None = None) -> None:
        """Let every stream end, and begin none."""
        self._closed = True
        self._end_all()

    def _join(self, request: web.Request) -> _Stream:
        for each in [each for each in self._streams if each.is_dead]:
            self._leave(each)
        if self._closed or len(self._streams) >= MOST_LISTENERS:
            message = "the monitor is stopping" if self._closed else f"{MOST_LISTENERS} listen already; try again later"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", message, {hdrs.RETRY_AFTER: "10"})
        if self._news is None:
            self._news = News(self._monitoring, self._questions)
            self._monitoring.subscribe(self._heard)
        else:
            self._tell(self._news.since(looks=False))
        stream = _Stream(request)
        stream.put(_RETRY)
        self._count += 1
        stream.put(self._line(self._news.begin()))
        self._streams.add(stream)
        return stream

    def _leave(self, stream: _Stream) -> None:
        self._streams.discard(stream)
        if not self._streams and self._news is not None:
            self._news = None
            self._monitoring.unsubscribe(self._heard)

    def _heard(self, change: Change) -> None:
        if isinstance(change.input, Reloaded):
            self._end_all()  # who may listen, and to what, is decided anew
            return
        if self._news is None:
            return
        if isinstance(change.input, Observation):
            self._news.looked(change.input.service)
            if all(isinstance(event, LookWanted) for event in change.events):
                return
        self._tell(self._news.since(looks=change.input is None))

    def _tell(self, happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            self._count += 1
            line = self._line(happening)
            for stream in self._streams:
                stream.put(line)

    def _line(self, happening: Happening) -> bytes:
        """Ids grow while one daemon runs; another one's are others."""
        name = f"{round(self._monitoring.started_at)}-{self._count}"
        return f"id: {name}\nevent: {happening.kind}\ndata: ".encode() + json_line(happening.data) + b"\n\n"

    def _end_all(self) -> None:
        for stream in self._streams:
            stream.end()


class _Stream:
    """One listener, with what waits for it. Who falls behind is cut off, and hears how things stand when it comes
    again."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)
        self._is_writing = False

    @property
    def is_dead(self) -> bool:
        """Whether the connection is gone, or going."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def put(self, line: bytes) -> None:
        """Never waits."""
        try:
            self._waiting.put_nowait(line)
        except asyncio.QueueFull:
            if not self.is_dead:
                log.info("events.cut", peer=self._request.remote, waiting=MOST_WAITING)
            self.cut()

    def end(self) -> None:
        """After what is being written; who does not take that is not waited for."""
        if self._is_writing or self._waiting.full():
            self.cut()
        else:
            self._waiting.put_nowait(None)

    def cut(self) -> None:
        """At once: what is being written is not waited for."""
        if transport := self._request.transport:
            transport.abort()

    async def pour(self, response: web.StreamResponse, *, keep_alive_seconds: float) -> None:
        """Until the end; a comment when there is nothing for so long, so that both sides see that the other is there.
        Raises ConnectionError or TimeoutError when nobody takes it."""
        if transport := self._request.transport:
            kernel = transport.get_extra_info("socket")
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        while not self.is_dead and (line := await self._next(keep_alive_seconds)) is not None:
            self._is_writing = True
            async with asyncio.timeout(WRITE_SECONDS):
                await response.write(line)
            self._is_writing = False

    async def _next(self, patience_seconds: float) -> bytes | None:
        try:
            async with asyncio.timeout(patience_seconds):
                return await self._waiting.get()
        except TimeoutError:
            return _KEEP_ALIVE
