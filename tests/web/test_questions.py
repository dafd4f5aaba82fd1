"""Looking back, and the monitoring's own state, over HTTP."""

from __future__ import annotations

import pytest

from monitor import answers
from monitor.core.model import Reading
from tests.web.conftest import BEARER, START, Served


async def recover(served: Served) -> None:
    for _ in range(2):
        for service in ("rds", "nodejs"):
            served.clock.at += 1
            await served.healthy(service)
    await served.pass_time(30.0)


async def test_a_metric_comes_back_with_time_and_unit(served: Served) -> None:
    for value in (0.25, 0.5):
        served.clock.at += 15
        await served.healthy("rds", Reading("response_time", value, "seconds"), Reading("size", 5, labels={"db": "a"}))
    found = await served.data("/api/v1/services/rds/history?metric=response_time&hours=1")
    (line,) = found.pop("series")
    assert (line["check"], line["metric"], line["unit"]) == ("probe", "response_time", "seconds")
    assert [(each["value"], each["min"], each["max"], each["n"]) for each in line["points"]] == [
        (0.25, 0.25, 0.25, 1),
        (0.5, 0.5, 0.5, 1),
    ]
    assert line["points"][-1]["at"] == answers.rfc3339(served.clock.at)
    now, then = answers.rfc3339(served.clock.at), answers.rfc3339(served.clock.at - 3600)
    assert found == {"service": "rds", "hours": 1.0, "resolution": "full", "from": then, "to": now}


async def test_beyond_a_day_and_when_asked_points_are_of_five_minutes(served: Served) -> None:
    await served.healthy("rds", Reading("load", 1.0))
    await served.healthy("rds", Reading("load", 2.0))
    for query in ("hours=25", "hours=1&resolution=5m"):
        found = await served.data(f"/api/v1/services/rds/history?metric=load&{query}")
        assert found["resolution"] == "5m"
        assert [(each["value"], each["n"]) for each in found["series"][0]["points"]] == [(1.5, 2)]


async def test_without_a_metric_the_answer_says_which_there_are(served: Served) -> None:
    await served.healthy("rds", Reading("load", 1.0), Reading("size", 5, "bytes", {"db": "a"}))
    found = await served.data("/api/v1/services/rds/history")
    assert found["series"] == [
        {"check": "probe", "metric": "load", "unit": "", "points": None},
        {"check": "probe", "metric": 'size{db="a"}', "unit": "bytes", "points": None},
    ]
    assert (await served.data("/api/v1/services/rds/history?metric=nothing"))["series"] == []
    assert (await served.data("/api/v1/services/rds/history?check=other"))["series"] == []


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "2161", "x", "", "1" * 100, "１"])
@pytest.mark.parametrize("path", ["/api/v1/services/rds/history", "/api/v1/alerts", "/api/v1/incidents"])
async def test_hours_are_bounded_and_said_so(served: Served, path: str, hours: str) -> None:
    message = await served.refused(await served.client.get(path, params={"hours": hours}), 400, "bad_request")
    assert message.endswith("; it is a number above 0 and at most 2160")


async def test_the_history_of_nobody_is_not_found_and_an_unknown_resolution_refused(served: Served) -> None:
    await served.refused(await served.client.get("/api/v1/services/redis/history"), 404, "not_found")
    await served.refused(await served.client.get("/api/v1/services/rds/history?resolution=1m"), 400, "bad_request")


async def test_uptime_is_told_over_a_day_a_week_and_a_month(served: Served) -> None:
    served.clock.at += 75
    await served.down("rds")
    served.clock.at += 20
    uptime = (await served.data("/api/v1/services/rds"))["uptime"]
    assert list(uptime) == ["24h", "7d", "30d"]
    assert 78 < uptime["24h"]["percent"] < 82
    assert uptime["24h"]["known_seconds"] > 99
    assert (await served.data("/api/v1/services"))[0]["uptime"] == uptime


