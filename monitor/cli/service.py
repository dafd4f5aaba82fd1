"""One service on a terminal, with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from monitor.cli.drawing import dash, folded, table
from monitor.cli.terminal import columns, state, wrapped
from monitor.cli.words import Words
from monitor.core.words import Status

_INDENT: Final = 2


def in_full(service: Mapping[str, Any], now: float, words: Words, *, width: int) -> str:
    """Its checks and numbers, after a few lines about itself."""
    status = state(Status(service["status"]), word=words.status(service["status"]))
    head = [f"{status}  {service['name']}", *_lines(service, words, width=width)]
    parts = ["\n".join(head), _checks(service, now, words, width=width)]
    if service["metrics"]:
        parts.append(_metrics(service, words, width=width))
    return "\n\n".join(parts)


def _lines(service: Mapping[str, Any], words: Words, *, width: int) -> Iterator[str]:
    up = ", ".join(f"{window} {percent(each['percent'])}" for window, each in service["uptime"].items())
    known = max(each["known_seconds"] for each in service["uptime"].values())
    said = {
        "up": words("up_of", up=up, known=words.lasting(known)),
        "error_rate": "" if service["error_rate"] is None else words.number(service["error_rate"], "percent"),
        "depends_on": ", ".join(service["dependencies"]),
        "metadata": ", ".join(f"{key}={value}" for key, value in service["metadata"].items()),
    }
    for name, text in said.items():
        if text:
            yield wrapped(f"{words(f'heading.{name}')}: {text}", indent=_INDENT, width=width)
    for alert in service["alerts"]:
        line = wrapped(f"{words.severity(alert['severity'])}: {alert['message']}", indent=_INDENT, width=width)
        beside = columns(f"{line}  {alert['id']}") <= width
        yield f"{line}  {alert['id']}" if beside else f"{line}\n{' ' * 2 * _INDENT}{alert['id']}"


def _checks(service: Mapping[str, Any], now: float, words: Words, *, width: int) -> str:
    rows = [words.row("check", "kind", "verdict", "took", "last_look", "reason")]
    for each in service["checks"]:
        where = f"{each['phase']}: {each['reason']}" if each["phase"] else each["reason"]
        message = f"{where} — {each['message']}" if each["message"] else where
        rows.append(
            [
                each["check"],
                each["kind"],
                state(Status(each["verdict"]), word=words.status(each["verdict"])),
                "-" if each["took_seconds"] is None else words.number(each["took_seconds"], "seconds"),
                words.ago(each["last_look"], now),
                dash(message),
            ]
        )
    return folded(rows, width=width)


def _metrics(service: Mapping[str, Any], words: Words, *, width: int) -> str:
    units = service["units"]
    rows = [words.row("metric", "value")]
    rows += [
        [name, "-" if value is None else words.number(value, units.get(name, ""))]
        for name, value in sorted(service["metrics"].items())
    ]
    return table(rows, width=width)


def percent(value: float | None) -> str:
    """Of the time; 100 is said only of all of it."""
    if value is None:
        return "-"
    text = f"{value:.4g}"
    return f"{text if value == 100 or text != '100' else '99.99'} %"  # noqa: PLR2004 — a hundred per cent
