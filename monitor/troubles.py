"""What of the monitor itself somebody has to look after, in words: the same on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.core.words import Message
from monitor.locale import ago, lasting, speak


@dataclass(frozen=True, slots=True)
class Trouble:
    """One sentence; `lines` are mistakes that it is about, word for word."""

    said: str
    lines: tuple[str, ...] = ()


def troubles(monitoring: Mapping[str, Any], now: float, language: str) -> Iterator[Trouble]:
    """Of an answer of `/api/v1/monitoring`, the worst first; none where all is well."""
    say = _Speaker(now, language)
    configuration, heartbeat = monitoring["configuration"], monitoring["heartbeat"]
    if monitoring["unwell"]:
        yield Trouble(say("unwell", why=monitoring["unwell"]))
    if monitoring["store_error"]:
        yield Trouble(say("not_remembered", why=monitoring["store_error"]))
    for channel in monitoring["channels"]:
        if said := of_channel(channel, now, language):
            yield Trouble(say("channel", name=channel["channel"], trouble=said))
    if not configuration["successful"]:
        tried, taken = say.ago(configuration["tried_at"]), say.ago(configuration["taken_at"])
        yield Trouble(say("refused", tried=tried, taken=taken), tuple(configuration["errors"]))
    yield from map(Trouble, configuration["warnings"])
    if heartbeat and heartbeat["error"]:
        yield Trouble(say("heartbeat", why=heartbeat["error"]))
    if monitoring["history"]["error"]:
        yield Trouble(say("no_past", why=monitoring["history"]["error"]))


def of_channel(channel: Mapping[str, Any], now: float, language: str) -> str:
    """What is wrong with one of its channels; empty if nothing is."""
    say = _Speaker(now, language)
    owed = say("owed", count=channel["pending"], oldest=say.since(channel["oldest_at"])) if channel["pending"] else ""
    if not channel["configured"]:
        return "; ".join(filter(None, (say("gone"), owed)))
    said = ""
    if channel["stopped_at"]:
        said = say("stopped", time=say.ago(channel["stopped_at"]), why=channel["stopped_why"])
    elif channel["error"]:
        key = "notice_given_up" if channel["outcome"] == "dead" else "try_failed"
        said = say(key, time=say.ago(channel["tried_at"]), why=channel["error"])
    unrefreshed = channel["refresh_error"]
    again = say("not_refreshed", why=unrefreshed) if unrefreshed else ""
    return "; ".join(filter(None, (said, owed if said else "", again)))


@dataclass(frozen=True, slots=True)
class _Speaker:
    now: float
    language: str

    def __call__(self, key: str, **values: str | float) -> str:
        return speak(Message(f"trouble.{key}", values), self.language)

    def ago(self, text: str | None) -> str:
        return ago(self._seconds(text), self.language) if text else "-"

    def since(self, text: str | None) -> str:
        return lasting(self._seconds(text), self.language) if text else "-"

    def _seconds(self, text: str | None) -> float:
        return max(0.0, self.now - datetime.fromisoformat(text).timestamp()) if text else 0.0
