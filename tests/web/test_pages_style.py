"""Everybody can read the pages: contrast in both schemes, and little to load."""

from __future__ import annotations

import re

import pytest

from monitor.core.words import Status
from monitor.web.pages.assets import asset
from tests.web.test_pages import PAGES

STATUSES = [status.value for status in Status]
TEXT = 4.5
GRAPHIC = 3.0


def colours(scheme: str) -> dict[str, str]:
    text = (PAGES / "static/css/10-colours.css").read_text()
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    """WCAG 2, relative luminance."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_everything_it_stands_on(scheme: str) -> None:
    known = colours(scheme)
    tints = [f"{status}-tint" for status in STATUSES]
    pairs = [(ink, ground) for ink in ("text", "muted", "link") for ground in ("ground", "surface", "sunken", *tints)]
    pairs += [(status, ground) for status in STATUSES for ground in ("ground", "surface", f"{status}-tint")]
    poor = {pair: contrast(known[pair[0]], known[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in poor.items() if value < TEXT} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_that_mean_something_can_be_seen(scheme: str) -> None:
    known = colours(scheme)
    assert {ground for ground in ("surface", "ground") if contrast(known["edge"], known[ground]) < GRAPHIC} == set()


def test_the_dark_scheme_has_every_colour_of_the_light_one() -> None:
    text = (PAGES / "static/css/10-colours.css").read_text()
    light, dark = (set(re.findall(r"--([\w-]+): #", part)) for part in text.split("@media"))
    assert light == dark


def test_the_styles_are_small_and_ask_nobody_else_for_anything() -> None:
    css = asset("css").content.decode()
    assert len(css) < 20_000
    assert not re.search(r"url\(|@import|https?:", css)
    assert "https:" not in asset("js").content.decode()
