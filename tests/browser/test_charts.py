"""The pages of the services and of the firewall, as Chromium draws them from what the lab's real servers say."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import House, looking
from tests.daemon.running import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
CHART = ".charts .chart[aria-label^='Response time']"
PHONE = {"width": 390, "height": 800}


def drawn(house: House, service: str) -> None:
    """A line takes two looks."""

    def has_points() -> bool:
        found = house.ask(f"/api/v1/services/{service}/history?metric=response_time")["series"]
        return bool(found) and len(found[0]["points"]) > 2

    wait_for(has_points, seconds=60)


def text_of(page: Page) -> str:
    return page.locator("main").inner_text()


def test_every_service_has_a_page_that_fits_a_phone_and_says_what_the_servers_say(
    browser: Browser, house: House
) -> None:
    drawn(house, "rds")
    with looking(browser, house, viewport=PHONE) as sight:
        for service in house.statuses():
            page = sight.open(f"/services/{service}?range=1h")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), service
        pids = [each["pid"] for each in house.ask("/api/v1/services/signalcraft-nodejs/found")["workers"]]
        said = text_of(sight.open("/services/signalcraft-nodejs"))
        assert pids
        assert all(str(pid) in said for pid in pids)
        said = text_of(sight.open("/services/rds?range=1h"))
        assert "usable slots" in said
        assert "PostgreSQL" in said
        expect(sight.page.locator(".phases rect").first).to_be_visible()
        said = text_of(sight.open("/firewall"))
        assert "The path is open" in said
        assert "lets this host in" in said
        assert sight.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_dragging_over_a_chart_shows_that_part_of_the_time_and_links_do_it_without_scripts(
    browser: Browser, house: House
) -> None:
    drawn(house, "rds")
    with looking(browser, house) as sight:
        page = sight.open("/services/rds?range=1h")
        chart = page.locator(CHART)
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] * 0.6, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=3)
        page.mouse.up()
        page.wait_for_url("**/services/rds?from=*")
        asked = {key: datetime.fromisoformat(value) for key, (value,) in parse_qs(urlsplit(page.url).query).items()}
        assert timedelta(minutes=12) < asked["to"] - asked["from"] < timedelta(minutes=16)
    with looking(browser, house, java_script_enabled=False) as sight:
        page = sight.open("/services/rds?range=1h")
        page.get_by_role("link", name="zoom in").click()
        page.wait_for_url("**/services/rds?from=*")
        page.get_by_role("link", name="7 days").click()
        page.wait_for_url("**/services/rds?range=7d*")
        expect(page.locator(CHART)).to_be_visible()
