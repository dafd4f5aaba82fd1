"""Which language a reader is spoken to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aiohttp import hdrs, web

from monitor.locale import LANGUAGES

PARAMETER: Final = "lang"
COOKIE: Final = "infra_monitor_lang"
_A_YEAR: Final = 365 * 24 * 3600


def chosen(request: web.BaseRequest) -> str | None:
    """What the reader asks for in the address, if it is a language that we speak."""
    return _known(request.query.get(PARAMETER))


def language_of(request: web.BaseRequest, *, usual: str) -> str:
    """What the reader chose now or before, else the first that the browser is set to and we speak, else `usual`."""
    before = _known(request.cookies.get(COOKIE))
    return chosen(request) or before or next(_accepted(request.headers.get(hdrs.ACCEPT_LANGUAGE, "")), usual)


def remember(response: web.StreamResponse, language: str) -> None:
    """For the pages that follow. It says nothing of the reader but this."""
    response.set_cookie(COOKIE, language, max_age=_A_YEAR, path="/", httponly=True, samesite="Lax")


def _known(language: str | None) -> str | None:
    return language if language in LANGUAGES else None


def _accepted(header: str) -> Iterator[str]:
    """Ours among them, the most wanted first; `ko-KR` is `ko`."""
    wanted = []
    for place, entry in enumerate(header.split(",")):
        tag, *options = (part.strip().lower() for part in entry.split(";"))
        quality = next((_quality(option) for option in options if option.startswith("q=")), 1.0)
        if quality > 0:
            wanted.append((-quality, place, tag.partition("-")[0]))
    return (tag for _, _, tag in sorted(wanted) if tag in LANGUAGES)


def _quality(option: str) -> float:
    try:
        return float(option.removeprefix("q="))
    except ValueError:
        return 0.0
