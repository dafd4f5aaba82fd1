"""The page follows the monitor by itself, and says when it cannot."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import House, looking

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]


def test_a_fault_and_its_end_appear_without_a_reload_and_what_a_person_did_stays(
    browser: Browser, house: House
) -> None:
    with looking(browser, house) as sight:
        page = sight.open("/")
        page.evaluate("document.body.mine = 'the same document'")
        page.focus("footer a")
        with house.broken("postgres-stopped") as incident:
            expect(page.locator("main")).to_contain_text(incident["title"])
        expect(page.locator("h1")).to_contain_text("All is well", timeout=60_000)
        assert page.evaluate("document.body.mine") == "the same document"
        assert page.evaluate("document.activeElement.closest('footer') !== null")
