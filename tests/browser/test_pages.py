"""Every page, for everybody: both languages, both schemes, phone and desktop, keyboard and screen reader."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import House, looking

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
SIZES: Final = {"phone": (360, 740), "desktop": (1280, 900)}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
READ_ALOUD = (("en", "light", "desktop"), ("ko", "dark", "phone"))
"""The views in which axe looks: each scheme, size and language once, which is where its rules could differ."""
HEAVIEST_BYTES = 120 * 1024
FAULT = "sg-rule-revoked"
MOST_STOPS = 200


@pytest.fixture(scope="module")
def incident(house: House) -> Iterator[dict[str, Any]]:
    """Open, with a cause, evidence and commands, as long as the module's tests run."""
    with house.broken(FAULT) as opened:
        yield opened


def pages_of(page: Page) -> list[str]:
    """One of every kind of page, found from the first one by links alone; none of them leads nowhere."""
    found: dict[tuple[str, bool], str] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        kind = (path.split("/")[1], path.count("/") > 1)
        if kind in found or path.startswith(("/api/", "/static/", "/-/", "/metrics")):
            continue
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        found[kind] = path
        waiting += page.eval_on_selector_all(
            "header a, main a", "links => links.map(each => new URL(each.getAttribute('href'), location).pathname)"
        )
    return list(found.values())


@pytest.mark.usefixtures("incident")
def test_every_page_loads_clean_in_every_view(browser: Browser, house: House, pytestconfig: pytest.Config) -> None:
    pictures: Path | None = pytestconfig.getoption("--pictures")
    with looking(browser, house) as sight:
        paths = pages_of(sight.page)
    for language in ("en", "ko"):
        with looking(browser, house, locale=language) as sight:
            for path in paths:
                page = sight.open(path)
                assert page.get_attribute("html", "lang") == language, path
                for scheme, size in itertools.product(SCHEMES, SIZES):
                    where = f"{path} {language} {scheme} {size}"
                    page.emulate_media(color_scheme=scheme)
                    page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
                    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], where
                    if (language, scheme, size) in READ_ALOUD:
                        assert axe(page) == [], where
                    if pictures:
                        name = f"{picture_of(path)}-{language}-{scheme}-{size}.png"
                        page.screenshot(path=pictures / name, full_page=True)
                assert sight.troubles == [], path


def picture_of(path: str) -> str:
    """`home`, `incidents`, `incidents-one`, …"""
    name = path.split("/")[1] or "home"
    return f"{name}-one" if path.count("/") > 1 else name


def axe(page: Page) -> list[str]:
    """What axe finds that is serious or critical."""
    page.evaluate(AXE.read_text())  # by the debugger, which the page's policy does not bind
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.usefixtures("incident")
def test_a_page_with_all_that_it_needs_is_light(browser: Browser, house: House) -> None:
    with looking(browser, house) as sight:
        for path in pages_of(sight.page):
            sight.answers.clear()
            sight.open(path)
            weights = {each.url: len(each.body()) for each in sight.answers if "/api/v1/events" not in each.url}
            assert len(weights) >= 2, weights
            assert sum(weights.values()) <= HEAVIEST_BYTES, weights


@pytest.mark.usefixtures("incident")
def test_with_the_keyboard_one_gets_everywhere_in_order_and_sees_where_one_is(browser: Browser, house: House) -> None:
    with looking(browser, house) as sight:
        page = sight.open("/")
        page.keyboard.press("Tab")
        skip = page.locator(":focus")
        assert skip.get_attribute("href") == "#main"
        assert (skip.bounding_box() or {"x": -1})["x"] >= 0, "it is seen when it has the focus"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.evaluate("document.activeElement.blur(); window.stops = []")
        page.goto(house.url)
        wanted = page.locator("a:visible, button:visible, summary:visible, [tabindex='0']:visible").count()
        seen = 0
        for _ in range(MOST_STOPS):
            page.keyboard.press("Tab")
            stop = page.evaluate(_STOP)
            if stop == "end":
                break
            assert stop == "", stop
            seen += 1
        assert seen >= wanted, "everything that can be pressed is reached"


_STOP: Final = """() => {
  const here = document.activeElement, before = window.before;
  if (!here || here === document.body || here === window.first) return "end";
  window.first ??= here;
  window.before = here;
  const style = getComputedStyle(here), frame = here.querySelector(":scope > .frame");
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const framed = frame && parseFloat(getComputedStyle(frame).strokeWidth) >= 2;
  if (!outlined && !framed) return `not to be seen that it has the focus: ${here.outerHTML}`;
  const box = here.getBoundingClientRect();
  if (!box.width || box.left < 0 || box.left >= innerWidth) return `not seen: ${here.outerHTML}`;
  const follows = before && before.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING;
  return !before || follows ? "" : `out of order: ${here.outerHTML}`;
}"""
"""What is wrong with where the focus is; `end` once it has been everywhere."""
