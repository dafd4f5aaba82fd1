"""A badge tells a page of others how a service is, and no more."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.web.conftest import Served

SVG = "{http://www.w3.org/2000/svg}"


async def texts(served: Served, path: str) -> list[str | None]:
    answer = await served.client.get(path)
    assert (answer.status, answer.content_type) == (200, "image/svg+xml")
    root = ET.fromstring(await answer.text())  # noqa: S314 — ours
    return [each.text for each in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/badge/rds.svg", ["rds", "✖ down"]),
        ("/badge/rds.svg?lang=ko", ["rds", "✖ 중단"]),
        ("/badge/python.svg", ["python", "● healthy"]),
        ("/badge/%3Cb%3Eodd%3C%2Fb%3E.svg", ["<b>odd</b>", "● healthy"]),
        ("/badge.svg", ["infra-monitor", "✖ down"]),
        ("/badge.svg?lang=ko", ["infra-monitor", "✖ 중단"]),
    ],
)
async def test_a_badge_is_a_name_and_a_word_in_either_language(broken: Served, path: str, said: list[str]) -> None:
    assert await texts(broken, path) == said


async def test_a_badge_is_never_kept_may_be_shown_anywhere_and_says_nothing_but_the_status(broken: Served) -> None:
    answer = await broken.client.get("/badge/rds.svg")
    assert answer.headers["Cache-Control"] == "no-cache, no-store, max-age=0"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    drawn = await answer.text()
    assert "timeout" not in drawn
    assert "no answer" not in drawn
    assert len(drawn) < 1000


@pytest.mark.parametrize(
    ("path", "status"), [("/badge/redis.svg", 404), ("/badge/rds.svg?lang=fr", 400), ("/badge.svg?x=1", 400)]
)
async def test_what_is_no_badge_is_refused(served: Served, path: str, status: int) -> None:
    assert (await served.client.get(path)).status == status
