"""What is wrong in a configuration, each mistake with its place: one line that an editor can jump to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

LONGEST: Final = 1000
"""Characters a mistake may take on its line."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to mend. `line` 0: the whole file is meant; `where` is the dotted path, empty when there is none."""

    file: str
    line: int
    column: int
    where: str
    text: str

    def __str__(self) -> str:
        """`config.yaml:11:5: services.rds.checks.0.timeoutt: unknown key, did you mean timeout?`, always one line."""
        position = f":{self.line}:{self.column}" if self.line else ""
        where = f"{self.where}: " if self.where else ""
        return one_line(f"{self.file}{position}: {where}{self.text}")


class ConfigError(Exception):
    """The configuration cannot be used; `mistakes` holds every one, in the order in which they stand in the file."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def one_line(text: str) -> str:
    """The text, cut where nobody reads on, with all escaped that would break the line or speak to the terminal."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean timeout?`, or nothing when no known word is near."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f", did you mean {near[0]}?" if near else ""


def listed(words: Iterable[str], *, last: str = "or") -> str:
    """`a, b or c`."""
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else end
