"""How the channels, the configuration and the heartbeat stand, as the running daemon says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from monitor.cli.drawing import dash, table
from monitor.cli.terminal import terminal_width, wrapped
from monitor.cli.words import Words

_BELOW: Final = 4


def troubles(monitoring: Mapping[str, Any], now: float, words: Words) -> str:
    """A line for everything of the monitor itself that somebody has to look after; the refused configuration has one
    for each mistake. Empty where all is well."""
    return "\n".join(_troubles(monitoring, now, words))


def _troubles(monitoring: Mapping[str, Any], now: float, words: Words) -> Iterator[str]:
    configuration, heartbeat = monitoring["configuration"], monitoring["heartbeat"]
    if monitoring["unwell"]:
        yield _marked(words("unwell", why=monitoring["unwell"]))
    if monitoring["store_error"]:
        yield _marked(words("not_remembered", why=monitoring["store_error"]))
    if monitoring["history"]["error"]:
        yield _marked(words("no_past", why=monitoring["history"]["error"]))
    if not configuration["successful"]:
        tried, taken = words.ago(configuration["tried_at"], now), words.ago(configuration["taken_at"], now)
        yield _marked(words("refused", tried=tried, taken=taken))
        yield from (wrapped(line, indent=_BELOW, width=terminal_width()) for line in configuration["errors"])
    yield from map(_marked, configuration["warnings"])
    for channel in monitoring["channels"]:
        if said := trouble(channel, now, words):
            yield _marked(words("channel", name=channel["channel"], trouble=said))
    if heartbeat and heartbeat["error"]:
        yield _marked(words("heartbeat", why=heartbeat["error"]))


def _marked(text: str) -> str:
    return wrapped(f"! {text}", indent=0, width=terminal_width())


def trouble(channel: Mapping[str, Any], now: float, words: Words) -> str:
    """What is wrong with a channel; empty if nothing is."""
    waits = words.since(channel["oldest_at"], now)
    owed = words("owed", count=channel["pending"], oldest=waits) if channel["pending"] else ""
    if not channel["configured"]:
        return "; ".join(filter(None, (words("gone"), owed)))
    said = ""
    if channel["stopped_at"]:
        said = words("stopped", time=words.ago(channel["stopped_at"], now), why=channel["stopped_why"])
    elif channel["error"]:
        key = "notice_given_up" if channel["outcome"] == "dead" else "try_failed"
        said = words(key, time=words.ago(channel["tried_at"], now), why=channel["error"])
    unrefreshed = channel["refresh_error"]
    again = words("not_refreshed", why=unrefreshed) if unrefreshed else ""
    return "; ".join(filter(None, (said, owed if said else "", again)))


def drawn(channels: Sequence[Mapping[str, Any]], now: float, words: Words, *, width: int) -> str:
    """A line a channel, then what is wrong with it."""
    rows = [words.row("channel", "kind", "taken_last", "newest_try", "waiting", "given_up")]
    rows += [
        [
            each["channel"],
            dash(each["kind"]),
            words.ago(each["delivered_at"], now),
            _outcome(each, words),
            str(each["pending"]),
            str(each["dead"]),
        ]
        for each in channels
    ]
    wrong = [_marked(f"{each['channel']}: {said}") for each in channels if (said := trouble(each, now, words))]
    return "\n".join([table(rows, width=width), *(["", *wrong] if wrong else [])])


def _outcome(channel: Mapping[str, Any], words: Words) -> str:
    if channel["stopped_at"]:
        return words("outcome.stopped")
    return words(f"outcome.{channel['outcome']}") if channel["outcome"] else "-"
