"""What every check is: its validated, frozen configuration with one method, and no memory."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from monitor.core.durations import parse_duration
from monitor.core.model import Fact, Failure, Reading, Seen, Severity, Threshold
from monitor.sources.aside import Aside
from monitor.sources.aws import Aws
from monitor.sources.host import HostSource
from monitor.sources.nginx import NginxSources
from monitor.sources.processes import Process

if TYPE_CHECKING:
    from monitor.clock import Clock
    from monitor.database import Databases
    from monitor.sources.pm2 import Pm2Sources
    from monitor.sources.resolver import Resolver


def _seconds(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a duration, for example 15s")  # noqa: TRY004 — pydantic collects ValueErrors
    return parse_duration(value) if isinstance(value, str) else value


Seconds = Annotated[
    float, BeforeValidator(_seconds, json_schema_input_type=float | str), Field(gt=0, allow_inf_nan=False)
]
"""A duration in configuration: `15s`, `1m30s`, or a plain number of seconds."""


def _known_database(name: str, info: ValidationInfo) -> str:
    known = info.context["databases"] if info.context else (name,)
    if name not in known:
        raise ValueError(f"there is no database {name!r} in databases; known: {', '.join(known)}")
    return name


DatabaseName = Annotated[str, AfterValidator(_known_database)]
"""The name of a database in configuration: a key of `databases`, or `default`."""


def _watched_database(name: str, info: ValidationInfo) -> str:
    known = info.context["watched"] if info.context else {name: name}
    if name not in known:
        raise ValueError(
            f"{name!r} is neither a service with one rds check nor in databases; known: {', '.join(known)}"
        )
    return str(known[name])


WatchedDatabase = Annotated[str, AfterValidator(_watched_database)]
"""In configuration, the service whose rds check watches the database, or the database's name; here always the name."""

