"""Does it answer over HTTP as it should, how fast, and how long is its certificate still good?"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, model_validator

from monitor.checks.base import Check, CheckBlind, CheckFailed, Env, Family
from monitor.checks.tcp import failed, times
from monitor.core.model import Failure, Reading, Seen, Status, Threshold
from monitor.sources.certificates import not_after
from monitor.sources.connect import Address, Hindered, Stopwatch, Unanswered, connection, printable, tls_context
from monitor.sources.exchange import LONGEST_BODY, Answer, Request, exchange

_DAY: Final = 86400.0
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ON_SOCKET: Final = re.compile(r"http://unix:(?P<path>/[^:?#]+)(?::(?P<target>/[^#]*))?")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_A_HEADER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OF_A_PATH: Final = "/%:@!$&'()*+,;=~-._"
_SHOWN: Final = ("application/json", "application/problem+json", "text/plain")
_SHORTEST_SECRET: Final = 4
_LOOKED_THROUGH: Final = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. `secrets` are the parts of it that nobody may read in a message."""

    address: Address
    host: str
    target: str
    tls: bool
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def parse_url(url: str) -> Target:
    """`https://host:8443/path?query`, or as Nginx writes it `http://unix:/run/app.sock:/path`. Raises ValueError with
    a text for people that does not hold the URL."""
    if matched := _ON_SOCKET.fullmatch(url):
        path, _, query = (matched["target"] or "/").partition("?")
        secrets = tuple(_secrets(None, query))
        return Target(Address(path=matched["path"]), "localhost", _target(path, query), tls=False, secrets=secrets)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in _DEFAULT_PORTS or not host or port == 0 or re.search(r"\s", host) or host == "unix":
        raise ValueError("not an address; write http://host/path, https://host/path or http://unix:/run/app.sock:/path")
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("the host is not a valid name") from None
    shown = f"[{host}]" if ":" in host else host
    return Target(
        Address(host, port or _DEFAULT_PORTS[parts.scheme]),
        shown if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{shown}:{port}",
        _target(parts.path or "/", parts.query),
        tls=parts.scheme == "https",
        authorization=_basic(parts.username, parts.password),
        secrets=tuple(_secrets(parts.password, parts.query)),
    )


def _target(path: str, query: str) -> str:
    """As it goes over the wire."""
    return quote(path, safe=_OF_A_PATH) + (f"?{quote(query, safe=_OF_A_PATH + '?')}" if query else "")


def _basic(user: str | None, password: str | None) -> str | None:
    if user is None and password is None:
        return None
    pair = f"{unquote(user or '')}:{unquote(password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _secrets(password: str | None, query: str) -> Iterator[str]:
    if password:
        yield from (password, unquote(password))
    yield from (value for _, value in parse_qsl(query))


def _is_url(url: str) -> str:
    parse_url(url)
    return url


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _near(path: Path, info: ValidationInfo) -> Path:
    """Relative to the directory of the configuration file."""
    return Path(info.context["directory"], path.expanduser()) if info.context else path


Code = Annotated[int, Field(ge=100, le=599)]
Expected: TypeAlias = Code | Literal["2xx", "3xx", "4xx", "5xx"]


