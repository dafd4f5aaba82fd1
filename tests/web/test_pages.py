"""What every page has: its frame, its language, its refusals, and nothing in it that could run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from yarl import URL

from monitor import __version__
from monitor.locale import catalogue
from tests.web.conftest import Served

PAGES = Path(__file__).parents[2] / "monitor" / "web" / "pages"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = ("/", "/incidents", "/nothing-is-here")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Elements(HTMLParser):
    """Every element with its attributes, and what was written around them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.written: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open:
            self.written[self._open[-1]] = self.written.get(self._open[-1], "") + data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


async def page(served: Served, path: str, **headers: str) -> tuple[int, str]:
    answer = await served.client.get(path, headers=HTML | headers)
    assert answer.content_type == "text/html"
    return answer.status, await answer.text()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["en", "ko"])
async def test_nothing_in_a_page_could_run_and_its_policy_says_so(broken: Served, path: str, language: str) -> None:
    answer = await broken.client.get(f"{path}?lang={language}", headers=HTML)
    assert answer.headers["Content-Security-Policy"] == POLICY
    found = Elements(await answer.text())
    for tag, attributes in found.found:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        assert not any((value or "").strip().lower().startswith("javascript:") for value in attributes.values()), tag
    assert "style" not in dict(found.found)
    assert not found.written.get("script", "").strip()
    for tag, attributes in found.found:
        address = attributes.get("src") or (attributes.get("href") if tag in ("link", "use") else None)
        assert address is None or address.startswith(("/static/", "data:image/svg+xml,", "#")), address


async def test_styles_and_scripts_are_kept_for_ever_under_the_name_of_their_content(served: Served) -> None:
    found = Elements((await page(served, "/"))[1])
    paths = [str(found.named("link")[1]["href"]), str(found.named("script")[0]["src"])]
    for path, kind in zip(paths, ("text/css", "text/javascript"), strict=True):
        answer = await served.client.get(path)
        assert (answer.status, answer.content_type, answer.charset) == (200, kind, "utf-8")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert (await served.client.get(re.sub(r"\.\w{12}\.", ".000000000000.", path))).status == 404
    assert (await served.client.get("/static/..%2fsite.py")).status == 404


async def test_a_page_is_never_kept(served: Served) -> None:
    answer = await served.client.get("/", headers=HTML)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "accepted", "spoken"),
    [
        ("", "", "en"),
        ("", "ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("", "fr,de;q=0.9", "en"),
        ("", "en;q=0.5, ko;q=0.8", "ko"),
        ("", "ko;q=0, en", "en"),
        ("", "ko;q=x", "en"),
        ("?lang=ko", "en", "ko"),
        ("?lang=fr", "ko", "ko"),
        ('?lang="><script>', "", "en"),
    ],
)
async def test_the_reader_is_spoken_to_in_their_language(
    served: Served, query: str, accepted: str, spoken: str
) -> None:
    text = (await page(served, f"/{query}", **{"Accept-Language": accepted}))[1]
    assert f'<html lang="{spoken}">' in text
    assert catalogue(spoken)["page.nav.overview"] in text


async def test_a_chosen_language_is_remembered_and_the_other_one_is_a_link_away(served: Served) -> None:
    answer = await served.client.get("/?lang=ko&hours=3", headers=HTML)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    text = (await page(served, "/"))[1]
    assert '<html lang="ko">' in text
    links = {str(each.get("hreflang")): each["href"] for each in Elements(await answer.text()).named("a")}
    assert links["en"] == "?lang=en&hours=3"


async def test_times_are_those_of_the_configured_zone(served: Served) -> None:
    text = (await page(served, "/"))[1]
    assert "2023-11-15 07:13:20 KST" in text
    assert "Asia/Seoul" in text
    assert __version__ in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/a//nothing//x?q=%22", 404), ("PATCH", "/", 401)],
)
async def test_a_person_gets_a_page_that_says_why_there_is_none(
    served: Served, method: str, path: str, status: int
) -> None:
    answer = await served.client.request(method, path, headers=HTML)
    text = await answer.text()
    assert (answer.status, answer.content_type) == (status, "text/html")
    assert catalogue("en")[f"page.refused.{status}.title"] in text
    assert all(str(each["href"]).startswith(("?", "/", "#")) for each in Elements(text).named("a"))


async def test_strangers_learn_nothing_from_a_refusal_and_are_told_how_to_come_in(served: Served) -> None:
    answer = await served.client.post("/nothing", headers=HTML)
    text = await answer.text()
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert __version__ not in text
    assert "Asia/Seoul" not in text


@pytest.mark.parametrize("path", ["/api/nothing", "/api/v1/incidents/nothing"])
async def test_the_api_answers_browsers_too_in_its_envelope(served: Served, path: str) -> None:
    await served.refused(await served.client.get(path, headers=HTML), 404, "not_found")


async def test_programs_get_a_line_of_text(served: Served) -> None:
    answer = await served.client.get("/nothing", headers={"Accept": "*/*"})
    assert (answer.status, answer.content_type) == (404, "text/plain")


async def test_an_old_browser_can_read_it_without_scripts(served: Served) -> None:
    text = (await page(served, "/"))[1]
    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in text


async def test_every_link_of_every_page_leads_somewhere_whatever_things_are_called(broken: Served) -> None:
    """From link to link; a service here is called `<b>odd</b>`."""
    await broken.down("<b>odd</b>")
    await broken.pass_time(13)
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop()
        answer = await broken.client.get(URL(path, encoded=True), headers=HTML)
        assert answer.status == 200, path
        if answer.content_type != "text/html":
            continue
        hrefs = {str(each["href"]).partition("#")[0] for each in Elements(await answer.text()).named("a")}
        paths = {str(URL(path, encoded=True).join(URL(href, encoded=True))) for href in hrefs if href}
        waiting += sorted(each for each in paths - seen if "?" not in each)
        seen |= paths
    assert {"/services/%3Cb%3Eodd%3C%2Fb%3E", "/firewall", "/incidents", "/metrics"} <= seen


def test_the_templates_say_nothing_that_the_catalogues_lack_and_the_catalogues_nothing_that_is_never_said() -> None:
    known = {key for key in catalogue("en") if key.startswith("page.")}
    sources = [each.read_text() for each in (*PAGES.rglob("*.html"), *PAGES.parent.rglob("*.py"))]
    said = {key for text in sources for key in re.findall(r'"(page\.[\w.]+?)"', text)}
    open_ended = {key for text in sources for key in re.findall(r'"(page\.[\w.]+\.)["{]', text)}
    assert said - open_ended - known == set()
    assert {key for key in known - said if not key.startswith(tuple(open_ended))} == set()
