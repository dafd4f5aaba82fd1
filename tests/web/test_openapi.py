"""The document and the server say the same."""

from __future__ import annotations

import re

from monitor.web.openapi import document
from monitor.web.routes import ROUTES
from tests.web.conftest import Served


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


def test_every_reference_of_the_document_is_there_and_every_schema_is_used() -> None:
    found = document("http://127.0.0.1:10142/")
    referred = set(re.findall(r"'#/components/schemas/(\w+)'", str(found)))
    assert referred == found["components"]["schemas"].keys()
    assert found["servers"] == [{"url": "http://127.0.0.1:10142"}]


def test_what_changes_something_needs_the_token_and_says_so() -> None:
    for methods in document("")["paths"].values():
        for method, operation in methods.items():
            assert ("security" in operation) == ("401" in operation["responses"]) == (method != "get")
