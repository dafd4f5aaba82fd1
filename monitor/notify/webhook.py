"""Notices for programs: JSON by HTTP POST, signed as Standard Webhooks has it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator

from monitor import answers
from monitor.core.model import NoticeKind
from monitor.notify.alerts import alertmanager_message
from monitor.notify.base import Channel, Delivery, Post, TryTime
from monitor.notify.news import news
from monitor.notify.posting import WebAddress, post_body

_ENCODED: Final = "whsec_"


class WebhookChannel(Channel):
    """POST to `url`. With `secret` (`whsec_` and base64, or plain text) each request is signed: the receiver checks
    `webhook-signature` over `webhook-id`, `webhook-timestamp` and the body, and drops an id that it has had."""

    kind: Literal["webhook"]
    url: WebAddress = Field(description="Where to POST to: `http://…` or `https://…`.")
    secret: SecretStr | None = Field(default=None, description="Signs each request. Default: unsigned.")
    format: Literal["incident", "alertmanager"] = Field(
        default="incident", description="What is sent: the incident, or what Alertmanager sends to its webhooks (v4)."
    )
    timeout: TryTime = Field(default=15.0, description="How long one try may take.")

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

    async def send(self, delivery: Delivery, post: Post) -> str:
        """See `post_body`."""
        body = self._body(delivery)
        headers = self._headers(delivery.id, body, post.clock.wall())
        return await post_body(post, self.url.get_secret_value(), body, seconds=self.timeout, headers=headers)

    def _body(self, delivery: Delivery) -> bytes:
        """The same bytes at each try."""
        if self.format == "alertmanager":
            content = alertmanager_message(delivery, receiver=self.label)
        else:
            content = incident_message(delivery)
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")

    def _headers(self, name: str, body: bytes, wall: float) -> dict[str, str]:
        timestamp = str(int(wall))
        headers = {"webhook-id": name, "webhook-timestamp": timestamp}
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


def incident_message(delivery: Delivery) -> answers.Json:
    """`timestamp` is when the notice came about, not when it is sent."""
    notice = delivery.notice
    incident = answers.incident(notice.incident, notice.statuses, language=delivery.language, url=delivery.url)
    updates = {"news": list(news(notice, delivery.language))} if notice.kind is NoticeKind.UPDATED else {}
    return {
        "type": f"incident.{notice.kind.value}",
        "timestamp": answers.rfc3339(notice.at),
        "data": {"incident": incident, **updates},
    }
