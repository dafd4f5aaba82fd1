"""`infra-monitor run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from monitor.cli.exits import CANNOT
from monitor.cli.settings import Commands, load_or_exit
from monitor.logs import configure


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "run",
        parents=[parent],
        help="watch, until told to stop",
        description="Watch everything in the configuration, publish metrics and send notices until SIGTERM or Ctrl-C.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 after an orderly end, 1 when something of this machine is in the way, 78 for a bad configuration."""
    loaded = load_or_exit(arguments.config)
    from monitor.daemon import CannotStart, Daemon  # noqa: PLC0415 — aiohttp is loaded only where it runs

    configure(loaded)
    try:
        return asyncio.run(Daemon(loaded, environ=os.environ).run())
    except CannotStart as error:
        print(f"infra-monitor: {error}", file=sys.stderr)
        return CANNOT
