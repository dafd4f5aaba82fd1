"""One notice in words for people: plain text, in their language and their time, escaped for nothing yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from monitor import answers
from monitor.core.model import Message, NoticeKind
from monitor.locale import lasting, speak
from monitor.notify.base import Delivery
from monitor.notify.news import news

MOST_LINES: Final = 8
LONGEST_VALUE: Final = 1500
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What no text of ours holds: control characters, and those that turn the direction of what follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A title of one line, what is known in a sentence, labels with their values, and where to read on."""

    title: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    url: str

    @property
    def text(self) -> str:
        """All but the title, as lines."""
        lines = (f"{label}:\n{value}" if "\n" in value else f"{label}: {value}" for label, value in self.facts)
        return "\n".join((*((self.summary, "") if self.summary else ()), *lines, "", self.url))


def words(delivery: Delivery) -> Words:
    """What a person should read of this notice."""
    incident = answers.incident(
        delivery.notice.incident, delivery.notice.statuses, language=delivery.language, url=delivery.url
    )
    return Words(
        title=one_line(_title(delivery, incident)),
        summary=one_line(_summary(delivery, incident)),
        facts=tuple((label, clean(value)[:LONGEST_VALUE]) for label, value in _facts(delivery, incident) if value),
        url=incident["url"],
    )


def clean(text: str) -> str:
    """Without what could deceive a reader or break a format; lines stay lines."""
    return _CONTROL.sub(" ", text)


def one_line(text: str) -> str:
    """In a single line."""
    return " ".join(clean(text).split())


def when(at: float, timezone: str) -> str:
    """The moment in that zone: `2026-11-24 12:12:08 KST`."""
    return datetime.fromtimestamp(at, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _title(delivery: Delivery, incident: answers.Json) -> str:
    notice = delivery.notice
    end = notice.at if notice.incident.resolved_at is None else notice.incident.resolved_at
    values = {
        "title": incident["title"],
        "service": notice.incident.root,
        "severity": speak(Message(f"notice.severity.{incident['severity']}"), delivery.language),
        "duration": lasting(end - notice.incident.opened_at, delivery.language),
    }
    said = speak(Message(f"notice.title.{notice.kind.value}", values), delivery.language)
    first = next(iter(news(notice, delivery.language)), "")
    return speak(Message("notice.title.news", {"title": said, "news": first}), delivery.language) if first else said


def _summary(delivery: Delivery, incident: answers.Json) -> str:
    if delivery.notice.kind is NoticeKind.TEST:
        return speak(Message("notice.test"), delivery.language)
    cause = incident["cause"]
    return str(cause["summary"]) if cause else ""


def _facts(delivery: Delivery, incident: answers.Json) -> Iterator[tuple[str, str]]:
    """Label and value; empty values are left out."""
    over = incident["resolved_at"] is not None
    if not over:
        yield from _about(delivery, incident)
    known, language, zone = delivery.notice.incident, delivery.language, delivery.timezone
    for key, value in (
        ("began", when(known.opened_at, zone)),
        ("ended", when(known.resolved_at, zone) if known.resolved_at is not None else ""),
        ("lasted", lasting(known.resolved_at - known.opened_at, language) if known.resolved_at is not None else ""),
        ("resolved_by", known.resolved_by or ""),
        ("reopens", known.reopens or ""),
        ("part_of", known.adopted_by or ""),
    ):
        yield speak(Message(f"notice.label.{key}"), language), one_line(value)


def _about(delivery: Delivery, incident: answers.Json) -> Iterator[tuple[str, str]]:
    cause = incident["cause"] or {"remedy": "", "evidence": (), "ruled_out": ()}
    for key, value in (
        ("news", _listed(iter(news(delivery.notice, delivery.language)))),
        ("alerts", _listed(f"{each['service']}: {each['message']}" for each in incident["alerts"])),
        ("remedy", "\n".join(one_line(line) for line in (cause["remedy"] or "").splitlines())),
        ("impacted", ", ".join(_with_status(each, delivery.language) for each in incident["impacted"])),
        ("evidence", _listed(each["message"] for each in cause["evidence"])),
        ("ruled_out", _listed(each["why"] for each in cause["ruled_out"])),
    ):
        yield speak(Message(f"notice.label.{key}"), delivery.language), value


def _with_status(service: answers.Json, language: str) -> str:
    status = speak(Message(f"notice.status.{service['status']}"), language)
    return f"{service['name']} ({status})"


def _listed(texts: Iterator[str]) -> str:
    lines = [one_line(text) for text in texts]
    if len(lines) == 1:
        return lines[0]
    return "\n".join((*(f"- {line}" for line in lines[:MOST_LINES]), *(("- …",) if lines[MOST_LINES:] else ())))
