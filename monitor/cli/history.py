"""`infra-monitor history`: what a metric of a service was, drawn with blocks."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping
from typing import Any, Final

from monitor.cli.client import Commands, client, complain, options, part
from monitor.cli.drawing import WIDTH, chart, folded, moment
from monitor.cli.exits import CANNOT, OK, USAGE
from monitor.cli.terminal import print_json, terminal_width, wrapped
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import Words
from monitor.core.durations import parse_duration

USUAL: Final = "6h"
INDENT: Final = 12
"""Where the bars of the chart begin."""


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
    back = parser.add_mutually_exclusive_group()
    back.add_argument("--last", default=USUAL, metavar="TIME", help="how far back, for example 1h, 24h, 7d or 90d (6h)")
    back.add_argument("--hours", type=float, default=None, metavar="N", help="the same in hours")
    parser.add_argument("--check", help="only of this check")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0; 1 when there is nothing of that name, or what stands in the way."""
    path = f"/api/v1/services/{part(arguments.service)}/history"
    try:
        daemon = client(arguments)
        hours = _hours(arguments, daemon.words)
        found = daemon.get(path, metric=arguments.metric, hours=hours, check=arguments.check)
    except CannotAsk as error:
        return complain(error)
    words = daemon.words
    if arguments.json:
        print_json(found)
    elif arguments.metric is None:
        rows = [words.row("check", "metric", "unit"), *([e["check"], e["metric"], e["unit"]] for e in found["series"])]
        print(folded(rows, width=terminal_width()))
    elif found["series"]:
        print("\n\n".join(_drawn(line, found, words) for line in found["series"]))
    else:
        said = words("no_metric", service=arguments.service, metric=arguments.metric)
        return complain(CannotAsk(said, CANNOT))
    return OK


def _hours(arguments: argparse.Namespace, words: Words) -> float:
    if arguments.hours is not None:
        return float(arguments.hours)
    try:
        return parse_duration(arguments.last) / 3600
    except ValueError:
        raise CannotAsk(words("no_duration", option="--last", given=arguments.last), USAGE) from None


def _drawn(line: Mapping[str, Any], history: Mapping[str, Any], words: Words) -> str:
    points = [(moment(each["at"]), each["value"]) for each in line["points"]]
    since, until, unit = moment(history["from"]), moment(history["to"]), line["unit"]
    head = wrapped(f"{history['service']} {line['check']} {line['metric']}", indent=0, width=WIDTH)
    drawing = chart(points, since=since, until=until, unit=unit, stream=sys.stdout)
    if not drawing:
        return f"{head}\n{words('no_samples')}"
    known = {
        "least": min(each["min"] for each in line["points"]),
        "average": math.fsum(value for _, value in points) / len(points),
        "most": max(each["max"] for each in line["points"]),
        "last": points[-1][1],
    }
    said = words("range", **{name: words.number(value, unit) for name, value in known.items()})
    return f"{head}\n{drawing}\n{' ' * INDENT}{said}"
