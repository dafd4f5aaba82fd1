"""What stands in the pages for people: commands with what they show, code, links, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = tuple(
    sorted([ROOT / "README.md", ROOT / "README.ko.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
)
_FENCE: Final = re.compile(r"^ *```(\w*)")
_SPAN: Final = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_LINK: Final = re.compile(r"\]\(([^()\s]+)\)")


@dataclass(frozen=True)
class Block:
    """Lines between two fences, with their language and the number of the first."""

    page: Path
    line: int
    language: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """One that a reader is told to type, and what the page says that it shows."""

    place: str
    text: str
    shown: tuple[str, ...] = ()


def name(page: Path) -> str:
    """As people say it."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block, of whatever language."""
    opened: tuple[int, str] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        fence = _FENCE.match(line)
        if fence and opened is None:
            opened, inside = (number + 1, fence[1]), []
        elif fence and opened is not None:
            yield Block(page, *opened, tuple(inside))
            opened = None
        elif opened is not None:
            inside.append(line)
    assert opened is None, f"{name(page)}: a fence is not closed"


def prose(page: Path) -> str:
    """The page without its blocks; the lines keep their numbers."""
    inside, kept = False, []
    for line in page.read_text().splitlines():
        fence = bool(_FENCE.match(line))
        kept.append("" if inside or fence else line)
        inside ^= fence
    return "\n".join(kept)


def spans(page: Path) -> list[str]:
    """The code within sentences and tables."""
    return [found[2].strip().replace("\\|", "|") for found in _SPAN.finditer(prose(page))]


def links(page: Path) -> list[str]:
    """Where its links and pictures lead, as written."""
    return _LINK.findall(_SPAN.sub("", prose(page)))


def headings(page: Path) -> list[tuple[int, str]]:
    """Depth and text of each."""
    found = re.findall(r"^(#+) (.+)$", prose(page), re.MULTILINE)
    return [(len(marks), text) for marks, text in found]


def anchors(page: Path) -> set[str]:
    """As a forge makes them of the headings."""
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for _, text in headings(page)}


def commands(page: Path) -> Iterator[Command]:
    """What follows `$ ` in a console, with the lines that begin with `> `, and every line of a script. A backslash goes
    on with the next line."""
    for block in blocks(page):
        if block.language == "console":
            yield from _typed(block)
        elif block.language == "sh":
            for number, text in _joined(block):
                if text.strip() and not text.strip().startswith("#"):
                    yield Command(f"{name(page)}:{number}", text.strip())


def _typed(block: Block) -> Iterator[Command]:
    found: list[tuple[int, str, list[str]]] = []
    for number, text in _joined(block):
        if text.startswith("$ "):
            found.append((number, text[2:], []))
        elif text.startswith("> "):
            begun, so_far, shown = found.pop()
            found.append((begun, "\n".join([so_far, text[2:].replace("\n> ", "\n")]), shown))
        else:
            assert found, f"{name(block.page)}:{number}: a console begins with `$ `"
            found[-1][2].append(text)
    return (Command(f"{name(block.page)}:{number}", text, tuple(shown)) for number, text, shown in found)


def _joined(block: Block) -> Iterator[tuple[int, str]]:
    begun, so_far = block.line, ""
    for number, line in enumerate(block.lines, start=block.line):
        begun = begun if so_far else number
        so_far += line + "\n"
        if not line.endswith("\\"):
            yield begun, so_far.rstrip("\n")
            so_far = ""
