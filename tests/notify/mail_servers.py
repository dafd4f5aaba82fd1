"""Mail servers for tests: a real one (aiosmtpd), and some that behave badly."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "monitor", "canary-9c1f"


@dataclass(slots=True)
class Mailbox:
    """What arrived, and what the server is to say to the parts of a mail (`250` unless told otherwise)."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    says: str = "250 2.0.0 Ok: queued"

    async def handle_RCPT(  # noqa: N802 — aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        del server, session, rcpt_options
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 — same
        del server, session
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return self.says

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        del server, session, envelope, mechanism
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD), handled=False)


@asynccontextmanager
async def mail_server(*, tls: ssl.SSLContext | None = None, implicit: bool = False) -> AsyncIterator[Mailbox]:
    """With `tls` it offers STARTTLS, and asks for a login; `implicit`: it speaks TLS from the first byte."""
    box = Mailbox()
    talks: list[SMTP] = []

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that implicit TLS is no TLS: aiosmtpd does not see it
            talk = SMTP(
                box,
                hostname="mail.test",
                tls_context=None if implicit else tls,
                require_starttls=bool(tls) and not implicit,
                authenticator=box.login if tls else None,
                auth_required=bool(tls),
                auth_require_tls=not implicit,
            )
        talks.append(talk)
        return talk

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls if implicit else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
        for talk in talks:
            if talk.transport is not None:
                talk.transport.close()
        await asyncio.sleep(0.01)


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def bad_server(behave: Behaviour) -> AsyncIterator[int]:
    """Its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behave(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
