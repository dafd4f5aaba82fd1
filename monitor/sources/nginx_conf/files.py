"""From a path to the whole tree of directives: includes followed where they stand, everything that was read noted."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from monitor.sources.nginx_conf.grammar import CUSTOM, MAIN, context_within, misplaced
from monitor.sources.nginx_conf.lexer import Directive, Problem, parse
from monitor.sources.nginx_conf.model import SourceFile

DEEPEST_INCLUDE: Final = 50
MOST_BYTES: Final = 16 * 1024 * 1024
_BOM: Final = "\ufeff"

Stamp = tuple[int, int, int, int] | None
"""How a file or directory looks from outside: inode, size, changed, modified; None if it is not there."""


@dataclass(slots=True)
class Tree:
    """One reading. `stamps` are those of all that was looked at: while they stay, so does the reading."""

    root: str
    directives: tuple[Directive, ...] = ()
    files: dict[str, SourceFile] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def unchanged(self) -> bool:
        """Whether another reading would find the same; a change within the clock's grain is seen by its size."""
        return all(stamp(path) == known for path, known in self.stamps.items())

    @property
    def changed_at(self) -> float:
        """When the newest of what was read changed."""
        times = [known[2] for known in self.stamps.values() if known is not None]
        return max(times, default=0) / 1e9

    @property
    def digest(self) -> str:
        """Of all contents together."""
        whole = "\n".join(f"{each.path} {each.digest}" for each in self.files.values())
        return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()


def read_tree(path: str) -> Tree:
    """Read a configuration and all it includes. Never raises for what it finds there."""
    reader = _Reader(path)
    reader.tree.directives = reader.read(path, MAIN, Directive("", (), path, 0, None), ())
    if not reader.tree.problems and not any(each.name == "events" for each in reader.tree.directives):
        reader.tree.problems.append(Problem(path, 1, 'no "events" section in configuration'))
    return reader.tree


def stamp(path: str) -> Stamp:
    """How it looks now."""
    try:
        seen = os.stat(path)  # noqa: PTH116 — hot: hundreds of files at each look
    except (OSError, ValueError):
        return None
    return seen.st_ino, seen.st_size, seen.st_ctime_ns, seen.st_mtime_ns


class _Reader:
    def __init__(self, path: str) -> None:
        self.tree = Tree(path)
        self._directory = os.path.dirname(path)  # noqa: PTH120 — paths are compared as Nginx writes them
        self._parsed = dict[str, tuple[Directive, ...]]()
        self._size = 0

    def read(self, path: str, context: str | None, by: Directive, chain: tuple[str, ...]) -> tuple[Directive, ...]:
        """The directives of one file, expanded for the context it is included in."""
        if path in chain:
            self._problem(by, f"{path} includes itself")
            return ()
        if len(chain) > DEEPEST_INCLUDE:
            self._problem(by, "includes are nested too deeply")
            return ()
        if path not in self._parsed:
            self._parsed[path] = self._parse(path, by)
        return self._expanded(self._parsed[path], context, (*chain, path))

    def _parse(self, path: str, by: Directive) -> tuple[Directive, ...]:
        self.tree.stamps[path] = stamp(path)
        try:
            content = Path(path).read_bytes()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a possible path"
            self._problem(by, f"cannot read {path}: {why}", unreadable=isinstance(error, PermissionError))
            return ()
        self._size += len(content)
        if self._size > MOST_BYTES:
            self._problem(by, f"{path}: more than {MOST_BYTES} bytes of configuration")
            return ()
        changed = self.tree.stamps[path]
        digest = hashlib.sha256(content).hexdigest()
        self.tree.files[path] = SourceFile(path, digest, (changed[2] if changed else 0) / 1e9)
        text = content.decode("utf-8", "surrogateescape")
        if text.startswith(_BOM):
            self.tree.problems.append(Problem(path, 1, "begins with a byte order mark, which Nginx does not read"))
        directives, problem = parse(text.removeprefix(_BOM), path)
        if problem is not None:
            self.tree.problems.append(problem)
        return directives

    def _expanded(
        self, directives: Iterable[Directive], context: str | None, chain: tuple[str, ...]
    ) -> tuple[Directive, ...]:
        found = list[Directive]()
        for each in directives:
            if (wrong := misplaced(each, context)) is not None:
                self._problem(each, wrong)
            if each.name == "include" and each.block is None and context != "split_clients":
                found += self._included(each, context, chain)
            elif each.block:
                inner = self._expanded(each.block, context_within(each.name, context), chain)
                found.append(each._replace(block=inner))
            else:
                found.append(each)
        if context == MAIN and len(chain) == 1:
            self._once_only(found)
        return tuple(found)

    def _included(self, by: Directive, context: str | None, chain: tuple[str, ...]) -> Iterator[Directive]:
        if len(by.args) != 1:
            if context not in CUSTOM:
                self._problem(by, 'invalid number of arguments in "include" directive')
            return
        path = os.path.join(self._directory, by.args[0])  # noqa: PTH118 — see above
        if not _is_pattern(path):
            yield from self.read(path, context, by, chain)
            return
        for match in self._matches(path, by):
            yield from self.read(match, context, by, chain)

    def _matches(self, pattern: str, by: Directive) -> list[str]:
        """As glob(3) finds them, in its order; a directory that may not be listed is told of."""
        found = [""]
        for part in pattern.split("/"):
            if _is_pattern(part):
                found = [f"{base}/{name}" for base in found for name in self._names(base or "/", part, by)]
            elif part:
                found = [f"{base}/{part}" for base in found]
        return sorted((each for each in found if os.path.lexists(each)), key=os.fsencode)

    def _names(self, directory: str, pattern: str, by: Directive) -> list[str]:
        self.tree.stamps[directory] = stamp(directory)
        try:
            names = os.listdir(directory)  # noqa: PTH208 — hot
        except PermissionError:
            self._problem(by, f"cannot list {directory}: Permission denied", unreadable=True)
            return []
        except (OSError, ValueError):
            return []
        hidden = pattern.startswith(".")
        return [name for name in names if fnmatch.fnmatchcase(name, pattern) and (hidden or name[0] != ".")]

    def _once_only(self, directives: Iterable[Directive]) -> None:
        seen = set[str]()
        for each in directives:
            if each.name in {"events", "http", "stream", "mail"}:
                if each.name in seen:
                    self._problem(each, f'"{each.name}" directive is duplicate')
                seen.add(each.name)

    def _problem(self, by: Directive, text: str, *, unreadable: bool = False) -> None:
        self.tree.problems.append(Problem(by.file, by.line, text, unreadable))


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")
