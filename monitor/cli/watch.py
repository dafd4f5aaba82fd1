"""`infra-monitor watch`: the live table and chain, until q or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from monitor.cli.client import Client, Commands, client, complain, options
from monitor.cli.drawing import clock
from monitor.cli.exits import OK, USAGE
from monitor.cli.picture import Picture, Seen
from monitor.cli.screen import Screen
from monitor.cli.status import ask, drawn, sparks
from monitor.cli.terminal import print_json, terminal_width
from monitor.cli.whereabouts import CannotAsk
from monitor.core.durations import parse_duration

SPARKS_EVERY_SECONDS: Final = 30.0
_REDRAWN_SECONDS: Final = 1.0


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "watch",
        parents=[parent, options()],
        help="the live table and chain, until q",
        description="How every service is and what is broken, again and again, until q or Ctrl-C. "
        "Where the output is no terminal, one table after the other; with --json, one object a line.",
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services")
    parser.add_argument("--every", default="2s", metavar="TIME", help="how often (default: 2s)")
    parser.add_argument("--count", type=int, default=None, metavar="N", help="end after N tables")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 when it was ended, 1 when there is no daemon at the start, 128 + the number of the signal that ended it."""
    try:
        every = parse_duration(arguments.every)
        daemon = client(arguments)
        asking = _Asking(daemon, tuple(arguments.services))
        asking.ask()  # what is wrong at the start is said, and ends it
    except ValueError as error:
        return complain(CannotAsk(f"--every: {error}", USAGE))
    except CannotAsk as error:
        return complain(error)
    with suppress(KeyboardInterrupt):
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not arguments.json:
            _live(asking, every, arguments.count)
        else:
            for turn in _turns(every, arguments.count):
                _print(asking, anew=turn > 0, as_json=arguments.json)
    return OK


@dataclass(slots=True)
class _Asking:
    """Asks the daemon, and knows what it said last."""

    daemon: Client
    names: tuple[str, ...]
    answer: dict[str, Any] | None = None
    lines: dict[str, str] | None = None
    trouble: str = ""
    answers: int = 0
    _answered_at: float = 0.0
    _lines_at: float = 0.0

    def ask(self) -> None:
        """Once. Raises CannotAsk, and keeps what was answered before."""
        try:
            answer = ask(self.daemon, self.names)
            answer["topology"] = self.daemon.get("/api/v1/topology")
            # the lines of the last hour change slowly, and cost a question a service
            if self.lines is None or time.monotonic() - self._lines_at >= SPARKS_EVERY_SECONDS:
                self.lines, self._lines_at = sparks(self.daemon, answer), time.monotonic()
        except CannotAsk as error:
            self.trouble = str(error)
            raise
        self.answer, self._answered_at, self.trouble = answer, time.monotonic(), ""
        self.answers += 1

    def again_and_again(self, every: float, told: Callable[[], None]) -> None:
        """As long as the program lives, in a thread of its own: a daemon that is silent holds no key up."""
        while True:
            time.sleep(every)
            with suppress(CannotAsk):  # it may come back
                self.ask()
            told()

    def seen(self) -> Seen:
        """As old as it is now."""
        assert self.answer is not None  # noqa: S101 — the first answer was there before anybody looked
        return Seen(self.answer, self.lines or {}, time.monotonic() - self._answered_at, self.trouble)


def _live(asking: _Asking, every: float, count: int | None) -> None:
    with Screen() as screen:
        threading.Thread(target=asking.again_and_again, args=(every, screen.wake), daemon=True).start()
        while True:
            size = screen.size
            at = time.strftime("%H:%M:%S")
            picture = Picture(asking.daemon.words, size.columns, size.lines, at, asking.daemon.url)
            screen.show(picture.lines(asking.seen()))
            if (count is not None and asking.answers >= count) or screen.left(_REDRAWN_SECONDS):
                return


def _print(asking: _Asking, *, anew: bool, as_json: bool) -> None:
    """A table; in a pipe and on a terminal that can do no more."""
    try:
        if anew:
            asking.ask()
    except CannotAsk as error:  # it may come back
        complain(error)
        return
    answer = asking.answer
    assert answer is not None  # noqa: S101 — the first answer was there before
    if as_json:
        print_json({name: value for name, value in answer.items() if name != "topology"}, indent=None)
        return
    at = clock(time.time())  # noqa: TID251 — the time of whoever looks at it
    text = drawn(answer, asking.lines or {}, asking.daemon.words, width=terminal_width())
    print(f"{at}  {asking.daemon.url}\n{text}\n", flush=True)


def _turns(every: float, count: int | None) -> Iterator[int]:
    """One after the other, until `count` or Ctrl-C."""
    number = 0
    while count is None or number < count:
        yield number
        number += 1
        if number != count:
            time.sleep(every)
