"""Through Apprise, in a child process, to a service that it knows (its generic JSON webhook)."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import time
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from monitor.core.model import NoticeKind
from monitor.notify import apprise as module
from monitor.notify.apprise import AppriseChannel
from monitor.notify.base import NotTaken, Post
from tests.delivery.receiver import Receiver, Request
from tests.notify.notices import delivery, harmful, trial

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("apprise") is None, reason="the extra [apprise] is not installed"
)


def channel(url: str, seconds: float = 20.0) -> AppriseChannel:
    return AppriseChannel(kind="apprise", url=SecretStr(url), timeout=seconds)


def address(receiver: Receiver) -> str:
    return receiver.url.replace("http:", "json:")


def quoting(post: Post) -> Post:
    return Post(http=post.http, clock=post.clock, quotes=True)


@pytest.mark.parametrize(
    ("kind", "type_"),
    [(NoticeKind.OPENED, "failure"), (NoticeKind.RESOLVED, "success"), (NoticeKind.TEST, "info")],
)
async def test_it_arrives_with_title_text_and_type(
    receiver: Receiver, post: Post, kind: NoticeKind, type_: str
) -> None:
    one = trial() if kind is NoticeKind.TEST else delivery(kind, language="ko")
    assert await channel(address(receiver)).send(one, post) == "taken by JSON"
    body = json.loads(receiver.requests[0].body)
    assert body["type"] == type_
    assert body["title"].startswith({"failure": "[심각] ", "success": "[해결됨] ", "info": "[Test] "}[type_])
    assert "127.0.0.1:10142/incidents/" in body["message"]


async def test_texts_that_mean_harm_arrive_as_texts(receiver: Receiver, post: Post) -> None:
    await channel(address(receiver)).send(harmful(), post)
    body = json.loads(receiver.requests[0].body)
    assert "</b>" in body["message"]
    assert not {"\x1b", "\u202e"} & set(body["title"] + body["message"])


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_a_refusal_is_tried_again(receiver: Receiver, post: Post, status: int) -> None:
    """Apprise does not say whether it is final."""
    receiver.answers(status)
    with pytest.raises(NotTaken, match=r"^JSON did not take it$") as caught:
        await channel(address(receiver)).send(delivery(), post)
    assert not caught.value.permanent
    assert len(receiver.requests) == 1


async def test_who_is_there_may_read_why(receiver: Receiver, post: Post) -> None:
    receiver.answers(503)
    with pytest.raises(NotTaken, match=r"^JSON did not take it: .*503"):
        await channel(address(receiver)).send(delivery(), quoting(post))


async def test_what_is_no_address_is_final(post: Post) -> None:
    with pytest.raises(NotTaken, match="does not understand the address") as caught:
        await channel("canary://nothing").send(delivery(), post)
    assert caught.value.permanent
    assert "canary" not in caught.value.reason


async def test_one_that_hangs_is_killed(receiver: Receiver, post: Post) -> None:
    arrived = asyncio.Event()

    async def hang(_request: Request) -> web.Response:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    receiver.answer = hang
    began = time.monotonic()
    one = channel(f"{address(receiver)}?rto=60&cto=60", seconds=4.0)
    with pytest.raises(NotTaken, match=r"^no end within 4 s; the sending process was killed$"):
        await one.send(delivery(), post)
    assert time.monotonic() - began < 10
    assert not children()


def children() -> set[str]:
    """The processes that this one has started and that still run this channel's program."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
            parent = (path.parent / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if module.CHILD.encode() in arguments and parent == str(os.getpid()):
            found.add(path.parent.name)
    return found


def shown_by(pid: str) -> bytes:
    return Path("/proc", pid, "cmdline").read_bytes() + Path("/proc", pid, "environ").read_bytes()


async def test_the_secret_is_in_no_command_line_and_no_environment(receiver: Receiver, post: Post) -> None:
    seen: list[bytes] = []

    async def look(_request: Request) -> web.Response:
        seen.extend(map(shown_by, children()))
        return web.Response()

    receiver.answer = look
    await channel(address(receiver).replace("json://", "json://me:canary77@")).send(delivery(), post)
    assert seen
    assert all(b"canary77" not in each for each in seen)


async def test_a_child_that_crashes_says_little_unless_asked(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHILD", "monitor.notify.nowhere")
    with pytest.raises(NotTaken, match=r"^the sending process ended with 1$"):
        await channel("json://host").send(delivery(), post)
    with pytest.raises(NotTaken, match=r"ended with 1: .*No module named monitor\.notify\.nowhere"):
        await channel("json://host").send(delivery(), quoting(post))


def test_without_the_extra_the_configuration_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ValidationError, match=r"pip install 'infra-monitor\[apprise\]'") as caught:
        AppriseChannel.model_validate({"kind": "apprise", "url": "canary://x"})
    assert "canary" not in str(caught.value)
