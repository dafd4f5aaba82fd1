"""The HTTP side: metrics, health, discovery, the status page, and the API."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, Protocol

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from monitor import __version__
from monitor.core.step import UnknownId
from monitor.orders import Senseless
from monitor.recurrence import Unclear
from monitor.service_monitoring import ServiceMonitoring
from monitor.store import StoreError
from monitor.web.answer import Refused, bad_request, json_response, not_found, refusal
from monitor.web.api import Api
from monitor.web.auth import Guard
from monitor.web.badges import IMAGE, Badges
from monitor.web.pages import Site, routes_of, wants_page, warm
from monitor.web.security import Security
from monitor.web.upkeep import Upkeep, UpkeepRoutes

log = structlog.get_logger(__name__)

MAX_BODY_BYTES: Final = 16 * 1024

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # without any, a browser does not say whose form it sends
}
"""Of pages: what they need is served here, and nothing stands in their text that could run."""

_ADDRESS: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


class Scraped(Protocol):
    """What answers a scrape: `monitor.metrics.Metrics`, which stands beside this package, not below it."""

    def render(self, accept: str | None, *, compress: bool = False) -> tuple[bytes, str]:
        """Body and content type."""


def create_app(
    *,
    monitoring: ServiceMonitoring,
    metrics: Scraped,
    ready: Callable[[], str | None],
    token: str,
    language: Callable[[], str],
    timezone: Callable[[], str],
    url: str,
    upkeep: Upkeep,
    security: Callable[[], Security],
) -> web.Application:
    """Everything that is served. `ready` says what is still missing, None if nothing; `url` is the address under which
    people reach this daemon; `token` is what a request must bear that wants to change something; `language` and
    `timezone` are what is spoken, and whose time is told, at this moment; `upkeep` is the daemon itself; `security` is
    what protects it at this moment."""
    guard = Guard(token=token, url=url, users=lambda: security().users)
    site = Site(
        monitoring,
        language=language,
        timezone=timezone,
        url=url,
        users=lambda: bool(security().users),
        upkeep=upkeep,
    )
    app = web.Application(middlewares=[_refusing(guard, site)], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(_hardening(security))
    api = Api(monitoring, language=language, url=url, upkeep=upkeep, users=lambda: bool(security().users))
    app.add_routes(api.routes())
    app.on_startup.append(warm)
    app.on_shutdown.append(api.events_stream.close)
    app.add_routes(UpkeepRoutes(upkeep).routes())
    app.add_routes(routes_of(site))
    app.add_routes(Badges(monitoring).routes())
    app.add_routes(_Plain(monitoring, metrics, ready).routes())
    return app


class _Plain:
    """What machines and people ask for outside the API."""

    def __init__(self, monitoring: ServiceMonitoring, metrics: Scraped, ready: Callable[[], str | None]) -> None:
        self._monitoring = monitoring
        self._metrics = metrics
        self._ready = ready

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/metrics", self.metrics),
            web.get("/-/ready", self.ready),
            web.get("/sd/http", self.discovery),
        ]

    async def metrics(self, request: web.Request) -> web.Response:
        compress = _accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
        body, content_type = self._metrics.render(request.headers.get(hdrs.ACCEPT), compress=compress)
        headers = {hdrs.CONTENT_TYPE: content_type, hdrs.VARY: "Accept, Accept-Encoding"}
        if compress:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, headers=headers)

    async def ready(self, _request: web.Request) -> web.Response:
        missing = self._ready()
        if missing:
            return web.Response(text=f"not ready: {missing}\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(text="ready\n")

    async def discovery(self, request: web.Request) -> web.Response:
        """This daemon as a target of Prometheus, under the address by which it was asked."""
        services = ",".join(self._monitoring.plan.services)
        labels = {"__meta_infra_version": __version__, "__meta_infra_services": f",{services},"}
        address = request.headers.get(hdrs.HOST, "")
        return json_response([{"targets": [address], "labels": labels}] if _ADDRESS.fullmatch(address) else [])


def _refusing(guard: Guard, site: Site) -> Middleware:
    def answer(request: web.Request, refused: Refused) -> web.Response:
        return site.refusal(request, refused) if wants_page(request) else refusal(request, refused)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turns everything that was not served into an answer that says why."""
        try:
            await guard.check(request)
            return await handler(request)
        except Refused as refused:
            return answer(request, refused)
        except web.HTTPException as error:
            return answer(request, _of_aiohttp(request, error))
        except (UnknownId, Senseless, Unclear, StoreError) as error:
            return answer(request, _of_ours(error))
        except Exception:  # the edge where a bug of ours may land: it costs one answer, no more
            log.exception("web.crashed", method=request.method, path=request.path)
            message = "this is a bug of the monitor; its log says more"
            return refusal(request, Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", message))

    return middleware


_LISTED: Final = {
    "service": "/api/v1/services",
    "alert": "/api/v1/alerts?state=all",
    "incident": "/api/v1/incidents?state=all",
    "silence": "/api/v1/silences",
    "maintenance": "/api/v1/maintenance",
}


def _of_ours(error: UnknownId | Senseless | Unclear | StoreError) -> Refused:
    match error:
        case UnknownId(kind=kind):
            return not_found(f"there is no such {kind}; {_LISTED[kind]} lists them")
        case StoreError():
            log.error("store.failed", error=str(error))
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", str(error))
        case _:
            return bad_request(str(error))


def _of_aiohttp(request: web.Request, error: web.HTTPException) -> Refused:
    match error:
        case web.HTTPNotFound():
            return Refused(HTTPStatus.NOT_FOUND, "not_found", "there is nothing at this path")
        case web.HTTPMethodNotAllowed(allowed_methods=allowed):
            methods = ", ".join(sorted(allowed))
            message = f"{request.method} is not possible here; possible: {methods}"
            return Refused(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", message, {hdrs.ALLOW: methods})
        case web.HTTPRequestEntityTooLarge():
            message = f"the body is longer than {MAX_BODY_BYTES} bytes"
            return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message)
        case _:
            status = HTTPStatus(error.status)
            return Refused(status, status.name.lower(), status.phrase.lower())


def _hardening(security: Callable[[], Security]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def harden(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        if response.content_type == "text/html":
            response.headers.update(_PAGE)
        elif response.content_type == IMAGE:
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # a badge is for pages of others
        response.headers.update(security().headers)
        response.headers.pop(hdrs.SERVER, None)  # which versions run here is nobody's business

    return harden


def _accepts_gzip(accept_encoding: str) -> bool:
    for entry in accept_encoding.lower().split(","):
        coding, *options = (part.strip() for part in entry.split(";"))
        if coding == "gzip":
            return not any(option.startswith("q=") and not option.strip("q=0.") for option in options)
    return False
