"""From the evidence of an app's wiring to a cause."""

from __future__ import annotations

import pytest

from monitor.core.diagnose import diagnose
from monitor.core.model import CheckPlan, Finding, Message, Observation, Plan, Seen, ServicePlan, Status
from monitor.locale import LANGUAGES, speak
from tests.core.story import World

SECOND = Finding(Status.HEALTHY, "second_env", Message("wiring.second_env", {"app": "web", "files": "/srv/app/.env"}))


def found(reason: str) -> Finding:
    return Finding(Status.CRITICAL, reason, Message("wiring.no_connection", {"app": "web"}))


def cause(kind: str, *findings: Finding) -> tuple[str, list[str]]:
    plan = Plan({"web": ServicePlan("web", (CheckPlan(kind, kind, 60.0, 5.0, 180.0, confirm=1),))})
    world = World(plan)
    world.take(Observation("web", kind, world.now, 0.0, Seen(facts=findings)))
    diagnosis = diagnose(plan, world.state, "web", world.now)
    for message in (diagnosis.summary, diagnosis.remedy):
        assert message
        assert all("{" not in speak(message, language) for language in LANGUAGES)
    return diagnosis.cause, [each.message.key for each in diagnosis.evidence]


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("wrong_host", "wrong_database"),
        ("localhost_fallback", "wrong_database"),
        ("wrong_name", "wrong_database"),
        ("sqlite_in_use", "sqlite_in_use"),
        ("something_else", "unknown"),
    ],
)
def test_what_the_look_found_is_the_cause(reason: str, wanted: str) -> None:
    assert cause("wiring", found(reason))[0] == wanted


def test_everything_else_that_was_found_is_evidence_once() -> None:
    assert cause("wiring", found("wrong_host"), SECOND) == (
        "wrong_database",
        ["wiring.no_connection", "wiring.second_env"],
    )


def test_a_reason_of_one_kind_of_check_tells_nothing_about_another() -> None:
    assert cause("http", found("wrong_host"))[0] == "unknown"
