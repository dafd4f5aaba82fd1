"""`infra-monitor config`: is the configuration good, what may stand in it, and what it comes to."""

from __future__ import annotations

import argparse
import os
import sys

from monitor.cli.exits import OK
from monitor.cli.settings import load_or_exit
from monitor.config.load import shown_path
from monitor.config.schema import schema_text
from monitor.config.show import effective


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], parent: argparse.ArgumentParser
) -> None:
    """Register the commands."""
    group = subparsers.add_parser(
        "config",
        parents=[parent],
        help="check and show the configuration",
        description="Work with the configuration; none of these touches the network or the state directory.",
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, handler, said in (
        ("check", check, "say whether the configuration is good, or everything that is wrong (exit 78)"),
        ("schema", schema, "print the JSON Schema of config.yaml, for editors"),
        ("show", show, "print what the configuration comes to, defaults and all, without secrets"),
    ):
        parser = commands.add_parser(name, parents=[parent], help=said, description=said.capitalize() + ".")
        parser.set_defaults(run=handler)


def check(arguments: argparse.Namespace) -> int:
    """0 with one line and the warnings, 78 with every mistake."""
    loaded = load_or_exit(arguments.config)
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    services = loaded.config.services
    counts = (
        _counted(len(services), "service"),
        _counted(sum(len(service.checks) for service in services.values()), "check"),
        _counted(len(loaded.config.notify), "channel"),
    )
    print(f"{shown_path(loaded.path)} is good: {', '.join(counts)}")
    return OK


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def schema(_arguments: argparse.Namespace) -> int:
    """0; needs no configuration."""
    print(schema_text(), end="")
    return OK


def show(arguments: argparse.Namespace) -> int:
    """0, or 78 with every mistake."""
    print(effective(load_or_exit(arguments.config), os.environ), end="")
    return OK
