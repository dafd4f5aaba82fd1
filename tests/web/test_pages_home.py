"""The first page: what is broken, why, and what to do; and a card for each service."""

from __future__ import annotations

from monitor.core.model import Reading
from tests.web.conftest import Served
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


async def test_names_and_messages_of_others_are_text_and_nothing_else(served: Served) -> None:
    await served.down("<b>odd</b>")
    await served.healthy("nodejs", Reading("size", 1, labels={"db": '"><script>alert(1)</script>'}))
    await served.pass_time(13)
    text = (await page(served, "/"))[1]
    assert "&lt;b&gt;odd&lt;/b&gt;" in text
    assert not Elements(text).named("b")
    assert len(Elements(text).named("script")) == 1
