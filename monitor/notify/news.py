"""What an `updated` notice tells that was not told before, in words."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.core.model import Message, Notice, NoticeKind, Told
from monitor.core.notices import UNKNOWN
from monitor.locale import speak


def news(notice: Notice, language: str) -> tuple[str, ...]:
    """Sentences, the most telling first; none for a notice of another kind."""
    told = notice.incident.told
    if notice.kind is not NoticeKind.UPDATED or len(told) < 2:  # noqa: PLR2004 — this one and the one before
        return ()
    return tuple(speak(each, language) for each in _news(told[-2], told[-1], language))


def _news(before: Told, after: Told, language: str) -> Iterator[Message]:
    if after.root != before.root:
        yield Message("notice.news.root", {"before": before.root, "after": after.root})
    if after.severity.rank > before.severity.rank:
        yield Message("notice.news.severity", {"before": _word(before, language), "after": _word(after, language)})
    if after.cause != before.cause:
        yield _cause(before.cause, after.cause)
    if before.kind is NoticeKind.FLAPPING:
        yield Message("notice.news.settled", {"service": after.root})


def _cause(before: str, after: str) -> Message:
    if before == UNKNOWN:
        return Message("notice.news.cause_known", {"after": after})
    return Message("notice.news.cause", {"before": before, "after": after})


def _word(told: Told, language: str) -> str:
    return speak(Message(f"notice.severity.{told.severity.value}"), language).lower()
