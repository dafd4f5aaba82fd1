"""`infra-monitor incidents`, `ack` and `resolve`: what is broken and was, who is on it, that it is over."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from monitor.cli.client import Client, Commands, client, complain, options, part, whoever
from monitor.cli.drawing import briefly, dash, folded, when
from monitor.cli.exits import OK
from monitor.cli.remedy import remedy
from monitor.cli.status import because
from monitor.cli.terminal import print_json, printable, terminal_width, wrapped
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import Words

_ORDERS: Final = (
    ("ack", "acknowledge", "say that you are on it"),
    ("resolve", "resolve", "say that it is over; the next failing look opens it again"),
)


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser, name: str) -> None:
    """Register the command of that name."""
    if name == "incidents":
        _add_incidents(subparsers, parent)
        return
    word, said = next((word, said) for command, word, said in _ORDERS if command == name)
    parser = subparsers.add_parser(
        name,
        parents=[parent, options()],
        help=said,
        description=f"{said.capitalize()}. Of an incident, each open alert.",
    )
    parser.add_argument("id", metavar="ID", help="of an alert or an incident")
    parser.add_argument("--note", help="a line that is kept with it")
    parser.add_argument("--by", help="in whose name (default: yours)")
    parser.set_defaults(run=_order, word=word)


def _add_incidents(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    parser = subparsers.add_parser(
        "incidents",
        parents=[parent, options()],
        help="what is broken, and was",
        description="Open incidents; with an id, one of them with its alerts and its timeline.",
    )
    parser.add_argument("id", nargs="?", metavar="ID", help="one incident, open or over")
    parser.add_argument("--all", action="store_true", help="also those that are over")
    parser.add_argument("--hours", type=float, metavar="N", help="those that were open in the last N hours")
    parser.add_argument("--service", help="those that concern this service")
    parser.set_defaults(run=_incidents)


def _incidents(arguments: argparse.Namespace) -> int:
    """0, or what stands in the way."""
    try:
        daemon = client(arguments)
        if arguments.id:
            found = daemon.get(f"/api/v1/incidents/{part(arguments.id)}")
        else:
            state = "all" if arguments.all else None
            found = daemon.get("/api/v1/incidents", state=state, hours=arguments.hours, service=arguments.service)
    except CannotAsk as error:
        return complain(error)
    if arguments.json:
        print_json(found)
    elif arguments.id:
        print(_story(found, daemon.words))
    else:
        print(_list(found, daemon.words) if found else daemon.words("no_incidents"))
    return OK


def _list(found: Sequence[Mapping[str, Any]], words: Words) -> str:
    rows = [words.row("id", "opened", "resolved", "severity", "root", "cause")]
    rows += [
        [
            each["id"],
            briefly(each["opened_at"]),
            briefly(each["resolved_at"]),
            words.severity(each["severity"]),
            each["root"],
            dash(each["cause"] and each["cause"]["id"]),
        ]
        for each in found
    ]
    return folded(rows, width=terminal_width())


def _story(incident: Mapping[str, Any], words: Words) -> str:
    width = terminal_width()
    tables = folded(_alerts_of(incident, words), width=width), folded(_moments_of(incident, words), width=width)
    return "\n\n".join(("\n".join(_head(incident, words)), *tables))


def _head(incident: Mapping[str, Any], words: Words) -> Iterator[str]:
    opened, resolved = when(incident["opened_at"]), when(incident["resolved_at"])
    times = words("from_to", opened=opened, resolved=resolved) if incident["resolved_at"] else words("open", at=opened)
    yield wrapped(incident["title"], indent=0)
    yield f"  {incident['id']}  {times}"
    cause = incident["cause"]
    if cause:
        yield wrapped(because(cause, words), indent=2)
        yield from (wrapped(f"{each['service']}: {each['message']}", indent=4) for each in cause["evidence"])
        for each in cause["ruled_out"]:
            yield wrapped(words("not_cause", cause=each["cause"], why=each["why"]), indent=4)
        if cause["remedy"]:
            yield from remedy(cause["remedy"])


def _alerts_of(incident: Mapping[str, Any], words: Words) -> list[list[str]]:
    rows = [words.row("alert", "service", "check", "severity", "acknowledged", "resolved", "message")]
    rows += [
        [
            each["id"],
            each["service"],
            each["check"],
            words.severity(each["severity"]),
            dash(each["acknowledged_by"]),
            when(each["resolved_at"]),
            each["message"],
        ]
        for each in incident["alerts"]
    ]
    return rows


def _moments_of(incident: Mapping[str, Any], words: Words) -> list[list[str]]:
    rows = [words.row("when", "what", "service", "detail", "by")]
    rows += [
        [
            when(each["at"]),
            words(f"moment.{each['kind']}"),
            dash(each["service"]),
            _detail(each, words),
            " ".join(_whose(each, words)),
        ]
        for each in incident["timeline"]
    ]
    return rows


def _detail(moment: Mapping[str, Any], words: Words) -> str:
    match moment["kind"]:
        case "status":
            return words.status(moment["what"])
        case "opened" | "alert":
            return words.severity(moment["what"])
        case "told":
            return words(f"told.{moment['what']}")
        case _:
            return dash(moment["what"])


def _whose(moment: Mapping[str, Any], words: Words) -> Iterator[str]:
    if moment["by"]:
        yield words("by", name=moment["by"])
    if moment["note"]:
        yield f"“{moment['note']}”"
    if moment["message"]:
        yield moment["message"]


def _order(arguments: argparse.Namespace) -> int:
    """0, or what stands in the way."""
    body = {"by": arguments.by or whoever(), "note": arguments.note}
    try:
        daemon = client(arguments)
        done = [
            daemon.post(f"/api/v1/alerts/{part(alert)}/{arguments.word}", body)
            for alert in _alerts(daemon, arguments.id)
        ]
    except CannotAsk as error:
        return complain(error)
    if arguments.json:
        print_json(done)
        return OK
    for alert in done:
        print(daemon.words(f"{arguments.word}d", id=alert["id"], service=alert["service"], by=printable(body["by"])))
    if not done:
        print(daemon.words("nothing_open", id=printable(arguments.id)), file=sys.stderr)
    return OK


def _alerts(daemon: Client, name: str) -> list[str]:
    """The alert itself, or the open alerts of the incident of that id."""
    if not name.startswith("incident-"):
        return [name]
    incident = daemon.get(f"/api/v1/incidents/{part(name)}")
    return [each["id"] for each in incident["alerts"] if each["resolved_at"] is None]
