"""PM2's ecosystem file, read and never run: only what stands there as a plain value is known, all else is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

NAMES: Final = ("ecosystem.config.js", "ecosystem.config.cjs", "ecosystem.config.json", "ecosystem.json")
LARGEST_BYTES: Final = 256 * 1024
DEEPEST: Final = 40
_LAST_PORT: Final = 65535
_MOST_INSTANCES: Final = 1024
_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)
      | (?P<number>\d+(?![\w.]))
      | (?P<word>[A-Za-z_$][\w$]*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_CODE: Final = object()
"""What is not a plain value."""


@dataclass(frozen=True, slots=True)
class PlannedApp:
    """An app as it is to be started. `max`: one instance for each processor; None and empty: not said, or by code."""

    name: str
    instances: int | Literal["max"] | None = None
    port: int | None = None
    directory: str = ""


def read_ecosystem(directory: Path) -> tuple[str, tuple[PlannedApp, ...]]:
    """The first of the usual files in `directory` that can be read, and the apps in it; an empty name if there is
    none."""
    for name in NAMES:
        try:
            with (directory / name).open("rb") as file:
                content = file.read(LARGEST_BYTES)
        except OSError:
            continue
        return name, planned_apps(content.decode("utf-8", "replace"))
    return "", ()


def planned_apps(text: str) -> tuple[PlannedApp, ...]:
    """Those in the first list that is called `apps`, and have a name."""
    tokens = [(each.lastgroup or "", each.group()) for each in _TOKEN.finditer(text) if each.lastgroup != "skip"]
    for at in range(len(tokens) - 2):
        if tokens[at][1].strip("\"'") == "apps" and (tokens[at + 1][1], tokens[at + 2][1]) == (":", "["):
            listed = _Reader(tokens, at + 2).value(0)
            found = (planned_app(each) for each in listed if isinstance(each, dict)) if listed is not _CODE else ()
            return tuple(each for each in found if each is not None)
    return ()


def planned_app(said: Mapping[str, Any]) -> PlannedApp | None:
    """From the keys of an ecosystem file; None without a name that can be shown."""
    name, instances, directory = said.get("name"), said.get("instances"), said.get("cwd")
    if not isinstance(name, str) or not name or not name.isprintable():
        return None
    number = int(instances) if isinstance(instances, int | str) and str(instances).isdecimal() else None
    if instances == "max" or number == 0:
        count: int | Literal["max"] | None = "max"
    else:
        count = number if number is not None and number <= _MOST_INSTANCES else None
    places = (said.get("env_production"), said.get("env"), said)
    ports = (_port(place.get("PORT")) for place in places if isinstance(place, Mapping))
    port = next((each for each in ports if each), None)
    return PlannedApp(name, count, port, directory if isinstance(directory, str) else "")


def _port(value: object) -> int | None:
    """A number, or its digits."""
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if text.isdecimal() and len(text) <= len("65535") and 0 < int(text) <= _LAST_PORT else None


class _Reader:
    """Values of JavaScript's notation. Whatever has to be computed is passed over up to the next comma or bracket."""

    def __init__(self, tokens: list[tuple[str, str]], at: int) -> None:
        self._tokens = tokens
        self._at = at

    def value(self, depth: int) -> Any:
        """The value that begins here; afterwards the next token is what follows it."""
        kind, text = self._next()
        found: Any = _CODE
        if text in ("{", "[") and kind == "sign" and depth < DEEPEST:
            found = self._object(depth) if text == "{" else self._list(depth)
        elif kind == "text" and "\\" not in text and not (text[0] == "`" and "${" in text):
            found = text[1:-1]
        elif kind == "number":
            found = int(text) if len(text) <= len(str(10**15)) else _CODE
        elif kind == "word" or text in "(+-!":
            self._at -= 1
        return found if not self._passed_over() else _CODE

    def _object(self, depth: int) -> dict[str, Any]:
        found = dict[str, Any]()
        for kind, text in self._members("}"):
            if kind in ("word", "text", "number") and self._peek() == ":":
                self._next()
                value = self.value(depth + 1)
                found[text.strip("\"'")] = None if value is _CODE else value
            else:
                self._passed_over()
        return found

    def _list(self, depth: int) -> list[Any]:
        found = list[Any]()
        for _ in self._members("]"):
            self._at -= 1
            found.append(self.value(depth + 1))
        return found

    def _members(self, end: str) -> Iterator[tuple[str, str]]:
        """The first token of each member, up to the closing bracket."""
        while self._at < len(self._tokens):
            token = self._next()
            if token == ("sign", end):
                return
            if token != ("sign", ","):
                yield token

    def _passed_over(self) -> bool:
        """Go on to the next comma or closing bracket of this level; whether there was anything before it."""
        began, depth = self._at, 0
        while self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "sign" and depth == 0 and text in ",}]":
                break
            depth += (text in "([{") - (text in ")]}") if kind == "sign" else 0
            self._at += 1
        return self._at != began

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            return "", ""
        self._at += 1
        return self._tokens[self._at - 1]
