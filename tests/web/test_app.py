"""What is served outside the API, and what every answer carries."""

import asyncio
import gzip

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor import __version__
from tests.web.conftest import BEARER, Served

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


async def test_a_scrape_shows_what_is_believed(broken: Served) -> None:
    answer = await broken.client.get("/metrics")
    text = await answer.text()
    assert (answer.status, answer.headers["Content-Type"]) == (200, TEXT)
    assert 'infra_service_status{service="rds",status="down"} 1\n' in text
    assert 'infra_service_up{service="rds"} 0\n' in text
    assert 'infra_incidents{severity="critical"} 1.0\n' in text
    assert list(parse_text(text))


async def test_a_client_that_prefers_openmetrics_gets_it(served: Served) -> None:
    answer = await served.client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    assert answer.headers["Content-Type"] == OPENMETRICS
    assert (await answer.text()).endswith("# EOF\n")


@pytest.mark.parametrize(
    ("accept_encoding", "coding"),
    [
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("br, gzip;q=0.5", "gzip"),
        ("gzip;q=1.0", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip; q=0.000", None),
        ("xgzip", None),
        ("", None),
    ],
)
async def test_a_scrape_is_compressed_for_who_accepts_it(
    served: Served, accept_encoding: str, coding: str | None
) -> None:
    async with ClientSession(auto_decompress=False) as session:
        answer = await session.get(served.client.make_url("/metrics"), headers={"Accept-Encoding": accept_encoding})
        body = await answer.read()
    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert b"infra_build_info" in (gzip.decompress(body) if coding else body)


async def test_healthy_whenever_the_loop_turns(served: Served) -> None:
    served.missing.append("the store")
    answer = await served.client.get("/-/healthy")
    assert (answer.status, await answer.text()) == (200, "healthy\n")


async def test_not_ready_until_nothing_is_missing_and_it_says_what(served: Served) -> None:
    served.missing.append("starting")
    answer = await served.client.get("/-/ready")
    assert (answer.status, await answer.text()) == (503, "not ready: starting\n")
    served.missing.clear()
    answer = await served.client.get("/-/ready")
    assert (answer.status, await answer.text()) == (200, "ready\n")


async def test_prometheus_discovers_the_daemon_under_the_address_it_asked(served: Served) -> None:
    answer = await served.client.get("/sd/http", headers={"Host": "10.0.0.7:10142"})
    assert answer.content_type == "application/json"
    assert await answer.json() == [
        {
            "targets": ["10.0.0.7:10142"],
            "labels": {"__meta_infra_version": __version__, "__meta_infra_services": ",rds,nodejs,python,<b>odd</b>,"},
        }
    ]


async def test_a_host_that_cannot_be_one_is_no_target(served: Served) -> None:
    answer = await served.client.get("/sd/http", headers={"Host": 'a"b/../c'})
    assert (answer.status, await answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/metrics"),
        ("GET", "/api/v1/services"),
        ("GET", "/nothing"),
        ("GET", "/api/nothing"),
        ("POST", "/api/v1/alerts/x/resolve"),
    ],
)
async def test_every_answer_is_hardened_and_does_not_say_what_serves_it(served: Served, method: str, path: str) -> None:
    answer = await served.client.request(method, path)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Server" not in answer.headers


async def test_outside_the_api_a_refusal_is_a_line_of_text(served: Served) -> None:
    answer = await served.client.get("/nothing")
    assert (answer.status, answer.content_type) == (404, "text/plain")
    assert await answer.text() == "there is nothing at this path\n"
    answer = await served.client.post("/metrics", headers=BEARER)
    assert (answer.status, await answer.text()) == (405, "POST is not possible here; possible: GET, HEAD\n")


async def test_a_request_without_a_host_is_answered_without_asking_the_network_for_our_name(served: Served) -> None:
    address = served.client.server
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /sd/http HTTP/1.0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200")
    assert body == b"[]\n"
