"""How the channels, the configuration and the heartbeat stand, as the running daemon says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from monitor import troubles as said
from monitor.cli.drawing import dash, table
from monitor.cli.terminal import terminal_width, wrapped
from monitor.cli.words import Words

_BELOW: Final = 4


def troubles(monitoring: Mapping[str, Any], now: float, words: Words) -> str:
    """A line for everything of the monitor itself that somebody has to look after; the refused configuration has one
    for each mistake. Empty where all is well."""
    return "\n".join(_lines(monitoring, now, words))


def _lines(monitoring: Mapping[str, Any], now: float, words: Words) -> Iterator[str]:
    for each in said.troubles(monitoring, now, words.language):
        yield _marked(each.said)
        yield from (wrapped(line, indent=_BELOW, width=terminal_width()) for line in each.lines)


def _marked(text: str) -> str:
    return wrapped(f"! {text}", indent=0, width=terminal_width())


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
    wrong = [
        _marked(f"{each['channel']}: {wrong}")
        for each in channels
        if (wrong := said.of_channel(each, now, words.language))
    ]
    return "\n".join([table(rows, width=width), *(["", *wrong] if wrong else [])])


def _outcome(channel: Mapping[str, Any], words: Words) -> str:
    if channel["stopped_at"]:
        return words("outcome.stopped")
    return words(f"outcome.{channel['outcome']}") if channel["outcome"] else "-"
