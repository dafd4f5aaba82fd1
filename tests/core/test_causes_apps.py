"""From what asking an application, or the machine, brought back to a cause."""

from __future__ import annotations

import pytest

from monitor.core.diagnose import diagnose
from monitor.core.model import (
    CheckPlan,
    Confidence,
    Diagnosis,
    Failed,
    Failure,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    Status,
    Threshold,
)
from monitor.locale import LANGUAGES, speak
from tests.core.story import World, finding

DAY = 86400.0
SHARES = tuple(Threshold(name, 0.8, 0.95, "ratio") for name in ("cpu", "memory", "disk", "disk_inodes", "descriptors"))
THRESHOLDS = (
    Threshold("response_time", 2.0, 5.0, "seconds"),
    Threshold("certificate_remaining", 21 * DAY, 7 * DAY, "seconds", "below"),
    *SHARES,
)


def plan(*kinds: str) -> Plan:
    checks = (CheckPlan(kind, kind, 15.0, 5.0, 45.0, confirm=1, recover=1, thresholds=THRESHOLDS) for kind in kinds)
    return Plan({"it": ServicePlan("it", tuple(checks))})


def diagnosis(**results: Seen | Failed) -> Diagnosis:
    """What follows when each kind of check brought this back."""
    world = World(plan(*results))
    for kind, result in results.items():
        world.take(Observation("it", kind, world.now, 0.0, result))
    found = diagnose(world.plan, world.state, "it", world.now)
    assert found.remedy
    for language in LANGUAGES:
        assert speak(found.summary, language)
        assert speak(found.remedy, language)
    return found


def failed(phase: str, reason: str, status: Status = Status.DOWN) -> Failed:
    return Failed(Failure(phase, reason, "what the other side said", status))


@pytest.mark.parametrize("kind", ["http", "tcp"])
@pytest.mark.parametrize(
    ("phase", "reason", "cause", "confidence"),
    [
        ("answer", "timeout", "app_unresponsive", Confidence.CERTAIN),
        ("answer", "closed", "app_unresponsive", Confidence.CERTAIN),
        ("answer", "reset", "app_unresponsive", Confidence.CERTAIN),
        ("body", "timeout", "app_unresponsive", Confidence.CERTAIN),
        ("tls", "timeout", "app_unresponsive", Confidence.CERTAIN),
        ("tcp", "refused", "app_unresponsive", Confidence.LIKELY),
        ("connect", "missing", "app_unresponsive", Confidence.LIKELY),
        ("answer", "status", "app_errors", Confidence.CERTAIN),
        ("answer", "unexpected", "app_errors", Confidence.CERTAIN),
        ("answer", "protocol", "app_errors", Confidence.CERTAIN),
        ("body", "text", "app_errors", Confidence.CERTAIN),
        ("tls", "certificate_expired", "certificate_expiring", Confidence.CERTAIN),
        ("tcp", "timeout", "unknown", Confidence.UNKNOWN),
        ("tcp", "unreachable", "unknown", Confidence.UNKNOWN),
        ("resolve", "dns", "unknown", Confidence.UNKNOWN),
        ("tls", "certificate", "unknown", Confidence.UNKNOWN),
    ],
)
def test_the_phase_and_the_reason_of_asking_tell_the_cause(
    *, kind: str, phase: str, reason: str, cause: str, confidence: Confidence
) -> None:
    found = diagnosis(**{kind: failed(phase, reason)})
    assert (found.cause, found.confidence) == (cause, confidence)
    assert found.evidence[0].message.values["text"] == "what the other side said"


def test_nobody_listening_is_told_in_other_words_than_silence() -> None:
    silent, refused = diagnosis(http=failed("answer", "timeout")), diagnosis(http=failed("tcp", "refused"))
    assert silent.summary != refused.summary
    assert silent.remedy != refused.remedy
    assert [each.cause for each in silent.ruled_out] == ["network_path_blocked"]
    assert refused.ruled_out == ()


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_slow_answers(kind: str) -> None:
    assert diagnosis(**{kind: Seen((Reading("response_time", 3.0),))}).cause == "app_slow"


def test_silence_tells_more_than_slowness() -> None:
    slow = Failed(failed("answer", "timeout").failure, (Reading("response_time", 9.0),))
    assert diagnosis(http=slow).cause == "app_unresponsive"


def test_what_pm2_is_sure_of_tells_more_than_a_closed_door() -> None:
    gave_up = Seen(facts=(finding(Status.DOWN, "gave_up"),))
    assert diagnosis(http=failed("tcp", "refused"), pm2=gave_up).cause == "process_gave_up"
    assert diagnosis(http=failed("answer", "timeout"), pm2=gave_up).cause == "process_gave_up"


@pytest.mark.parametrize(
    ("metric", "cause"),
    [
        ("cpu", "host_cpu"),
        ("memory", "host_memory"),
        ("disk", "host_disk"),
        ("disk_inodes", "host_disk"),
        ("descriptors", "unknown"),
    ],
)
def test_what_the_machine_has_too_little_of_is_the_cause(metric: str, cause: str) -> None:
    found = diagnosis(host=Seen((Reading(metric, 0.9, "ratio", {"mountpoint": "/"}),)))
    assert found.cause == cause
    assert "90 %" in str(found.evidence[0].message.values["value"])


@pytest.mark.parametrize(("kind", "days"), [("http", 3), ("rds", 3), ("http", 20)])
def test_a_certificate_that_ends_soon(kind: str, days: int) -> None:
    found = diagnosis(**{kind: Seen((Reading("certificate_remaining", days * DAY, "seconds"),))})
    assert (found.cause, found.confidence) == ("certificate_expiring", Confidence.CERTAIN)
    assert bool(found.ruled_out) is (kind == "rds")


def test_a_certificate_that_has_ended_is_told_in_other_words() -> None:
    soon = diagnosis(http=Seen((Reading("certificate_remaining", DAY, "seconds"),)))
    ended = diagnosis(http=failed("tls", "certificate_expired"))
    assert soon.summary != ended.summary
    assert soon.remedy != ended.remedy
