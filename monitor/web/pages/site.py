"""What every page shares: whose language and zone, the frame around it, and how a refusal looks to a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web

from monitor import __version__
from monitor.answers import Json
from monitor.core.uptime import overall
from monitor.core.words import Severity, Status
from monitor.locale import LANGUAGES
from monitor.notify.wording import clean
from monitor.orders import Orders
from monitor.questions import Questions
from monitor.service_monitoring import ServiceMonitoring
from monitor.state_directory import StoreError
from monitor.troubles import Trouble, troubles
from monitor.web.answer import API, Refused
from monitor.web.auth import USER
from monitor.web.pages.assets import asset
from monitor.web.pages.language import chosen, language_of, remember
from monitor.web.pages.mutes import mutes
from monitor.web.pages.words import Words
from monitor.web.upkeep import Upkeep, upkeep_of

if TYPE_CHECKING:
    from jinja2 import Environment

NAVIGATION: Final = (
    ("/", "overview"),
    ("/incidents", "incidents"),
    ("/firewall", "firewall"),
)
"""What stands at the top of every page: the path, and the word for it below `page.nav.` in the catalogue."""

_NAMED: Final = frozenset({400, 401, 403, 404, 405, 503})
_FOR_STRANGERS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PAGE: Final = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who looks at a page: what can be asked and ordered, and how it is said to them."""

    questions: Questions
    orders: Orders
    words: Words

    async def incidents(self, *, service: str | None, hours: float) -> tuple[list[Json], str | None]:
        """Those of the last hours, and why it is only the open ones, if it is: the past cannot be read."""
        try:
            return await self.questions.incidents(service=service, active=False, hours=hours), None
        except StoreError as error:
            return await self.questions.incidents(service=service), str(error)


class Site:
    """Makes pages."""

    def __init__(
        self,
        monitoring: ServiceMonitoring,
        *,
        language: Callable[[], str],
        timezone: Callable[[], str],
        url: str,
        users: Callable[[], bool],
        upkeep: Upkeep,
    ) -> None:
        self._monitoring = monitoring
        self._upkeep = upkeep
        self._users = users
        self._language = language
        self._timezone = timezone
        self._url = url

    @property
    def monitoring(self) -> ServiceMonitoring:
        """What the pages are about."""
        return self._monitoring

    def reader(self, request: web.BaseRequest) -> Reader:
        """The one who sent this."""
        language = language_of(request, usual=self._language())
        zone, now = ZoneInfo(self._timezone()), self._monitoring.clock.now()
        questions = Questions(self._monitoring, language=lambda: language, url=self._url)
        return Reader(
            questions=questions,
            orders=Orders(self._monitoring, questions),
            words=Words(language=language, zone=zone, now=now),
        )

    def troubles(self, words: Words) -> tuple[Trouble, ...]:
        """What of the monitor itself somebody has to look after: a channel that takes nothing, a full disk."""
        history = self._monitoring.history
        told = upkeep_of(self._upkeep) | {"history": {"error": history.failed if history else None}}
        return tuple(troubles(told, words.now, words.language))

    def page(
        self, request: web.BaseRequest, template: str, *, status: int = 200, words: Words, **values: Any
    ) -> web.Response:
        """The template with these values, and those of the frame."""
        text = _templates().get_template(template).render(self._frame(request, words) | values)
        response = web.Response(
            body=text.encode(errors="replace"),
            status=status,
            content_type=_PAGE,
            charset="utf-8",
            headers={hdrs.CACHE_CONTROL: "no-store", hdrs.VARY: "Accept-Language, Cookie"},
        )
        if chosen(request):
            remember(response, words.language)
        return response

    def refusal(self, request: web.BaseRequest, refused: Refused) -> web.Response:
        """A page that says why there is none. Strangers learn nothing of what runs here."""
        words = self.reader(request).words
        known = refused.status if refused.status in _NAMED else "other"
        response = self.page(
            request,
            "refused.html",
            status=refused.status,
            words=words,
            title=words.say(f"page.refused.{known}.title"),
            text=words.say(f"page.refused.{known}.text"),
            message=refused.message,
            stranger=refused.status in _FOR_STRANGERS,
            overall="unknown",
        )
        response.headers.update(refused.headers)
        return response

    def _frame(self, request: web.BaseRequest, words: Words) -> dict[str, Any]:
        return {
            "words": words,
            "say": words.say,
            "here": request.path,
            "languages": {each: f"?{request.rel_url.update_query(lang=each).query_string}" for each in LANGUAGES},
            "navigation": NAVIGATION,
            "css": asset("css").path,
            "js": asset("js").path if asset("js").content else None,
            "version": __version__,
            "zone": words.zone.key,
            "user": request.get(USER),
            "users": self._users(),
            "mutes": partial(mutes, Questions(self._monitoring), words),
            "overall": overall(self._monitoring.plan, self._monitoring.state, words.now).value,
        }


def wants_page(request: web.BaseRequest) -> bool:
    """Whether a person asks, by a browser. The API answers everybody in its envelope."""
    return _PAGE in request.headers.get(hdrs.ACCEPT, "") and not request.path.startswith(API)


async def warm(_app: web.Application) -> None:
    """Have a thread make the templates ready, so that the first page is there at once: whoever opens it is in a hurry.
    It takes a seventh of a second of a processor, and 4 MB."""
    asyncio.get_running_loop().run_in_executor(None, _compile)


def _compile() -> None:
    templates = _templates()
    for name in templates.list_templates():
        templates.get_template(name)


@cache
def _templates() -> Environment:
    """Of this package. What comes from elsewhere is escaped, and cannot turn the direction of what follows."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 — in a thread, once all runs

    environment = Environment(
        loader=PackageLoader("monitor.web.pages"),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_harmless,
    )
    environment.filters |= {"worst": worst, "segment": segment, "service_path": service_path}
    return environment


def worst(incident: Json) -> str:
    """The status by which an incident is drawn: of its worst open alert, or else by its severity."""
    open_ones = (Status(each["status"]) for each in incident["alerts"] if each["resolved_at"] is None)
    graded = Status.CRITICAL if incident["severity"] == Severity.CRITICAL else Status.WARNING
    return max(open_ones, key=lambda status: status.rank, default=graded).value


def segment(name: str) -> str:
    """One part of a path, whatever the name holds."""
    return quote(name, safe="")


def service_path(name: str) -> str:
    """Where the page of a service is."""
    return f"/services/{segment(name)}"


def _harmless(value: Any) -> Any:
    return clean(value) if type(value) is str else value  # not what we escaped already
