"""Silences, maintenance and looks on demand, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from monitor import answers
from monitor.core.model import LookWanted
from monitor.orders import MOST
from monitor.service_monitoring import Change
from tests.web.conftest import BEARER, Served


async def made(served: Served, path: str, **body: Any) -> dict[str, Any]:
    answer = await served.order(path, json={"by": "ann", **body})
    said = await answer.json()
    assert answer.status == 200, said
    data: dict[str, Any] = said["data"]
    return data


async def ended(served: Served, path: str) -> int:
    return (await served.client.delete(path, headers=BEARER)).status


async def test_a_silence_is_listed_until_it_is_ended(served: Served) -> None:
    silence = await made(
        served, "/api/v1/silences", matchers={"service": "rds", "severity": "critical"}, reason="known", **{"for": "2h"}
    )
    assert silence == {
        "id": silence["id"],
        "matchers": {"service": "rds", "severity": "critical"},
        "starts_at": answers.rfc3339(served.clock.at),
        "ends_at": answers.rfc3339(served.clock.at + 7200),
        "active": True,
        "by": "ann",
        "reason": "known",
    }
    assert await served.data("/api/v1/silences") == [silence]
    assert await ended(served, f"/api/v1/silences/{silence['id']}") == 200
    assert await served.data("/api/v1/silences") == []
    assert await ended(served, f"/api/v1/silences/{silence['id']}") == 404


async def test_a_silence_holds_back_its_incident_and_ends_at_its_time(served: Served) -> None:
    until = answers.rfc3339(served.clock.at + 100)
    await made(served, "/api/v1/silences", matchers={"service": "rds"}, until=until)
    await served.down("rds")
    await served.pass_time(20)
    (incident,) = await served.data("/api/v1/incidents")
    assert incident["told"] == []
    await served.pass_time(100)
    assert await served.data("/api/v1/silences") == []
    (incident,) = await served.data("/api/v1/incidents")
    assert [each["kind"] for each in incident["told"]] == ["opened"]


async def test_maintenance_is_shown_while_it_lasts_now_and_later(served: Served) -> None:
    now = await made(served, "/api/v1/maintenance", service="rds", **{"for": "10m"}, reason="upgrade")
    starts = answers.rfc3339(served.clock.at + 3600)
    later = await made(served, "/api/v1/maintenance", service="nodejs", starts=starts, **{"for": "10m"})
    assert (now["kind"], now["active"], now["seconds"], later["active"]) == ("window", True, 600.0, False)
    assert later["starts_at"] == starts
    statuses = {each["name"]: each["status"] for each in await served.data("/api/v1/services")}
    assert (statuses["rds"], statuses["nodejs"]) == ("maintenance", "healthy")
    assert await ended(served, f"/api/v1/maintenance/{now['id']}") == 200
    assert (await served.data("/api/v1/services/rds"))["status"] == "healthy"
    served.clock.at += 3601
    assert (await served.data("/api/v1/services/nodejs"))["status"] == "maintenance"


async def test_recurring_maintenance_has_its_next_window_at_once_and_another_when_that_is_over(served: Served) -> None:
    rule = await made(
        served, "/api/v1/maintenance", service="rds", cron="0 3 * * 0", time_zone="Asia/Seoul", **{"for": "1h"}
    )
    assert (rule["kind"], rule["cron"], rule["seconds"]) == ("recurring", "0 3 * * 0", 3600)
    assert rule["starts_at"] == "2023-11-18T18:00:00.000Z"  # the next Sunday at 3 in Seoul
    window, listed = await served.data("/api/v1/maintenance")
    assert (window["recurring"], window["starts_at"], listed) == (rule["id"], rule["starts_at"], rule)
    await served.pass_time(7 * 86400)
    window, _ = await served.data("/api/v1/maintenance")
    assert window["starts_at"] == "2023-11-25T18:00:00.000Z"
    assert await ended(served, f"/api/v1/maintenance/{window['id']}") == 200
    await served.pass_time(1)
    (listed,) = await served.data("/api/v1/maintenance")
    assert (listed["id"], listed["starts_at"]) == (rule["id"], None)  # left out, and not made again
    await served.pass_time(7 * 86400)
    window, _ = await served.data("/api/v1/maintenance")
    assert window["starts_at"] == "2023-12-02T18:00:00.000Z"
    assert await ended(served, f"/api/v1/maintenance/{rule['id']}") == 200
    assert await served.data("/api/v1/maintenance") == []


async def test_looking_now_wants_every_check_of_the_service(served: Served) -> None:
    changes = list[Change]()
    served.monitoring.subscribe(changes.append)
    wanted = await made(served, "/api/v1/services/rds/look")
    assert (wanted["service"], wanted["checks"]) == ("rds", ["probe"])
    assert changes[-1].events == (LookWanted("rds", "probe", served.clock.at),)


async def test_a_note_goes_with_the_order(broken: Served) -> None:
    (alert,) = await broken.data("/api/v1/alerts?service=rds")
    said = await made(broken, f"/api/v1/alerts/{alert['id']}/acknowledge", note="asked AWS")
    assert (said["acknowledged_by"], said["note"]) == ("ann", "asked AWS")
    said = await made(broken, f"/api/v1/alerts/{alert['id']}/resolve", note="they opened it")
    assert (said["resolved_by"], said["note"]) == ("ann", "they opened it")


SILENCE: dict[str, Any] = {"by": "ann", "matchers": {"service": "rds"}, "for": "1h"}
WINDOW: dict[str, Any] = {"by": "ann", "service": "rds", "for": "1h"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matchers": {}}, "matchers: Dictionary should have at least 1 item"),
        ({"matchers": {"host": "a"}}, "matchers name one or more of service, severity, cause"),
        ({"matchers": {"severity": "loud"}}, "severity is one of info, warning, error, critical"),
        ({"matchers": {"service": 5}}, "matchers.service must be a name of 1 to 128 printable characters"),
        ({"for": None}, "say either for how long or until when"),
        ({"until": "2023-11-15T00:00:00Z"}, "say either for how long or until when"),
        ({"for": "soon"}, "for: 'soon' is not a duration; write for example 500ms, 15s, 1m30s, 4h or 90d"),
        ({"for": 5}, "for must be a duration, for example 30m, 2h or 1d"),
        ({"for": "9" * 400 + "d"}, "it must end after it begins, and between a second and 366 days from now"),
        ({"for": None, "until": "2023-11-15"}, "until must be a time with its zone"),
        ({"for": None, "until": "0001-01-01T00:00:00+23:59"}, "until must be a time with its zone"),
        ({"for": None, "until": "2001-01-01T00:00:00Z"}, "it must end after it begins"),
        ({"starts": "2033-01-01T00:00:00Z"}, "it must end after it begins, and between a second and 366 days"),
        ({"reason": "a\nb"}, "reason must be one line of printable characters"),
        ({"more": 1}, "unknown key 'more'; known here: by, for, until, starts, reason, matchers"),
    ],
)
async def test_a_silence_that_cannot_be_meant_is_refused_in_words(
    served: Served, change: dict[str, Any], said: str
) -> None:
    body = {key: value for key, value in (SILENCE | change).items() if value is not None}
    message = await served.refused(await served.order("/api/v1/silences", json=body), 400, "bad_request")
    assert message.startswith(said)
    assert await served.data("/api/v1/silences") == []


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"service": "redis"}, 404, "there is no such service; /api/v1/services lists them"),
        ({"service": "redis", "cron": "0 3 * * 0"}, 404, "there is no such service; /api/v1/services lists them"),
        ({"cron": "0 3 * *"}, 400, "cron must be five fields"),
        ({"cron": "0 0 31 2 *"}, 400, "cron: '0 0 31 2 *' never comes"),
        ({"cron": "0 3 * * 0", "time_zone": "Mars"}, 400, "time_zone cannot be 'Mars'"),
        ({"time_zone": "UTC"}, 400, "time_zone belongs to cron"),
        ({"cron": "0 3 * * 0", "for": None}, 400, "with cron, say only for how long each window is"),
        ({"cron": "0 3 * * 0", "for": "400d"}, 400, "a window is a second to 366 days long"),
        ({"cron": "0 3 * * 0", "starts": "2023-11-15T00:00:00Z"}, 400, "with cron, say only for how long"),
    ],
)
async def test_maintenance_that_cannot_be_meant_is_refused_in_words(
    served: Served, change: dict[str, Any], status: int, said: str
) -> None:
    body = {key: value for key, value in (WINDOW | change).items() if value is not None}
    kind = "not_found" if status == 404 else "bad_request"
    message = await served.refused(await served.order("/api/v1/maintenance", json=body), status, kind)
    assert message.startswith(said)
    assert await served.data("/api/v1/maintenance") == []


async def test_a_program_gone_wild_is_stopped(served: Served) -> None:
    state = served.monitoring.state
    await made(served, "/api/v1/silences", **SILENCE)
    (silence,) = served.monitoring.state.silences
    await made(served, "/api/v1/maintenance", **WINDOW)
    (window,) = served.monitoring.state.maintenance
    served.monitoring._state = type(state)(state.services, silences=(silence,) * MOST, maintenance=(window,) * MOST)
    for path, body in (("/api/v1/silences", SILENCE), ("/api/v1/maintenance", WINDOW)):
        message = await served.refused(await served.order(path, json=body), 400, "bad_request")
        assert "already; end some first" in message


async def test_nothing_is_ended_without_the_token(served: Served) -> None:
    silence = await made(served, "/api/v1/silences", **SILENCE)
    for path in (f"/api/v1/silences/{silence['id']}", "/api/v1/silences/none", "/api/v1/maintenance/none"):
        assert (await served.client.delete(path)).status == 401
    assert len(await served.data("/api/v1/silences")) == 1
