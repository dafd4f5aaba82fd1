"""Notices by e-mail, over SMTP."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, StringConstraints, model_validator

from monitor.notify.base import Channel, Delivery, NotTaken, Post, TryTime
from monitor.notify.posting import QUOTED_BYTES, system_words
from monitor.notify.wording import one_line, words

DOMAIN: Final = "infra-monitor.invalid"
"""Behind the @ of our message ids, which are never resolved."""
PERMANENT: Final = 500
FAREWELL_SECONDS: Final = 1.0

MailAddress = Annotated[str, StringConstraints(pattern=r"^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$")]


class EmailChannel(Channel):
    """Send a mail to all of `to`. The mails of an incident are one thread."""

    kind: Literal["email"]
    host: str = Field(min_length=1, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port: 587 with `starttls`, 465 with `tls`.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`none` sends in the clear, and so without a password."
    )
    user: str | None = Field(default=None, description="Who logs in. Default: nobody.")
    password: SecretStr | None = Field(default=None, description="With which password.")
    sender: MailAddress = Field(description="From whom: `monitor@example.com`.")
    to: tuple[MailAddress, ...] = Field(min_length=1, description="To whom.")
    timeout: TryTime = Field(default=20.0, description="How long one try may take; then the connection is cut.")

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> EmailChannel:
        if (self.user is None) is not (self.password is None):
            raise ValueError("user and password belong together")
        if self.password is not None and self.security == "none":
            raise ValueError("a password is not sent in the clear: security must be starttls or tls")
        return self

    async def send(self, delivery: Delivery, post: Post) -> str:
        """The server's last answer. Raises NotTaken."""
        conversation = _Conversation(self, letter(delivery, sender=self.sender, to=self.to))
        deadline = asyncio.get_running_loop().time() + self.timeout
        try:
            said = await post.aside.run(f"email {self.label}", conversation.hold, deadline=deadline)
        except TimeoutError:
            raise NotTaken(f"no end within {self.timeout:g} s; the connection was cut") from None
        except (smtplib.SMTPException, OSError) as error:
            raise _refusal(error, quotes=post.quotes) from None
        finally:
            conversation.cut()
        return said


class _Conversation:
    """One talk with the server, in a thread; `cut` ends it from outside, whatever it waits for."""

    def __init__(self, channel: EmailChannel, message: EmailMessage) -> None:
        self._channel = channel
        self._message = message
        self._server: smtplib.SMTP | None = None
        self._is_cut = False

    def hold(self) -> str:
        """Say everything. Raises smtplib's errors and OSError."""
        channel = self._channel
        context = ssl.create_default_context()
        own = socket.gethostname()
        if channel.security == "tls":
            self._server = smtplib.SMTP_SSL(local_hostname=own, timeout=channel.timeout, context=context)
        else:
            self._server = smtplib.SMTP(local_hostname=own, timeout=channel.timeout)
        server = self._server
        # Not given to the constructor, which would connect before it can be cut; its certificate must bear this name.
        server._host = channel.host  # type: ignore[attr-defined]  # noqa: SLF001 — smtplib's, without a public name
        try:
            server.connect(channel.host, channel.port)
            if self._is_cut:
                raise TimeoutError
            if channel.security == "starttls":
                server.starttls(context=context)
            if channel.user is not None and channel.password is not None:
                server.login(channel.user, channel.password.get_secret_value())
            refused = server.send_message(self._message)
        finally:
            self._leave(server)
        taken = ", ".join(each for each in channel.to if each not in refused)
        return f"taken for {taken}" + (f", refused for {', '.join(refused)}" if refused else "")

    @staticmethod
    def _leave(server: smtplib.SMTP) -> None:
        """What it says to the farewell changes nothing."""
        with suppress(smtplib.SMTPException, OSError):
            if server.sock is not None:
                server.sock.settimeout(FAREWELL_SECONDS)
                server.quit()
        server.close()

    def cut(self) -> None:
        """Close the connection under the thread's hands; after the end this changes nothing."""
        self._is_cut = True
        if self._server is not None and (sock := getattr(self._server, "sock", None)) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def letter(delivery: Delivery, *, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """The same mail at each try: its id is that of the notice. Whatever stands in the texts, a header has one line."""
    said, incident = words(delivery), delivery.notice.incident
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Subject"] = one_line(said.title)[:200]
    message["Date"] = format_datetime(datetime.fromtimestamp(delivery.notice.at, UTC))
    message["Message-ID"] = f"<{delivery.id}@{DOMAIN}>"
    message["References"] = f"<{incident.id}@{DOMAIN}>"
    message["In-Reply-To"] = f"<{incident.id}@{DOMAIN}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Infra-Monitor-Incident"] = incident.id
    message["X-Infra-Monitor-Kind"] = delivery.notice.kind.value
    message.set_content(f"{said.title}\n\n{said.text}\n".encode("utf-8", "replace").decode())
    return message


_REFUSED: Final[dict[type[Exception], str]] = {
    smtplib.SMTPAuthenticationError: "the login was refused",
    smtplib.SMTPSenderRefused: "the sender was refused",
}
_TROUBLES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (smtplib.SMTPServerDisconnected, "the connection was closed before the mail was taken"),
    (smtplib.SMTPException, "no valid answer"),
    (ssl.SSLError, "TLS failed"),
    (socket.gaierror, "the server's name cannot be resolved"),
)


def _refusal(error: smtplib.SMTPException | OSError, *, quotes: bool) -> NotTaken:
    """5xx is for ever, everything else may pass."""
    match error:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            code, said = max(refused.values(), key=lambda each: each[0] < PERMANENT)  # one that may pass is enough
            return _answered("no recipient was accepted", code, said, quotes=quotes)
        case smtplib.SMTPResponseException(smtp_code=int(code), smtp_error=said):
            return _answered(_REFUSED.get(type(error), "the mail was refused"), code, said, quotes=quotes)
        case smtplib.SMTPNotSupportedError():
            return NotTaken("the server does not offer what is configured (STARTTLS, or a login)", permanent=True)
        case ssl.SSLCertVerificationError(verify_message=why):
            return NotTaken(f"its TLS certificate was not accepted: {why}")
        case _:
            told = (text for kind, text in _TROUBLES if isinstance(error, kind))
            return NotTaken(next(told, f"cannot connect: {system_words(error)}"))


def _answered(what: str, code: int, said: bytes | str, *, quotes: bool) -> NotTaken:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    quote = f" {' '.join(text.split())[:QUOTED_BYTES]}" if quotes else ""
    return NotTaken(f"{what}: {code}{quote}", permanent=code >= PERMANENT)
