"""What arrives at an incoming webhook of Slack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from monitor.core.model import NoticeKind
from monitor.notify.base import Delivery, NotTaken, Post
from monitor.notify.slack import SlackChannel, escaped
from tests.delivery.receiver import Receiver, Request
from tests.notify.notices import INCIDENT_URL, delivery, harmful, trial


def channel(receiver: Receiver) -> SlackChannel:
    return SlackChannel(kind="slack", url=SecretStr(receiver.url))


async def sent(receiver: Receiver, post: Post, one: Delivery) -> dict[str, Any]:
    await channel(receiver).send(one, post)
    request = receiver.requests[-1]
    assert (request.method, request.path, request.headers["content-type"]) == ("POST", "/hook", "application/json")
    body: dict[str, Any] = json.loads(request.body)
    assert body.keys() == {"attachments"}
    (attachment,) = body["attachments"]
    assert attachment.keys() == {
        "fallback", "color", "title", "title_link", "text", "fields", "footer", "ts", "mrkdwn_in",
    }  # fmt: skip
    return dict(attachment)


async def test_an_opened_one_field_by_field(receiver: Receiver, post: Post) -> None:
    attachment = await sent(receiver, post, delivery())
    fields = attachment.pop("fields")
    assert attachment == {
        "fallback": "[Critical] rds is down",
        "color": "#e01e5a",
        "title": "[Critical] rds is down",
        "title_link": INCIDENT_URL,
        "text": "Nothing comes back from rds: packets are dropped on the way",
        "footer": "infra-monitor",
        "ts": 1_700_000_003,
        "mrkdwn_in": [],
    }
    assert [field["title"] for field in fields] == [
        "What is wrong", "What to do", "Depends on it", "Evidence", "Ruled out", "Began",
    ]  # fmt: skip
    assert all(field.keys() == {"title", "value", "short"} for field in fields)
    assert fields[2] == {"title": "Depends on it", "value": "app (down), nginx (healthy)", "short": True}
    assert fields[1]["short"] is False


@pytest.mark.parametrize(
    ("one", "colour", "title"),
    [
        (delivery(NoticeKind.RESOLVED, after=60.0), "#2eb67d", "[Resolved] rds, after 1m"),
        (trial(), "#8a8a8a", "[Test] infra-monitor tries this channel"),
        (delivery(NoticeKind.REMINDER, after=14400.0, language="ko"), "#e01e5a", "[심각] 4시간째 지속 중: rds 중단"),
    ],
    ids=["resolved", "test", "reminder"],
)
async def test_the_other_kinds(receiver: Receiver, post: Post, one: Delivery, colour: str, title: str) -> None:
    attachment = await sent(receiver, post, one)
    assert attachment["color"] == colour
    assert attachment["title"].startswith(title[:12])


@pytest.mark.parametrize("kind", [NoticeKind.OPENED, NoticeKind.RESOLVED])
async def test_nothing_in_a_text_is_a_mention_or_a_link(receiver: Receiver, post: Post, kind: NoticeKind) -> None:
    attachment = await sent(receiver, post, harmful(kind))
    assert attachment["mrkdwn_in"] == []
    texts = [attachment["title"], attachment["text"], attachment["fallback"]]
    texts += [field["value"] for field in attachment["fields"]]
    for text in texts:
        assert not {"<", ">", "\x1b", "\u202e"} & set(text)
    assert any("&lt;!channel&gt;" in text for text in texts)


def test_an_ampersand_stays_one_and_long_texts_are_cut() -> None:
    assert escaped("a & b &amp; <c>") == "a &amp; b &amp;amp; &lt;c&gt;"
    assert len(escaped("x" * 10_000)) == 3000


async def test_its_refusal_can_be_read_by_who_is_there_to_read_it(receiver: Receiver, post: Post) -> None:
    async def refuse(_request: Request) -> web.Response:
        return web.Response(status=403, text="invalid_token")

    receiver.answer = refuse
    with pytest.raises(NotTaken) as caught:
        await channel(receiver).send(delivery(), post)
    assert (caught.value.reason, caught.value.permanent) == ("HTTP 403", True)
    with pytest.raises(NotTaken, match=r"^HTTP 403: invalid_token$"):
        await channel(receiver).send(delivery(), Post(http=post.http, clock=post.clock, quotes=True))


def test_the_address_is_a_secret() -> None:
    one = SlackChannel(kind="slack", url=SecretStr("https://hooks.slack.com/services/T0/B0/canary"))
    assert "canary" not in f"{one} {one!r} {one.model_dump_json()}"
    with pytest.raises(ValidationError) as caught:
        SlackChannel.model_validate({"kind": "slack", "url": "canary"})
    assert "canary" not in str(caught.value)
