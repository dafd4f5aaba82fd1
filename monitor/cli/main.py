"""The command `infra-monitor`: finds the subcommand and gives its exit code."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from monitor import __version__
from monitor.cli import check, config, notify, run
from monitor.cli.exits import USAGE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(USAGE)


def parser() -> argparse.ArgumentParser:
    """The whole command line. `--config` may stand before or after the subcommand."""
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
    for group in (run, check, config, notify):
        group.add_parser(subparsers, parent)
    return top


def main(argv: list[str] | None = None) -> int:
    """The exit code; `sys.argv` when no arguments are given."""
    arguments = parser().parse_args(argv)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has left; nothing more to say
        code = 0
    except KeyboardInterrupt:
        code = 130
    return code
