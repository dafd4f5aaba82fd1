"""How the channels, the configuration and the heartbeat stand, as the running daemon says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitor.cli.drawing import ago, dash, table
from monitor.cli.terminal import printable


def troubles(monitoring: Mapping[str, Any], now: float) -> Iterator[str]:
    """A line for everything of the monitor itself that somebody has to look after; the refused configuration has one
    for each mistake."""
    if monitoring["unwell"]:
        yield f"! the monitor is not well: {monitoring['unwell']}"
    if monitoring["store_error"]:
        yield f"! nothing new can be remembered: {monitoring['store_error']}"
    configuration = monitoring["configuration"]
    if not configuration["successful"]:
        tried, taken = ago(configuration["tried_at"], now), ago(configuration["taken_at"], now)
        yield f"! the configuration of {tried} ago was refused, and the one of {taken} ago goes on:"
        yield from (f"    {line}" for line in configuration["errors"])
    yield from (f"! {warning}" for warning in configuration["warnings"])
    for channel in monitoring["channels"]:
        if said := trouble(channel, now):
            yield f"! channel {channel['channel']}: {said}"
    heartbeat = monitoring["heartbeat"]
    if heartbeat and heartbeat["error"]:
        yield f"! the heartbeat does not arrive: {heartbeat['error']}"


def trouble(channel: Mapping[str, Any], now: float) -> str:
    """What is wrong with a channel; empty if nothing is."""
    owed = (
        f"{channel['pending']} waiting, the oldest for {ago(channel['oldest_at'], now)}" if channel["pending"] else ""
    )
    if not channel["configured"]:
        return f"no longer configured; {owed}"
    if channel["stopped_at"]:
        said = f"STOPPED {ago(channel['stopped_at'], now)} ago: {channel['stopped_why']}; mend it, then reload"
    elif channel["error"]:
        what = "notice was given up" if channel["outcome"] == "dead" else "try failed"
        said = f"the newest {what} {ago(channel['tried_at'], now)} ago: {channel['error']}"
    else:
        said = ""
    unrefreshed = channel["refresh_error"]
    again = f"cannot be told again of what is open: {unrefreshed}" if unrefreshed else ""
    return "; ".join(each for each in (said, owed if said else "", again) if each)


def drawn(channels: Sequence[Mapping[str, Any]], now: float, *, width: int) -> str:
    """A line a channel, then what is wrong with it."""
    rows = [["channel", "kind", "taken last", "newest try", "waiting", "given up"]]
    rows += [
        [
            each["channel"],
            dash(each["kind"]),
            f"{ago(each['delivered_at'], now)} ago" if each["delivered_at"] else "-",
            "STOPPED" if each["stopped_at"] else dash(each["outcome"]),
            str(each["pending"]),
            str(each["dead"]),
        ]
        for each in channels
    ]
    wrong = [printable(f"! {each['channel']}: {said}") for each in channels if (said := trouble(each, now))]
    return "\n".join([table(rows, width=width), *(["", *wrong] if wrong else [])])
