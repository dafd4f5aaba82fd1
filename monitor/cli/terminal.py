"""How states look on a terminal: a symbol, a word, a colour where colours are wanted."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, TextIO

from monitor.core.words import Status

_COLOURS: Final[Mapping[Status, str]] = {
    Status.HEALTHY: "32",
    Status.UNKNOWN: "36",
    Status.WARNING: "33",
    Status.CRITICAL: "31",
    Status.DOWN: "1;31",
    Status.MAINTENANCE: "34",
}
_SYMBOLS: Final[Mapping[Status, str]] = {
    Status.HEALTHY: "●",
    Status.UNKNOWN: "?",
    Status.WARNING: "▲",
    Status.CRITICAL: "■",
    Status.DOWN: "✖",
    Status.MAINTENANCE: "◆",
}


def colours_wanted(stream: TextIO) -> bool:
    """Only for people: on a terminal, and not where NO_COLOR says otherwise."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def state(status: Status, *, width: int = 0, stream: TextIO = sys.stdout, word: str = "") -> str:
    """`● healthy`, padded to `width`; plain letters where the stream cannot show the symbol. `word`: what to say
    instead of the status, in another language."""
    text = f"{_SYMBOLS[status]} {word or status.value}"
    if not can_show(text, stream):
        text = f"* {word or status.value}"
    padded = text.ljust(width)
    return f"\x1b[{_COLOURS[status]}m{padded}\x1b[0m" if colours_wanted(stream) else padded


def can_show(text: str, stream: TextIO) -> bool:
    """Whether the stream's encoding has all of these letters."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def wrapped(text: str, *, indent: int) -> str:
    """Text for people, folded to the terminal (80 columns where it has none) behind an indent."""
    room = max(40, shutil.get_terminal_size((80, 24)).columns) - indent
    return "\n".join(" " * indent + line for line in folded(text, room))


def folded(text: str, room: int) -> list[str]:
    """Lines of whole words, none wider than `room` unless it is a single word."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and columns(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def columns(text: str) -> int:
    """How wide a terminal shows it: Korean letters take two columns each."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def printable(text: str) -> str:
    """Other people's text without control characters, so that it cannot steer the terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def print_json(data: Any, *, indent: int | None = 2) -> None:
    """For programs; in plain letters with escapes where the stream has no others."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    print(json.dumps(data, ensure_ascii=plain, indent=indent), flush=True)
