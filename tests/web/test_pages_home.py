"""The first page: what is broken, why, and what to do; and a card for each service."""

from __future__ import annotations

from dataclasses import replace

from monitor.core.model import Reading
from monitor.standings import Condition, Standing, Try
from monitor.store import Backlog
from monitor.web.pages.picture import CLIENT, chain_of, shortened
from tests.web.conftest import START, Served
from tests.web.test_pages import Elements, page


async def test_when_all_is_well_it_says_so_in_one_sentence(served: Served) -> None:
    status, text = await page(served, "/")
    assert status == 200
    assert "All is well: 4 services, and no incident is open." in text
    assert "<title>All is well · infra-monitor</title>" in text


async def test_a_broken_service_is_told_with_its_cause_and_what_to_do(broken: Served) -> None:
    text = (await page(broken, "/"))[1]
    (incident,) = await broken.data("/api/v1/incidents")
    assert f"<title>{incident['title']} · infra-monitor</title>" in text
    assert incident["cause"]["summary"] in text
    korean = (await page(broken, "/?lang=ko"))[1]
    assert "rds 중단됨" in korean


async def test_a_monitor_that_cannot_tell_anybody_says_so_where_people_look(served: Served) -> None:
    """A channel that has stopped pages nobody; a refused configuration is not the one that was meant."""
    assert "The monitor itself" not in (await page(served, "/"))[1]
    stopped = Try(START, "stopped", "HTTP 410, <the receiver> wants nothing more")
    standing = Standing(channel="pager", kind="webhook", owed=Backlog(2, 0, START), newest=stopped, stopped=stopped)
    served.upkeep.condition = Condition(channels=(standing,))
    served.upkeep.reloads = replace(served.upkeep.reloads, lines=("config.yaml:3:1: 'colour' is no key",))
    served.clock.at += 120
    text = (await page(served, "/"))[1]
    assert "channel pager: STOPPED 2m ago: HTTP 410, &lt;the receiver&gt; wants nothing more" in text
    assert "2 waiting, the oldest for 2m" in text
    assert "was refused, and the one of 2m ago goes on:" in text
    assert "<code>config.yaml:3:1: &#39;colour&#39; is no key</code>" in text
    korean = (await page(served, "/?lang=ko"))[1]
    assert "모니터 자체의 문제" in korean
    assert "채널 pager: 2분 전 중지됨" in korean


async def test_names_and_messages_of_others_are_text_and_nothing_else(served: Served) -> None:
    await served.down("<b>odd</b>")
    await served.healthy("nodejs", Reading("size", 1, labels={"db": '"><script>alert(1)</script>'}))
    await served.pass_time(13)
    text = (await page(served, "/"))[1]
    assert "&lt;b&gt;odd&lt;/b&gt;" in text
    assert not Elements(text).named("b")
    assert len(Elements(text).named("script")) == 1


async def test_every_service_is_a_link_in_the_picture_and_said_in_words_beside_it(broken: Served) -> None:
    found = Elements((await page(broken, "/"))[1])
    nodes = {str(each["href"]) for each in found.named("a") if str(each.get("class", "")).startswith("node")}
    assert nodes == {"/services/rds", "/services/nodejs", "/services/python"}
    roots = {each["href"] for each in found.named("a") if each.get("class") == "node root"}
    assert roots == {"/services/rds"}
    assert {"/services/%3Cb%3Eodd%3C%2Fb%3E"} <= {each.get("href") for each in found.named("a")}
    identities = [each["id"] for _, each in found.found if "id" in each]
    assert len(identities) == len(set(identities))


async def test_a_card_has_the_numbers_of_its_service_with_units_and_its_past(served: Served) -> None:
    for value in (0.25, 0.5):
        served.clock.at += 60
        await served.healthy(
            "rds", Reading("response_time", value, "seconds"), Reading("connections_used", 0.2, "ratio")
        )
    text = (await page(served, "/"))[1]
    assert "<dt>response</dt><dd>500 ms</dd>" in text
    assert "<dt>sessions</dt><dd>20 %</dd>" in text
    assert "Response time in the last hour: 250 ms to 500 ms, now 500 ms" in text
    assert "24 h: 100 % up" in text
    assert "90 d: 100 % up" in text


def node(name: str, *kinds: str, status: str = "healthy", workers: int = 0) -> dict[str, object]:
    there = {"alive": workers, "listed": workers} if workers else None
    return {"name": name, "status": status, "kinds": list(kinds), "message": None, "workers": there}


def edge(name: str, needs: str, milliseconds: float | None = None) -> dict[str, object]:
    return {"from": name, "to": needs, "source": "configured", "evidence": None, "response_time_ms": milliseconds}


STACK = {
    "services": [
        node("rds", "rds", status="down"),
        node("wall", "security_group"),
        node("pm2", "pm2"),
        node("app", "pm2", "http", workers=2),
        node("nginx", "nginx"),
        node("host", "host"),
        node("redis", "tcp"),
    ],
    "edges": [edge("rds", "wall"), edge("app", "rds", 9.0), edge("app", "pm2"), edge("nginx", "app", 3.0)],
}


def test_a_request_meets_the_client_nginx_the_application_the_firewall_and_the_database_in_this_order() -> None:
    chain = chain_of(STACK, front_ms={"nginx": 5.0})
    for picture in chain.pictures:
        order = sorted(picture.shown, key=lambda each: each.box.y if picture.upright else each.box.x)
        assert [each.box.name for each in order] == [CLIENT, "nginx", "app", "wall", "rds"]
        assert sorted((each.milliseconds, each.status) for each in picture.arrows if each.milliseconds) == [
            (3.0, None),
            (5.0, None),
            (9.0, "down"),
        ]


def test_what_all_run_on_is_the_ground_and_what_nobody_needs_stands_alone() -> None:
    chain = chain_of(STACK, front_ms={})
    assert [each["name"] for each in chain.ground] == ["pm2", "host"]
    assert [each["name"] for each in chain.alone] == ["redis"]
    assert [each["to"] for each in chain.needs["app"]] == ["rds", "pm2"]


def test_services_that_use_nothing_need_no_picture() -> None:
    chain = chain_of({"services": [node("redis", "tcp")], "edges": []}, front_ms={})
    assert chain.pictures == ()


def test_a_name_is_shortened_to_its_box_whatever_its_letters() -> None:
    assert shortened("signalcraft-nodejs", 20) == "signalcraft-nodejs"
    assert shortened("signalcraft-nodejs-of-the-shop", 20) == "signalcraft-nodejs-…"
    assert shortened("주문처리서버주문처리서버", 20) == "주문처리서버주문처…"
