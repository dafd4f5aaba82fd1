"""The configuration: what config.yaml may say, validated and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from monitor.checks import CheckConfig
from monitor.checks.base import Check, Seconds
from monitor.config.absent import NotConfiguredCheck
from monitor.config.mistakes import did_you_mean
from monitor.config.places import default_directory, parse_listen
from monitor.core.durations import parse_duration
from monitor.database.settings import DatabaseConfig
from monitor.notify import ChannelConfig

NAME: Final = r"^[A-Za-z0-9_.-]{1,64}$"


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) and value != "never" else value


_Duration = BeforeValidator(_seconds, json_schema_input_type=float | str)
Reminder = Annotated[Annotated[float, Field(ge=60, allow_inf_nan=False)] | Literal["never"], _Duration]
GiveUp = Annotated[float, _Duration, Field(ge=86400, allow_inf_nan=False)]


def _is_a_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except ZoneInfoNotFoundError:
        raise ValueError(f"there is no time zone {name!r}{did_you_mean(name, available_timezones())}") from None
    except (ValueError, OSError):  # a path out of the zones, or a directory of them
        raise ValueError(f"{name!r} is not a time zone; write for example Asia/Seoul or UTC") from None
    return name


def _near(path: Path, info: ValidationInfo) -> Path:
    """Paths are relative to the configuration file, wherever the monitor is started; `~` is the home directory."""
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError("there is no home directory for ~") from None
    return Path(info.context["directory"], path) if info.context else path


NearPath = Annotated[Path, AfterValidator(_near)]
"""A path, relative to the directory of the configuration file."""

Name = Annotated[str, Field(pattern=NAME)]


def _listens(listen: str) -> str:
    parse_listen(listen)
    return listen


class Section(BaseModel):
    """A part of the configuration. A key with nothing behind it counts as left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_left_out(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if value is not None or key not in cls.model_fields}


class WebConfig(Section):
    """The HTTP side: metrics, API and status page."""

    listen: Annotated[str, AfterValidator(_listens)] = Field(
        default="127.0.0.1:10142", description="Where to listen: `127.0.0.1:10142`, `[::1]:10142`, `0.0.0.0:10142`."
    )
    config_file: NearPath | None = Field(
        default=None, description="TLS and users, in the format of Prometheus' `web.config.yml`."
    )

    @property
    def host(self) -> str:
        """The address or name to listen on, without brackets."""
        return parse_listen(self.listen)[0]

    @property
    def port(self) -> int:
        """The port to listen on."""
        return parse_listen(self.listen)[1]


class StateConfig(Section):
    """Where the monitor keeps its own memory."""

    directory: NearPath | None = Field(
        default=None,
        description="Default: `$STATE_DIRECTORY` (set by systemd), else `/var/lib/infra-monitor` as root, else the "
        "XDG state directory.",
    )


class AwsConfig(Section):
    """How to reach AWS."""

    region: str | None = Field(default=None, min_length=1, description="For example `ap-northeast-2`.")
    endpoint_url: str | None = Field(default=None, min_length=1, description="Another endpoint than AWS' own.")


def _http_url(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return url


class HeartbeatConfig(Section):
    """A service that wakes people when it no longer hears from the monitor (Healthchecks and the like)."""

    url: Annotated[SecretStr, AfterValidator(_http_url)] = Field(description="Where the sign of life is sent.")
    every: Seconds = Field(default=60.0, ge=1, description="How often.")
    method: Literal["GET", "POST"] = Field(default="GET", description="How it is asked for.")


class LogConfig(Section):
    """What the monitor says of itself, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is said.")
    format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`auto`: text on a terminal, else one JSON object a line."
    )


def _near_authority(database: DatabaseConfig, info: ValidationInfo) -> DatabaseConfig:
    if database.ca_file is None:
        return database
    return database.model_copy(update={"ca_file": _near(database.ca_file, info)})


def _known_service(name: str, info: ValidationInfo) -> str:
    known = info.context["services"] if info.context else (name,)
    if name not in known:
        raise ValueError(f"there is no service {name!r}{did_you_mean(name, known)}")
    return name


def _absent_or(value: Any, handler: ValidatorFunctionWrapHandler) -> Check:
    return value if isinstance(value, NotConfiguredCheck) else handler(value)


AnyCheck = Annotated[CheckConfig, WrapValidator(_absent_or)]
"""A check of a known kind, or the one that stands for it while its settings are not there."""


class ServiceConfig(Section):
    """A thing users of the stack would name, the checks that look at it, and what it cannot do without."""

    checks: tuple[AnyCheck, ...] = Field(min_length=1, description="The ways of looking at it.")
    depends_on: tuple[Annotated[str, AfterValidator(_known_service)], ...] = Field(
        default=(), description="Services it cannot do without: when one of them breaks, only that one pages."
    )
    discover: bool = Field(
        default=True,
        description="Whether it also depends on what it is seen to use: the apps behind Nginx's routes, the database "
        "that an app's connections go to. `false`: only on what is said here, and on what its checks need.",
    )
    metadata: dict[str, str] = Field(default_factory=dict, description="Anything you want to see with it.")


class Config(Section):
    """The keys at the top of config.yaml."""

    env_file: NearPath | None = Field(
        default=None, description="A file of NAME=value lines; what the process's environment has wins over it."
    )
    language: Literal["en", "ko"] = Field(default="en", description="What notices, page and terminal speak.")
    timezone: Annotated[str, AfterValidator(_is_a_zone)] = Field(
        default="UTC", description="The zone of the times in notices for people, for example `Asia/Seoul`."
    )
    web: WebConfig = WebConfig()
    state: StateConfig = StateConfig()
    aws: AwsConfig = AwsConfig()
    log: LogConfig = LogConfig()
    heartbeat: HeartbeatConfig | None = Field(
        default=None, description="Somebody else's service that expects a sign of life."
    )
    databases: dict[Name, Annotated[DatabaseConfig, AfterValidator(_near_authority)]] = Field(
        default_factory=dict,
        description="Databases by name. `default` is the one of DATABASE_URL or DB_HOST, DB_PORT, DB_NAME, DB_USER, "
        "DB_PASSWORD, unless it is given here.",
    )
    services: dict[Name, ServiceConfig] = Field(min_length=1, description="What is watched, by name.")
    notify: tuple[ChannelConfig, ...] = Field(default=(), description="Where notices go.")
    remind: Reminder = Field(
        default=14400.0,
        description="How long after the last notice of an open incident that nobody has acknowledged people are "
        "reminded; twice as long with each reminder, a day at most. `never`: not at all.",
    )
    give_up: GiveUp = Field(
        default=259200.0,
        description="How long a notice is tried again that its receiver does not take for now; a day at least.",
    )


def state_directory(config: Config, environ: Mapping[str, str], *, root: bool | None = None) -> Path:
    """`state.directory`, else the default place; see `monitor.config.places`."""
    return config.state.directory or default_directory(environ, root=root)
