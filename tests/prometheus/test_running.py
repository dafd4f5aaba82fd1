"""A real Prometheus and Alertmanager with the files of the package, on the lab: healthy, then broken."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.daemon.running import wait_for
from tests.lab.lab import Lab
from tests.prometheus.conftest import Scraped
from tests.prometheus.files import alerting, rules, selectors

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
ABSENT_UNTIL_TROUBLE = {"infra_incident_cause", "infra_channel_up"}
# Is not there until something is dropped, and then counts with each look, so that `increase()` sees it.
NOTHING_DROPPED = {"infra_series_dropped_total"}


def test_each_scrape_configuration_reaches_its_daemon(scraped: Scraped) -> None:
    def targets() -> dict[str, tuple[str, str]]:
        active = scraped.prometheus.ask("targets")["activeTargets"]
        return {each["labels"]["job"]: (each["health"], each["lastError"]) for each in active}

    every_way = dict.fromkeys(("infra-monitor", "prometheus-tls", "prometheus-http-sd"), ("up", ""))
    wait_for(lambda: targets() == every_way, every=0.5)
    assert scraped.query('infra_service_up{job="prometheus-tls", service="machine"}')
    assert scraped.query('up{job="prometheus-http-sd", version!=""}')


@pytest.mark.usefixtures("healthy_lab")
def test_every_recording_rule_has_data_where_all_is_well(scraped: Scraped) -> None:
    recorded = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    wait_for(lambda: all(scraped.query(name) for name in recorded), every=0.5)
    for name, expression in recorded.items():
        assert scraped.query(expression), name


@pytest.mark.usefixtures("healthy_lab")
def test_everything_that_an_alert_asks_for_has_data_where_all_is_well(scraped: Scraped) -> None:
    asked = {each for rule in alerting() for each in selectors(rule["expr"])}
    assert {re.split("[{]", each)[0] for each in asked} > ABSENT_UNTIL_TROUBLE
    assert {each for each in asked if not scraped.query(each)} - ABSENT_UNTIL_TROUBLE == NOTHING_DROPPED


@pytest.mark.usefixtures("healthy_lab")
def test_every_rule_is_evaluated_and_only_the_watchdog_fires_where_all_is_well(scraped: Scraped) -> None:
    wait_for(
        lambda: {(each["health"], each.get("lastError", "")) for each in _evaluated(scraped)} == {("ok", "")}, every=0.5
    )
    wait_for(lambda: _names(scraped.query('ALERTS{alertstate="firing"}')) == {"Watchdog"}, every=0.5)


def test_a_stopped_database_is_one_page_with_its_cause(healthy_lab: Lab, scraped: Scraped) -> None:
    healthy_lab.break_("postgres-stopped")
    (page,) = wait_for(lambda: _alerts(scraped, "/pager"), seconds=90)
    assert {(each["labels"]["alertname"], each["labels"]["service"]) for each in page["alerts"]} == {
        ("InfraIncident", "rds")
    }
    assert {each["labels"]["cause"] for each in page["alerts"]} == {"rds_not_available"}
    assert "error expanding" not in json.dumps(page["alerts"])
    assert {each for each in ABSENT_UNTIL_TROUBLE if not scraped.query(each)} == set()
    healthy_lab.heal("postgres-stopped")
    wait_for(lambda: not scraped.query("infra_incident_cause"), seconds=90, every=0.5)
    assert len(_alerts(scraped, "/pager")) == 1


INCIDENT = {"alertname": "InfraIncident", "service": "db", "cause": "rds_not_available", "severity": "critical"}


@pytest.mark.parametrize(
    ("why", "source", "target", "held"),
    [
        ("symptom", INCIDENT, {"kind": "symptom", "service": "app"}, True),
        ("symptom-elsewhere", INCIDENT, {"kind": "symptom", "service": "app", "instance": "elsewhere"}, False),
        (
            "maintenance",
            INCIDENT | {"alertname": "InfraIncidentInMaintenance"},
            {"kind": "symptom", "service": "x"},
            True,
        ),
        ("no-cause", {"alertname": "InfraIncident", "service": "db"}, {"kind": "symptom", "service": "app"}, False),
        ("trend", INCIDENT, {"kind": "trend", "service": "db"}, True),
        ("trend-elsewhere", INCIDENT, {"kind": "trend", "service": "host"}, False),
        ("worse", INCIDENT, INCIDENT | {"severity": "warning", "cause": "database_slow"}, True),
        ("channel", {"alertname": "InfraMonitorIncident", "service": "db"}, INCIDENT, True),
        ("monitor", INCIDENT, {"kind": "monitor", "service": "db"}, False),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_an_incident_holds_back(
    scraped: Scraped, why: str, source: dict[str, str], target: dict[str, str], *, held: bool
) -> None:
    there = {"instance": why}
    watched = {"alertname": "Watched", **there, **target, "target": why}
    scraped.post_alerts(there | source, watched)

    def mine() -> dict[str, Any] | None:
        found = (each for each in scraped.alerts() if each["labels"].get("target") == why)
        return next((each for each in found if each["status"]["state"] != "unprocessed"), None)

    assert bool(wait_for(mine, every=0.2)["status"]["inhibitedBy"]) is held


def _evaluated(scraped: Scraped) -> list[dict[str, Any]]:
    return [rule for group in scraped.prometheus.ask("rules")["groups"] for rule in group["rules"]]


def _names(samples: list[dict[str, Any]]) -> set[str]:
    return {each["metric"]["alertname"] for each in samples}


def _alerts(scraped: Scraped, path: str) -> list[dict[str, Any]]:
    """The pages there that are not about what a test posted itself."""
    pages = [body for body in scraped.hears.bodies(path) if body["status"] == "firing"]
    return [page for page in pages if all("job" in each["labels"] for each in page["alerts"])]
