"""A log that is being written, followed from its end: over rename and truncation, as bytes, never too much at once.

Nginx goes on writing to a renamed file until it is told to reopen, so the old file is read once more after the change.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

MOST_BYTES: Final = 1024 * 1024
LONGEST_LINE: Final = 64 * 1024
_REMEMBERED: Final = 128


class LogUnreadable(Exception):  # noqa: N818 — it is a finding about our rights
    """The log cannot be read; the text says why."""


@dataclass(slots=True)
class _Open:
    """One file, by its descriptor. `before` are the bytes that stood just before `offset` when it was last read."""

    descriptor: int
    identity: tuple[int, int]
    offset: int
    before: bytes = b""
    partial: bytes = b""


class Follower:
    """The new lines of one log since the last time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._now: _Open | None = None
        self._former: _Open | None = None
        self._missed = False

    def lines(self) -> list[bytes]:
        """Whole lines written since the last call, oldest first; none at the first call. Of more than MOST_BYTES the
        newest count. Raises LogUnreadable."""
        found = list[bytes]()
        if self._former is not None:
            found += _read(self._former)
            os.close(self._former.descriptor)
            self._former = None
        if self._now is not None:
            found += _read(self._now)
            if self._replaced(self._now):
                self._former, self._now = self._now, None
        if self._now is None:
            self._now = self._opened(from_start=self._former is not None or self._missed)
            self._missed = self._now is None
            found += _read(self._now) if self._now is not None else []
        return found

    def close(self) -> None:
        """Let go of the files."""
        for each in (self._now, self._former):
            if each is not None:
                os.close(each.descriptor)
        self._now = self._former = None

    def _replaced(self, known: _Open) -> bool:
        """Whether another file has the name now; while none has it, the old one is still being written."""
        try:
            seen = os.stat(self._path)  # noqa: PTH116 — beside the descriptor's own functions
        except OSError:
            return False
        return (seen.st_dev, seen.st_ino) != known.identity

    def _opened(self, *, from_start: bool) -> _Open | None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogUnreadable(f"{self._path}: {error.strerror}") from error
        seen = os.fstat(descriptor)
        opened = _Open(descriptor, (seen.st_dev, seen.st_ino), 0 if from_start else seen.st_size)
        with suppress(OSError):
            opened.before = os.pread(descriptor, _REMEMBERED, max(0, opened.offset - _REMEMBERED))[: opened.offset]
        return opened


def _read(log: _Open) -> list[bytes]:
    """What is new in it. One that is shorter, or other than it was before our place, was truncated and begins anew."""
    try:
        size = os.fstat(log.descriptor).st_size
        if size < log.offset or _before(log) != log.before:
            log.offset, log.before, log.partial = 0, b"", b""
        if size - log.offset > MOST_BYTES:
            log.offset, log.partial = size - MOST_BYTES, b""
            skipping = True
        else:
            skipping = False
        data = os.pread(log.descriptor, size - log.offset, log.offset)
    except OSError:
        return []
    log.offset += len(data)
    log.before = _before(log)
    *lines, rest = (log.partial + data).split(b"\n")
    log.partial = rest if len(rest) <= LONGEST_LINE else b""
    return lines[1:] if skipping else lines


def _before(log: _Open) -> bytes:
    start = max(0, log.offset - _REMEMBERED)
    return os.pread(log.descriptor, log.offset - start, start)
