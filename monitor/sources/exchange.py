"""One HTTP/1.1 request and its answer over a connection of its own, with nothing read beyond a bound."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monitor.sources.connect import LONGEST_LINE, Connection, Stopwatch, Unanswered, printable

LONGEST_HEAD: Final = 64 * 1024
LONGEST_BODY: Final = 256 * 1024
_AT_ONCE: Final = 16 * 1024
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: ([^\r\n]*))?\r?\n")
_FINAL: Final = 200
_WITHOUT_BODY: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `target` is path and query as they go over the wire; `headers` come beside those that every
    request has."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are in lower case; `body` is the beginning of it, LONGEST_BODY at most."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class _NotHttp(Exception):  # noqa: N818 — it is a finding about somebody else
    """What came is not an answer; the text says why."""


async def exchange(connected: Connection, request: Request, watch: Stopwatch, *, enough: bytes | None = None) -> Answer:
    """Ask, in the phases `answer` and `body`. The body is read to its end, or to the bound, or until it holds `enough`.
    Raises Unanswered for what is not HTTP, and what reading from a connection raises."""
    watch.begin("answer")
    connected.transport.write(_written(request))
    try:
        status, reason, headers = await _head(connected.reader)
        watch.begin("body")
        body = _Body(connected.reader, enough)
        if request.method != "HEAD" and status not in _WITHOUT_BODY:
            await body.read(headers)
    except _NotHttp as error:
        raise Unanswered(watch.phase, "protocol", str(error)) from None
    return Answer(status, reason, headers, bytes(body.found))


def _written(request: Request) -> bytes:
    own = {"Host": request.host, "User-Agent": "infra-monitor", "Accept": "*/*", "Accept-Encoding": "identity"}
    if request.method == "POST":
        own["Content-Length"] = "0"
    given = {name.lower() for name in request.headers}
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in own.items() if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join((*lines, "Connection: close", "", "")).encode()


async def _head(reader: asyncio.StreamReader) -> tuple[int, str, dict[str, str]]:
    """Status, reason and headers; interim answers (100, 103) are passed over."""
    left = LONGEST_HEAD
    while True:
        line = await _line(reader)
        matched = _STATUS_LINE.fullmatch(line)
        if matched is None:
            raise _NotHttp(f"this is not HTTP/1.1: {printable(line)}")
        headers: dict[str, str] = {}
        while (line := await _line(reader)).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            left -= len(line)
            if left < 0:
                raise _NotHttp(f"more than {LONGEST_HEAD // 1024} KiB of headers")
        if (status := int(matched[1])) >= _FINAL:
            return status, (matched[2] or b"").decode("latin-1").strip(), headers


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise _NotHttp(f"a line of more than {LONGEST_LINE // 1024} KiB") from None


class _Body:
    """Reads a body in whichever of three ways it is framed, until there is enough."""

    def __init__(self, reader: asyncio.StreamReader, enough: bytes | None) -> None:
        self.found = bytearray()
        self._reader = reader
        self._enough = enough
        self._done = False

    async def read(self, headers: Mapping[str, str]) -> None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            await self._chunks()
        elif (length := headers.get("content-length")) is not None:
            await self._take(_number(length, 10))
        else:
            while not self._done and (data := await self._reader.read(_AT_ONCE)):
                self._add(data)

    async def _chunks(self) -> None:
        while not self._done:
            size = _number((await _line(self._reader)).decode("latin-1").partition(";")[0], 16)
            if size == 0:
                return  # what may follow are trailers, and nobody asked for them
            await self._take(size)
            if not self._done:
                await _line(self._reader)

    async def _take(self, size: int) -> None:
        while size > 0 and not self._done:
            data = await self._reader.read(min(size, _AT_ONCE))
            if not data:
                raise EOFError
            size -= len(data)
            self._add(data)

    def _add(self, data: bytes) -> None:
        known = len(self.found)
        self.found += data
        held = self._enough is not None and self.found.find(self._enough, max(0, known - len(self._enough))) >= 0
        self._done = held or len(self.found) >= LONGEST_BODY


def _number(text: str, base: int) -> int:
    try:
        number = int(text.strip(), base)
    except ValueError:
        number = -1
    if number < 0:
        raise _NotHttp("the length of the answer is not a number")
    return number
