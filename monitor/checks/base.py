"""What every check is: its validated, frozen configuration with one method, and no memory."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from monitor.core.durations import parse_duration
from monitor.core.model import Fact, Failure, Reading, Seen, Threshold
from monitor.sources.aside import Aside
from monitor.sources.aws import Aws
from monitor.sources.host import HostSource
from monitor.sources.nginx import NginxSources

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


class Bounds(BaseModel):
    """`warning` and `critical` bounds of one metric."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    warning: Bound | None = None
    critical: Bound | None = None


def _wrong_bounds(threshold: Threshold) -> str | None:
    bounds = [bound for bound in (threshold.warning, threshold.critical) if bound is not None]
    if threshold.unit == "ratio" and any(bound > 1 for bound in bounds):
        return f"a bound on {threshold.metric} is a share; write for example 80% or 0.8"
    if bounds != sorted(bounds, reverse=threshold.worse == "below"):
        return f"on {threshold.metric}, warning ({bounds[0]:g}) is beyond critical ({bounds[1]:g})"
    return None


class Check(BaseModel):
    """One way of looking at a service. A kind is a subclass in a file of its own and a line in `checks/__init__.py`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    families: ClassVar[tuple[Family, ...]] = ()
    default_thresholds: ClassVar[tuple[Threshold, ...]] = ()

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

    def judged_by(self) -> tuple[Threshold, ...]:
        """The default thresholds with the configured bounds put in. A bound that is left out keeps its default; one
        that is null is none."""
        return tuple(
            replace(each, **own.model_dump(exclude_unset=True)) if (own := self.thresholds.get(each.metric)) else each
            for each in self.default_thresholds
        )

    def watch(self, env: Env, look_now: Callable[[], None]) -> None:
        """Have `look_now` called, on the loop, whenever something may have changed. Most kinds are told of nothing."""

    @abstractmethod
    async def look(self, env: Env) -> Seen:
        """Look once, before `env.deadline`. Raises CheckFailed or CheckBlind; anything else is a bug of ours."""
