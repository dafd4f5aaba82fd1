"""Messages in words: English and Korean, from one catalogue each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from monitor.core.durations import format_duration
from monitor.core.words import Message

LANGUAGES: Final = ("en", "ko")
_KIBI: Final = 1024.0


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every key with its template. Raises KeyError for a language that has none."""
    if language not in LANGUAGES:
        raise KeyError(language)
    text = files(__name__).joinpath(f"{language}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def speak(message: Message, language: str) -> str:
    """The message in words. Raises KeyError when the catalogue lacks the key or the message lacks a value."""
    return catalogue(language)[message.key].format_map(message.values)


def spoken(environ: Mapping[str, str]) -> str:
    """The language of the terminal, as far as we speak it."""
    said = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "ko" if said.lower().startswith("ko") else "en"


def lasting(seconds: float, language: str) -> str:
    """`2h 5m`, `2시간 5분`."""
    parts = (re.fullmatch(r"([\d.]+)([a-z]+)", part) for part in format_duration(seconds).split())
    return " ".join(speak(Message(f"notice.unit.{part[2]}", {"count": part[1]}), language) for part in parts if part)


def ago(seconds: float, language: str) -> str:
    """`5m ago`, `5분 전`."""
    return speak(Message("time.ago", {"time": lasting(seconds, language)}), language)


def amount(value: float, unit: str, language: str) -> str:
    """A number, short and with its unit: `12.5 ms`, `3.2 GiB`, `81 %`."""
    match unit:
        case "seconds" if abs(value) >= 60:  # noqa: PLR2004 — a minute
            return ("-" if value < 0 else "") + lasting(abs(value), language)
        case "seconds":
            return f"{value:.3g} s" if abs(value) >= 1 else f"{value * 1000:.3g} ms"
        case "bytes":
            return _bytes(value)
        case "ratio":
            return f"{value * 100:.3g} %"
        case "percent":
            return f"{value:.3g} %"
        case _:
            return f"{value:.4g}"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < _KIBI:
            return f"{value:.3g} {unit}"
        value /= _KIBI
    return f"{value:.3g} TiB"
