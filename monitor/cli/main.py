"""The command `infra-monitor`: finds the subcommand and gives its exit code."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

from monitor import __version__
from monitor.cli.examples import add_examples
from monitor.cli.exits import CANNOT, USAGE

COMMANDS: Final = {
    "init": "init",
    "run": "run",
    "check": "check",
    "explain": "explain",
    "status": "status",
    "watch": "watch",
    "summary": "questions",
    "alerts": "questions",
    "incidents": "incidents",
    "ack": "incidents",
    "resolve": "incidents",
    "silence": "mutes",
    "maintenance": "mutes",
    "look": "mutes",
    "history": "history",
    "topology": "questions",
    "monitoring": "questions",
    "config": "config",
    "notify": "notify",
    "rules": "rules",
    "dashboard": "dashboard",
}
"""Every command with the module of `monitor.cli` that has it, in the order of the help. Only the module of the command
that is wanted is loaded: one that asks the daemon starts in a fraction of the time that the whole house needs."""
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_SEVERAL: Final = ("incidents", "mutes", "questions")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(USAGE)


def parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """The command line of one command, or the whole. `--config` may stand before or after the subcommand."""
    top = _Parser(
        prog="infra-monitor",
        description="Watches Nginx, PM2 and one RDS PostgreSQL, names the cause of a failure, sends one page.",
    )
    top.add_argument("--version", action="version", version=f"infra-monitor {__version__}")
    said_before = "configuration file (default: config.yaml here, then /etc/infra-monitor/config.yaml)"
    top.add_argument("--config", type=Path, metavar="FILE", default=None, help=said_before)
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--config", type=Path, metavar="FILE", default=argparse.SUPPRESS, help=said_before)
    subparsers = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in (wanted,) if wanted else COMMANDS:
        module = import_module(f"monitor.cli.{COMMANDS[name]}")
        if COMMANDS[name] in _SEVERAL:
            module.add_parser(subparsers, parent, name)
        else:
            module.add_parser(subparsers, parent)
        add_examples(subparsers.choices[name], name)
    return top


def main(argv: list[str] | None = None) -> int:
    """The exit code; `sys.argv` when no arguments are given."""
    given = sys.argv[1:] if argv is None else argv
    _speak_whatever_the_streams_take()
    try:
        code = _outcome(given)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has left; nothing more to say
        code = 0
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        print(f"infra-monitor: the output cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CANNOT
    except KeyboardInterrupt:
        code = 130
    return code


def _outcome(given: list[str]) -> int:
    """All that was said is on its way when this returns, a help as well: later nobody could be told that it is not."""
    try:
        arguments = parser(_wanted(given)).parse_args(given)
        code = int(arguments.run(arguments))
    except SystemExit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def _speak_whatever_the_streams_take() -> None:
    """A letter that the other side cannot show becomes `?`, and a stream that is closed takes everything."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 — open as long as we run
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123 — the same
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _wanted(given: list[str]) -> str | None:
    """The command, when there is nothing but `--config` before it; else all are loaded, and argparse decides."""
    match given:
        case ["--config", _, *rest]:
            first = rest[:1]
        case [option, *rest] if option.startswith("--config="):
            first = rest[:1]
        case _:
            first = given[:1]
    return first[0] if first and first[0] in COMMANDS else None
