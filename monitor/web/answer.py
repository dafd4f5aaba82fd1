"""How the HTTP side answers: the envelope around data, the envelope around refusals, and plain text elsewhere."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

API: Final = "/api/"


class Refused(Exception):  # noqa: N818 — it is an answer to the client, not an error of ours
    """A request that is not served: why, for people, and as a word for programs."""

    def __init__(self, status: HTTPStatus, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = headers or {}


def bad_request(message: str) -> Refused:
    """Something in the request has to be written differently."""
    return Refused(HTTPStatus.BAD_REQUEST, "bad_request", message)


def not_found(message: str) -> Refused:
    """There is no such thing."""
    return Refused(HTTPStatus.NOT_FOUND, "not_found", message)


def success(data: Any) -> web.Response:
    """`data` in its envelope."""
    return json_response({"status": "success", "data": data})


def refusal(request: web.BaseRequest, refused: Refused) -> web.Response:
    """In its envelope below `/api/`, as a line of text elsewhere."""
    if request.path.startswith(API):
        body = {"status": "error", "error": {"type": refused.kind, "message": refused.message}}
        return json_response(body, status=refused.status, headers=refused.headers)
    return web.Response(text=refused.message + "\n", status=refused.status, headers=refused.headers)


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`json_line` with its headers."""
    return web.Response(
        body=json_line(value) + b"\n",
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def json_line(value: Any) -> bytes:
    """Strict JSON in UTF-8: what is not a number is null; half characters, from names that are not UTF-8, are `?`."""
    try:
        text = _dump(value)
    except ValueError:
        text = _dump(_finite(value))
    return text.encode(errors="replace")


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {key: _finite(each) for key, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
        case _:
            return value
