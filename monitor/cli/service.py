"""One service on a terminal, with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from monitor.cli.drawing import ago, dash, folded, number, table
from monitor.cli.terminal import printable, state, wrapped
from monitor.core.durations import format_duration
from monitor.core.words import Status

_INDENT: Final = 2


def in_full(service: Mapping[str, Any], now: float, *, width: int) -> str:
    """Its checks and numbers, after a few lines about itself."""
    head = [f"{state(Status(service['status']))}  {printable(service['name'])}", *_lines(service)]
    parts = ["\n".join(head), _checks(service, now, width=width)]
    if service["metrics"]:
        parts.append(_metrics(service, width=width))
    return "\n\n".join(parts)


def _lines(service: Mapping[str, Any]) -> Iterator[str]:
    up = ", ".join(f"{window} {percent(each['percent'])}" for window, each in service["uptime"].items())
    known = max(each["known_seconds"] for each in service["uptime"].values())
    said = {
        "up": f"{up}, of the {format_duration(known)} that are known",
        "error rate": "" if service["error_rate"] is None else number(service["error_rate"], "percent"),
        "depends on": ", ".join(service["dependencies"]),
        "metadata": ", ".join(f"{key}={value}" for key, value in service["metadata"].items()),
    }
    for name, text in said.items():
        if text:
            yield wrapped(printable(f"{name}: {text}"), indent=_INDENT)
    for alert in service["alerts"]:
        yield wrapped(printable(f"{alert['severity']}: {alert['message']}"), indent=_INDENT) + f"  {alert['id']}"


def _checks(service: Mapping[str, Any], now: float, *, width: int) -> str:
    rows = [["check", "kind", "verdict", "took", "last look", "reason"]]
    for each in service["checks"]:
        where = f"{each['phase']}: {each['reason']}" if each["phase"] else each["reason"]
        message = f"{where} — {each['message']}" if each["message"] else where
        rows.append(
            [
                each["check"],
                each["kind"],
                state(Status(each["verdict"])),
                "-" if each["took_seconds"] is None else number(each["took_seconds"], "seconds"),
                f"{ago(each['last_look'], now)} ago" if each["last_look"] else "-",
                printable(dash(message)),
            ]
        )
    return folded(rows, width=width)


def _metrics(service: Mapping[str, Any], *, width: int) -> str:
    units = service["units"]
    rows = [["metric", "value"]]
    rows += [
        [printable(name), "-" if value is None else number(value, units.get(name, ""))]
        for name, value in sorted(service["metrics"].items())
    ]
    return table(rows, width=width)


def percent(value: float | None) -> str:
    """Of the time; 100 is said only of all of it."""
    if value is None:
        return "-"
    text = f"{value:.4g}"
    return f"{text if value == 100 or text != '100' else '99.99'} %"  # noqa: PLR2004 — a hundred per cent