async def test_past_alerts_and_incidents_are_found_by_service_severity_and_time(broken: Served) -> None:
    await recover(broken)
    assert await broken.data("/api/v1/alerts") == []
    found = await broken.data("/api/v1/alerts?hours=1&severity=critical&service=rds")
    assert [(each["service"], each["resolved_at"] is None) for each in found] == [("rds", False)]
    assert await broken.data("/api/v1/alerts?hours=1&severity=warning") == []
    assert len(await broken.data("/api/v1/incidents?hours=1&service=nodejs")) == 1
    await broken.pass_time(7200)
    assert await broken.data("/api/v1/alerts?hours=1") == []
    assert await broken.data("/api/v1/incidents?hours=1") == []
    assert len(await broken.data("/api/v1/incidents?hours=3")) == 1


async def test_an_incident_that_the_state_has_forgotten_is_in_the_history_with_its_timeline(broken: Served) -> None:
    (listed,) = await broken.data("/api/v1/incidents")
    await recover(broken)
    monitoring = broken.monitoring
    monitoring._state = type(monitoring.state)(monitoring.state.services)  # as after a hundred later ones
    one = await broken.data(f"/api/v1/incidents/{listed['id']}")
    kinds = [each["kind"] for each in one["timeline"]]
    assert kinds[0] == "opened"
    assert kinds[-1] == "resolved"
    assert {"alert", "status", "told", "alert_resolved"} <= set(kinds)
    assert {each["service"] for each in await broken.data("/api/v1/alerts?state=all")} == {"rds", "nodejs"}


async def test_the_monitoring_says_how_it_is_itself(served: Served) -> None:
    await served.healthy("rds", Reading("load", 1.0))
    served.clock.at += 10
    status = await served.data("/api/v1/monitoring")
    assert (status["running"], status["services"], status["stored_samples"]) == (True, 4, 1)
    assert status["started_at"] == answers.rfc3339(START)
    assert status["uptime_seconds"] > 10
    assert status["checks"][0] == {
        "service": "rds",
        "check": "probe",
        "kind": "probe",
        "every_seconds": 15.0,
        "timeout_seconds": 5.0,
        "last_look": answers.rfc3339(served.clock.at - 10.1),
    }
    assert status["history"]["error"] is None
    assert status["history"]["bytes"] > 0


async def test_a_history_that_cannot_be_read_is_said_and_costs_nothing_else(served: Served) -> None:
    history = served.monitoring.history
    assert history is not None
    await served.healthy("rds", Reading("load", 1.0))
    await history.flush()
    await history._run(lambda file: file.close())
    assert (await served.data("/api/v1/monitoring"))["history"]["error"] is not None
    assert (await served.data("/api/v1/services/rds"))["uptime"]["24h"] == {"percent": None, "known_seconds": 0.0}
    answer = await served.client.get("/api/v1/services/rds/history?metric=load")
    await served.refused(answer, 503, "unavailable")
    await served.down("rds")
    assert (await served.data("/api/v1/services/rds"))["status"] == "down"
    answer = await served.client.post("/api/v1/services/rds/look", headers=BEARER, json={})
    assert answer.status == 200


async def test_the_last_day_is_told_by_half_hours_and_ninety_days_by_days(served: Served) -> None:
    served.clock.at += 75
    await served.down("rds")
    await served.pass_time(20)
    found = await served.data("/api/v1/statuses")
    assert [each["service"] for each in found] == list(served.monitoring.plan.services)
    day = found[0]["slots"]
    assert len(day) == 48
    assert {each["status"] for each in day[:-1]} == {None}
    assert (day[-1]["status"], day[-1]["from"], day[-1]["to"]) == (
        "down",
        "2023-11-14T22:00:00.000Z",
        "2023-11-14T22:30:00.000Z",
    )
    assert day[-1]["down_seconds"] > 19
    (of_rds,) = await served.data("/api/v1/statuses?window=90d&service=rds&time_zone=Asia/Seoul")
    assert len(of_rds["slots"]) == 90
    assert (of_rds["slots"][-1]["from"], of_rds["slots"][-1]["status"]) == ("2023-11-14T15:00:00.000Z", "down")
    assert of_rds["percent"] == of_rds["slots"][-1]["percent"] == found[0]["percent"]
    assert 70 < of_rds["percent"] < 85


@pytest.mark.parametrize("query", ["window=7d", "service=redis", "time_zone=../../etc/passwd", "time_zone=Mars", "x=1"])
async def test_a_past_that_cannot_be_asked_for_is_refused(served: Served, query: str) -> None:
    await served.refused(await served.client.get(f"/api/v1/statuses?{query}"), 400, "bad_request")
