"""Something a client can ask for so that a location answers."""

from __future__ import annotations

import re
from typing import Final

_GROUP: Final = re.compile(r"\((?:\?:|\?P?<\w+>)?([^()|]*)(?:\|[^()]*)?\)[?*+]?")
_CLASS: Final = re.compile(r"\[(\^?)([^\]]+)\]")
_QUANTIFIED: Final = re.compile(r"(.)(?:\{\d[\d,]*\}|[+])")


def path_of(args: tuple[str, ...]) -> str | None:
    """A path that fits `location ARGS`; None for a named one, and where a pattern is beyond us."""
    if not args:
        return None
    if args[0] in {"~", "~*"} and len(args) > 1:
        return _fitting(args[1], ignore_case=args[0] == "~*")
    if args[0][0:1] == "~":  # Nginx takes them together, too
        return _fitting(args[0].lstrip("~*"), ignore_case=args[0].startswith("~*"))
    path = args[1] if args[0] in {"=", "^~"} and len(args) > 1 else args[0].removeprefix("^~").removeprefix("=")
    return path if path.startswith("/") and is_askable(path) else None


def is_askable(path: str) -> bool:
    """Whether it can stand in a request line as it is."""
    return all("!" <= sign <= "~" for sign in path)


def _fitting(pattern: str, *, ignore_case: bool) -> str | None:
    """The simplest text that fits: first alternatives, nothing optional. Tried against the pattern itself."""
    text = pattern.split("|", maxsplit=1)[0] if "(" not in pattern else pattern
    text = text.removeprefix("^").removesuffix("$")
    for _ in range(10):
        if (simpler := _GROUP.sub(r"\1", text)) == text:
            break
        text = simpler
    text = _CLASS.sub(lambda match: _member(match[2]) if not match[1] else "x", text)
    text = re.sub(r"\\[dw]", "1", text).replace(".*", "").replace(".+", "x")
    text = _QUANTIFIED.sub(r"\1", re.sub(r"[^\\][?*]", "", text))
    text = re.sub(r"\\(.)", r"\1", text).rstrip("$")
    if not text.startswith("/"):
        text = "/" + text if not text.startswith(".") else "/index" + text
    try:
        fits = re.search(
            pattern.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"),
            text,
            re.IGNORECASE if ignore_case else 0,
        )
    except (re.error, RecursionError, OverflowError):
        return None
    return text if fits and is_askable(text) else None


def _member(inside: str) -> str:
    return inside[1:2] if inside[0] == "\\" else inside[0]
