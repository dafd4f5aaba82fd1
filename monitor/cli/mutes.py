"""`infra-monitor silence`, `maintenance` and `look`: hold notices back, declare work, have a service looked at."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from monitor.cli.client import Client, Commands, answered, options, part, whoever
from monitor.cli.drawing import dash, folded, when
from monitor.cli.exits import USAGE
from monitor.cli.terminal import terminal_width
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import Words

_SILENCES: Final = "/api/v1/silences"
_MAINTENANCE: Final = "/api/v1/maintenance"


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser, name: str) -> None:
    """Register the command of that name."""
    match name:
        case "silence":
            _add_silence(subparsers, parent)
        case "maintenance":
            _add_maintenance(subparsers, parent)
        case _:
            said = "have every check of a service look at once"
            parser = subparsers.add_parser(
                "look", parents=[parent, options()], help=said, description=said.capitalize() + "."
            )
            parser.add_argument("service", metavar="SERVICE")
            parser.set_defaults(run=_look)


def _add_silence(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    commands = _group(subparsers, parent, "silence", "hold notices back", _list_silences)
    add = _add(commands, parent, "hold back notices of incidents that match every MATCHER")
    add.add_argument("matchers", nargs="+", metavar="MATCHER", help="service=NAME, severity=WORD or cause=ID")
    add.set_defaults(run=_silence)
    _add_end(commands, parent, _SILENCES, "tell people again")


def _add_maintenance(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    commands = _group(subparsers, parent, "maintenance", "declare services as being worked on", _list_maintenance)
    add = _add(commands, parent, "declare a service as being worked on: now, from --starts, or whenever --cron says")
    add.add_argument("service", metavar="SERVICE")
    add.add_argument("--cron", metavar="'M H D M W'", help="five fields; 0 and 7 are Sunday")
    add.add_argument("--time-zone", metavar="ZONE", help="for --cron, for example Asia/Seoul (default: UTC)")
    add.set_defaults(run=_maintain)
    _add_end(commands, parent, _MAINTENANCE, "the work is done; of a rule, no window comes any more")


def _group(
    subparsers: Commands,
    parent: argparse.ArgumentParser,
    name: str,
    said: str,
    shows: Callable[[argparse.Namespace], int],
) -> Commands:
    group = subparsers.add_parser(
        name, parents=[parent, options()], help=said, description=f"{said.capitalize()}. Without a command: list."
    )
    group.set_defaults(run=shows)
    commands = group.add_subparsers(title="commands", metavar="COMMAND")
    listing = commands.add_parser("list", parents=[parent, options(again=True)], help="what runs or will")
    listing.set_defaults(run=shows)
    return commands


def _add(commands: Commands, parent: argparse.ArgumentParser, said: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "add", parents=[parent, options(again=True)], help=said, description=said.capitalize() + "."
    )
    parser.add_argument("--for", dest="seconds", metavar="TIME", help="how long, for example 2h")
    parser.add_argument("--until", metavar="WHEN", help="a time with its zone: 2026-11-24T03:00:00+09:00")
    parser.add_argument("--starts", metavar="WHEN", help="the same; default: now")
    parser.add_argument("--reason", help="a line that people see")
    parser.add_argument("--by", help="in whose name (default: yours)")
    return parser


def _add_end(commands: Commands, parent: argparse.ArgumentParser, path: str, said: str) -> None:
    parser = commands.add_parser(
        "end", parents=[parent, options(again=True)], help=said, description=said.capitalize() + "."
    )
    parser.add_argument("id", metavar="ID")
    parser.set_defaults(run=_end, path=path)


def _silence(arguments: argparse.Namespace) -> int:
    matchers = dict(each.partition("=")[::2] for each in arguments.matchers)
    body = {"matchers": matchers, **_span(arguments)}

    def added(daemon: Client) -> Any:
        if not all(each.partition("=")[2] for each in arguments.matchers):
            raise CannotAsk(daemon.words("matchers"), USAGE)
        return daemon.post(_SILENCES, body)

    return answered(arguments, added, lambda done, words: _silences([done], words))


def _maintain(arguments: argparse.Namespace) -> int:
    named = {"service": arguments.service, "cron": arguments.cron, "time_zone": arguments.time_zone}
    body = {**named, **_span(arguments)}
    return answered(
        arguments,
        lambda daemon: daemon.post(_MAINTENANCE, body),
        lambda done, words: _windows([done], words),
    )


def _span(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "by": arguments.by or whoever(),
        "for": arguments.seconds,
        "until": arguments.until,
        "starts": arguments.starts,
        "reason": arguments.reason,
    }


def _end(arguments: argparse.Namespace) -> int:
    return answered(
        arguments,
        lambda daemon: daemon.delete(f"{arguments.path}/{part(arguments.id)}"),
        lambda done, words: words("ended", id=done["id"]),
    )


def _look(arguments: argparse.Namespace) -> int:
    path = f"/api/v1/services/{part(arguments.service)}/look"
    return answered(
        arguments,
        lambda daemon: daemon.post(path, {}),
        lambda done, words: words("looking", checks=", ".join(done["checks"])),
    )


def _list_silences(arguments: argparse.Namespace) -> int:
    return answered(arguments, lambda daemon: daemon.get(_SILENCES), _silences)


def _list_maintenance(arguments: argparse.Namespace) -> int:
    return answered(arguments, lambda daemon: daemon.get(_MAINTENANCE), _windows)


def _silences(found: Sequence[Mapping[str, Any]], words: Words) -> str:
    if not found:
        return words("no_silences")
    rows = [words.row("id", "from", "until", "by", "matches", "reason")]
    rows += [
        [
            each["id"],
            when(each["starts_at"]),
            when(each["ends_at"]),
            each["by"],
            " ".join(f"{name}={value}" for name, value in each["matchers"].items()),
            dash(each["reason"]),
        ]
        for each in found
    ]
    return folded(rows, width=terminal_width())


def _windows(found: Sequence[Mapping[str, Any]], words: Words) -> str:
    if not found:
        return words("no_maintenance")
    rows = [words.row("id", "service", "from", "until", "by", "when", "reason")]
    rows += [
        [
            each["id"],
            each["service"],
            when(each["starts_at"]),
            when(each["ends_at"]),
            each["by"],
            _when(each, words),
            dash(each["reason"]),
        ]
        for each in found
    ]
    return folded(rows, width=terminal_width())


def _when(entry: Mapping[str, Any], words: Words) -> str:
    if entry["kind"] == "recurring":
        return f"{entry['cron']} {entry['time_zone']}, {words.lasting(entry['seconds'])}"
    return words("now" if entry["active"] else "scheduled")
