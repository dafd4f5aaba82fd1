"""`infra-monitor summary`, `alerts`, `topology` and `monitoring`: the questions that need no more than a table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, Final

from monitor.cli.channels import troubles
from monitor.cli.client import Commands, answered, client, complain, options
from monitor.cli.drawing import briefly, dash, folded, moment, table
from monitor.cli.exits import CANNOT, UNKNOWN, exit_code
from monitor.cli.terminal import print_json, state, terminal_width
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import Words
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
        daemon = client(arguments)
        answer = daemon.get("/api/v1/summary")
    except CannotAsk as error:
        code = complain(error)
        return UNKNOWN if code == CANNOT else code
    overall = Status(answer["overall_status"])
    if arguments.json:
        print_json(answer)
    else:
        print(_drawn_summary(answer, daemon.words))
    return exit_code(overall)


def _drawn_summary(answer: Mapping[str, Any], words: Words) -> str:
    counted = [
        words("so_many", count=answer[f"{each.value}_services"], status=words.status(each.value))
        for each in Status
        if answer[f"{each.value}_services"]
    ]
    overall = Status(answer["overall_status"])
    services = words("services", count=answer["total_services"], counted=", ".join(counted) or words("none"))
    alerts = words("active_alerts", count=answer["active_alerts"], critical=answer["critical_alerts"])
    return f"{state(overall, word=words.status(overall))}  {services}\n{alerts}"


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


def _drawn_alerts(alerts: Sequence[Mapping[str, Any]], words: Words) -> str:
    if not alerts:
        return words("no_alerts")
    rows = [words.row("id", "service", "severity", "opened", "resolved", "message")]
    rows += [
        [
            each["id"],
            each["service"],
            words.severity(each["severity"]),
            briefly(each["opened_at"]),
            briefly(each["resolved_at"]),
            each["message"],
        ]
        for each in alerts
    ]
    return folded(rows, width=terminal_width())


def _drawn_topology(topology: Mapping[str, Any], words: Words) -> str:
    needs: dict[str, list[str]] = {}
    for edge in topology["edges"]:
        needs.setdefault(edge["from"], []).append(edge["to"])
    rows = [words.row("service", "status", "depends_on")]
    for each in topology["services"]:
        status = state(Status(each["status"]), word=words.status(each["status"]))
        rows.append([each["name"], status, dash(", ".join(needs.get(each["name"], ())))])
    return folded(rows, width=terminal_width())


def _drawn_monitoring(monitoring: Mapping[str, Any], words: Words) -> str:
    now = moment(monitoring["started_at"]) + monitoring["uptime_seconds"]
    lines = [
        words("running", version=monitoring["version"], time=words.lasting(monitoring["uptime_seconds"])),
        words("watched", services=monitoring["services"], incidents=monitoring["open_incidents"]),
        _kept(monitoring["history"], now, words),
    ]
    rows = [words.row("service", "check", "kind", "every", "timeout", "last_look")]
    rows += [
        [
            each["service"],
            each["check"],
            each["kind"],
            words.lasting(each["every_seconds"]),
            words.lasting(each["timeout_seconds"]),
            words.ago(each["last_look"], now),
        ]
        for each in monitoring["checks"]
    ]
    parts = [
        "\n".join(lines),
        table(rows, width=terminal_width()),
        troubles(monitoring, now, words),
    ]
    return "\n\n".join(part for part in parts if part)


def _kept(history: Mapping[str, Any], now: float, words: Words) -> str:
    if history["samples"] is None:
        return words("no_history", why=dash(history["error"]))
    told = words(
        "kept",
        **{each: history[each] for each in ("samples", "rollups", "series")},
        size=words.number(history["bytes"], "bytes"),
        oldest=words.ago(history["oldest"], now),
    )
    return told if history["error"] is None else words("not_kept", kept=told, why=history["error"])
