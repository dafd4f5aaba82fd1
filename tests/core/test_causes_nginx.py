"""From what was seen of Nginx to the cause, by a table."""

from __future__ import annotations

import pytest

from monitor.core.diagnose import diagnose
from monitor.core.model import (
    CheckPlan,
    Confidence,
    Diagnosis,
    Failed,
    Failure,
    Finding,
    Message,
    Observation,
    Plan,
    Seen,
    ServicePlan,
    Status,
)
from monitor.locale import LANGUAGES, speak
from tests.core.story import World


def diagnosis(result: Seen | Failed, kind: str = "nginx") -> Diagnosis:
    check = CheckPlan(kind, kind, 15.0, 5.0, 45.0, confirm=1, recover=1)
    world = World(Plan({"it": ServicePlan("it", (check,))}))
    world.take(Observation("it", kind, world.now, 0.0, result))
    return diagnose(world.plan, world.state, "it", world.now)


def finding(reason: str, status: Status = Status.CRITICAL) -> Seen:
    return Seen(facts=(Finding(status, reason, Message("nginx.config_broken", {"text": "x"})),))


@pytest.mark.parametrize(
    ("phase", "reason", "cause", "confidence"),
    [
        ("process", "not_running", "nginx_down", Confidence.CERTAIN),
        ("connect", "refused", "nginx_down", Confidence.CERTAIN),
        ("answer", "frozen", "nginx_frozen", Confidence.CERTAIN),
        ("answer", "timeout", "nginx_frozen", Confidence.LIKELY),
    ],
)
def test_where_nginx_itself_fails_tells_the_cause(phase: str, reason: str, cause: str, confidence: Confidence) -> None:
    found = diagnosis(Failed(Failure(phase, reason, "it said")))
    assert (found.cause, found.confidence) == (cause, confidence)


@pytest.mark.parametrize(
    ("reason", "cause", "summary"),
    [
        ("upstream_port_mismatch", "upstream_port_mismatch", "summary"),
        ("upstream_down", "upstream_down", "summary"),
        ("upstream_unresponsive", "upstream_down", "silent"),
        ("redundancy_lost", "upstream_down", "some"),
        ("upstream_marked_failed", "upstream_marked_failed", "summary"),
        ("upstream_timeout_mismatch", "upstream_timeout_mismatch", "summary"),
        ("nginx_config_broken", "nginx_config_broken", "summary"),
        ("nginx_config_not_loaded", "nginx_config_not_loaded", "summary"),
        ("certificate_not_reloaded", "certificate_not_reloaded", "summary"),
    ],
)
def test_what_was_found_is_the_cause(reason: str, cause: str, summary: str) -> None:
    found = diagnosis(finding(reason))
    sure = Confidence.LIKELY if cause == "upstream_port_mismatch" else Confidence.CERTAIN  # the app itself was not seen
    assert (found.cause, found.confidence) == (cause, sure)
    assert found.summary.key == f"cause.{cause}.{summary}"
    for language in LANGUAGES:
        for message in (found.summary, found.remedy, *(each.why for each in found.ruled_out)):
            assert message is not None
            assert speak(message, language)


@pytest.mark.parametrize("reason", ["route_failing", "app_errors", "workers_stopped"])
def test_what_may_have_many_reasons_is_not_guessed_at(reason: str) -> None:
    assert diagnosis(finding(reason, Status.WARNING)).cause == "unknown"


def test_the_words_of_nginx_mean_nothing_in_the_mouth_of_another() -> None:
    assert diagnosis(finding("upstream_down"), kind="http").cause == "unknown"
