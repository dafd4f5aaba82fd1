"""`infra-monitor summary`, `alerts`, `topology` and `monitoring`: the questions that need no more than a table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, Final

from monitor.cli.channels import troubles
from monitor.cli.client import Commands, answered, client, complain, options
from monitor.cli.drawing import ago, briefly, dash, folded, moment, number, table
from monitor.cli.exits import CANNOT, UNKNOWN, exit_code
from monitor.cli.status import terminal_width
from monitor.cli.terminal import print_json, printable, state
from monitor.cli.whereabouts import CannotAsk
from monitor.core.durations import format_duration
from monitor.core.words import Severity, Status

_SAID: Final = {
    "summary": "how many services are how, and the worst of it",
    "alerts": "what troubles which service, and did",
    "topology": "who depends on whom",
    "monitoring": "whether the monitoring itself is well, what it looks at how often, how much it remembers",
}


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser, name: str) -> None:
    """Register the command of that name."""
    said = _SAID[name]
    codes = " Exit code: 0 healthy, 1 warning, 2 critical or down, 3 unknown or no daemon." if name == "summary" else ""
    parser = subparsers.add_parser(
        name, parents=[parent, options()], help=said, description=f"{said[0].upper()}{said[1:]}.{codes}"
    )
    match name:
        case "summary":
            parser.set_defaults(run=_summary)
        case "alerts":
            parser.add_argument("--service", metavar="NAME", help="only of this service")
            parser.add_argument("--severity", choices=[each.value for each in Severity], help="only of this one")
            parser.add_argument("--all", action="store_true", help="also those that are over")
            parser.add_argument("--hours", type=float, metavar="N", help="those that were active in the last N hours")
            parser.set_defaults(run=_alerts)
        case "topology":
            parser.set_defaults(run=_topology)
        case _:
            parser.set_defaults(run=_monitoring)


def _summary(arguments: argparse.Namespace) -> int:
    """The exit code of the overall status."""
    try:
        answer = client(arguments).get("/api/v1/summary")
    except CannotAsk as error:
        code = complain(error)
        return UNKNOWN if code == CANNOT else code
    overall = Status(answer["overall_status"])
    if arguments.json:
        print_json(answer)
    else:
        counted = ", ".join(
            f"{answer[f'{each.value}_services']} {each.value}" for each in Status if answer[f"{each.value}_services"]
        )
        print(f"{state(overall)}  {answer['total_services']} services: {counted or 'none'}")
        print(f"{answer['active_alerts']} active alerts, {answer['critical_alerts']} of them critical")
    return exit_code(overall)


def _alerts(arguments: argparse.Namespace) -> int:
    asked = {
        "service": arguments.service,
        "severity": arguments.severity,
        "state": "all" if arguments.all else None,
        "hours": arguments.hours,
    }
    return answered(arguments, lambda daemon: daemon.get("/api/v1/alerts", **asked), _drawn_alerts)


def _topology(arguments: argparse.Namespace) -> int:
    return answered(arguments, lambda daemon: daemon.get("/api/v1/topology"), _drawn_topology)


def _monitoring(arguments: argparse.Namespace) -> int:
    return answered(arguments, lambda daemon: daemon.get("/api/v1/monitoring"), _drawn_monitoring)


def _drawn_alerts(alerts: Sequence[Mapping[str, Any]]) -> str:
    if not alerts:
        return "no alerts"
    rows = [["id", "service", "severity", "opened", "resolved", "message"]]
    rows += [
        [
            each["id"],
            each["service"],
            each["severity"],
            briefly(each["opened_at"]),
            briefly(each["resolved_at"]),
            printable(each["message"]),
        ]
        for each in alerts
    ]
    return folded(rows, width=terminal_width())


def _drawn_topology(topology: Mapping[str, Any]) -> str:
    needs: dict[str, list[str]] = {}
    for edge in topology["edges"]:
        needs.setdefault(edge["from"], []).append(edge["to"])
    rows = [["service", "status", "depends on"]]
    rows += [
        [each["name"], state(Status(each["status"])), dash(", ".join(needs.get(each["name"], ())))]
        for each in topology["services"]
    ]
    return table(rows, width=terminal_width())


def _drawn_monitoring(monitoring: Mapping[str, Any]) -> str:
    now = moment(monitoring["started_at"]) + monitoring["uptime_seconds"]
    lines = [
        f"infra-monitor {monitoring['version']}, running for {format_duration(monitoring['uptime_seconds'])}",
        f"{monitoring['services']} services, {monitoring['open_incidents']} open incidents",
        _kept(monitoring["history"], now),
    ]
    rows = [["service", "check", "kind", "every", "timeout", "last look"]]
    rows += [
        [
            each["service"],
            each["check"],
            each["kind"],
            format_duration(each["every_seconds"]),
            format_duration(each["timeout_seconds"]),
            f"{ago(each['last_look'], now)} ago" if each["last_look"] else "-",
        ]
        for each in monitoring["checks"]
    ]
    parts = [
        "\n".join(lines),
        table(rows, width=terminal_width()),
        "\n".join(map(printable, troubles(monitoring, now))),
    ]
    return "\n\n".join(part for part in parts if part)


def _kept(history: Mapping[str, Any], now: float) -> str:
    if history["samples"] is None:
        return f"no history: {printable(dash(history['error']))}"
    told = (
        f"{history['samples']:,} samples and {history['rollups']:,} rollups of {history['series']:,} series, "
        f"{number(history['bytes'], 'bytes')}, back to {ago(history['oldest'], now)} ago"
    )
    return told if history["error"] is None else f"{told}; it cannot be written: {printable(history['error'])}"
