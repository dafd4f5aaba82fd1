"""The document and the server say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.web.bodies import LookBody
from monitor.web.openapi import document
from monitor.web.routes import ROUTES, Route
from tests.web.conftest import Served

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


async def test_every_path_of_the_server_is_in_the_document_and_the_other_way_round(served: Served) -> None:
    server = {
        (route.method.lower(), route.resource.canonical)
        for route in served.client.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith("/api/") and route.method != "HEAD"
    }
    answer = await served.client.get("/api/v1/openapi.json")
    found = await answer.json()
    assert found["openapi"] == "3.1.0"
    documented = {(method, path) for path, methods in found["paths"].items() for method in methods}
    assert server == documented
    assert len(server) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_operation_is_in_the_pages_table_with_its_parameters_and_keys(route: Route) -> None:
    path = route.path.removeprefix("/api/v1")
    rows = [line for line in PAGE.splitlines() if re.search(rf"`{route.method} (/api/v1)?{re.escape(path)}[`?]", line)]
    assert rows, "it is not in docs/api.md"
    told = " ".join(rows)
    for parameter in route.parameters:
        assert re.search(rf"[?&]{parameter.name}=", told), parameter.name
    fields = route.body.model_fields if route.body else {}
    for key in (field.alias or name for name, field in fields.items() if route.body is not LookBody):
        assert f'"{key}"' in told, key


def test_every_reference_of_the_document_is_there_and_every_schema_is_used() -> None:
    found = document("http://127.0.0.1:10142/")
    referred = set(re.findall(r"'#/components/schemas/(\w+)'", str(found)))
    assert referred == found["components"]["schemas"].keys()
    assert found["servers"] == [{"url": "http://127.0.0.1:10142"}]


def test_where_there_are_users_every_operation_is_theirs_and_says_so() -> None:
    found = document("", users=True)
    assert found["components"]["securitySchemes"]["user"] == {"type": "http", "scheme": "basic"}
    for methods in found["paths"].values():
        for method, operation in methods.items():
            assert operation["security"] == [{"token": []}, {"user": []}]
            assert "401" in operation["responses"]
            assert ("403" in operation["responses"]) == (method != "get")


def test_what_leads_to_another_operation_names_one_that_is_there() -> None:
    operations = {o["operationId"]: o for methods in document("")["paths"].values() for o in methods.values()}
    links = [link for o in operations.values() for link in o["responses"]["200"].get("links", {}).values()]
    assert {"acknowledge", "resolve", "end_silence", "end_maintenance", "look"} <= {e["operationId"] for e in links}
    for link in links:
        wanted = {each["name"] for each in operations[link["operationId"]]["parameters"] if each["required"]}
        assert link["parameters"].keys() == wanted


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body], ids=lambda route: route.does)
async def test_every_example_of_a_body_is_taken(broken: Served, route: Route) -> None:
    (alert, *_) = await broken.data("/api/v1/alerts?service=rds")
    assert route.examples
    for example in route.examples:
        path = route.path.replace("{id}", alert["id"]).replace("{name}", "rds")
        answer = await broken.order(path, json=example)
        assert answer.status == 200, await answer.text()


def test_what_changes_something_needs_the_token_and_says_so() -> None:
    for methods in document("")["paths"].values():
        for method, operation in methods.items():
            assert ("security" in operation) == ("401" in operation["responses"]) == (method != "get")
