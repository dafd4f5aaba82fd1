"""What the bodies of orders may say, checked before anything is done."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from monitor.core.durations import parse_duration
from monitor.orders import MATCHED
from monitor.web.answer import bad_request
from monitor.web.requests import MAX_NAME, json_body, quoted

MAX_TEXT = 512


def _name(text: Any) -> str:
    if not isinstance(text, str) or not 1 <= len(text.strip()) <= MAX_NAME or not text.isprintable():
        raise ValueError(f"must be a name of 1 to {MAX_NAME} printable characters")
    return text.strip()


def _words(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text.strip()


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a duration, for example 30m, 2h or 1d")  # noqa: TRY004 — pydantic collects ValueErrors
    return parse_duration(value)


def _moment(value: Any) -> Any:
    said = "must be a time with its zone, for example 2026-11-24T03:00:00+09:00"
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(said) from None
    if moment.tzinfo is None or not MINYEAR < moment.year < MAXYEAR:
        raise ValueError(said)  # at the ends of the calendar, a zone leads out of it
    return moment.timestamp()


Name = Annotated[str, BeforeValidator(_name), Field(min_length=1, max_length=MAX_NAME)]
Matcher = Annotated[str, Field(max_length=MAX_NAME, json_schema_extra={"enum": list(MATCHED)})]
Text = Annotated[str, AfterValidator(_words), Field(max_length=MAX_TEXT)]
Duration = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=Annotated[str, Field(pattern=r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$")]),
    Field(description="For example `30m`, `2h`, `1d`."),
]
Moment = Annotated[
    float,
    BeforeValidator(_moment, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date-time"})]),
    Field(description="RFC 3339 with its zone, for example `2026-11-24T03:00:00+09:00`."),
]


class Body(BaseModel):
    """Every body says in whose name the order is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    by: Name = Field(description="Your name.")


class NoteBody(Body):
    """To acknowledge or to resolve."""

    note: Text = Field(default="", description="Kept with the alert, and shown in its incident's timeline.")


class SpanBody(Body):
    """What lasts: either `for` or `until`; from now on, or from `starts`."""

    seconds: Duration | None = Field(default=None, alias="for")
    until: Moment | None = None
    starts: Moment | None = None
    reason: Text = ""


class SilenceBody(SpanBody):
    """To tell nobody of incidents that match every matcher."""

    matchers: dict[Matcher, Name] = Field(
        min_length=1, description="One or more of `service`, `severity`, `cause`, with the value each must have."
    )


class MaintenanceBody(SpanBody):
    """To declare a service as being worked on: now, once from `starts`, or whenever `cron` says (then with `for`)."""

    service: Name = Field(description="Of the configuration.")
    cron: Text | None = Field(
        default=None, description="Five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday)."
    )
    time_zone: Text | None = Field(default=None, description="For `cron`, for example `Asia/Seoul`. Default: UTC.")


class LookBody(BaseModel):
    """Nothing need be said; an empty object."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    by: Name | None = None


AnyBody = TypeVar("AnyBody", bound=BaseModel)


async def body_of(request: web.Request, kind: type[AnyBody]) -> AnyBody:
    """The body of a request. Raises Refused with what is wrong first."""
    given = await json_body(request)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(quoted(str(part))[1:-1] for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(field.alias or name for name, field in kind.model_fields.items())
            raise bad_request(f"unknown key {quoted(str(first['loc'][-1]))}; known here: {known}") from None
        if first["type"] == "missing" and where == "by":
            raise bad_request(f"by must be a name of 1 to {MAX_NAME} printable characters") from None
        said = first["msg"].removeprefix("Value error, ")
        raise bad_request(f"{where}: {said}" if not said.startswith("must ") else f"{where} {said}") from None
