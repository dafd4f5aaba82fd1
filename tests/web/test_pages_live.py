"""What a page needs to stay as the monitor is, and that it is small."""

from __future__ import annotations

from monitor.questions import Questions
from monitor.web.news import News
from monitor.web.pages.assets import asset
from tests.web.conftest import Served
from tests.web.test_pages import Elements, page

LARGEST_SCRIPT = 10_000


def test_the_script_is_small() -> None:
    assert len(asset("js").content) <= LARGEST_SCRIPT


async def test_a_page_listens_and_a_refusal_does_not(served: Served) -> None:
    for path, listens in (("/", "/api/v1/events"), ("/nothing", None)):
        (body,) = Elements((await page(served, path))[1]).named("body")
        assert body.get("data-live") == listens
    assert (await served.client.head("/api/v1/events")).status == 200


async def test_the_script_hears_every_type_of_event(broken: Served) -> None:
    news = News(broken.monitoring, Questions(broken.monitoring))
    script = asset("js").content.decode()
    assert f'"{news.begin().kind}"' in script
    for kind in ("status", "incident.opened", "incident.updated", "incident.resolved", "mutes", "looks"):
        assert f'"{kind}"' in script
