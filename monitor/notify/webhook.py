"""Notices for programs: JSON by HTTP POST, signed as Standard Webhooks has it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import ssl
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from monitor import __version__, answers
from monitor.core.durations import parse_duration
from monitor.notify.base import Channel, Delivery, NotTaken, Post

if TYPE_CHECKING:
    import aiohttp

LONGEST_WAIT_SECONDS: Final = 3600.0
_ENCODED: Final = "whsec_"
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


class WebhookChannel(Channel):
    """POST to `url`. With `secret` (`whsec_` and base64, or plain text) each request is signed: the receiver checks
    `webhook-signature` over `webhook-id`, `webhook-timestamp` and the body, and drops an id that it has had."""

    # The address may hold a password: it must not come back in the text of a mistake.
    model_config = ConfigDict(hide_input_in_errors=True)

    kind: Literal["webhook"]
    url: SecretStr = Field(description="Where to POST to: `http://…` or `https://…`.")
    secret: SecretStr | None = Field(default=None, description="Signs each request. Default: unsigned.")
    timeout: Annotated[
        float, BeforeValidator(_seconds, json_schema_input_type=float | str), Field(gt=0, le=25, allow_inf_nan=False)
    ] = Field(default=15.0, description="How long one try may take.")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise ValueError("not an address; write http://host/path or https://host/path")
        return url

    @field_validator("secret")
    @classmethod
    def _is_a_key(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None or not secret.get_secret_value():
            return None
        try:
            key_of(secret.get_secret_value())
        except binascii.Error:
            raise ValueError("whsec_ must be followed by base64") from None
        return secret

    async def send(self, delivery: Delivery, post: Post) -> None:
        """2xx is the only yes, and all that is read of the answer. Redirects are not followed: a signed notice goes
        where it was meant to go."""
        import aiohttp  # noqa: PLC0415 — 0.1 s to load: reading the configuration must not wait for it

        body = body_of(delivery)
        try:
            async with post.http.post(
                self.url.get_secret_value(),
                data=body,
                headers=self._headers(delivery.id, body, post.clock.wall()),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self.timeout),
            ) as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After", "")
        except TimeoutError:
            raise NotTaken(f"no answer within {self.timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NotTaken(_why(error)) from None
        _judge(status, wait_asked_for(retry_after, post.clock.wall()))

    def _headers(self, name: str, body: bytes, wall: float) -> dict[str, str]:
        timestamp = str(int(wall))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"infra-monitor/{__version__}",
            "webhook-id": name,
            "webhook-timestamp": timestamp,
        }
        if self.secret:
            key = key_of(self.secret.get_secret_value())
            signature = hmac.digest(key, b".".join((name.encode(), timestamp.encode(), body)), hashlib.sha256)
            headers["webhook-signature"] = f"v1,{base64.b64encode(signature).decode()}"
        return headers


def key_of(secret: str) -> bytes:
    """The bytes to sign with. Raises binascii.Error when `whsec_` is not followed by base64."""
    if not secret.startswith(_ENCODED):
        return secret.encode()
    key = base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    if not key:
        raise binascii.Error("no bytes")
    return key


def body_of(delivery: Delivery) -> bytes:
    """The same bytes at each try: `timestamp` is when the notice came about, not when it is sent."""
    notice = delivery.notice
    incident = answers.incident(notice.incident, notice.statuses, language=delivery.language, url=delivery.url)
    content = {
        "type": f"incident.{notice.kind.value}",
        "timestamp": answers.rfc3339(notice.at),
        "data": {"incident": incident},
    }
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def wait_asked_for(header: str, wall: float) -> float | None:
    """The seconds of a `Retry-After`, given as such or as a date; an hour at most, so that a slip over there does not
    mute us for a year."""
    try:
        seconds = float(header) if header.strip().isdigit() else _date(header) - wall
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def _date(header: str) -> float:
    date = parsedate_to_datetime(header)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _judge(status: int, retry_after: float | None) -> None:
    """Raises NotTaken for anything but 2xx. The body is not quoted: a receiver may echo what it must not."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    reason = f"HTTP {status}"
    if status == HTTPStatus.GONE:
        raise NotTaken(reason, permanent=True, stop=True)
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _LATER
    raise NotTaken(reason, permanent=refused, retry_after=retry_after)


def _why(error: aiohttp.ClientError | OSError) -> str:
    """Our own words: the texts of these errors may hold the address, and with it a password."""
    import aiohttp  # noqa: PLC0415 — same as above

    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as refusal):
            return f"its TLS certificate was not accepted: {refusal.verify_message}"
        case aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError():
            return f"cannot connect: {_system(error.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before an answer came"
        case OSError():
            return f"the connection broke: {_system(error)}"
        case _:
            return f"no valid HTTP answer ({type(error).__name__})"


def _system(error: OSError) -> str:
    """The system's words (asyncio and the resolvers put theirs, some without a number)."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
