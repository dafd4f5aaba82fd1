"""The page follows the monitor by itself, and says when it cannot; a user acts on it, with scripts or without."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PATIENCE_SECONDS, USER, House, looking
from tests.daemon.running import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

FAULT = "postgres-stopped"
PATIENCE = PATIENCE_SECONDS * 1000


def test_a_fault_and_its_end_appear_without_a_reload_and_what_a_person_did_stays(
    browser: Browser, house: House
) -> None:
    with looking(browser, house) as sight:
        page = sight.open("/")
        page.evaluate("document.body.mine = 'the same document'")
        page.focus("footer a")
        with house.broken(FAULT) as incident:
            expect(page.locator("main")).to_contain_text(incident["title"], timeout=PATIENCE)
            expect(page.locator("#said")).not_to_be_empty()
            orders = page.locator(".orders").first
            orders.locator("summary").click()
            note = orders.locator("input[name=note]").first
            note.fill("half a sentence")
            page.evaluate("document.querySelector('.orders').mine = true")
            before = page.locator("footer time").get_attribute("datetime") or ""
            house.ask("/api/v1/silences", {"by": "bob", "matchers": {"service": "rds"}, "for": "5m"})
            expect(page.locator(".mutes")).to_contain_text("bob", timeout=PATIENCE)
            expect(page.locator("footer time")).not_to_have_attribute("datetime", before)
            assert page.evaluate("document.querySelector('.orders').mine && document.querySelector('.orders').open")
            assert note.input_value() == "half a sentence"
            assert page.evaluate("document.activeElement.name") == "note"
            for silence in house.ask("/api/v1/silences"):
                house.ask(f"/api/v1/silences/{silence['id']}", method="DELETE")
        expect(page.locator("h1")).to_contain_text("All is well", timeout=PATIENCE)
        assert page.evaluate("document.body.mine") == "the same document"


def test_when_the_monitor_is_gone_the_page_says_since_when_and_goes_on_when_it_is_back(
    browser: Browser, house: House
) -> None:
    with looking(browser, house) as sight:
        page = sight.open("/")
        lost, at = page.locator("#lost"), page.locator("footer time").text_content() or ""
        expect(lost).to_be_hidden()
        house.watched.daemon.stop()
        try:
            expect(lost).to_be_visible(timeout=PATIENCE)
            expect(lost).to_contain_text(f"Last update: {at[:11]}")
        finally:
            house.watched.daemon.start()
        expect(lost).to_be_hidden(timeout=PATIENCE)
        wait_for(house.is_healthy, seconds=PATIENCE_SECONDS)
        expect(page.locator("h1")).to_contain_text("All is well", timeout=PATIENCE)
        sight.troubles = [each for each in sight.troubles if "net::ERR" not in each]  # it was gone, as it should be


@pytest.mark.parametrize("fault", [FAULT])
def test_every_action_works_with_scripts_and_without(browser: Browser, house: House, fault: str) -> None:
    with house.broken(fault):
        for scripts in (True, False):
            with looking(browser, house, java_script_enabled=scripts) as sight:
                _act(sight.open("/"), house)


def _act(page: Page, house: House) -> None:
    """Press everything there is to press, as a user would, and see that it was done in the user's name."""
    silence = _form(page, "silence")
    silence.locator("[name=for]").fill("soon")
    silence.locator("[name=reason]").fill("known")
    _press(silence)
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.locator("[name=reason]").input_value() == "known"
    page.locator("[name=for]").fill("5m")
    _press(page.locator("form.order"))
    assert [(each["by"], each["reason"]) for each in house.ask("/api/v1/silences")] == [(USER, "known")]
    _press(page.locator("form[action$='/end_silence']"))
    assert house.ask("/api/v1/silences") == []

    _press(_form(page, "maintenance"))
    assert [each["by"] for each in house.ask("/api/v1/maintenance")] == [USER]
    _press(page.locator("form[action$='/end_maintenance']"))
    assert house.ask("/api/v1/maintenance") == []

    _press(_form(page, "look"))

    acknowledge = _form(page, "acknowledge")
    acknowledge.locator("[name=note]").fill("looking into it")
    _press(acknowledge)
    assert {each["acknowledged_by"] for each in _alerts(house)} == {USER}
    expect(page.locator("form[action$='/acknowledge']")).to_have_count(0)

    before = {each["id"] for each in _alerts(house)}
    _press(_form(page, "resolve"))
    assert not before & {each["id"] for each in _alerts(house)}
    wait_for(lambda: _alerts(house), seconds=PATIENCE_SECONDS)  # it still fails: the next look opens it anew
    page.goto(house.url)


def _form(page: Page, name: str) -> Locator:
    """The form, with what hides it opened."""
    found = page.locator(f"form[action$='/{name}']").first
    if not found.is_visible():
        page.locator(".orders summary").first.click()
    return found


def _press(form: Locator) -> None:
    """Send it, and come to the page that answers."""
    with form.page.expect_navigation():
        form.get_by_role("button").click()


def _alerts(house: House) -> list[dict[str, Any]]:
    """Those of the first open incident."""
    return [each for incident in house.ask("/api/v1/incidents")[-1:] for each in incident["alerts"]]
