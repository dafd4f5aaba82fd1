"""When to take the configuration anew, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


class NotReloaded(Exception):  # noqa: N818 — it is an answer for the operator
    """The old configuration goes on. A line for each thing that is in the way."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloads:
    """What came of the newest try. `taken_at`: when the configuration that is used was taken; Unix seconds as the
    machine had them."""

    path: Path
    taken_at: float
    tried_at: float
    count: int = 0
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def successful(self) -> bool:
        """Whether the newest try was taken."""
        return not self.lines


_Stamp: TypeAlias = tuple[int, int, int] | None


class FileWatch:
    """Whether files are other than they were. A file that is being written is waited for: what differs is told once
    it has stood still between two questions. That somebody has only touched a file is no news."""

    def __init__(self, paths: Callable[[], Iterable[Path]]) -> None:
        self._paths = paths
        self._stamps: Mapping[Path, _Stamp] = {}
        self._contents: Mapping[Path, bytes] = {}
        self._restless = False
        self.remember()

    def remember(self) -> None:
        """As they are now they are known."""
        self._stamps = {path: _stamp(path) for path in self._paths()}
        self._contents = {path: _content(path) for path in self._stamps}
        self._restless = False

    def has_changed(self) -> bool:
        """Whether something new stands in them, told once."""
        stamps = {path: _stamp(path) for path in self._paths()}
        if stamps != self._stamps:
            self._stamps, self._restless = stamps, True
            return False
        if not self._restless:
            return False
        self._restless = False
        before, self._contents = self._contents, {path: _content(path) for path in stamps}
        return before != self._contents


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _content(path: Path) -> bytes:
    try:
        return hashlib.blake2b(path.read_bytes()).digest()
    except OSError:
        return b""
