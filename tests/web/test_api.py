"""What the API answers, and how it refuses."""

import math

import pytest

from monitor.core.model import Finding, Message, Observation, Reading, Seen, Status
from tests.web.conftest import BEARER, Served

SERVICE_KEYS = {
    "name",
    "status",
    "since",
    "last_check",
    "uptime_seconds",
    "uptime",
    "response_time_ms",
    "error_rate",
    "metrics",
    "units",
    "dependencies",
    "alerts",
    "diagnosis",
    "metadata",
    "checks",
}


async def test_the_summary_counts_the_services(broken: Served) -> None:
    assert await broken.data("/api/v1/summary") == {
        "total_services": 4,
        "healthy_services": 2,
        "warning_services": 0,
        "critical_services": 0,
        "down_services": 2,
        "maintenance_services": 0,
        "unknown_services": 0,
        "active_alerts": 2,
        "critical_alerts": 2,
        "overall_status": "down",
    }


async def test_services_are_a_list_in_the_order_of_the_configuration_with_every_key(served: Served) -> None:
    services = await served.data("/api/v1/services")
    assert [each["name"] for each in services] == ["rds", "nodejs", "python", "<b>odd</b>"]
    assert all(set(each) == SERVICE_KEYS for each in services)
    assert [each["dependencies"] for each in services] == [[], ["rds"], ["rds"], []]


async def test_one_service_is_answered_by_its_name(served: Served) -> None:
    rds = await served.data("/api/v1/services/rds")
    assert (rds["name"], rds["status"], rds["metadata"]) == ("rds", "healthy", {"team": "db"})
    assert (await served.data("/api/v1/services/%3Cb%3Eodd%3C%2Fb%3E"))["name"] == "<b>odd</b>"


async def test_a_service_that_is_not_planned_is_not_found(served: Served) -> None:
    message = await served.refused(await served.client.get("/api/v1/services/redis"), 404, "not_found")
    assert message == "there is no such service; /api/v1/services lists them"


@pytest.mark.parametrize("value", [math.nan, math.inf])
async def test_what_is_no_number_in_json_is_null(served: Served, value: float) -> None:
    await served.healthy("rds", Reading("lag", value), Reading("size", 5.0))
    assert (await served.data("/api/v1/services/rds"))["metrics"] == {"lag": None, "size": 5.0}


async def test_names_that_are_not_utf8_do_not_break_the_answer(served: Served) -> None:
    await served.healthy("rds", Reading("size", 5.0, labels={"app": "caf\udce9"}))
    assert (await served.data("/api/v1/services/rds"))["metrics"] == {'size{app="caf?"}': 5.0}


async def test_incidents_are_the_open_ones_unless_all_are_asked_for(broken: Served) -> None:
    (open_one,) = await broken.data("/api/v1/incidents")
    assert (open_one["root"], open_one["status"]) == ("rds", "open")
    assert open_one["impacted"] == [
        {"name": "nodejs", "status": "down"},
        {"name": "python", "status": "healthy"},
    ]
    await recover(broken)
    assert await broken.data("/api/v1/incidents") == []
    (resolved,) = await broken.data("/api/v1/incidents?state=all")
    assert (resolved["id"], resolved["status"]) == (open_one["id"], "resolved")


async def test_an_incident_that_became_part_of_another_is_not_open_by_itself(served: Served) -> None:
    for service in ("nodejs", "python"):
        await served.down(service)
        await served.pass_time(13.0)
    assert len(await served.data("/api/v1/incidents")) == 2
    await served.down("rds")
    await served.pass_time(13.0)
    (root,) = await served.data("/api/v1/incidents")
    assert root["root"] == "rds"
    (part,) = [each for each in await served.data("/api/v1/incidents?state=all") if each["id"] != root["id"]]
    assert (part["status"], part["part_of"]) == ("open", root["id"])


async def test_the_newest_incidents_and_alerts_come_first(served: Served) -> None:
    for service in ("<b>odd</b>", "rds"):
        await served.down(service)
        await served.pass_time(13.0)
    assert [each["root"] for each in await served.data("/api/v1/incidents")] == ["rds", "<b>odd</b>"]
    assert [each["service"] for each in await served.data("/api/v1/alerts")] == ["rds", "<b>odd</b>"]


async def test_an_incident_is_answered_by_its_id_also_when_it_is_over(broken: Served) -> None:
    (listed,) = await broken.data("/api/v1/incidents")
    one = await broken.data(f"/api/v1/incidents/{listed['id']}")
    assert {"opened", "alert", "told"} <= {each["kind"] for each in one.pop("timeline")}
    assert one == listed
    assert listed["url"] == f"http://monitor.example:10142/incidents/{listed['id']}"
    await recover(broken)
    assert (await broken.data(f"/api/v1/incidents/{listed['id']}"))["status"] == "resolved"


