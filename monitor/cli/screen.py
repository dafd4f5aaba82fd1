"""A screen of our own, of which nothing is left, whatever ends us."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn, Self

from monitor.cli.drawing import shown

_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""The other screen, no cursor, and no line goes on below: a terminal may count the columns of a symbol otherwise."""
_LEAVE: Final = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_LEAVING: Final = (b"q", b"Q", b"\x03", b"\x04", b"")
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_USUAL: Final = os.terminal_size((80, 24))


class Screen:
    """`with Screen() as screen: screen.show(lines)`; SIGTERM and SIGHUP end the context by SystemExit."""

    def __init__(self) -> None:
        self._keys = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._before: list[Any] | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._size = _USUAL
        self._shown: list[str] = []
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)

    def __enter__(self) -> Self:
        if self._keys is not None:
            self._before = termios.tcgetattr(self._keys)
        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
            **dict.fromkeys(_ENDING, _end),
            signal.SIGTSTP: self._stop,
            signal.SIGWINCH: _nothing,
        }
        self._handlers = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        self._handlers[signal.SIGINT] = signal.getsignal(signal.SIGINT)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in self._handlers:  # nothing comes between us and the terminal as it was
            signal.signal(number, signal.SIG_IGN)
        self._leave()
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def size(self) -> os.terminal_size:
        """Of the terminal at this moment; what it was at the start of it all is in $COLUMNS, and of no use."""
        with suppress(OSError):
            size = os.get_terminal_size(sys.stdout.fileno())
            if size.columns and size.lines:
                return size
        return _USUAL

    def show(self, lines: list[str]) -> None:
        """In one piece, and no more than what is different: nothing flickers, and a slow line carries it."""
        size, text = self.size, list[str]()
        if size != self._size:
            self._size, self._shown = size, []
            text.append("\x1b[2J")
        lines = lines[: size.lines]
        for row, line in enumerate(lines):
            if row >= len(self._shown) or self._shown[row] != line:
                rest = "\x1b[K" if shown(line) < size.columns else ""  # it would take the last column away
                text.append(f"\x1b[{row + 1};1H{line}{rest}")
        if len(lines) < len(self._shown):
            text.append(f"\x1b[{len(lines) + 1};1H\x1b[J")
        self._shown = lines
        sys.stdout.write("".join(text))
        sys.stdout.flush()

    def wake(self) -> None:
        """End the wait; from any thread."""
        with suppress(BlockingIOError):
            os.write(self._waker, b"\0")

    def left(self, seconds: float) -> bool:
        """Whether somebody leaves; waits until there is something new to show, at most so long."""
        waiting = [self._woken, *([] if self._keys is None else [self._keys])]
        ready, _, _ = select.select(waiting, [], [], seconds)
        if self._woken in ready:
            os.read(self._woken, 4096)
        if self._keys not in ready:
            return False
        self._shown = []  # any other key draws all of it anew
        return os.read(self._keys, 64) in _LEAVING

    def _enter(self) -> None:
        if self._keys is not None:
            tty.setcbreak(self._keys)
        self._shown = []
        sys.stdout.write(_ENTER)
        sys.stdout.flush()

    def _leave(self) -> None:
        with suppress(OSError):  # a terminal that is gone has nothing to put back
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
        if self._keys is not None and self._before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: the terminal is the shell's until we go on."""
        self._leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stop)
        self._enter()


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler must be there for the signal to wake us."""
