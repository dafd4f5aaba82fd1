"""How states look on a terminal: a symbol, a word, a colour where colours are wanted."""

from __future__ import annotations

import json
import os
import re
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
_LATER_PARTS_OF_A_SYLLABLE: Final = frozenset(map(chr, range(0x1160, 0x1200)))
"""Vowels and finals that a terminal draws into the Korean letter before them."""
_UNPRINTABLE: Final = re.compile(r"[^ -~\n]")


def colours_wanted(stream: TextIO) -> bool:
    """Only for people: on a terminal, and not where NO_COLOR says otherwise."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def mark(status: Status, stream: TextIO = sys.stdout) -> str:
    """The symbol alone, in its colour; a star where the stream cannot show it."""
    symbol = _SYMBOLS[status] if can_show(_SYMBOLS[status], stream) else "*"
    return coloured(symbol, status, stream)


def coloured(text: str, status: Status, stream: TextIO = sys.stdout) -> str:
    """In the colour of that status, where colours are wanted."""
    return f"\x1b[{_COLOURS[status]}m{text}\x1b[0m" if colours_wanted(stream) else text


def state(status: Status, *, width: int = 0, stream: TextIO = sys.stdout, word: str = "") -> str:
    """`● healthy`, padded to `width`; plain letters where the stream cannot show the symbol. `word`: what to say
    instead of the status, in another language."""
    text = f"{_SYMBOLS[status]} {word or status.value}"
    if not can_show(text, stream):
        text = f"* {word or status.value}"
    return coloured(text + " " * (width - columns(text)), status, stream)


def can_show(text: str, stream: TextIO) -> bool:
    """Whether the stream's encoding has all of these letters."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def terminal_width() -> int:
    """Of the terminal; more than any line has where there is none, since what reads us then has lines of its own."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 1_000


def wrapped(text: str, *, indent: int, width: int | None = None) -> str:
    """Text for people, folded to the terminal (80 columns where there is none) or to `width` behind an indent."""
    room = max(40, width or shutil.get_terminal_size((80, 24)).columns) - indent
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
    """How wide a terminal shows it: Korean letters take two columns each, marks upon a letter none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me") or letter in _LATER_PARTS_OF_A_SYLLABLE:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def printable(text: str) -> str:
    """Other people's text without control characters and marks that turn its direction, so that it cannot steer the
    terminal; every kind of space is a space."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if letter == "\t" or unicodedata.category(letter) == "Zs" else "�"


def harmless(data: Any, name: str = "") -> Any:
    """An answer in which no text can steer the terminal; the commands of a remedy keep their lines."""
    match data:
        case dict():
            return {printable(key): harmless(value, key) for key, value in data.items()}
        case list():
            return [harmless(each) for each in data]
        case str() if name == "remedy":
            return "\n".join(map(printable, data.split("\n")))
        case str():
            return printable(data)
        case _:
            return data


def print_json(data: Any, *, indent: int | None = 2) -> None:
    """For programs; with escapes for what a terminal might obey, and for every letter that the stream does not have."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
    text = json.dumps(data, ensure_ascii=plain, indent=indent)
    print(_UNPRINTABLE.sub(_escaped, text), flush=True)


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]
