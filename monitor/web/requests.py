"""What a request says, checked: its parameters and its body."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import web

from monitor.web.answer import Refused, bad_request

MAX_NAME: Final = 128
MAX_QUOTED: Final = 64


def parameters(request: web.Request, *known: str) -> dict[str, str]:
    """The query parameters, each known and given once. Raises Refused."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in known:
            offer = f"; known here: {', '.join(known)}" if known else "; none is known here"
            raise bad_request(f"unknown parameter {quoted(name)}{offer}")
        if name in given:
            raise bad_request(f"parameter {name} is given twice")
        given[name] = value
    return given


def one_of(name: str, value: str, allowed: Collection[str]) -> str:
    """The value, if it is one of these. Raises Refused."""
    if value not in allowed:
        raise bad_request(f"{name} cannot be {quoted(value)}; it is one of {', '.join(allowed)}")
    return value


async def json_body(request: web.Request) -> dict[str, Any]:
    """The body, a JSON object. Raises Refused, or HTTPRequestEntityTooLarge."""
    if request.content_type != "application/json":
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "send Content-Type: application/json"
        )
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body must be a JSON object")
    return body


def hours(given: dict[str, str], most: float) -> float | None:
    """The parameter `hours`, above 0 and at most `most`. Raises Refused."""
    if "hours" not in given:
        return None
    text = given["hours"]
    try:
        number = float(text) if text.isascii() and len(text) <= MAX_QUOTED else math.nan
    except ValueError:
        number = math.nan
    if not 0 < number <= most:
        raise bad_request(f"hours cannot be {quoted(text)}; it is a number above 0 and at most {most:g}")
    return number


def time_zone(given: dict[str, str]) -> ZoneInfo:
    """The parameter `time_zone`, UTC if it is not given. Raises Refused."""
    name = given.get("time_zone", "UTC")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):  # no zone, a path out of them, or a directory of them
        raise bad_request(f"time_zone cannot be {quoted(name)}; write for example Asia/Seoul or UTC") from None


def quoted(text: str) -> str:
    """Other people's text in quotes, cut and without what could steer a terminal."""
    return ascii(text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…")
