"""Prometheus' `web.config.yml`: TLS, users and headers of the HTTP side. What we cannot honour is refused, never
passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator

from monitor.config.document import Unreadable, read
from monitor.config.environment import FileMistake, read_text
from monitor.config.explain import explain
from monitor.config.mistakes import ConfigError, Mistake
from monitor.config.model import NearPath, Section

TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
_BCRYPT: Final = re.compile(r"\$2[abxy]?\$[0-3][0-9]\$[./A-Za-z0-9]{53}")
_NOT_HERE: Final = "cannot be honoured here, and is not passed over; leave it out"
_HEADERS: Final = (
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
)


def _refuse(_: object) -> object:
    raise ValueError(_NOT_HERE)


def _is_bcrypt(value: SecretStr) -> SecretStr:
    if not _BCRYPT.fullmatch(value.get_secret_value()):
        raise ValueError("must be a bcrypt hash, as `htpasswd -nBC 10 USER` prints it")
    return value


def _is_printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line")
    return value


NotHere = Annotated[Any, AfterValidator(_refuse)]


class TlsConfig(Section):
    """`tls_server_config`."""

    cert_file: NearPath
    key_file: NearPath
    client_ca_file: NearPath | None = None
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion | None = None
    prefer_server_cipher_suites: bool = True
    cert: NotHere = None
    key: NotHere = None
    client_ca: NotHere = None
    client_allowed_sans: NotHere = None
    cipher_suites: NotHere = None
    curve_preferences: NotHere = None

    @model_validator(mode="after")
    def _clients_are_checked_by_somebody(self) -> TlsConfig:
        if (self.client_auth_type == "NoClientCert") is not (self.client_ca_file is None):
            raise ValueError("client_ca_file and a client_auth_type that verifies belong together")
        if self.max_version is not None and self.max_version < self.min_version:
            raise ValueError("max_version is below min_version")
        return self


class HttpServerConfig(Section):
    """`http_server_config`."""

    http2: bool | None = None
    headers: dict[Literal[_HEADERS], Annotated[str, AfterValidator(_is_printable)]] = Field(default_factory=dict)  # type: ignore[valid-type]  # a tuple of texts is what Literal takes


class WebSettings(Section):
    """The file as a whole."""

    tls_server_config: TlsConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: dict[str, Annotated[SecretStr, AfterValidator(_is_bcrypt)]] = Field(default_factory=dict)
    rate_limit: NotHere = None


@dataclass(frozen=True, slots=True)
class WebFile:
    """What stands in the file, and every file that it names."""

    settings: WebSettings = field(default_factory=WebSettings)
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def read_web_config(path: Path, *, shown: str) -> WebFile:
    """Raises ConfigError with every mistake at once."""
    try:
        document = read(read_text(path, shown=shown))
    except FileMistake as mistake:
        raise ConfigError(mistake.mistakes) from None
    except Unreadable as error:
        raise ConfigError((Mistake(shown, error.place.line, error.place.column, "", error.text),)) from None
    mistakes = [
        Mistake(shown, each.place.line, each.place.column, ".".join(map(str, each.path)), each.text)
        for each in document.complaints
    ]
    data = document.data if document.data is not None else {}
    try:
        settings = WebSettings.model_validate(data, context={"directory": path.parent.absolute()})
    except ValidationError as error:
        for each in explain(error, WebSettings, data):
            place = document.place(each.path, key=each.at_key)
            mistakes.append(Mistake(shown, place.line, place.column, ".".join(map(str, each.path)), each.text))
        raise ConfigError(mistakes) from None
    if mistakes:
        raise ConfigError(mistakes)
    return WebFile(settings, (path, *_files(settings)), tuple(_warnings(settings, shown)))


def _files(settings: WebSettings) -> Iterator[Path]:
    tls = settings.tls_server_config
    for file in (tls.cert_file, tls.key_file, tls.client_ca_file) if tls else ():
        if file is not None:
            yield file


def _warnings(settings: WebSettings, shown: str) -> Iterator[str]:
    if settings.http_server_config.http2:
        yield f"{shown}: http_server_config.http2: there is no HTTP/2 here; HTTP/1.1 is spoken"
    if settings.basic_auth_users and settings.tls_server_config is None:
        yield f"{shown}: basic_auth_users without tls_server_config: passwords cross the wire as they are"


def headers_of(settings: WebSettings) -> Mapping[str, str]:
    """The headers that every answer has, by their names."""
    return dict(settings.http_server_config.headers)
