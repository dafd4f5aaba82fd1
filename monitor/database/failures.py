"""What the failure of a connection or a query means, and its text without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import quote, quote_plus

from monitor.core.model import Failure, Status

Phase = Literal["resolve", "tcp", "tls", "auth", "query"]

# Answers that refuse us: the server is up, and we (and those who use the same settings) cannot work with it.
_REFUSALS: Final = frozenset(
    {"credentials", "database_missing", "slots", "read_only", "not_permitted", "resources", "rejected"}
)

# By SQLSTATE, longest prefix first; the texts below are for servers and proxies that send none.
_BY_STATE: Final[tuple[tuple[str, str], ...]] = (
    ("28", "credentials"),
    ("3D", "database_missing"),
    ("57P04", "database_missing"),
    ("53300", "slots"),
    ("53", "resources"),
    ("57P03", "starting"),
    ("57P", "shutting_down"),
    ("57014", "timeout"),
    ("25006", "read_only"),
    ("42501", "not_permitted"),
    ("55000", "not_permitted"),
    ("08P01", "protocol"),
)
_BY_TEXT: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"remaining connection slots|too many clients|too many connections|sorry, too many", "slots"),
        (r"shutting down|administrator command|crash of another server process|중지 중", "shutting_down"),
        (r"starting up|in recovery mode|not yet accepting|가동 중", "starting"),
        (r"no password supplied|authentication failed|no pg_hba\.conf entry|not permitted to log in", "credentials"),
        (r"role \"[^\"]*\" does not exist|no such user|SCRAM|authentication method", "credentials"),
        (r"database \"[^\"]*\" does not exist|no such database", "database_missing"),
        (r"permission denied|not currently accepting connections", "not_permitted"),
        (r"read-only (transaction|mode)", "read_only"),
        (r"statement timeout", "timeout"),
        (r"SSL error|certificate|does not support SSL|SSL was required", "tls"),
        (r"invalid response to SSL|expected authentication request|unsupported frontend protocol", "protocol"),
        (r"expected authentication|lost synchronization|message contents do not agree|protocol version", "protocol"),
        (r"Connection refused|No such file or directory", "refused"),
        (r"No route to host|Network is unreachable|unreachable", "unreachable"),
        (r"timed out|timeout expired", "timeout"),
        (r"SSL|TLS", "tls"),
        (r"reset by peer|closed the connection|Broken pipe|EOF detected|no connection to the server", "reset"),
        (r"FATAL|ERROR", "rejected"),
    )
)
_UNCONNECTED: Final = frozenset({"timeout", "refused", "unreachable", "reset"})
_STATE: Final = re.compile(r"^(?:\w+|[^\s:]+):\s+([0-9A-Z]{5}):\s", re.MULTILINE)
_SOURCE: Final = re.compile(r"\s*\bLOCATION:.*$", re.MULTILINE)
_PREFIX: Final = re.compile(r"connection to server (?:at|on socket) .*?failed:(?:\s|$)", re.DOTALL)
_HINT: Final = re.compile(r"\n\tIs the server running.*$", re.DOTALL)
_USER_INFO: Final = re.compile(r"(\w://)[^\s/@]*@")
_TOKEN: Final = re.compile(r"\S*X-Amz-(?:Signature|Credential|Security-Token)=\S*", re.IGNORECASE)
_KEYWORD: Final = re.compile(r"(pass(?:word|wd)?\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s,;&]+)", re.IGNORECASE)
_MASK: Final = "***"
_LONGEST: Final = 400
_SHORTEST_SECRET: Final = 3  # masking every "a" would spoil the text and give the password away


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one address: how far it got, and what was said."""

    phase: Phase
    text: str
    address: str = ""
    reason: str = ""

    @property
    def meaning(self) -> str:
        """The reason given, else what the text says."""
        return self.reason or reason_of(self.text, self.phase)


class DatabaseFailed(Exception):  # noqa: N818 — it is a finding about the server, not an error of ours
    """The database did not answer as it should. `phases` holds the seconds that each phase took until then; `latent`:
    a session that stood before was answered after that, so only new connections fail."""

    def __init__(
        self,
        failure: Failure,
        *,
        phases: Mapping[str, float] = MappingProxyType({}),
        address: str = "",
        latent: bool = False,
    ) -> None:
        super().__init__(f"{failure.phase}/{failure.reason}: {failure.message}")
        self.failure = failure
        self.phases = phases
        self.address = address
        self.latent = latent


def reason_of(text: str, phase: Phase) -> str:
    """The reason in one word: by SQLSTATE where there is one, else by the text."""
    reason = ""
    if state := _STATE.search(text):
        reason = next((reason for prefix, reason in _BY_STATE if state[1].startswith(prefix)), "rejected")
    if reason in {"", "starting"}:  # one SQLSTATE stands for starting up and shutting down: only the text tells
        by_text = next((reason for pattern, reason in _BY_TEXT if pattern.search(text)), "protocol")
        reason = by_text if not reason or by_text == "shutting_down" else reason
    if phase == "tcp" and reason not in _UNCONNECTED:
        return "unreachable"  # the kernel's word on our own attempt, such as "Permission denied" by a local firewall
    return reason


def status_of(reason: str) -> Status:
    """No answer is down; an answer that refuses us is critical."""
    return Status.CRITICAL if reason in _REFUSALS else Status.DOWN


def failure_of(attempts: Iterable[Attempt], secrets: Iterable[str]) -> Failure:
    """One failure for all attempts: an answer tells more than silence, silence more than a closed door; the first wins
    ties. With `sslmode=prefer`, libpq tries again in the clear when a login under TLS failed: the first is the cause.
    """
    tried = tuple(attempts)
    chosen = min(tried, key=lambda attempt: _rank(attempt.meaning))
    text = scrub(chosen.text, secrets)
    if len({attempt.address for attempt in tried}) > 1:
        text = "; ".join(dict.fromkeys(f"{a.address}: {scrub(a.text, secrets)}" for a in tried))[:_LONGEST]
    return Failure(chosen.phase, chosen.meaning, text, status_of(chosen.meaning))


def _rank(reason: str) -> int:
    if reason in _REFUSALS or reason in {"starting", "shutting_down"}:
        return 0
    order = ("timeout", "refused", "tls", "protocol", "reset", "unreachable")
    return 1 + (order.index(reason) if reason in order else len(order))


def scrub(text: str, secrets: Iterable[str]) -> str:
    """One line for people: no passwords, user info of URLs or tokens, and none of libpq's own trimmings."""
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}:
            text = text.replace(form, _MASK)
    text = _TOKEN.sub(_MASK, text)
    text = _USER_INFO.sub(rf"\1{_MASK}@", text)
    text = _KEYWORD.sub(rf"\1{_MASK}", text)
    text = _SOURCE.sub("", _HINT.sub("", _PREFIX.sub("", text)))
    text = _STATE.sub(lambda found: found[0].replace(f"{found[1]}: ", ""), text)
    text = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST]
