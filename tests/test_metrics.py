"""What is published, when it appears, and when it is gone."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.checks.base import Check, Env, Family
from monitor.core.model import (
    Blind,
    Confidence,
    Diagnosis,
    Failed,
    Failure,
    Incident,
    Maintenance,
    Message,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    ServiceState,
    Severity,
    State,
    Status,
    StatusChanged,
)
from monitor.metrics import Metrics
from monitor.metrics.check_series import MAX_SERIES

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Pump(Check):
    """A kind with one family of each type."""

    families: ClassVar[tuple[Family, ...]] = (
        Family("pressure", "infra_pump_pressure_ratio", "gauge", "Pressure in the pipe."),
        Family("turns", "infra_pump_turns_total", "counter", "Turns since the pump was built."),
        Family("stops", "infra_pump_stops_total", "tally", "Stops that we saw."),
        Family("stroke", "infra_pump_stroke_seconds", "histogram", "Length of a stroke.", (0.1, 1.0)),
    )
    kind: Literal["pump"] = "pump"
    site: str = ""

    async def look(self, env: Env) -> Seen:
        raise NotImplementedError


class Valve(Check):
    """Another kind that publishes a metric of the first."""

    families: ClassVar[tuple[Family, ...]] = Pump.families[:1]
    kind: Literal["valve"] = "valve"

    async def look(self, env: Env) -> Seen:
        raise NotImplementedError


def seen(*readings: Reading, service: str = "water", check: str = "pump", at: float = 100.0) -> Observation:
    return Observation(service, check, at, 0.2, Seen(readings))


def failed(*readings: Reading) -> Observation:
    return Observation("water", "pump", 200.0, 3.0, Failed(Failure("tcp", "timeout", "no answer"), readings))


BLIND = Observation("water", "pump", 300.0, 0.0, Blind("not configured: PUMP"))


def pressure(value: float, labels: Mapping[str, str] | None = None) -> Reading:
    return Reading("pressure", value, "ratio", labels or {})


def published(metrics: Metrics) -> Series:
    """Every series of a scrape. No series stands there twice."""
    text = metrics.render(None)[0].decode()
    series: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in series, f"{key} is there twice"
            series[key] = sample.value
    return series


def of(name: str, metrics: Metrics) -> dict[frozenset[tuple[str, str]], float]:
    return {labels: value for (each, labels), value in published(metrics).items() if each == name}


def labels(**values: str) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


@pytest.fixture
def metrics() -> Metrics:
    return Metrics({"water": (Pump(),)}, "1.2.3")


def test_before_the_first_look_only_what_we_count_ourselves_is_there(metrics: Metrics) -> None:
    names = {name for name, _ in published(metrics) if not name.startswith("process_")}
    assert names == {
        "infra_build_info",
        "infra_checks_total",
        "infra_check_duration_seconds_bucket",
        "infra_check_duration_seconds_count",
        "infra_check_duration_seconds_sum",
    }
    assert set(of("infra_checks_total", metrics).values()) == {0.0}


def test_a_look_that_saw_publishes_its_readings_under_its_service(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(0.5), Reading("turns", 7.0, labels={"axle": "left"})))
    assert of("infra_pump_pressure_ratio", metrics) == {labels(service="water"): 0.5}
    assert of("infra_pump_turns_total", metrics) == {labels(service="water", axle="left"): 7.0}
    assert of("infra_check_success", metrics) == {labels(service="water", check="pump"): 1.0}
    assert of("infra_check_last_look_timestamp_seconds", metrics) == {labels(service="water", check="pump"): 100.2}


def test_readings_of_a_name_that_no_family_asks_for_are_not_published(metrics: Metrics) -> None:
    before = set(published(metrics))
    metrics.looked(seen(Reading("response_time", 0.1, "seconds")))
    assert {name for name, _ in set(published(metrics)) - before} == {
        "infra_check_success",
        "infra_check_last_look_timestamp_seconds",
    }


def test_a_failed_look_drops_what_it_did_not_bring_and_keeps_what_it_carried(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(0.5), Reading("turns", 7.0)))
    metrics.looked(failed(Reading("turns", 8.0)))
    assert of("infra_pump_pressure_ratio", metrics) == {}
    assert of("infra_pump_turns_total", metrics) == {labels(service="water"): 8.0}
    assert of("infra_check_success", metrics) == {labels(service="water", check="pump"): 0.0}


def test_a_blind_look_leaves_nothing_that_would_have_to_be_known(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(0.5), Reading("turns", 7.0)))
    metrics.looked(BLIND)
    assert of("infra_pump_pressure_ratio", metrics) == of("infra_pump_turns_total", metrics) == {}
    assert of("infra_check_success", metrics) == {}
    assert of("infra_check_last_look_timestamp_seconds", metrics) == {labels(service="water", check="pump"): 300.0}


def test_looks_are_counted_by_outcome_and_all_are_timed(metrics: Metrics) -> None:
    for observation in (seen(), seen(), failed(), BLIND):
        metrics.looked(observation)
    counted = {dict(key)["outcome"]: value for key, value in of("infra_checks_total", metrics).items()}
    assert counted == {"seen": 2, "failed": 1, "blind": 1}
    assert sum(of("infra_check_duration_seconds_count", metrics).values()) == 4
    assert sum(of("infra_check_duration_seconds_sum", metrics).values()) == pytest.approx(3.4)


def test_a_tally_adds_up_over_looks_and_outlives_blindness(metrics: Metrics) -> None:
    by_valve = Reading("stops", 2.0, labels={"why": "valve"})
    metrics.looked(seen(by_valve))
    metrics.looked(failed(Reading("stops", 1.0, labels={"why": "dry"}), by_valve))
    metrics.looked(BLIND)
    assert of("infra_pump_stops_total", metrics) == {
        labels(service="water", why="valve"): 4.0,
        labels(service="water", why="dry"): 1.0,
    }


def test_a_histogram_gains_one_observation_a_reading(metrics: Metrics) -> None:
    for value in (0.1, 0.5, 30.0):
        metrics.looked(seen(Reading("stroke", value, "seconds")))
    buckets = {dict(key)["le"]: value for key, value in of("infra_pump_stroke_seconds_bucket", metrics).items()}
    assert buckets == {"0.1": 1, "1.0": 2, "+Inf": 3}
    assert of("infra_pump_stroke_seconds_count", metrics) == {labels(service="water"): 3}
    assert of("infra_pump_stroke_seconds_sum", metrics) == {labels(service="water"): pytest.approx(30.6)}


def test_of_two_readings_with_the_same_labels_the_last_is_published(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(0.1, {"pipe": "a"}), pressure(0.2, {"pipe": "a"})))
    assert of("infra_pump_pressure_ratio", metrics) == {labels(service="water", pipe="a"): 0.2}


def test_label_values_that_become_equal_by_being_cut_are_one_series(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(0.1, {"pipe": "p" * 128 + "a"}), pressure(0.2, {"pipe": "p" * 128 + "b"})))
    assert of("infra_pump_pressure_ratio", metrics) == {labels(service="water", pipe="p" * 128): 0.2}


def test_checks_of_one_service_that_publish_the_same_metric_are_told_apart_by_their_label() -> None:
    metrics = Metrics({"water": (Pump(), Pump(name="second"), Valve())}, "1.2.3")
    for check, value in (("pump", 0.1), ("second", 0.2), ("valve", 0.3)):
        metrics.looked(seen(pressure(value), check=check))
    assert of("infra_pump_pressure_ratio", metrics) == {
        labels(service="water"): 0.1,
        labels(service="water", check="second"): 0.2,
        labels(service="water", check="valve"): 0.3,
    }


def test_a_check_with_a_name_of_its_own_carries_it() -> None:
    metrics = Metrics({"water": (Pump(name="north"),)}, "1.2.3")
    metrics.looked(seen(pressure(0.1), check="north"))
    assert of("infra_pump_pressure_ratio", metrics) == {labels(service="water", check="north"): 0.1}


def test_a_metric_without_a_series_is_not_mentioned(metrics: Metrics) -> None:
    assert b"infra_pump_" not in metrics.render(None)[0]
    metrics.looked(seen(pressure(0.5)))
    metrics.looked(BLIND)
    assert b"infra_pump_" not in metrics.render(None)[0]


def test_a_reading_may_not_speak_for_another_service_or_take_a_name_of_prometheus(metrics: Metrics) -> None:
    names = ("service", "check", "instance", "job", "le", "__name__", "Bad-Name")
    metrics.looked(seen(*(pressure(0.1, {name: "x"}) for name in names)))
    assert of("infra_pump_pressure_ratio", metrics) == {}
    assert of("infra_series_dropped_total", metrics) == {
        labels(service="water", check="pump", reason="label"): len(names)
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
def test_what_adds_up_is_neither_negative_nor_infinite(metrics: Metrics, value: float) -> None:
    metrics.looked(seen(*(Reading(name, value) for name in ("turns", "stops", "stroke"))))
    assert not [name for name, _ in published(metrics) if name.startswith("infra_pump_")]
    assert set(of("infra_series_dropped_total", metrics).values()) == {3.0}


def test_a_gauge_may_be_infinite_but_not_a_number_is_no_value(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(math.inf, {"pipe": "a"}), pressure(math.nan, {"pipe": "b"}), pressure(-0.5)))
    assert of("infra_pump_pressure_ratio", metrics) == {
        labels(service="water", pipe="a"): math.inf,
        labels(service="water"): -0.5,
    }


@pytest.mark.parametrize("reading", ["pressure", "stops", "stroke"])
def test_no_more_than_1000_label_sets_of_a_metric_are_kept_and_the_rest_is_counted(
    metrics: Metrics, reading: str
) -> None:
    for round_ in range(2):
        metrics.looked(seen(*(Reading(reading, 1.0, labels={"pid": f"{round_}-{n}"}) for n in range(MAX_SERIES + 50))))
    kept = [key for name, key in published(metrics) if name.startswith("infra_pump_") and not name.endswith("bucket")]
    assert len({dict(key)["pid"] for key in kept}) == MAX_SERIES
    assert all(dict(key)["pid"].startswith("1-") for key in kept), "the newest are kept"
    assert sum(of("infra_series_dropped_total", metrics).values()) >= 100


@pytest.mark.parametrize("reading", ["stops", "stroke"])
def test_the_total_that_was_not_heard_of_for_longest_makes_room(metrics: Metrics, reading: str) -> None:
    def heard(pid: int) -> Reading:
        return Reading(reading, 1.0, labels={"pid": str(pid)})

    metrics.looked(seen(*(heard(pid) for pid in range(MAX_SERIES))))
    metrics.looked(seen(heard(0)))
    assert of("infra_series_dropped_total", metrics) == {}
    metrics.looked(seen(heard(MAX_SERIES)))
    kept = {dict(key).get("pid") for name, key in published(metrics) if name.startswith("infra_pump_")}
    assert {"0", str(MAX_SERIES)} <= kept
    assert "1" not in kept
    assert len(kept) == MAX_SERIES


def test_a_removed_check_is_gone_at_once_and_a_late_look_of_it_changes_nothing(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(0.5)))
    metrics.reload({"air": (Pump(),)})
    metrics.looked(seen(pressure(0.6)))
    assert {dict(key).get("service") for _, key in published(metrics)} == {None, "air"}
    metrics.reload({})
    assert {dict(key).get("service") for _, key in published(metrics)} == {None}


def test_after_a_reload_an_unchanged_check_keeps_its_numbers_and_a_changed_one_begins_anew(metrics: Metrics) -> None:
    metrics.looked(seen(pressure(0.5), Reading("stops", 1.0)))
    metrics.reload({"water": (Pump(), Valve())})
    assert of("infra_pump_stops_total", metrics) == {labels(service="water"): 1.0}
    metrics.reload({"water": (Pump(site="elsewhere"), Valve())})
    assert of("infra_pump_stops_total", metrics) == of("infra_pump_pressure_ratio", metrics) == {}
    assert of("infra_checks_total", metrics)[labels(service="water", check="pump", outcome="seen")] == 0.0


def test_one_metric_name_cannot_have_two_meanings() -> None:
    class Other(Valve):
        families: ClassVar[tuple[Family, ...]] = (Family("x", "infra_pump_pressure_ratio", "gauge", "Something else."),)

    with pytest.raises(ValueError, match="infra_pump_pressure_ratio is described in two different ways"):
        Metrics({"water": (Pump(), Other())}, "1.2.3")


PLAN = Plan({name: ServicePlan(name, ()) for name in ("rds", "nginx")})


def believed(rds: Status, *incidents: Incident, maintenance: tuple[Maintenance, ...] = ()) -> State:
    return State(
        {"rds": ServiceState(rds), "nginx": ServiceState(Status.HEALTHY)}, tuple(incidents), maintenance=maintenance
    )


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.MAINTENANCE])
def test_each_service_has_one_status_and_is_up_unless_down_or_unknown(metrics: Metrics, status: Status) -> None:
    metrics.changed(PLAN, believed(status), (), 50.0)
    mine = {
        dict(key)["status"]: value
        for key, value in of("infra_service_status", metrics).items()
        if dict(key)["service"] == "rds"
    }
    assert mine == {each.value: float(each is status) for each in Status}
    up = of("infra_service_up", metrics).get(labels(service="rds"))
    assert up == {Status.DOWN: 0.0, Status.UNKNOWN: None}.get(status, 1.0)


def test_maintenance_is_the_status_but_does_not_make_a_service_answer(metrics: Metrics) -> None:
    work = Maintenance("m1", "rds", 40.0, 60.0, "ann")
    metrics.changed(PLAN, believed(Status.DOWN, maintenance=(work,)), (), 50.0)
    assert of("infra_service_status", metrics)[labels(service="rds", status="maintenance")] == 1.0
    assert of("infra_service_up", metrics)[labels(service="rds")] == 0.0


def test_a_status_that_fits_between_two_scrapes_is_counted(metrics: Metrics) -> None:
    """Each series is there with 0 before it counts: `increase()` does not see what a series begins with."""
    metrics.changed(PLAN, believed(Status.HEALTHY), (), 50.0)
    zeros = {
        labels(service=service, status=status.value): 0.0
        for service in PLAN.services
        for status in Status
        if status is not Status.MAINTENANCE
    }
    assert of("infra_service_status_changes_total", metrics) == zeros
    for before, after in ((Status.HEALTHY, Status.DOWN), (Status.DOWN, Status.HEALTHY)):
        metrics.changed(PLAN, believed(after), (StatusChanged("rds", before, after, 50.0),), 50.0)
    assert of("infra_service_status_changes_total", metrics) == {
        **zeros,
        labels(service="rds", status="down"): 1.0,
        labels(service="rds", status="healthy"): 1.0,
    }


def test_a_service_that_leaves_the_plan_leaves_the_scrape(metrics: Metrics) -> None:
    gone = (StatusChanged("rds", Status.HEALTHY, Status.DOWN, 50.0),)
    metrics.changed(PLAN, believed(Status.DOWN), gone, 50.0)
    metrics.changed(Plan({"nginx": PLAN.services["nginx"]}), State({"nginx": ServiceState(Status.HEALTHY)}), (), 51.0)
    assert "rds" not in {dict(key).get("service") for _, key in published(metrics)}


def test_open_incidents_are_counted_by_severity_with_the_causes_known_of_them(metrics: Metrics) -> None:
    assert of("infra_incidents", metrics) == {}
    cause = Diagnosis("dns_failure", Message("cause.dns_failure"), Confidence.CERTAIN)
    incidents = (
        Incident("i1", "rds", Severity.CRITICAL, 1.0, diagnosis=cause),
        Incident("i2", "nginx", Severity.WARNING, 1.0),
        Incident("i3", "nginx", Severity.WARNING, 1.0, resolved_at=2.0, diagnosis=cause),
        Incident("i4", "nginx", Severity.WARNING, 1.0, adopted_by="i1", diagnosis=cause),
    )
    metrics.changed(PLAN, believed(Status.DOWN, *incidents), (), 50.0)
    assert of("infra_incidents", metrics) == {
        labels(severity="critical"): 1.0,
        labels(severity="warning"): 1.0,
        labels(severity="info"): 0.0,
        labels(severity="error"): 0.0,
    }
    assert of("infra_incident_cause", metrics) == {labels(service="rds", cause="dns_failure"): 1.0}
    metrics.changed(PLAN, believed(Status.HEALTHY), (), 51.0)
    assert of("infra_incident_cause", metrics) == {}
