"""What arrives at a mail server, and what its answers mean."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.core.model import NoticeKind
from monitor.notify.base import NotTaken, Post
from monitor.notify.email import EmailChannel, letter
from tests.notify.mail_servers import PASSWORD, USER, bad_server, mail_server
from tests.notify.notices import INCIDENT_URL, delivery, harmful, trial
from tests.notify.test_webhook import self_signed

TO = ("ops@example.com", "boss@example.com")


def channel(at: int, **more: Any) -> EmailChannel:
    return EmailChannel.model_validate({
        "kind": "email", "host": "127.0.0.1", "port": at, "security": "none",
        "sender": "monitor@example.com", "to": TO, **more,
    })  # fmt: skip


async def refusal(one: EmailChannel, post: Post) -> NotTaken:
    with pytest.raises(NotTaken) as caught:
        await asyncio.wait_for(one.send(delivery(), post), 30)
    return caught.value


class TestMail:
    async def test_it_arrives_field_by_field(self, post: Post) -> None:
        async with mail_server() as box:
            assert await channel(box.port).send(delivery(), post) == "taken for ops@example.com, boss@example.com"
        (mail,) = box.mails
        assert box.recipients == [list(TO)]
        ours = {key: value for key, value in mail.items() if key not in ("X-Peer", "X-MailFrom", "X-RcptTo")}
        assert ours == {
            "From": "monitor@example.com",
            "To": "ops@example.com, boss@example.com",
            "Subject": "[Critical] rds is down",
            "Date": "Tue, 14 Nov 2023 22:13:23 +0000",
            "Message-ID": "<msg_0123@infra-monitor.invalid>",
            "References": "<inc-1@infra-monitor.invalid>",
            "In-Reply-To": "<inc-1@infra-monitor.invalid>",
            "Auto-Submitted": "auto-generated",
            "X-Infra-Monitor-Incident": "inc-1",
            "X-Infra-Monitor-Kind": "opened",
            "Content-Type": 'text/plain; charset="utf-8"',
            "Content-Transfer-Encoding": "quoted-printable",
            "MIME-Version": "1.0",
        }
        text = mail.get_content().replace("\r\n", "\n")
        assert text.startswith("[Critical] rds is down\n\nNothing comes back from rds")
        assert text.rstrip().endswith(INCIDENT_URL)

    async def test_korean_arrives_as_korean(self, post: Post) -> None:
        async with mail_server() as box:
            await channel(box.port).send(delivery(NoticeKind.RESOLVED, language="ko", timezone="Asia/Seoul"), post)
        (mail,) = box.mails
        assert mail["Subject"] == "[해결됨] rds (3초 만에)"
        assert "2023-11-15 07:13:20 KST" in mail.get_content()
        assert box.raw[0].isascii()

    @pytest.mark.parametrize("kind", [NoticeKind.OPENED, NoticeKind.RESOLVED])
    async def test_no_text_makes_a_header_or_a_recipient(self, post: Post, kind: NoticeKind) -> None:
        async with mail_server() as box:
            await channel(box.port).send(harmful(kind), post)
        (mail,) = box.mails
        assert mail["Bcc"] is None
        assert "everybody@example.com" not in str(mail["Subject"]) + str(mail["To"])
        assert box.recipients == [list(TO)]
        assert not {"\x1b", "\u202e"} & set(mail.get_content())

    async def test_a_root_that_is_a_header_is_no_header(self) -> None:
        mail = letter(harmful(), sender="a@b", to=("c@d",))
        assert mail.as_bytes().count(b"\r\nSubject:") == 1

    def test_a_second_try_is_the_same_mail(self) -> None:
        assert (
            letter(delivery(), sender="a@b", to=("c@d",)).as_bytes()
            == letter(delivery(), sender="a@b", to=("c@d",)).as_bytes()
        )

    async def test_a_test_says_so(self, post: Post) -> None:
        async with mail_server() as box:
            await channel(box.port).send(trial(), post)
        assert box.mails[0]["Subject"].startswith("[Test] ")
        assert box.mails[0]["X-Infra-Monitor-Kind"] == "test"


class TestLogin:
    @pytest.mark.parametrize("security", ["starttls", "tls"])
    async def test_over_tls_it_logs_in(
        self, post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
    ) -> None:
        context = self_signed(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        async with mail_server(tls=context, implicit=security == "tls") as box:
            await channel(box.port, security=security, user=USER, password=PASSWORD).send(delivery(), post)
        assert box.logins == [(USER, PASSWORD)]
        assert len(box.mails) == 1

    async def test_a_wrong_password_is_final(self, post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        context = self_signed(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        async with mail_server(tls=context) as box:
            one = channel(box.port, security="starttls", user=USER, password="canary-wrong")
            refused = await refusal(one, post)
        assert (refused.reason, refused.permanent) == ("the login was refused: 535", True)
        assert box.mails == []

    async def test_a_certificate_that_nobody_vouches_for_gets_no_password(self, post: Post, tmp_path: Path) -> None:
        async with mail_server(tls=self_signed(tmp_path)) as box:
            refused = await refusal(channel(box.port, security="starttls", user=USER, password=PASSWORD), post)
        assert refused.reason == "its TLS certificate was not accepted: self-signed certificate"
        assert (refused.permanent, box.logins) == (False, [])

    async def test_a_server_without_starttls_gets_nothing(self, post: Post) -> None:
        async with mail_server() as box:
            refused = await refusal(channel(box.port, security="starttls"), post)
        assert refused.reason.startswith("the server does not offer what is configured")
        assert (refused.permanent, box.mails) == (True, [])

    async def test_a_server_that_speaks_no_tls(self, post: Post) -> None:
        async with mail_server() as box:
            assert (await refusal(channel(box.port, security="tls"), post)).reason == "TLS failed"


class TestAnswers:
    @pytest.mark.parametrize(("says", "permanent"), [("451 later", False), ("554 spam canary", True)])
    async def test_4xx_may_pass_and_5xx_is_final(self, post: Post, says: str, *, permanent: bool) -> None:
        async with mail_server() as box:
            box.says = says
            refused = await refusal(channel(box.port), post)
        assert (refused.reason, refused.permanent) == (f"the mail was refused: {says[:3]}", permanent)

    async def test_who_is_there_may_read_its_words(self, post: Post) -> None:
        async with mail_server() as box:
            box.says = "554 5.7.1 looks like spam"
            quoting = Post(http=post.http, clock=post.clock, quotes=True)
            with pytest.raises(NotTaken, match=r"^the mail was refused: 554 5\.7\.1 looks like spam$"):
                await channel(box.port).send(delivery(), quoting)

    async def test_one_recipient_that_is_refused_does_not_cost_the_others_their_mail(self, post: Post) -> None:
        async with mail_server() as box:
            box.refuse = {TO[1]: "550 unknown"}
            answer = await channel(box.port).send(delivery(), post)
        assert answer == "taken for ops@example.com, refused for boss@example.com"

    @pytest.mark.parametrize(("codes", "permanent"), [(("550", "550"), True), (("550", "450"), False)])
    async def test_without_any_recipient_it_is_not_taken(
        self, post: Post, codes: tuple[str, str], *, permanent: bool
    ) -> None:
        async with mail_server() as box:
            box.refuse = {each: f"{code} no" for each, code in zip(TO, codes, strict=True)}
            refused = await refusal(channel(box.port), post)
        assert refused.reason.startswith("no recipient was accepted: ")
        assert refused.permanent is permanent


class TestTrouble:
    async def test_nobody_listens(self, post: Post) -> None:
        async with mail_server() as box:
            pass
        refused = await refusal(channel(box.port), post)
        assert (refused.reason, refused.permanent) == ("cannot connect: Connection refused", False)

    async def test_the_name_does_not_exist(self, post: Post) -> None:
        refused = await refusal(channel(25, host="nowhere.invalid"), post)
        assert (refused.reason, refused.permanent) == ("the server's name cannot be resolved", False)

    async def test_silence_is_cut_at_the_deadline_and_its_thread_ends(self, post: Post) -> None:
        gone = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await reader.read()
            gone.set()

        before = threading.active_count()
        async with bad_server(silent) as port:
            began = time.monotonic()
            refused = await refusal(channel(port, timeout="300ms"), post)
            assert time.monotonic() - began < 5
            assert refused.reason == "no end within 0.3 s; the connection was cut"
            async with asyncio.timeout(10):
                await gone.wait()
                while threading.active_count() > before:
                    await asyncio.sleep(0.01)

    async def test_a_server_that_drips_is_cut_too(self, post: Post) -> None:
        """Each byte comes in time for the socket; only the deadline over everything ends it."""

        async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"2")
                await writer.drain()
                await asyncio.sleep(0.05)

        async with bad_server(drip) as port:
            refused = await refusal(channel(port, timeout="500ms"), post)
        assert refused.reason == "no end within 0.5 s; the connection was cut"

    async def test_a_server_that_hangs_up(self, post: Post) -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 hello\r\n")
            await reader.readline()

        async with bad_server(hang_up) as port:
            refused = await refusal(channel(port), post)
        assert (refused.reason, refused.permanent) == ("the connection was closed before the mail was taken", False)

    async def test_a_farewell_that_hangs_does_not_make_it_come_twice(self, post: Post) -> None:
        async def taciturn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 hello\r\n")
            while line := await reader.readline():
                if line.upper().startswith(b"QUIT"):
                    await reader.read()
                elif line.upper().startswith(b"DATA"):
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 taken\r\n")
                else:
                    writer.write(b"250 ok\r\n")

        async with bad_server(taciturn) as port:
            answer = await asyncio.wait_for(channel(port, timeout="10s").send(delivery(), post), 20)
        assert answer.startswith("taken for ")


class TestConfiguration:
    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"user": "me"}, "user and password belong together"),
            ({"user": "me", "password": "canary"}, "a password is not sent in the clear"),
            ({"sender": "me"}, "match pattern"),
            ({"sender": "me@host\r\nBcc: x@y"}, "match pattern"),
            ({"to": []}, "at least 1 item"),
            ({"port": 0}, "greater than or equal to 1"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, more: dict[str, Any], said: str) -> None:
        with pytest.raises(ValidationError, match=said) as caught:
            channel(25, **more)
        assert "canary" not in str(caught.value)

    def test_the_password_is_not_shown(self) -> None:
        one = channel(25, security="tls", user=USER, password=PASSWORD)
        assert PASSWORD not in f"{one} {one!r} {one.model_dump_json()}"
