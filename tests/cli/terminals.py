"""A real pseudo-terminal with a command on it, and what stands on its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor.cli.terminal import columns
from tests.daemon.running import environment

ROOT = Path(__file__).parents[2]
_SEQUENCE = re.compile(r"\x1b\[(\?)?([\d;]*)([A-Za-z])")


class Screen:
    """Understands what `watch` sends, and fails at anything else: a terminal has no more than its lines and columns."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.columns, self.lines = size
        self.modes: set[str] = set()
        self._rows: dict[int, dict[int, str]] = {}
        self._at = (0, 0)
        self.is_another_size = False
        """What was drawn for the old size may still be under way."""

    def text(self) -> list[str]:
        """Line by line; a letter of two columns is one of the line's letters."""
        return [
            "".join(self._rows.get(n, {}).get(c, " ") for c in range(self.columns)).rstrip() for n in range(self.lines)
        ]

    def feed(self, text: str) -> None:
        while text:
            if found := _SEQUENCE.match(text):
                self._obey(*found.groups())
                text = text[found.end() :]
            else:
                self._write(text[0])
                text = text[1:]

    def _obey(self, private: str | None, given: str, letter: str) -> None:
        row, column = self._at
        match (private, letter, given):
            case ("?", "h", mode):
                self.modes.add(mode)
            case ("?", "l", mode):
                self.modes.discard(mode)
            case (None, "m", _):
                pass
            case (None, "H", place):
                first, second = (int(each) - 1 for each in place.split(";"))
                self._at = (first, second)
            case (None, "K", ""):
                self._rows[row] = {at: each for at, each in self._rows.get(row, {}).items() if at < column}
            case (None, "J", "2"):
                self._rows, self.is_another_size = {}, False
            case (None, "J", ""):
                assert column == 0
                self._rows = {at: each for at, each in self._rows.items() if at < row}
            case other:
                raise AssertionError(other)

    def _write(self, letter: str) -> None:
        row, column = self._at
        wide = columns(letter)
        fits = column + wide <= self.columns and row < self.lines
        assert fits or self.is_another_size, f"line {row} is wider than the terminal, or below it"
        cells = self._rows.setdefault(row, {})
        cells[column] = letter
        if wide == 2:
            cells[column + 1] = ""
        self._at = (row, column + wide)


class OnTerminal:
    """`with OnTerminal("watch", "--config", config) as terminal: terminal.until(lambda lines: …)`.

    `more`: of the environment. `lines`: it writes lines and moves no cursor; they are in `raw`, and on no screen."""

    def __init__(
        self,
        *arguments: str | Path,
        size: tuple[int, int] = (80, 24),
        more: Mapping[str, str] | None = None,
        lines: bool = False,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self._resize(size)
        self.before = termios.tcgetattr(self._ours)
        self.screen = Screen(size)
        self.raw = b""
        self._rest = b""
        self._lines = lines
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment({"TERM": "xterm", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"} | dict(more or {})),
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        os.close(self._ours)

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def resize(self, size: tuple[int, int]) -> None:
        """As a person who drags its corner: what was there is of another size from now on."""
        self.screen.columns, self.screen.lines = size
        self.screen.is_another_size = True
        self._resize(size)
        self.process.send_signal(signal.SIGWINCH)

    def until(self, there: Callable[[list[str]], bool]) -> list[str]:
        """The lines of the screen, as soon as they are so."""
        end = time.monotonic() + 60
        while not there(lines := self.screen.text()):
            assert time.monotonic() < end, lines
            assert self._read(), f"it has ended: {self.raw[-2000:]!r}"
        return lines

    def ended(self) -> int:
        """The exit code; all that it has sent is on the screen."""
        while self._read():
            pass
        return self.process.wait(60)

    def modes(self) -> list[object]:
        """How the terminal treats keys."""
        return termios.tcgetattr(self._ours)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 60)
        if not ready:
            return False
        try:
            text = os.read(self._ours, 65536)
        except OSError:  # nobody holds the other end any more
            return False
        self.raw += text
        if self._lines:
            return bool(text)
        whole, self._rest = _whole(self._rest + text)
        self.screen.feed(whole)
        return bool(text)

    def _resize(self, size: tuple[int, int]) -> None:
        wide, high = size
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", high, wide, 0, 0))


def _whole(data: bytes) -> tuple[str, bytes]:
    """What can be understood already, and the beginning of what cannot yet."""
    cut = data.rfind(b"\x1b")
    if cut >= 0 and not re.match(rb"\x1b\[\??[\d;]*[A-Za-z]", data[cut:]):
        return data[:cut].decode(), data[cut:]
    for end in range(len(data), max(-1, len(data) - 4), -1):
        try:
            return data[:end].decode(), data[end:]
        except UnicodeDecodeError:
            continue
    raise AssertionError(data)


def read_until(terminal: int, words: bytes, seen: bytes = b"") -> bytes:
    """All that a terminal says until these words, or its end."""
    end = time.monotonic() + 30
    while words not in seen:
        assert time.monotonic() < end, seen
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
    return seen
