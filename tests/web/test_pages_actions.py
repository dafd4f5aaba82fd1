"""What a user does on the pages is done in the user's name; what cannot be done comes back in words."""

from __future__ import annotations

import re

import pytest
from aiohttp import ClientResponse

from monitor.locale import catalogue
from monitor.web.pages.actions import FORMS
from monitor.web.security import Security
from tests.web.conftest import BEARER, Served
from tests.web.test_pages import HTML, Elements
from tests.web.test_security import ANN, users


@pytest.fixture
async def ours(broken: Served) -> Served:
    """Rds is down, and ann is a user."""
    broken.security[0] = Security(users=users())
    return broken


async def send(
    served: Served, path: str, fields: dict[str, str] | None = None, *, headers: dict[str, str] | None = None
) -> ClientResponse:
    sent = HTML | ANN | (headers or {})
    return await served.client.post(path, data=fields or {}, headers=sent, allow_redirects=False)


async def incident_of(served: Served) -> str:
    answer = await served.client.get("/api/v1/incidents", headers=ANN)
    return str((await answer.json())["data"][0]["id"])


async def asked(served: Served, path: str) -> list[dict[str, object]]:
    answer = await served.client.get(f"/api/v1/{path}", headers=ANN)
    return list((await answer.json())["data"])


async def test_an_incident_is_acknowledged_and_resolved_in_the_name_of_the_user(ours: Served) -> None:
    incident = await incident_of(ours)
    answer = await send(ours, f"/incidents/{incident}/acknowledge", {"note": "looking"})
    assert (answer.status, answer.headers["Location"]) == (303, f"/incidents/{incident}")
    alerts = await asked(ours, "alerts")
    assert {(each["acknowledged_by"], each["note"]) for each in alerts} == {("ann", "looking")}
    assert (await send(ours, f"/incidents/{incident}/resolve", {"back": "/?lang=ko"})).headers[
        "Location"
    ] == "/?lang=ko"
    assert await asked(ours, "alerts") == []
    past = await asked(ours, "alerts?state=all")
    assert {each["resolved_by"] for each in past} == {"ann"}


async def test_a_service_is_silenced_and_heard_again(ours: Served) -> None:
    await send(ours, "/services/rds/silence", {"for": "2h", "reason": "known"})
    ((silence,)) = await asked(ours, "silences")
    assert (silence["matchers"], silence["by"], silence["reason"]) == ({"service": "rds"}, "ann", "known")
    answer = await send(ours, f"/silences/{silence['id']}/end_silence")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert await asked(ours, "silences") == []
    assert (await send(ours, f"/silences/{silence['id']}/end_silence")).status == 303, "it has ended, as was wanted"


async def test_maintenance_begins_and_ends(ours: Served) -> None:
    answer = await send(ours, "/services/%3Cb%3Eodd%3C%2Fb%3E/maintenance", {"for": "30m"})
    assert answer.headers["Location"] == "/services/%3Cb%3Eodd%3C%2Fb%3E"
    ((window,)) = await asked(ours, "maintenance")
    assert (window["service"], window["by"], window["seconds"]) == ("<b>odd</b>", "ann", 1800)
    await send(ours, f"/maintenance/{window['id']}/end_maintenance")
    assert await asked(ours, "maintenance") == []


async def test_a_look_is_wanted_now(ours: Served) -> None:
    assert (await send(ours, "/services/rds/look", {"back": "/"})).headers["Location"] == "/"
    assert (await send(ours, "/services/nobody/look")).status == 404


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("for", "soon", "for"),
        ("for", "", "for"),
        ("for", "2 weeks", "for"),
        ("for", "5000d", "span"),
        ("for", "1ms", "span"),
        ("reason", "x" * 513, "reason"),
        ("reason", "two\nlines", "reason"),
    ],
)
async def test_what_is_wrong_comes_back_in_words_and_what_was_written_stays(
    ours: Served, language: str, field: str, value: str, wrong: str
) -> None:
    written = {"for": "2h", "reason": 'because "<of> it"'} | {field: value}
    answer = await send(ours, "/services/rds/silence", written | {"back": "/"}, headers={"Accept-Language": language})
    text = await answer.text()
    assert answer.status == 422
    assert catalogue(language)[f"page.form.wrong.{wrong}"] in text
    found = {each["name"]: each for each in Elements(text).named("input")}
    kept = written | {"for": written["for"] or "2h"}
    assert {name: str(found[name]["value"]).split() for name in kept} == {k: v.split() for k, v in kept.items()}
    assert found["back"]["value"] == "/"
    assert await asked(ours, "silences") == []
    corrected = {"for": "2h", "reason": "ok"}
    (form,) = Elements(text).named("form")
    assert (await send(ours, str(form["action"]), corrected)).status == 303


