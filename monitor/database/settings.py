"""How to reach one database: from `.env`, from a URL, or from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

_SETTINGS: Final = {
    "host": "DB_HOST",
    "port": "DB_PORT",
    "name": "DB_NAME",
    "user": "DB_USER",
    "password": "DB_PASSWORD",
    "auth": "DB_AUTH",
    "sslmode": "DB_SSLMODE",
    "ca_file": "DB_SSLROOTCERT",
}
_REQUIRED: Final = ("host", "name", "user")
_MAYBE_CLEAR: Final = ("disable", "allow", "prefer")
# what drivers of the stack write where libpq has a mode of the same meaning
_FOREIGN_MODES: Final = {"no-verify": "require", "true": "require", "1": "require", "false": "disable", "0": "disable"}
_QUERY: Final = {
    "host": "host",
    "port": "port",
    "dbname": "name",
    "user": "user",
    "password": "password",
    "sslrootcert": "ca_file",
}


class NotConfigured(Exception):  # noqa: N818 — the absence of a setting is a state, and is handed around as one
    """Settings are absent (`missing`) or unusable (`why`), so that nobody can say anything about the database."""

    def __init__(self, missing: tuple[str, ...] = (), *, why: str = "") -> None:
        super().__init__(f"not configured: {why or ', '.join(missing)}")
        self.missing = missing
        self.why = why

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotConfigured) and (self.missing, self.why) == (other.missing, other.why)

    def __hash__(self) -> int:
        return hash((self.missing, self.why))


class DatabaseConfig(BaseModel):
    """One database. With `url`, what the URL says wins over the other keys. Secrets are in no representation of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr | None = Field(default=None, description="`postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=…`")
    host: str = Field(min_length=1, description="A name, an address, or the directory of a Unix socket.")
    port: int = Field(default=5432, ge=1, le=65535)
    name: str = Field(min_length=1, description="The database's name.")
    user: str = Field(min_length=1, description="The role to log in as.")
    password: SecretStr | None = None
    auth: Literal["password", "iam"] = Field(
        default="password", description="`iam`: log in to RDS with a token instead of a password; TLS is then required."
    )
    sslmode: SslMode = Field(default="prefer", description="How much TLS is asked for, in libpq's words.")
    ca_file: Path | None = Field(default=None, description="The certificates that `verify-ca` and `verify-full` trust.")

    @model_validator(mode="before")
    @classmethod
    def _read_url(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("url"):
            return values
        url = values["url"]
        return {**values, **parse_url(url.get_secret_value() if isinstance(url, SecretStr) else str(url))}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> DatabaseConfig:
        """DATABASE_URL wins over DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD. Raises NotConfigured."""
        if url := environ.get("DATABASE_URL", "").strip():
            return _validated(lambda: cls.model_validate({"url": url}), "DATABASE_URL")
        values = {key: environ[variable] for key, variable in _SETTINGS.items() if environ.get(variable)}
        if missing := tuple(_SETTINGS[key] for key in _REQUIRED if key not in values):
            raise NotConfigured(missing)
        return _validated(lambda: cls.model_validate(values), "")

    def check_files(self) -> None:
        """A CA file that we cannot read says nothing about the server. Raises NotConfigured."""
        if self.ca_file is None or str(self.ca_file) == "system":
            return
        try:
            self.ca_file.open("rb").close()
        except OSError as error:
            raise NotConfigured(why=f"the CA file {self.ca_file} cannot be read: {error.strerror}") from None

    @property
    def tls(self) -> SslMode:
        """How much TLS is asked for in the end: a token never travels in the clear."""
        return "require" if self.auth == "iam" and self.sslmode in _MAYBE_CLEAR else self.sslmode

    @property
    def is_socket(self) -> bool:
        """Whether `host` is the directory of a Unix socket."""
        return self.host.startswith("/")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be seen. A password that is also a public name is none: masking it would tell more."""
        password = self.password.get_secret_value() if self.password else ""
        return () if password in {"", self.user, self.name, self.host} else (password,)


def parse_url(url: str) -> dict[str, str]:
    """The parts that a PostgreSQL URL names. Raises ValueError, whose text holds no part of the URL but its scheme."""
    scheme = url.partition(":")[0].lower()
    if scheme.partition("+")[0] not in {"postgres", "postgresql"}:  # SQLAlchemy writes postgresql+psycopg2
        shown = f"{scheme}:" if scheme.isascii() and scheme.isalnum() and ":" in url else "no URL"
        raise ValueError(f"is {shown}, not postgresql:")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("cannot be read as a URL (a password must be percent-encoded)") from None
    if "," in parts.netloc.rpartition("@")[2]:
        raise ValueError("names several hosts; one is watched per check")
    if parts.fragment:
        raise ValueError("holds a '#'; a password must be percent-encoded")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    found = {
        "host": unquote(parts.hostname or ""),
        "port": str(port or ""),
        "name": unquote(parts.path.removeprefix("/")),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "sslmode": _sslmode(query),
        **{ours: query[theirs] for theirs, ours in _QUERY.items() if query.get(theirs)},
    }
    return {key: value for key, value in found.items() if value}


def _sslmode(query: Mapping[str, str]) -> str:
    mode = query.get("sslmode") or query.get("ssl", "")
    return mode if mode in get_args(SslMode) else _FOREIGN_MODES.get(mode.lower(), mode)


def _validated(build: Any, where: str) -> DatabaseConfig:
    try:
        config: DatabaseConfig = build()
    except ValidationError as error:
        # `from None`: pydantic's error keeps the input, and with it the password
        raise NotConfigured(
            why="; ".join(_complaint(dict(e), where) for e in error.errors(include_input=False))
        ) from None
    return config


def _complaint(error: Mapping[str, Any], where: str) -> str:
    key = str(error["loc"][0]) if error["loc"] else ""
    text = str(error["msg"]).removeprefix("Value error, ")
    if not where:
        return f"{_SETTINGS.get(key, key)}: {text}"
    if error["type"] == "missing":
        return f"{where} has no {key}"
    return f"{where} {text}" if not key else f"{where}: {key}: {text}"