SeriesType = Literal["gauge", "counter", "tally", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """How readings of one name become a metric. `counter`: the reading is the raw total; `tally`: each look adds its
    reading to a total of ours; `histogram`: each look is one observation, sorted into `buckets`."""

    reading: str
    metric: str
    type: SeriesType
    help: str
    buckets: tuple[float, ...] = ()


class CheckFailed(Exception):  # noqa: N818 — it is a finding about somebody else, not an error of ours
    """The thing looked at did not answer as it should; what was learnt until then comes along."""

    def __init__(self, failure: Failure, *, readings: tuple[Reading, ...] = (), facts: tuple[Fact, ...] = ()) -> None:
        super().__init__(f"{failure.phase}/{failure.reason}: {failure.message}")
        self.failure = failure
        self.readings = readings
        self.facts = facts


class CheckBlind(Exception):  # noqa: N818 — same
    """We could not look; the reason is for people (`not configured: DB_HOST`)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """The shared things a look may use, and the moment (on the loop's clock) by which it must be over."""

    service: str
    deadline: float
    clock: Clock
    databases: Databases
    pm2: Pm2Sources
    resolver: Resolver
    aside: Aside = field(default_factory=Aside)
    aws: Aws = field(default_factory=Aws)
    host: HostSource = field(default_factory=HostSource)
    nginx: NginxSources = field(default_factory=NginxSources)

    def remaining(self) -> float:
        """Seconds left until the deadline, never negative."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells, between two looks, that it is time for the next: one of these processes ends, or one of these files
    changes. What matters most stands first, for there may not be room for all."""

    processes: tuple[Process, ...] = ()
    files: tuple[str, ...] = ()


def _bound(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.endswith("%"):
        try:
            return float(value[:-1]) / 100
        except ValueError:
            raise ValueError(f"{value!r} is not a share; write for example 80%") from None
    return parse_duration(value)


Bound = Annotated[float, BeforeValidator(_bound, json_schema_input_type=float | str), Field(allow_inf_nan=False)]
"""A bound in configuration: a plain number, a duration (`2s`) or a share (`80%` = 0.8)."""


class Level(BaseModel):
    """One bound with what belongs to it. Where nothing belongs to it, the bound may be written alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Bound | None = Field(default=None, description="Where it begins. Default: as the kind has it.")
    recover: Bound | None = Field(
        default=None, description="Where it is well again. Default: anywhere on the good side of the bound."
    )
    lasts: Seconds | None = Field(
        default=None,
        alias="for",
        description="How long it must be past the bound to count. Default: no time.",
    )


def _level(value: object) -> object:
    return value if value is None or isinstance(value, dict | Level) else {"at": value}


AnyLevel = Annotated[Level, BeforeValidator(_level, json_schema_input_type=float | str | Level)]


class Bounds(BaseModel):
    """The bounds of one metric, by severity. What is past `info` or `error` is shown and published as an alert, and
    pages nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    info: AnyLevel | None = None
    warning: AnyLevel | None = None
    error: AnyLevel | None = None
    critical: AnyLevel | None = None

    def over(self, default: Threshold) -> Threshold:
        """The threshold with these bounds put in. A bound that is left out keeps its default; one that is null is
        none."""
        changes: dict[str, Any] = {}
        recover, lasts = dict(default.recover), dict(default.lasts)
        for severity in Severity:
            if severity.value not in self.model_fields_set:
                continue
            level: Level | None = getattr(self, severity.value)
            if level is None or level.at is not None:
                changes[severity.value] = level.at if level else None
            if level and level.recover is not None:
                recover[severity] = level.recover
            if level and level.lasts is not None:
                lasts[severity] = level.lasts
        return replace(default, **changes, recover=recover, lasts=lasts)


def _nothing_to_end() -> None:
    """Ends the watching of a check that is told of nothing."""


def _wrong_bounds(threshold: Threshold) -> str | None:
    metric, sign = threshold.metric, -1 if threshold.worse == "below" else 1
    for severity in Severity:
        bound, recover = threshold.bound(severity), threshold.recover.get(severity)
        if threshold.unit == "ratio" and any(value > 1 for value in (bound, recover) if value is not None):
            return f"a bound on {metric} is a share; write for example 80% or 0.8"
        if bound is None and (recover is not None or severity in threshold.lasts):
            return f"on {metric}, {severity.value} has no bound; say where it begins with at"
        if bound is not None and recover is not None and sign * recover >= sign * bound:
            return f"on {metric}, {severity.value} begins at {bound:g}, so it cannot be well again at {recover:g}"
    warning, critical = threshold.warning, threshold.critical
    if warning is not None and critical is not None and sign * warning > sign * critical:
        return f"on {metric}, warning ({warning:g}) is beyond critical ({critical:g})"
    return None


class Check(BaseModel):
    """One way of looking at a service. A kind is a subclass in a file of its own and a line in `checks/__init__.py`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    families: ClassVar[tuple[Family, ...]] = ()
    default_thresholds: ClassVar[tuple[Threshold, ...]] = ()
    reserve_seconds: ClassVar[float] = 0.0
    """What a look keeps of its timeout for the time after its last question."""

    kind: str
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="What it is called; needed when a service has two of a kind. Default: its kind.",
    )
    every: Seconds = Field(default=15.0, description="How often it looks.")
    timeout: Seconds = Field(default=5.0, description="How long one look may take, all in all.")
    stale_after: Seconds | None = Field(
        default=None,
        description="How long it may be blind before its service is unknown. "
        "Default: 3 × `every`, and never less than a whole look takes.",
    )
    confirm: int = Field(default=3, ge=1, le=20, description="Bad looks in a row until it is believed.")
    recover: int = Field(default=2, ge=1, le=20, description="Good looks in a row until it is believed.")
    thresholds: dict[str, Bounds] = Field(default_factory=dict, description="Other bounds than the default ones.")

    @model_validator(mode="after")
    def _thresholds_make_sense(self) -> Check:
        known = [t.metric for t in self.default_thresholds]
        for metric in self.thresholds:
            if metric not in known:
                raise ValueError(
                    f"no threshold on {metric!r} for kind {self.kind}; known: {', '.join(known) or 'none'}"
                )
        for each in self.judged_by():
            if (wrong := _wrong_bounds(each)) is not None:
                raise ValueError(wrong)
        return self

    @property
    def label(self) -> str:
        """The `check` label: the name, else the kind."""
        return self.name or self.kind

    @property
    def needs(self) -> tuple[str, ...]:
        """What this check cannot be good without, by its nature: words that another check `provides`. Its service
        depends on every service with such a check, besides the configured `depends_on`."""
        return ()

    @property
    def provides(self) -> tuple[str, ...]:
        """What others may need of this check: PM2's daemon provides `pm2`, or `pm2 HOME`, to the apps of that home."""
        return ()

    @property
    def asks(self) -> tuple[str, ...]:
        """The addresses that it asks, as `host:port`, where it asks a server of the service itself."""
        return ()

    def judged_by(self) -> tuple[Threshold, ...]:
        """The default thresholds with the configured bounds put in."""
        return tuple(
            own.over(each) if (own := self.thresholds.get(each.metric)) else each for each in self.default_thresholds
        )

    def watch(self, env: Env, look_now: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002 — for those who are told
        """Have `look_now` called, on the loop, whenever something may have changed, until what comes back is called.
        Most kinds are told of nothing."""
        return _nothing_to_end

    def signs(self, env: Env, facts: Iterable[Fact]) -> Signs:  # noqa: ARG002 — for those who have any
        """What to keep an eye on until the next look; asked after each one that saw something, with its facts."""
        return Signs()

    @abstractmethod
    async def look(self, env: Env) -> Seen:
        """Look once, before `env.deadline`. Raises CheckFailed or CheckBlind; anything else is a bug of ours."""
