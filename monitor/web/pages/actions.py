"""What a user does on the pages: plain forms, which become the very orders that API and command line give."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import structlog
from aiohttp import hdrs, web
from pydantic import ValidationError

from monitor.core.step import UnknownId
from monitor.orders import LONGEST_SECONDS, SHORTEST_SECONDS, Orders, Senseless
from monitor.store import StoreError
from monitor.web.answer import Refused, bad_request
from monitor.web.auth import USER
from monitor.web.bodies import Body, NoteBody, SpanBody
from monitor.web.pages.site import Reader, Site
from monitor.web.requests import MAX_NAME

log = structlog.get_logger(__name__)

_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 20
_OURS: Final = re.compile(r"/(?!/)[A-Za-z0-9_%./?=&~,:-]*")


class _Wrong(Exception):  # noqa: N818 — it is an answer to the form, not an error of ours
    """What has to be written differently: a key below `page.form.wrong.`."""

    def __init__(self, key: str, status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
        super().__init__(key)
        self.key = key
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """One kind of form. `about`: what it is sent to, `incidents`, `services`, …; `leads`: whether that has a page."""

    about: str
    does: Callable[[Reader, str, Any], Awaitable[None]]
    body: type[Body]
    fields: tuple[str, ...] = ()
    leads: bool = True

    def path(self, name: str) -> str:
        """Where it is sent."""
        return f"/{self.about}/{{of}}/{name}"

    def read(self, given: Mapping[str, str], user: str) -> Any:
        """Its body. Raises _Wrong."""
        said = {field: given[field] for field in self.fields if given.get(field)}
        try:
            body = self.body.model_validate({"by": _by(user), **said})
        except ValidationError as error:
            raise _Wrong(str(error.errors(include_url=False, include_input=False)[0]["loc"][0])) from None
        if isinstance(body, SpanBody) and "for" in self.fields:
            if body.seconds is None:
                raise _Wrong("for")
            if not SHORTEST_SECONDS <= body.seconds <= LONGEST_SECONDS:
                raise _Wrong("span")
        return body


async def _acknowledge(reader: Reader, incident: str, body: NoteBody) -> None:
    for alert in await _open_alerts(reader, incident):
        await reader.orders.acknowledge(alert, by=body.by, note=body.note)


async def _resolve(reader: Reader, incident: str, body: NoteBody) -> None:
    for alert in await _open_alerts(reader, incident):
        await reader.orders.resolve(alert, by=body.by, note=body.note)


async def _open_alerts(reader: Reader, incident: str) -> list[str]:
    found = await reader.questions.incident(incident)
    alerts = [each["id"] for each in found["alerts"] if each["resolved_at"] is None]
    if not alerts:
        raise _Wrong("over", HTTPStatus.CONFLICT)
    return alerts


async def _silence(reader: Reader, service: str, body: SpanBody) -> None:
    if service not in reader.questions.known_services():
        raise UnknownId("service", service)
    await reader.orders.silence({"service": service}, by=body.by, seconds=body.seconds, reason=body.reason)


async def _maintain(reader: Reader, service: str, body: SpanBody) -> None:
    await reader.orders.maintain(service, by=body.by, seconds=body.seconds, reason=body.reason)


async def _look(reader: Reader, service: str, _body: Body) -> None:
    await reader.orders.look(service)


async def _end(order: Callable[[Orders, str], Awaitable[None]], reader: Reader, of: str, _body: Body) -> None:
    """What has ended by itself meanwhile is as it was wanted."""
    try:
        await order(reader.orders, of)
    except UnknownId:
        return


FORMS: Final[Mapping[str, _Form]] = {
    "acknowledge": _Form(about="incidents", does=_acknowledge, body=NoteBody, fields=("note",)),
    "resolve": _Form(about="incidents", does=_resolve, body=NoteBody, fields=("note",)),
    "look": _Form(about="services", does=_look, body=Body),
    "silence": _Form(about="services", does=_silence, body=SpanBody, fields=("for", "reason")),
    "maintenance": _Form(about="services", does=_maintain, body=SpanBody, fields=("for", "reason")),
    "end_silence": _Form(about="silences", does=partial(_end, Orders.end_silence), body=Body, leads=False),
    "end_maintenance": _Form(about="maintenance", does=partial(_end, Orders.end_maintenance), body=Body, leads=False),
}


class Actions:
    """Where the forms are sent."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """One for each kind of form."""
        return [web.post(form.path(name), partial(self._act, name)) for name, form in FORMS.items()]

    async def _act(self, name: str, request: web.Request) -> web.Response:
        """To the page that the form stood on; or the form again, with what is wrong and what was written."""
        user = request.get(USER)
        if user is None:
            raise Refused(HTTPStatus.FORBIDDEN, "forbidden", "forms are for users; programs give orders to /api/v1")
        form, of, given = FORMS[name], request.match_info["of"], await _given(request)
        reader, back = self._site.reader(request), _back(form, of, given)
        try:
            await form.does(reader, of, form.read(given, user))
        except _Wrong as error:
            wrong = error
        except Senseless:
            wrong = _Wrong("many", HTTPStatus.CONFLICT)
        except StoreError as error:
            log.error("store.failed", error=str(error))  # noqa: TRY400 — the text is for the operator
            wrong = _Wrong("store", HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            return web.Response(status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: back})
        shown = {"name": name, "of": of, "back": back, "given": given, "wrong": wrong.key}
        return self._site.page(request, "action.html", status=wrong.status, words=reader.words, **shown)


async def _given(request: web.Request) -> dict[str, str]:
    if request.content_type != _FORM:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", f"send Content-Type: {_FORM}")
    try:
        return dict(parse_qsl((await request.read()).decode(errors="replace"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise bad_request(f"a form has at most {_MOST_FIELDS} fields") from None


def _back(form: _Form, of: str, given: Mapping[str, str]) -> str:
    """The page that the form stood on: one of ours, whatever is claimed."""
    usual = f"/{form.about}/{quote(of, safe='')}" if form.leads else "/"
    claimed = given.get("back", usual)
    return claimed if _OURS.fullmatch(claimed) else usual


def _by(user: str) -> str:
    """The user, in whose name it is done, as a name has to be."""
    return "".join(filter(str.isprintable, user)).strip()[:MAX_NAME] or "user"