async def test_alerts_are_the_active_ones_unless_all_are_asked_for(broken: Served) -> None:
    alerts = await broken.data("/api/v1/alerts")
    assert {each["service"] for each in alerts} == {"rds", "nodejs"}
    assert all(each["resolved_at"] is None for each in alerts)
    await recover(broken)
    assert await broken.data("/api/v1/alerts") == []
    assert len(await broken.data("/api/v1/alerts?state=all")) == 2


async def test_alerts_can_be_asked_for_by_service_and_severity(broken: Served) -> None:
    assert [each["service"] for each in await broken.data("/api/v1/alerts?service=nodejs")] == ["nodejs"]
    assert len(await broken.data("/api/v1/alerts?severity=critical")) == 2
    assert await broken.data("/api/v1/alerts?severity=warning&service=rds&state=active") == []


async def test_the_topology_points_from_the_dependant_to_what_it_needs(served: Served) -> None:
    topology = await served.data("/api/v1/topology")
    configured = {"source": "configured", "evidence": None, "response_time_ms": None}
    assert topology["edges"] == [
        {"from": "nodejs", "to": "rds", **configured}, {"from": "python", "to": "rds", **configured}
    ]  # fmt: skip
    assert {"name": "rds", "status": "healthy"}.items() <= topology["services"][0].items()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "/api/v1/alerts?serverity=a",
            "unknown parameter 'serverity'; known here: service, severity, state, hours",
        ),
        ("/api/v1/alerts?severity=loud", "severity cannot be 'loud'; it is one of info, warning, error, critical"),
        ("/api/v1/alerts?service=redis", "service cannot be 'redis'; it is one of rds, nodejs, python, <b>odd</b>"),
        ("/api/v1/alerts?state=open", "state cannot be 'open'; it is one of active, all"),
        ("/api/v1/alerts?state=all&state=all", "parameter state is given twice"),
        ("/api/v1/incidents?state=", "state cannot be ''; it is one of open, all"),
        ("/api/v1/summary?x=1", "unknown parameter 'x'; none is known here"),
        ("/api/v1/services?name=rds", "unknown parameter 'name'; none is known here"),
        ("/api/v1/topology?" + "x" * 500, f"unknown parameter '{'x' * 64}\\u2026'; none is known here"),
    ],
)
async def test_what_is_not_understood_is_said_and_not_passed_over(served: Served, path: str, message: str) -> None:
    assert await served.refused(await served.client.get(path), 400, "bad_request") == message


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothing", "/api/v2/summary", "/api/v1/summary/", "/api/v1/incidents/no.such", "/api/v1/incidents/none"],
)
async def test_below_api_also_what_is_not_there_has_the_envelope(served: Served, path: str) -> None:
    await served.refused(await served.client.get(path), 404, "not_found")


async def test_a_method_that_is_not_possible_is_refused_with_those_that_are(served: Served) -> None:
    answer = await served.client.post("/api/v1/summary", headers=BEARER)
    message = await served.refused(answer, 405, "method_not_allowed")
    assert message == "POST is not possible here; possible: GET, HEAD"
    assert answer.headers["Allow"] == "GET, HEAD"


async def test_head_is_get_without_the_body(served: Served) -> None:
    for path, status in (("/api/v1/summary", 200), ("/api/v1/nothing", 404), ("/metrics", 200), ("/", 200)):
        answer = await served.client.head(path)
        assert (answer.status, await answer.read()) == (status, b"")
        assert int(answer.headers["Content-Length"]) > 0


async def test_a_bug_of_ours_costs_one_answer_and_tells_nothing_of_it(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finding whose words are in no catalogue stands for any bug."""
    wordless = Finding(Status.WARNING, "x", Message("no.such.words"))
    await served.take(Observation("rds", "probe", served.clock.at, 0.1, Seen(facts=(wordless,))))
    answer = await served.client.get("/api/v1/services/rds")
    message = await served.refused(answer, 500, "internal")
    assert message == "this is a bug of the monitor; its log says more"
    assert "web.crashed" in capsys.readouterr().out
    assert (await served.data("/api/v1/services/nodejs"))["status"] == "healthy"


async def recover(served: Served) -> None:
    for _ in range(4):
        for service in ("rds", "nodejs"):
            await served.healthy(service)
        await served.pass_time(3.0)
