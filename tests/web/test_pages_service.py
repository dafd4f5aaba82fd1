"""The page of a service: how it is, what its checks see, what it is made of, its numbers over time."""

from __future__ import annotations

import re

import pytest

from monitor.core.model import (
    DatabaseEndpoint,
    DatabaseServer,
    Observation,
    Reading,
    Seen,
    SessionHolder,
    UpstreamPeer,
    Worker,
)
from tests.web.conftest import Served
from tests.web.test_pages import Elements, page

HOSTILE = '"><script>alert(1)</script>\u202e'


def charts(text: str) -> list[str]:
    return [str(each["aria-label"]) for each in Elements(text).named("svg") if each.get("class") == "chart"]


async def looks(served: Served, *, minutes: float = 10) -> None:
    for n in range(int(minutes * 4)):
        served.clock.at += 15
        await served.healthy(
            "rds",
            Reading("response_time", 0.010 + n / 10_000, "seconds"),
            Reading("connections", 3, labels={"state": "active"}),
            Reading("connections", 4 + n % 3, labels={"state": "idle"}),
            Reading("process_restarts", 7 + (n > 5), labels={"app": "web", "worker": "0"}),
            Reading("phase_duration", 0.002, "seconds", {"phase": "tcp"}),
            Reading("phase_duration", 0.006, "seconds", {"phase": "auth"}),
            Reading("start", served.clock.at - 4000, "seconds"),
        )


async def test_a_service_says_how_it_is_since_when_and_how_it_was(broken: Served) -> None:
    status, text = await page(broken, "/services/rds")
    assert status == 200
    assert "<title>rds · down · infra-monitor</title>" in text
    assert "tcp / timeout" in text
    assert "no answer within 5 s" in text
    assert "team: db" in text
    labels = [str(each.get("aria-label")) for each in Elements(text).named("svg")]
    assert any(each.startswith("rds, the last 24 hours: ") for each in labels)
    assert any(each.startswith("rds, the last 90 days: ") for each in labels)
    (incident,) = await broken.data("/api/v1/incidents")
    assert incident["cause"]["summary"] in text
    assert f'href="/incidents/{incident["id"]}"' in text


async def test_who_needs_it_and_whom_it_needs_is_a_link_away(served: Served) -> None:
    text = (await page(served, "/services/rds"))[1]
    assert {"/services/nodejs", "/services/python"} <= {str(each["href"]) for each in Elements(text).named("a")}
    text = (await page(served, "/services/nodejs"))[1]
    assert '<a href="/services/rds">' in text


@pytest.mark.parametrize("window", ["1h", "24h", "7d", "90d"])
async def test_its_numbers_are_drawn_over_each_range(served: Served, window: str) -> None:
    await looks(served)
    text = (await page(served, f"/services/rds?range={window}"))[1]
    assert [each.partition(":")[0] for each in charts(text)] == [
        "Response time",
        "Connections",
        "Restarts since the left edge",
    ]
    assert "least 10 ms, most 13.9 ms" in text or window != "1h", charts(text)
    assert f'<a href="?range={window}#charts" aria-current="true">' in text
    if window == "1h":
        assert "Restarts since the left edge: last 1, least 0, most 1" in charts(text)


async def test_a_part_of_the_past_can_be_picked_by_links_alone(served: Served) -> None:
    await looks(served)
    text = (await page(served, "/services/rds?range=1h"))[1]
    links = dict(re.findall(r'<a href="(\?from=[^"]+)#charts">([^<]+)', text))
    assert set(links.values()) == {"earlier", "zoom in", "zoom out"}
    (closer,) = (link.replace("&amp;", "&") for link, name in links.items() if name == "zoom in")
    status, text = await page(served, f"/services/rds{closer}")
    assert status == 200
    assert "Nothing was measured in this time." not in text or not charts(text)
    later = [name for _, name in re.findall(r'<a href="(\?from=[^"]+)#charts">([^<]+)', text)]
    assert later == ["earlier", "later", "zoom in", "zoom out"]


