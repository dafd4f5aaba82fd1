"""`infra-monitor status`: how every service is, as the running daemon believes it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any, Final

from monitor.cli.channels import troubles
from monitor.cli.client import Client, Commands, client, complain, options, part
from monitor.cli.drawing import dash, moment, shown, sparkline, squeezed, table
from monitor.cli.exits import CANNOT, UNKNOWN, exit_code
from monitor.cli.remedy import remedy
from monitor.cli.service import in_full, percent
from monitor.cli.terminal import print_json, state, terminal_width, wrapped
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import Words
from monitor.core.words import Status
from monitor.main_metric import main_metric

HOURS: Final = 1.0
SPARKS: Final = 12
"""Blocks of a line: an hour by five minutes."""


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "status",
        parents=[parent, options()],
        help="how every service is",
        description="How every service is, as the running daemon believes it; named ones in full. "
        "Exit code: 0 healthy, 1 warning, 2 critical or down, 3 unknown or no daemon.",
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit code of the overall status, or of the named services."""
    try:
        daemon = client(arguments)
        answer = ask(daemon, tuple(arguments.services))
        if arguments.json:
            print_json(answer)
        else:
            width = terminal_width()
            print(drawn(answer, sparks(daemon, answer), daemon.words, width=width))
            if arguments.services:
                now = moment_of(answer)
                for each in answer["services"]:
                    print(f"\n{in_full(each, now, daemon.words, width=width)}")
    except CannotAsk as error:
        code = complain(error)
        return UNKNOWN if code == CANNOT else code
    return exit_code(Status(answer["overall_status"]))


def ask(daemon: Client, names: tuple[str, ...]) -> dict[str, Any]:
    """Services, open incidents and the monitoring itself. Raises CannotAsk, also for a name that nobody has."""
    services = [daemon.get(f"/api/v1/services/{part(name)}") for name in names] or daemon.get("/api/v1/services")
    monitoring = daemon.get("/api/v1/monitoring")
    incidents = [
        each
        for each in daemon.get("/api/v1/incidents")
        if not names or {each["root"], *(alert["service"] for alert in each["alerts"])} & set(names)
    ]
    counted = [Status(each["status"]) for each in services if each["status"] != Status.MAINTENANCE]
    worst = max(counted, key=lambda status: status.rank, default=Status.HEALTHY)
    return {
        "overall_status": worst.value,
        "services": services,
        "incidents": incidents,
        "monitoring": monitoring,
    }


def sparks(daemon: Client, answer: Mapping[str, Any]) -> dict[str, str]:
    """The last hour of the main metric of each service; nothing for one that has none, or while it cannot be read."""
    found = dict[str, str]()
    for service in answer["services"]:
        metric = main_metric(service["metrics"]) or next(iter(service["metrics"]), "").partition("{")[0]
        if metric:
            path = f"/api/v1/services/{part(service['name'])}/history"
            try:
                lines = daemon.get(path, metric=metric, hours=HOURS, resolution="5m")
            except CannotAsk:
                return found
            found[service["name"]] = _spark(lines, daemon.words)
    return found


def drawn(answer: Mapping[str, Any], lines: Mapping[str, str], words: Words, *, width: int) -> str:
    """A line a service, then what is broken and why, then the monitoring itself."""
    now = moment_of(answer)
    rows = [words.row("service", "status", "since", "response", "uptime", "last_hour")]
    for each in answer["services"]:
        response = each["response_time_ms"]
        rows.append(
            [
                each["name"],
                state(Status(each["status"]), word=words.status(each["status"])),
                words.since(each["since"], now),
                "-" if response is None else words.number(response / 1000, "seconds"),
                percent(each["uptime"]["24h"]["percent"]),
                lines.get(each["name"], ""),
            ]
        )
    text = [table(rows, width=width)]
    text += [said(each, now, words) for each in answer["incidents"]]
    monitoring = answer["monitoring"]
    if wrong := troubles(monitoring, now, words):
        text.append(wrong)
    text.append(itself(monitoring, words))
    return "\n\n".join(text)


def itself(monitoring: Mapping[str, Any], words: Words) -> str:
    """One line about the monitor."""
    samples = monitoring["stored_samples"]
    kept = words("nothing_kept") if samples is None else words("samples", count=samples)
    up, checks = words.lasting(monitoring["uptime_seconds"]), len(monitoring["checks"])
    return words("itself", version=monitoring["version"], up=up, checks=checks, kept=kept)


def moment_of(answer: Mapping[str, Any]) -> float:
    """When it was answered, by the daemon's clock."""
    return moment(answer["monitoring"]["started_at"]) + float(answer["monitoring"]["uptime_seconds"])


def said(incident: Mapping[str, Any], now: float, words: Words) -> str:
    """One open incident in a few lines."""
    worst = worst_of(incident)
    lines = [
        f"{state(worst, word=words.status(worst))}  {incident['title']}",
        f"  {incident['id']}  {words.ago(incident['opened_at'], now)}",
    ]
    cause = incident["cause"]
    if cause:
        lines.append(wrapped(because(cause, words), indent=2))
        if cause["remedy"]:
            lines += remedy(cause["remedy"])
    impacted = ", ".join(f"{each['name']} ({words.status(each['status'])})" for each in incident["impacted"])
    if impacted:
        lines.append(wrapped(words("impacted", names=impacted), indent=2))
    return "\n".join(lines)


def because(cause: Mapping[str, Any], words: Words) -> str:
    """A cause in one sentence, with how sure that is."""
    return f"{cause['id']} ({words('confidence.' + cause['confidence'])}): {cause['summary']}"


def worst_of(incident: Mapping[str, Any]) -> Status:
    """The worst status among its open alerts."""
    worst = [Status(each["status"]) for each in incident["alerts"] if each["resolved_at"] is None]
    graded = Status.CRITICAL if incident["severity"] == "critical" else Status.WARNING
    return max(worst, key=lambda status: status.rank, default=graded)


def _spark(history: Mapping[str, Any], words: Words) -> str:
    if not history["series"]:
        return ""
    line = history["series"][0]
    points = [(moment(each["at"]), each["value"]) for each in line["points"]]
    since, until = moment(history["from"]), moment(history["to"])
    drawn = sparkline(squeezed(points, since=since - 300, until=until, room=SPARKS), sys.stdout)
    newest = words.number(points[-1][1], line["unit"]) if points else ""
    return f"{drawn}{' ' * max(0, SPARKS - shown(drawn))} {dash(newest)} {line['metric'].partition('{')[0]}"