class HttpCheck(Check):
    """Ask `url` once, on a connection of its own, and require the status and, if given, a text in the answer.

    Phases: resolve, tcp (connect, with a Unix socket), tls, answer, body. No answer is down; an answer with another
    status, or without the text, is critical. Redirects are not followed: they are answers. With https the certificate
    is verified and its end is watched.
    """

    # the URL and the headers may hold passwords: they must not come back in the text of a mistake
    model_config = ConfigDict(hide_input_in_errors=True)

    families: ClassVar[tuple[Family, ...]] = (
        Family("up", "infra_http_up", "gauge", "Whether the answer was as expected."),
        Family("status_code", "infra_http_status_code", "gauge", "The status of the last answer."),
        Family(
            "phase_duration", "infra_http_phase_duration_seconds", "gauge", "How long each phase of the last look took."
        ),
        Family("response_time", "infra_http_response_time_seconds", "gauge", "How long the last look took in all."),
        Family("failures", "infra_http_failures_total", "tally", "Failed looks by phase and reason."),
        Family(
            "certificate_expiry",
            "infra_http_certificate_expiry_timestamp_seconds",
            "gauge",
            "When the server's certificate ends.",
        ),
    )
    default_thresholds: ClassVar[tuple[Threshold, ...]] = (
        Threshold("response_time", 2.0, 5.0, "seconds"),
        Threshold("certificate_remaining", 21 * _DAY, 7 * _DAY, "seconds", "below"),
    )

    kind: Literal["http"]
    url: Annotated[str, AfterValidator(_is_url)] = Field(
        description="`http://…`, `https://…`, or on a Unix socket `http://unix:/run/app.sock:/path`."
    )
    method: Literal["GET", "HEAD", "OPTIONS", "POST"] = Field(default="GET", description="How to ask.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Sent along, for example `Authorization`.")
    status: Annotated[
        tuple[Expected, ...], BeforeValidator(_as_list, json_schema_input_type=Expected | list[Expected])
    ] = Field(default=("2xx",), min_length=1, description="What it must answer: a status, a class, or a list of them.")
    contains: str | None = Field(
        default=None, min_length=1, description="A text that must be in the first 256 KiB of the answer."
    )
    ca_file: Annotated[Path, AfterValidator(_near)] | None = Field(
        default=None, description="The certificates to trust, with https. Default: those that this machine trusts."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> HttpCheck:
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a header")
            if _NOT_IN_A_HEADER.search(value.get_secret_value()):
                raise ValueError(f"the value of the header {name} is more than one line")
        if self.ca_file is not None and not parse_url(self.url).tls:
            raise ValueError("ca_file: needs an address with https")
        if self.contains is not None and self.method == "HEAD":
            raise ValueError("contains: an answer to HEAD has no text")
        return self

    @property
    def asks(self) -> tuple[str, ...]:
        """The server of its URL."""
        return (str(parse_url(self.url).address),)

    async def look(self, env: Env) -> Seen:
        """Raises CheckFailed with `up` 0 and what was learnt until then, CheckBlind when this machine cannot ask."""
        target, watch = parse_url(self.url), Stopwatch()
        found: list[Reading] = []
        try:
            async with connection(
                target.address,
                resolver=env.resolver,
                deadline=env.deadline,
                watch=watch,
                tls=tls_context(self.ca_file) if target.tls else None,
            ) as opened:
                if opened.certificate is not None:
                    found += _certificate(opened.certificate, wall=env.clock.wall())
                answer = await exchange(opened, self._request(target), watch, enough=self._wanted)
        except Unanswered as error:
            raise self._failed(Failure(error.phase, error.reason, error.message), watch, found) from None
        except Hindered as error:
            raise CheckBlind(str(error)) from None
        found.append(Reading("status_code", answer.status))
        if (refusal := self._refusal(answer, target)) is not None:
            raise self._failed(refusal, watch, [*found, Reading("response_time", watch.total, "seconds")])
        return Seen((Reading("up", 1.0), *found, *times(watch), Reading("response_time", watch.total, "seconds")))

    @property
    def _wanted(self) -> bytes | None:
        return self.contains.encode() if self.contains is not None else None

    def _request(self, target: Target) -> Request:
        headers = {name: value.get_secret_value() for name, value in self.headers.items()}
        if target.authorization and "authorization" not in {name.lower() for name in headers}:
            headers["Authorization"] = target.authorization
        return Request(self.method, target.host, target.target, headers)

    def _refusal(self, answer: Answer, target: Target) -> Failure | None:
        if not _is_among(answer.status, self.status):
            expected = ", ".join(map(str, self.status))
            said = f"HTTP {answer.status} {printable(answer.reason.encode())}".rstrip()
            text = f"{said}, expected {expected}{self._excerpt(answer, target)}"
            return Failure("answer", "status", text, Status.CRITICAL)
        if self._wanted is not None and self._wanted not in answer.body:
            whole = "" if len(answer.body) < LONGEST_BODY else f" in its first {LONGEST_BODY // 1024} KiB"
            text = f"HTTP {answer.status} without {self.contains!r}{whole}{self._excerpt(answer, target)}"
            return Failure("body", "text", text, Status.CRITICAL)
        return None

    def _excerpt(self, answer: Answer, target: Target) -> str:
        """Where it sends us, or the beginning of what it says, without our own secrets, which it may echo."""
        if (location := answer.headers.get("location")) is not None:
            return f" (to {_bare(location)})"
        if answer.headers.get("content-type", "").partition(";")[0].strip().lower() not in _SHOWN:
            return ""
        said = _without(answer.body[:_LOOKED_THROUGH].decode("utf-8", "replace"), (*target.secrets, *self._secrets()))
        return f": {printable(said.encode())}" if said.strip() else ""

    def _secrets(self) -> Iterator[str]:
        for value in self.headers.values():
            yield value.get_secret_value()
            yield from value.get_secret_value().split()[1:]  # without the scheme: `Bearer …`

    def _failed(self, failure: Failure, watch: Stopwatch, found: Iterable[Reading]) -> CheckFailed:
        error = failed(failure, watch)
        return CheckFailed(failure, readings=(*error.readings, *found))


def _is_among(status: int, expected: Iterable[Expected]) -> bool:
    return any(each in (status, f"{status // 100}xx") for each in expected)


def _bare(location: str) -> str:
    """A redirect's goal without user info, query and fragment."""
    try:
        parts = urlsplit(location)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "an address that is none"
    return printable((f"{parts.scheme}://{host}{parts.path}" if host else parts.path).encode())


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted((each for each in secrets if len(each) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _certificate(der: bytes, *, wall: float) -> tuple[Reading, ...]:
    expires_at = not_after(der)
    return (
        Reading("certificate_expiry", expires_at, "seconds"),
        Reading("certificate_remaining", expires_at - wall, "seconds"),
    )