@pytest.mark.parametrize(
    "query",
    [
        "range=2h",
        "from=yesterday",
        "from=2023-11-14T22:00:00",
        "from=2023-11-14T22:10:00Z&to=2023-11-14T22:00:00Z",
        "to=x",
        "range=%22%3E%3Cscript%3E",
    ],
)
async def test_a_time_that_is_none_is_refused_by_a_page(served: Served, query: str) -> None:
    status, text = await page(served, f"/services/rds?{query}")
    assert status == 400
    assert len(Elements(text).named("script")) == 1


@pytest.mark.parametrize("query", ["from=0001-01-01T00:00:00Z", "from=9999-12-31T23:59:59Z", "to=1970-01-01T00:00:00Z"])
async def test_times_beyond_what_is_remembered_harm_nobody(served: Served, query: str) -> None:
    status, _ = await page(served, f"/services/rds?{query}")
    assert status in (200, 400)


async def test_nobody_has_no_page(served: Served) -> None:
    assert (await page(served, "/services/redis"))[0] == 404


async def test_what_a_service_is_made_of_is_shown_and_phases_are_a_bar(served: Served) -> None:
    await looks(served, minutes=1)
    began = served.clock.at - 60
    facts = (
        Worker(
            "web",
            0,
            4242,
            "online",
            alive=True,
            gave_up=False,
            restarts=3,
            created_at=None,
            started_at=began,
        ),
        Worker("web", 1, 0, "errored", alive=False, gave_up=True, restarts=16, created_at=None, started_at=None),
        UpstreamPeer("node_backend", "127.0.0.1:3000", "refused", None, 0.001),
        DatabaseEndpoint("db.example", 5432, "shop", "app", "10.0.0.5"),
        DatabaseServer("10.0.0.5", served.clock.at - 4000, in_recovery=False, version="15.4"),
        SessionHolder("web", "10.0.0.9", "idle", 12),
        SessionHolder(HOSTILE, "10.0.0.9", "active", 1),
    )
    readings = (
        Reading("usable_connections", 97),
        Reading("process_memory", 52_428_800, "bytes", {"app": "web", "worker": "0"}),
        Reading("phase_duration", 0.002, "seconds", {"phase": "tcp"}),
    )
    await served.take(Observation("rds", "probe", served.clock.at, 0.1, Seen(readings, facts)))
    text = (await page(served, "/services/rds"))[1]
    for said in ("4242", "50 MiB", "PM2 gave up on it", "127.0.0.1:3000", "refused", "PostgreSQL 15.4", "db.example"):
        assert said in text, said
    assert "13 sessions of 97 usable slots" in text
    assert "TCP: 2 ms" in text
    assert len(Elements(text).named("script")) == 1
    assert "\u202e" not in text
    found = await served.data("/api/v1/services/rds/found")
    assert [each["memory_bytes"] for each in found["workers"]] == [52_428_800, None]
    assert found["database"]["address"] == "10.0.0.5"


async def test_names_of_others_are_text_in_charts_too(served: Served) -> None:
    await served.healthy("<b>odd</b>", Reading("connections", 1, labels={"state": HOSTILE}))
    await served.healthy("<b>odd</b>", Reading("connections", 2, labels={"state": HOSTILE}))
    text = (await page(served, "/services/%3Cb%3Eodd%3C%2Fb%3E?range=1h"))[1]
    assert len(Elements(text).named("script")) == 1
    assert not Elements(text).named("b")
    assert "\u202e" not in text


async def test_a_service_is_told_in_korean(broken: Served) -> None:
    text = (await page(broken, "/services/rds?lang=ko"))[1]
    for said in ("rds · 중단", "점검", "추이", "최근 90일", "이 서비스에 의존"):
        assert said in text, said
