"""`infra-monitor incidents`, `ack` and `resolve`: what is broken and was, who is on it, that it is over."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any, Final

from monitor.cli.client import Client, Commands, client, complain, options, part, whoever
from monitor.cli.drawing import briefly, dash, folded, when
from monitor.cli.exits import OK
from monitor.cli.remedy import remedy
from monitor.cli.status import terminal_width
from monitor.cli.terminal import print_json, printable, wrapped
from monitor.cli.whereabouts import CannotAsk

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
        print(_story(found))
    elif found:
        rows = [["id", "opened", "resolved", "severity", "root", "cause"]]
        rows += [
            [
                each["id"],
                briefly(each["opened_at"]),
                briefly(each["resolved_at"]),
                each["severity"],
                each["root"],
                dash(each["cause"] and each["cause"]["id"]),
            ]
            for each in found
        ]
        print(folded(rows, width=terminal_width()))
    else:
        print("no incidents")
    return OK


def _story(incident: Mapping[str, Any]) -> str:
    ended = f", resolved {when(incident['resolved_at'])}" if incident["resolved_at"] else ""
    lines = [printable(incident["title"]), f"  {incident['id']}  opened {when(incident['opened_at'])}{ended}"]
    cause = incident["cause"]
    if cause:
        lines.append(wrapped(printable(f"{cause['id']} ({cause['confidence']}): {cause['summary']}"), indent=2))
        lines += [wrapped(printable(f"{each['service']}: {each['message']}"), indent=4) for each in cause["evidence"]]
        lines += [wrapped(printable(f"not {each['cause']}: {each['why']}"), indent=4) for each in cause["ruled_out"]]
        if cause["remedy"]:
            lines += remedy(cause["remedy"])
    alerts = [["alert", "service", "check", "severity", "acknowledged", "resolved", "message"]]
    alerts += [
        [
            each["id"],
            each["service"],
            each["check"],
            each["severity"],
            dash(each["acknowledged_by"]),
            when(each["resolved_at"]),
            printable(each["message"]),
        ]
        for each in incident["alerts"]
    ]
    moments = [["when", "what", "service", "detail", "by"]]
    moments += [
        [
            when(each["at"]),
            each["kind"],
            dash(each["service"]),
            dash(each["what"]),
            " ".join(
                filter(
                    None,
                    (
                        each["by"] and f"by {each['by']}",
                        each["note"] and f"“{printable(each['note'])}”",
                        each["message"] and printable(each["message"]),
                    ),
                )
            ),
        ]
        for each in incident["timeline"]
    ]
    width = terminal_width()
    return "\n".join(lines) + "\n\n" + folded(alerts, width=width) + "\n\n" + folded(moments, width=width)


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
        print(f"{alert['id']}: {alert['service']} {arguments.word}d by {body['by']}")
    if not done:
        print(f"{arguments.id}: nothing of it is open", file=sys.stderr)
    return OK


def _alerts(daemon: Client, name: str) -> list[str]:
    """The alert itself, or the open alerts of the incident of that id."""
    if not name.startswith("incident-"):
        return [name]
    incident = daemon.get(f"/api/v1/incidents/{part(name)}")
    return [each["id"] for each in incident["alerts"] if each["resolved_at"] is None]
