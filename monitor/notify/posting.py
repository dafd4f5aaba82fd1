"""One POST, and what its answer means to a notice."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from monitor import __version__
from monitor.notify.base import NotTaken, Post

if TYPE_CHECKING:
    import aiohttp

LONGEST_WAIT_SECONDS: Final = 3600.0
QUOTED_BYTES: Final = 300
QUOTE_SECONDS: Final = 2.0
USER_AGENT: Final = f"infra-monitor/{__version__}"
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def _is_an_address(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("not an address; write http://host/path or https://host/path")
    return url


WebAddress = Annotated[SecretStr, AfterValidator(_is_an_address)]
"""`http://…` or `https://…`; it may hold a password or a token, and so is a secret."""


async def post_body(
    post: Post, url: str, body: bytes, *, seconds: float, headers: Mapping[str, str] | None = None
) -> str:
    """2xx is the only yes, and all that is read of the answer. Redirects are not followed: a notice goes where it was
    meant to go. Raises NotTaken."""
    import aiohttp  # noqa: PLC0415 — 0.1 s to load: reading the configuration must not wait for it

    try:
        async with post.http.post(
            url,
            data=body,
            headers={"Content-Type": "application/json", "User-Agent": USER_AGENT, **(headers or {})},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as answer:
            status, retry_after = answer.status, answer.headers.get("Retry-After", "")
            said = f"HTTP {status}{await _quote(answer) if post.quotes else ''}"
    except TimeoutError:
        raise NotTaken(f"no answer within {seconds:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NotTaken(_why(error)) from None
    _judge(status, said, wait_asked_for(retry_after, post.clock.wall()))
    return said


async def _quote(answer: aiohttp.ClientResponse) -> str:
    """The beginning of what it says; the status counts without it."""
    import aiohttp  # noqa: PLC0415 — same as above

    begin = b""
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(QUOTE_SECONDS):
            begin = await answer.content.read(QUOTED_BYTES)
    said = " ".join(begin.decode("utf-8", "replace").split())
    return f": {said}" if said else ""


def wait_asked_for(header: str, wall: float) -> float | None:
    """The seconds of a `Retry-After`, given as such or as a date; an hour at most, so that a slip over there does not
    mute us for a year."""
    try:
        seconds = float(header) if header.strip().isdigit() else _date(header) - wall
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _date(header: str) -> float:
    date = parsedate_to_datetime(header)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _judge(status: int, said: str, retry_after: float | None) -> None:
    """Raises NotTaken for anything but 2xx."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status == HTTPStatus.GONE:
        raise NotTaken(f"{said}, the receiver wants nothing more", permanent=True, stop=True)
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _LATER
    raise NotTaken(said, permanent=refused, retry_after=retry_after)


def _why(error: aiohttp.ClientError | OSError) -> str:
    """Our own words: the texts of these errors may hold the address, and with it a password."""
    import aiohttp  # noqa: PLC0415 — same as above

    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as refusal):
            return f"its TLS certificate was not accepted: {refusal.verify_message}"
        case aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError():
            return f"cannot connect: {system_words(error.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before an answer came"
        case OSError():
            return f"the connection broke: {system_words(error)}"
        case _:
            return f"no valid HTTP answer ({type(error).__name__})"


def system_words(error: OSError) -> str:
    """The system's words (asyncio and the resolvers put theirs, some without a number)."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
