"""The OpenAPI document, from the table of routes."""

from __future__ import annotations

from typing import Final

from pydantic.json_schema import models_json_schema

from monitor import __version__
from monitor.web.routes import IDENTITY, ROUTES, Route
from monitor.web.schemas import SCHEMAS, Schema, shape

_PLACE: Final = "#/components/schemas/{model}"
_REFUSALS: Final = {
    400: "Something in the request has to be written differently",
    401: "It needs the token, or a user with a password where there are users",
    403: "The Host header names another host",
    404: "There is no such thing",
    413: "The body is too long",
    415: "The body is not application/json",
    503: "The state directory cannot be used, or too many listen",
}


def document(url: str, *, users: bool = False) -> Schema:
    """What the API takes and answers, as OpenAPI 3.1. With `users`, everything is for them alone, questions too."""
    bodies = [route.body for route in ROUTES if route.body]
    _, definitions = models_json_schema(
        [(each, "validation") for each in dict.fromkeys(bodies)], ref_template=_PLACE, by_alias=True
    )
    paths: dict[str, Schema] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, users=users)
    return {
        "openapi": "3.1.0",
        "info": {"title": "infra-monitor", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": url.rstrip("/") or "/"}],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **definitions.get("$defs", {})},
            "securitySchemes": {name: {"type": "http", "scheme": scheme} for name, scheme in _schemes(users=users)},
        },
    }


def _schemes(*, users: bool) -> list[tuple[str, str]]:
    return [("token", "bearer"), ("user", "basic")] if users else [("token", "bearer")]


def _operation(route: Route, *, users: bool) -> Schema:
    guarded = route.writes or users
    operation: Schema = {
        "operationId": route.does,
        "summary": route.said,
        "parameters": [*_in_path(route), *_in_query(route)],
        "responses": {"200": _success(route), **{str(code): _refusal(code) for code in _codes(route, guarded=guarded)}},
    }
    if guarded:
        operation["security"] = [{name: []} for name, _ in _schemes(users=users)]
    if route.body:
        content: Schema = {"schema": shape(route.body.__name__)}
        content["examples"] = {str(n): {"value": dict(each)} for n, each in enumerate(route.examples, start=1)}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _codes(route: Route, *, guarded: bool) -> list[int]:
    codes = {400, 503} | ({401} if guarded else set()) | ({413, 415} if route.body else set())
    codes |= {403} if route.writes else set()
    return sorted(codes | ({404} if route.finds else set()))


def _in_path(route: Route) -> list[Schema]:
    known = {"id": {"type": "string", "pattern": f"^{IDENTITY}$"}, "name": {"type": "string", "minLength": 1}}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in known.items()
        if f"{{{name}}}" in route.path
    ]


def _in_query(route: Route) -> list[Schema]:
    return [
        {"name": each.name, "in": "query", "required": False, "schema": each.schema, "description": each.said}
        for each in route.parameters
    ]


def _success(route: Route) -> Schema:
    if route.streams:
        return {"description": route.said, "content": {"text/event-stream": {"schema": shape("string")}}}
    if route.answer is None:
        return _json("This document", {"type": "object"})
    answer = _json(route.said, _envelope("success", data=shape(route.answer)))
    if route.leads_to:
        taken = {route.pointer.rpartition("/")[2]: f"$response.body#{route.pointer}"}
        answer["links"] = {other: {"operationId": other, "parameters": taken} for other in route.leads_to}
    return answer


def _refusal(code: int) -> Schema:
    return _json(_REFUSALS[code], _envelope("error", error=shape("Error")))


def _envelope(status: str, **inside: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"status": {"const": status}, **inside},
        "required": ["status", *inside],
        "additionalProperties": False,
    }


def _json(said: str, schema: Schema) -> Schema:
    return {"description": said, "content": {"application/json": {"schema": schema}}}
