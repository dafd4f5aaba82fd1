"""`infra-monitor history`: what a metric of a service was, drawn with blocks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from monitor.cli.client import Commands, client, complain, options, part
from monitor.cli.drawing import chart, moment, number, table
from monitor.cli.exits import CANNOT, OK
from monitor.cli.terminal import print_json, printable
from monitor.cli.whereabouts import CannotAsk


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "history",
        parents=[parent, options()],
        help="what a metric was",
        description="What a metric of a service was: every sample for up to 24 hours, five minutes each for up to "
        "90 days. Without a metric, which there are.",
    )
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("metric", nargs="?", metavar="METRIC", help="a name, for all its labels, or one with labels")
    parser.add_argument("--hours", type=float, default=6.0, metavar="N", help="how far back (default: 6)")
    parser.add_argument("--check", help="only of this check")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0; 1 when there is nothing of that name, or what stands in the way."""
    path = f"/api/v1/services/{part(arguments.service)}/history"
    try:
        found = client(arguments).get(path, metric=arguments.metric, hours=arguments.hours, check=arguments.check)
    except CannotAsk as error:
        return complain(error)
    if arguments.json:
        print_json(found)
    elif arguments.metric is None:
        rows = [
            ["check", "metric", "unit"],
            *([e["check"], printable(e["metric"]), e["unit"]] for e in found["series"]),
        ]
        print(table(rows))
    elif found["series"]:
        print("\n\n".join(_drawn(line, found) for line in found["series"]))
    else:
        print(
            f"infra-monitor: {arguments.service} has no {arguments.metric!r}; without METRIC it says what there is",
            file=sys.stderr,
        )
        return CANNOT
    return OK


def _drawn(line: Mapping[str, Any], history: Mapping[str, Any]) -> str:
    points = [(moment(each["at"]), each["value"]) for each in line["points"]]
    since, until, unit = moment(history["from"]), moment(history["to"]), line["unit"]
    head = f"{history['service']} {line['check']} {printable(line['metric'])}"
    if points:
        lowest, highest = min(each["min"] for each in line["points"]), max(each["max"] for each in line["points"])
        head += f"  now {number(points[-1][1], unit)}, least {number(lowest, unit)}, most {number(highest, unit)}"
    return head + "\n" + chart(points, since=since, until=until, unit=unit, stream=sys.stdout)