async def test_an_incident_that_is_over_cannot_be_acknowledged(ours: Served) -> None:
    incident = await incident_of(ours)
    await send(ours, f"/incidents/{incident}/resolve")
    answer = await send(ours, f"/incidents/{incident}/acknowledge", {"note": "late"})
    assert answer.status == 409
    assert "late" in await answer.text()


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:1", ""])
async def test_nobody_is_sent_elsewhere(ours: Served, back: str) -> None:
    answer = await send(ours, "/services/rds/look", {"back": back})
    assert answer.headers["Location"] == "/services/rds"


@pytest.mark.parametrize("name", FORMS)
async def test_forms_of_other_pages_and_of_strangers_do_nothing(ours: Served, name: str) -> None:
    path = FORMS[name].path(name).replace("{of}", "rds")
    fields = {"for": "2h"}
    for evil in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await send(ours, path, fields, headers=evil)).status == 403
    assert (await ours.client.post(path, data=fields, headers=HTML)).status == 401
    assert (await ours.client.post(path, data=fields, headers=HTML | BEARER)).status == 403
    assert (await asked(ours, "silences"), await asked(ours, "maintenance")) == ([], [])


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [("{}", "application/json", 415), ("a=1&" * 30, "application/x-www-form-urlencoded", 400)],
)
async def test_what_is_no_form_is_refused(ours: Served, body: str, kind: str, status: int) -> None:
    headers = HTML | ANN | {"Content-Type": kind}
    assert (await ours.client.post("/services/rds/look", data=body, headers=headers)).status == status


async def test_without_users_the_page_is_read_only_and_says_how_to_change_that(broken: Served) -> None:
    text = await (await broken.client.get("/", headers=HTML)).text()
    assert Elements(text).named("form") == []
    assert catalogue("en")["page.form.read_only"] in text
    broken.security[0] = Security(users=users())
    text = await (await broken.client.get("/", headers=HTML | ANN)).text()
    assert len(Elements(text).named("form")) == 5
    assert catalogue("en")["page.form.read_only"] not in text
    assert re.search(r'action="/incidents/[\w-]+/acknowledge"', text)


async def test_a_page_lets_its_forms_say_whose_they_are(ours: Served) -> None:
    """With `no-referrer`, browsers send `Origin: null` along with a form."""
    answer = await ours.client.get("/", headers=HTML | ANN)
    assert answer.headers["Referrer-Policy"] == "same-origin"


async def test_what_is_muted_stands_on_the_page_with_an_end_to_it(ours: Served) -> None:
    await send(ours, "/services/rds/silence", {"for": "2h", "reason": "known <i>"})
    await send(ours, "/services/rds/maintenance", {"for": "30m"})
    answer = await ours.client.post(
        "/api/v1/maintenance",
        json={"by": "ann", "service": "rds", "cron": "0 3 * * 0", "time_zone": "Asia/Seoul", "for": "1h"},
        headers=BEARER,
    )
    assert answer.status == 200
    text = await (await ours.client.get("/", headers=HTML | ANN)).text()
    assert "Nobody is told of rds until" in text
    assert "rds is being worked on until" in text
    assert "rds is worked on for 1h whenever 0 3 * * 0 says (Asia/Seoul)." in text
    assert "ann: known &lt;i&gt;" in text
    ends = [str(each["action"]) for each in Elements(text).named("form") if "/end_" in str(each["action"])]
    assert len(ends) == 4, "a silence, a window, a rule and its next window"
    for path in ends:
        assert (await send(ours, path)).status == 303
    assert (await asked(ours, "silences"), await asked(ours, "maintenance")) == ([], [])
