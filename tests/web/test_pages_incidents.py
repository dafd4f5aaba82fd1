"""The list of incidents and the story of each, as the API tells them."""

from __future__ import annotations

import pytest

from monitor.locale import catalogue
from monitor.web.pages import incidents
from tests.web.conftest import BEARER, Served
from tests.web.test_pages import Elements, page
from tests.web.test_questions import recover


async def the_one(served: Served) -> dict[str, object]:
    (found,) = await served.data("/api/v1/incidents?state=all")
    story: dict[str, object] = await served.data(f"/api/v1/incidents/{found['id']}")
    return story


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_an_incident_tells_its_cause_evidence_impact_and_what_happened_in_order(
    broken: Served, language: str
) -> None:
    incident = await the_one(broken)
    status, text = await page(broken, f"/incidents/{incident['id']}?lang={language}")
    assert status == 200
    said = catalogue(language)
    for key in ("notice.label.evidence", "notice.label.impacted", "page.incident.timeline", "page.incident.told"):
        assert said[key] in text
    assert 'href="/services/nodejs"' in text
    assert said["notice.status.down"] in text
    moments = [each for tag, each in Elements(text).found if tag == "time"]
    assert len(moments) >= len(incident["timeline"])  # type: ignore[arg-type]  # a list, as the API says


async def test_what_is_over_says_for_how_long_it_lasted(broken: Served) -> None:
    await recover(broken)
    incident = await the_one(broken)
    text = (await page(broken, f"/incidents/{incident['id']}"))[1]
    assert "It is over, after" in text
    assert "Incident over" in text


async def test_notes_of_people_are_text_and_nothing_else(broken: Served) -> None:
    incident = await the_one(broken)
    (alert, *_) = await broken.data("/api/v1/alerts")
    note = '"><script>alert(1)</script>'
    answer = await broken.client.post(
        f"/api/v1/alerts/{alert['id']}/acknowledge", headers=BEARER, json={"by": "<i>ann</i>", "note": note}
    )
    assert answer.status == 200
    text = (await page(broken, f"/incidents/{incident['id']}"))[1]
    assert "&lt;i&gt;ann&lt;/i&gt; is on it" in text
    assert "<i>" not in text
    assert len(Elements(text).named("script")) == 1


async def test_an_incident_that_is_not_known_is_a_page_that_says_so(served: Served) -> None:
    assert (await page(served, "/incidents/incident-nothing"))[0] == 404


async def test_the_list_has_what_is_open_and_what_is_over_by_service_and_time(broken: Served) -> None:
    incident = await the_one(broken)
    link = f'href="/incidents/{incident["id"]}"'
    text = (await page(broken, "/incidents"))[1]
    assert text.count(link) == 1
    assert "Over: 0" in text
    await recover(broken)
    assert "Over: 1" in (await page(broken, "/incidents"))[1]
    assert link in (await page(broken, "/incidents?service=nodejs&days=1"))[1]
    broken.clock.at += 2 * 86400
    assert link not in (await page(broken, "/incidents?days=1"))[1]
    assert link in (await page(broken, "/incidents?days=7"))[1]


async def test_a_past_that_cannot_be_read_hides_nothing_of_what_is_broken_now(broken: Served) -> None:
    incident = await the_one(broken)
    history = broken.monitoring.history
    assert history is not None
    await history.flush()
    await history._run(lambda file: file.close())
    for path in ("/", "/incidents", f"/incidents/{incident['id']}", "/services/nodejs", "/firewall"):
        status, text = await page(broken, path)
        assert status == 200, path
        assert str(incident["title"]) in text or path in ("/services/nodejs", "/firewall"), path
    for path in ("/", "/incidents", "/services/nodejs"):
        assert "the past cannot be read: " in (await page(broken, path))[1]


async def test_a_long_list_is_shown_a_page_at_a_time(broken: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "A_PAGE", 1)
    await recover(broken)
    await broken.down("<b>odd</b>")
    await broken.pass_time(13)
    for _ in range(2):
        broken.clock.at += 1
        await broken.healthy("<b>odd</b>")
    await broken.pass_time(30)
    first, second = (await page(broken, "/incidents"))[1], (await page(broken, "/incidents?page=2"))[1]
    assert "1 / 2" in first
    assert "2 / 2" in second
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    assert (await page(broken, "/incidents?page=99"))[1].count("2 / 2") == 1
