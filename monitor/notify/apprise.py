"""Notices to everything that Apprise knows (Discord, Teams, Telegram, KakaoTalk, …), sent by a child process."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
from typing import Any, Final, Literal

from pydantic import Field, SecretStr, field_validator

from monitor.core.model import NoticeKind, Severity
from monitor.notify.base import Channel, Delivery, NotTaken, Post, TryTime
from monitor.notify.wording import words
from monitor.sources.child import Said, ask

CHILD: Final = "monitor.notify.apprise_child"
_PASSED_ON: Final = frozenset({
    "HOME", "PATH", "LANG", "TZ", "TMPDIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
})  # fmt: skip
_TYPES: Final = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.ERROR: "failure",
    Severity.CRITICAL: "failure",
}


class AppriseChannel(Channel):
    """Send through Apprise (https://github.com/caronc/apprise), which knows more than 160 services. Needs the extra:
    `pip install 'infra-monitor[apprise]'`. It runs in a process of its own for each notice, and only as long. Apprise
    does not tell why a service refuses, so that each refusal is tried again."""

    kind: Literal["apprise"]
    url: SecretStr = Field(min_length=1, description="One address as Apprise writes it: `discord://…`, `tgram://…`.")
    timeout: TryTime = Field(default=20.0, description="How long one try may take; then the process is killed.")

    @field_validator("url")
    @classmethod
    def _is_installed(cls, url: SecretStr) -> SecretStr:
        if importlib.util.find_spec("apprise") is None:
            raise ValueError("needs Apprise: pip install 'infra-monitor[apprise]'")
        return url

    async def send(self, delivery: Delivery, post: Post) -> str:
        """What Apprise calls it. Raises NotTaken."""
        said = words(delivery)
        question = {
            "url": self.url.get_secret_value(),
            "title": said.title,
            "body": said.text,
            "type": _type(delivery),
        }
        environ = {name: os.environ[name] for name in _PASSED_ON & os.environ.keys()}
        deadline = asyncio.get_running_loop().time() + self.timeout
        try:
            return _answer(await ask(CHILD, question, environ=environ, deadline=deadline), quotes=post.quotes)
        except TimeoutError:
            raise NotTaken(f"no end within {self.timeout:g} s; the sending process was killed") from None


def _type(delivery: Delivery) -> str:
    match delivery.notice.kind:
        case NoticeKind.RESOLVED:
            return "success"
        case NoticeKind.TEST:
            return "info"
        case _:
            return _TYPES[delivery.notice.incident.severity]


def _answer(said: Said, *, quotes: bool) -> str:
    try:
        found: Any = json.loads(said.answer)
        outcome = str(found["outcome"])
    except (ValueError, KeyError, TypeError):
        why = f": {said.last_words}" if quotes else ""
        raise NotTaken(f"the sending process ended with {said.code}{why}") from None
    if outcome == "taken":
        return f"taken by {found['service']}"
    if outcome == "not an address":
        raise NotTaken("Apprise does not understand the address", permanent=True)
    why = f": {' '.join(map(str, found['log']))}" if quotes and found["log"] else ""
    raise NotTaken(f"{found['service']} did not take it{why}")
