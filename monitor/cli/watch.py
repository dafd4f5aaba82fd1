"""`infra-monitor watch`: the live table, until q or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from monitor.cli.client import Client, Commands, client, complain, options
from monitor.cli.drawing import clock, cut
from monitor.cli.exits import OK, USAGE
from monitor.cli.status import ask, drawn, sparks, terminal_width
from monitor.cli.terminal import print_json
from monitor.cli.whereabouts import CannotAsk
from monitor.core.durations import parse_duration

SPARKS_EVERY_SECONDS: Final = 30.0
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "watch",
        parents=[parent, options()],
        help="the live table, until q",
        description="How every service is, again and again, until q or Ctrl-C. "
        "Where the output is no terminal, one table after the other; with --json, one object a line.",
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services")
    parser.add_argument("--every", default="2s", metavar="TIME", help="how often (default: 2s)")
    parser.add_argument("--count", type=int, default=None, metavar="N", help="end after N tables")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 when it was ended, 1 when there is no daemon at the start."""
    try:
        every = parse_duration(arguments.every)
        daemon = client(arguments)
        names = tuple(arguments.services)
        ask(daemon, names)  # what is wrong at the start is said, and ends it
    except ValueError as error:
        return complain(CannotAsk(f"--every: {error}", USAGE))
    except CannotAsk as error:
        return complain(error)
    live = sys.stdout.isatty() and not arguments.json
    with _screen() if live else _pipe():
        for _ in _turns(every, arguments.count, keys=live and sys.stdin.isatty()):
            _show(daemon, names, as_json=arguments.json, live=live)
    return OK


_sparks: dict[str, tuple[float, dict[str, str]]] = {}


def _show(daemon: Client, names: tuple[str, ...], *, as_json: bool, live: bool) -> None:
    try:
        answer = ask(daemon, names)
        if as_json:
            print_json(answer, indent=None)
            return
        text = drawn(answer, _drawn_lines(daemon, answer), width=terminal_width())
    except CannotAsk as error:  # it may come back
        if as_json:
            complain(error)
            return
        text = f"infra-monitor: {error}"
    head = f"{clock(time.time())}  {daemon.url}"  # noqa: TID251 — the time of whoever looks at it
    if not live:
        print(f"{head}\n{text}\n", flush=True)
        return
    size = shutil.get_terminal_size((80, 24))
    lines = [cut(line, size.columns) for line in f"{head}  (q to end)\n\n{text}".split("\n")]
    body = f"{_CLEAR_LINE}\n".join(lines[: size.lines - 1])
    print(f"{_HOME}{body}{_CLEAR_LINE}{_CLEAR_BELOW}", end="", flush=True)


def _drawn_lines(daemon: Client, answer: dict[str, Any]) -> dict[str, str]:
    """The lines of the last hour change slowly, and cost a question a service."""
    at, lines = _sparks.get(daemon.url, (-SPARKS_EVERY_SECONDS, {}))
    if time.monotonic() - at >= SPARKS_EVERY_SECONDS:
        at, lines = time.monotonic(), sparks(daemon, answer)
        _sparks[daemon.url] = at, lines
    return lines


def _turns(every: float, count: int | None, *, keys: bool) -> Iterator[int]:
    """One after the other, until `count`, q, or Ctrl-C."""
    number = 0
    while count is None or number < count:
        yield number
        number += 1
        if number != count and _waited_for_q(every, keys=keys):
            return


def _waited_for_q(seconds: float, *, keys: bool) -> bool:
    if not keys:
        time.sleep(seconds)
        return False
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and os.read(sys.stdin.fileno(), 64) in (b"q", b"Q", b"\x03", b"\x04", b"")


@contextmanager
def _screen() -> Iterator[None]:
    """A screen of its own, and keys one by one; everything as it was afterwards, whatever happens."""
    before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    try:
        if before:
            tty.setcbreak(sys.stdin)
        print(_ENTER, end="", flush=True)
        yield
    except KeyboardInterrupt:
        pass
    finally:
        print(_LEAVE, end="", flush=True)
        if before:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _pipe() -> Iterator[None]:
    with suppress(KeyboardInterrupt):
        yield
