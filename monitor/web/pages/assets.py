"""Styles and scripts: each one file, under a name that changes with its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from aiohttp import hdrs, web

from monitor.web.answer import not_found

_PLACE: Final = "/static"
_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
_FOR_EVER: Final = {hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One of the two files. `path` is where it is served."""

    path: str
    content: bytes
    content_type: str


@cache
def asset(kind: str) -> Asset:
    """All files of `static/<kind>/` in the order of their names. Read at the first page that somebody wants to see."""
    folder = files(__package__).joinpath("static", kind)
    parts = sorted(folder.iterdir(), key=lambda each: each.name)
    content = b"\n".join(part.read_bytes() for part in parts if part.name.endswith(f".{kind}"))
    name = f"app.{hashlib.sha256(content).hexdigest()[:12]}.{kind}"
    return Asset(f"{_PLACE}/{name}", content, _TYPES[kind])


async def serve(request: web.Request) -> web.Response:
    """By its present name only: whoever asks for another has an old page, and gets the new name with a new one."""
    for kind in _TYPES:
        found = asset(kind)
        if found.path == request.path:
            return web.Response(body=found.content, content_type=found.content_type, charset="utf-8", headers=_FOR_EVER)
    raise not_found("there is no such file; load the page anew")
