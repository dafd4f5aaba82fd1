"""What a receiver of webhooks can rely on, and what its answers mean to us."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from monitor import __version__, answers
from monitor.core.model import Alert, Confidence, Diagnosis, Incident, Message, Notice, NoticeKind, Severity, Status
from monitor.locale import speak
from monitor.notify.base import Delivery, NotTaken, Post
from monitor.notify.posting import wait_asked_for
from monitor.notify.webhook import WebhookChannel
from tests.delivery.receiver import Receiver, Request

PASSWORD = "canary-7f3a"
KEY = b"\x00\xffnot text"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
STOPPED = Message("pm2.stopped", {"app": "signalcraft-nodejs"})
ALERT = Alert(
    "alert-1", "signalcraft-nodejs", "pm2", None, Severity.CRITICAL, Status.DOWN, STOPPED, None, None, 1_700_000_000.25
)
INCIDENT = Incident(
    "inc-1",
    "signalcraft-nodejs",
    Severity.CRITICAL,
    1_700_000_000.25,
    alerts=(ALERT,),
    impacted=("nginx",),
    diagnosis=Diagnosis("process_stopped", STOPPED, Confidence.CERTAIN),
)
NOTICE = Notice(NoticeKind.OPENED, INCIDENT, {"nginx": Status.HEALTHY}, 1_700_000_003.5)
DELIVERY = Delivery(id="msg_0123", notice=NOTICE, language="en", url="http://127.0.0.1:10142")


def channel(url: str, *, secret: str | None = None, seconds: float = 15.0) -> WebhookChannel:
    return WebhookChannel(
        kind="webhook", url=SecretStr(url), secret=SecretStr(secret) if secret is not None else None, timeout=seconds
    )


async def refusal(channel: WebhookChannel, post: Post) -> NotTaken:
    with pytest.raises(NotTaken) as caught:
        await channel.send(DELIVERY, post)
    return caught.value


class TestRequest:
    async def test_the_body_is_the_incident_as_the_api_shows_it(self, receiver: Receiver, post: Post) -> None:
        await channel(receiver.url).send(DELIVERY, post)
        (request,) = receiver.requests
        assert (request.method, request.path) == ("POST", "/hook")
        assert request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"] == f"infra-monitor/{__version__}"
        assert json.loads(request.body) == {
            "type": "incident.opened",
            "timestamp": "2023-11-14T22:13:23.500Z",
            "data": {"incident": answers.incident(INCIDENT, NOTICE.statuses, language="en", url=DELIVERY.url)},
        }

    async def test_the_incident_has_what_the_contract_promises(self, receiver: Receiver, post: Post) -> None:
        await channel(receiver.url).send(DELIVERY, post)
        incident = json.loads(receiver.requests[0].body)["data"]["incident"]
        assert {
            "id",
            "status",
            "severity",
            "title",
            "root",
            "impacted",
            "cause",
            "opened_at",
            "resolved_at",
            "url",
        } <= (incident.keys())
        assert incident["cause"].keys() == {"id", "summary", "confidence", "evidence", "ruled_out", "remedy"}

    async def test_it_speaks_the_language_that_was_asked_for(self, receiver: Receiver, post: Post) -> None:
        korean = Delivery(id="msg_1", notice=NOTICE, language="ko", url=DELIVERY.url)
        await channel(receiver.url).send(korean, post)
        body = receiver.requests[0].body.decode()
        summary = json.loads(body)["data"]["incident"]["cause"]["summary"]
        assert summary == speak(STOPPED, "ko") != speak(STOPPED, "en")
        assert summary in body

    @pytest.mark.parametrize(
        ("secret", "key"), [(SECRET, KEY), ("plain text ✓", "plain text ✓".encode()), ("plain", b"plain")]
    )
    async def test_the_signature_is_what_standard_webhooks_says(
        self, receiver: Receiver, post: Post, secret: str, key: bytes
    ) -> None:
        await channel(receiver.url, secret=secret).send(DELIVERY, post)
        (request,) = receiver.requests
        timestamp = request.headers["webhook-timestamp"]
        assert request.headers["webhook-id"] == "msg_0123"
        assert abs(int(timestamp) - time.time()) < 60
        signed = f"msg_0123.{timestamp}.".encode() + request.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert request.headers["webhook-signature"] == f"v1,{expected}"

    @pytest.mark.parametrize("secret", [None, ""])
    async def test_without_a_secret_nothing_is_signed(self, receiver: Receiver, post: Post, secret: str | None) -> None:
        await channel(receiver.url, secret=secret).send(DELIVERY, post)
        assert "webhook-signature" not in receiver.requests[0].headers

    async def test_a_second_try_says_the_same(self, receiver: Receiver, post: Post) -> None:
        for _ in range(2):
            await channel(receiver.url, secret=SECRET).send(DELIVERY, post)
        first, second = receiver.requests
        assert (first.id, first.body) == (second.id, second.body)

    async def test_user_and_password_of_the_address_become_basic_authentication(
        self, receiver: Receiver, post: Post
    ) -> None:
        await channel(receiver.url.replace("//", f"//me:{PASSWORD}@")).send(DELIVERY, post)
        credentials = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        assert receiver.requests[0].headers["authorization"] == f"Basic {credentials}"
        assert PASSWORD not in receiver.requests[0].headers["host"]


class TestAnswer:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    async def test_every_2xx_is_a_yes(self, receiver: Receiver, post: Post, status: int) -> None:
        receiver.answers(status)
        await channel(receiver.url).send(DELIVERY, post)

    @pytest.mark.parametrize("status", [301, 302, 307, 308, 408, 425, 429, 500, 502, 503, 504, 599])
    async def test_it_may_be_asked_again(self, receiver: Receiver, post: Post, status: int) -> None:
        receiver.answers(status, Location="/elsewhere")
        refused = await refusal(channel(receiver.url), post)
        assert (refused.reason, refused.permanent, refused.stop) == (f"HTTP {status}", False, False)
        assert len(receiver.requests) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422, 451])
    async def test_asking_again_is_useless(self, receiver: Receiver, post: Post, status: int) -> None:
        receiver.answers(status)
        refused = await refusal(channel(receiver.url), post)
        assert (refused.reason, refused.permanent, refused.stop) == (f"HTTP {status}", True, False)

    async def test_410_wants_nothing_more(self, receiver: Receiver, post: Post) -> None:
        receiver.answers(410)
        refused = await refusal(channel(receiver.url), post)
        assert (refused.permanent, refused.stop) == (True, True)

    @pytest.mark.parametrize("status", [429, 503])
    async def test_it_says_how_long_to_wait(self, receiver: Receiver, post: Post, status: int) -> None:
        receiver.answers(status, Retry_After="7")
        assert (await refusal(channel(receiver.url), post)).retry_after == 7.0

    async def test_it_says_until_when_to_wait(self, receiver: Receiver, post: Post) -> None:
        receiver.answers(429, Retry_After=formatdate(post.clock.wall() + 90, usegmt=True))
        wait = (await refusal(channel(receiver.url), post)).retry_after
        assert wait
        assert 60 < wait <= 90

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("0", 0.0),
            (" 12 ", 12.0),
            ("120", 120.0),
            ("999999999", 3600.0),
            ("9" * 500, 3600.0),
            ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
            ("Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
            ("Tue, 14 Nov 2023 22:14:20", 60.0),
            ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
            ("Tue, 14 Nov 2033 22:00:00 GMT", 3600.0),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("Tue, 14 Nov 2023 22:14:20 +99999999999999", None),
            ("Tue, 99 Nov 2023 22:14:20 GMT", None),
        ],
    )
    def test_retry_after_is_read_in_both_forms_and_bounded(self, header: str, seconds: float | None) -> None:
        assert wait_asked_for(header, 1_700_000_000.0) == seconds

    async def test_the_yes_counts_without_the_rest_of_the_answer(self, receiver: Receiver, post: Post) -> None:
        """A body that never ends, or is huge, is none of our business."""

        async def endless(_request: Request) -> web.StreamResponse:
            return web.Response(body=b"x" * 50_000_000)

        receiver.answer = endless
        await asyncio.wait_for(channel(receiver.url).send(DELIVERY, post), timeout=10)


class TestTrouble:
    async def test_nobody_listens(self, post: Post) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            refused = await refusal(channel(f"http://127.0.0.1:{unused.getsockname()[1]}/{PASSWORD}"), post)
        assert (refused.reason, refused.permanent) == ("cannot connect: Connection refused", False)

    async def test_the_name_does_not_exist(self, post: Post) -> None:
        refused = await refusal(channel("http://nowhere.invalid/"), post)
        assert refused.reason.startswith("cannot connect: ")
        assert not refused.permanent

    async def test_it_takes_the_request_and_stays_silent(self, receiver: Receiver, post: Post) -> None:
        async def hang(_request: Request) -> web.Response:
            await asyncio.sleep(60)
            return web.Response()

        receiver.answer = hang
        refused = await asyncio.wait_for(refusal(channel(receiver.url, seconds=0.2), post), timeout=10)
        assert (refused.reason, refused.permanent) == ("no answer within 0.2 s", False)

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x16\x03\x01\xff" * 9])
    async def test_it_answers_something_else(self, post: Post, answer: bytes) -> None:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            refused = await refusal(channel(f"http://me:{PASSWORD}@127.0.0.1:{port}/{PASSWORD}"), post)
        assert not refused.permanent
        assert PASSWORD not in f"{refused.reason} {refused!r}"

    async def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(self, post: Post, tmp_path: Path) -> None:
        context = self_signed(tmp_path)
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            refused = await refusal(channel(f"https://127.0.0.1:{port}/{PASSWORD}"), post)
        assert refused.reason == "its TLS certificate was not accepted: self-signed certificate"
        assert not refused.permanent

    async def test_the_other_side_speaks_no_tls(self, receiver: Receiver, post: Post) -> None:
        refused = await refusal(channel(receiver.url.replace("http:", "https:")), post)
        assert refused.reason == "TLS failed"
        assert not receiver.requests


def self_signed(directory: Path) -> ssl.SSLContext:
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", *kind, *subject, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


class TestConfiguration:
    @pytest.mark.parametrize(
        "url",
        ["", "hook", "ftp://host/", "file:///etc/passwd", "http:///", "http:///path", "http://host:99999/", "//host/x"],
    )
    def test_only_web_addresses_are_taken_and_none_is_repeated(self, url: str) -> None:
        url = url and f"{url}{PASSWORD}"
        with pytest.raises(ValidationError, match=r"not an address; write http://host/path") as caught:
            WebhookChannel.model_validate({"kind": "webhook", "url": url})
        assert PASSWORD not in str(caught.value)

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_?canary-7f3a", "whsec_abc"])
    def test_a_key_that_is_not_base64_is_refused_and_not_repeated(self, secret: str) -> None:
        with pytest.raises(ValidationError, match=r"whsec_ must be followed by base64") as caught:
            WebhookChannel.model_validate({"kind": "webhook", "url": "http://host/", "secret": secret})
        assert "7f3a" not in str(caught.value)

    @pytest.mark.parametrize(("timeout", "seconds"), [("500ms", 0.5), (10, 10.0), ("25s", 25.0)])
    def test_the_timeout_is_a_duration(self, timeout: object, seconds: float) -> None:
        given = {"kind": "webhook", "url": "http://host/", "timeout": timeout}
        assert WebhookChannel.model_validate(given).timeout == seconds

    @pytest.mark.parametrize("timeout", [0, "26s", "soon"])
    def test_a_timeout_beyond_what_the_outbox_waits_is_refused(self, timeout: object) -> None:
        with pytest.raises(ValidationError):
            WebhookChannel.model_validate({"kind": "webhook", "url": "http://host/", "timeout": timeout})

    def test_neither_address_nor_secret_is_shown(self) -> None:
        one = channel(f"https://me:{PASSWORD}@host/{PASSWORD}", secret=PASSWORD)
        assert PASSWORD not in f"{one} {one!r} {one.model_dump()} {one.model_dump_json()}"
        assert one.label == "webhook"
