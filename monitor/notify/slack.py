"""Notices in a Slack channel, by an incoming webhook."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from pydantic import Field

from monitor.core.model import NoticeKind, Severity
from monitor.notify.base import Channel, Delivery, Post, TryTime
from monitor.notify.posting import WebAddress, post_body
from monitor.notify.wording import words

LONGEST_TEXT: Final = 3000
_SHORT: Final = 40
_GOOD, _PLAIN = "#2eb67d", "#8a8a8a"
_COLOURS: Final = {
    Severity.INFO: _PLAIN,
    Severity.WARNING: "#ecb22e",
    Severity.ERROR: "#e01e5a",
    Severity.CRITICAL: "#e01e5a",
}


class SlackChannel(Channel):
    """POST to `url`, the secret address of an incoming webhook. Texts are sent as plain text: nothing in them mentions
    anybody or becomes a link."""

    kind: Literal["slack"]
    url: WebAddress = Field(description="The incoming webhook: `https://hooks.slack.com/services/…`.")
    timeout: TryTime = Field(default=15.0, description="How long one try may take.")

    async def send(self, delivery: Delivery, post: Post) -> str:
        """See `post_body`; Slack answers `ok`."""
        body = json.dumps(message(delivery), ensure_ascii=False).encode("utf-8", "replace")
        return await post_body(post, self.url.get_secret_value(), body, seconds=self.timeout)


def message(delivery: Delivery) -> dict[str, Any]:
    """One attachment, whose texts nothing is formatted in (`mrkdwn_in` is empty)."""
    said, notice = words(delivery), delivery.notice
    return {
        "attachments": [
            {
                "fallback": escaped(said.title),
                "color": _colour(notice.kind, notice.incident.severity),
                "title": escaped(said.title),
                "title_link": said.url,
                "text": escaped(said.summary),
                "fields": [
                    {"title": escaped(label), "value": escaped(value), "short": _is_short(value)}
                    for label, value in said.facts
                ],
                "footer": "infra-monitor",
                "ts": int(notice.at),
                "mrkdwn_in": [],
            }
        ]
    }


def escaped(text: str) -> str:
    """`&`, `<` and `>` are all that Slack gives a meaning to in plain text: `<!channel>`, `<link|words>`."""
    text = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_short(value: str) -> bool:
    return len(value) <= _SHORT and "\n" not in value


def _colour(kind: NoticeKind, severity: Severity) -> str:
    if kind is NoticeKind.RESOLVED:
        return _GOOD
    return _PLAIN if kind is NoticeKind.TEST else _COLOURS[severity]
