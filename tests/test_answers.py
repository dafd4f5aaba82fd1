"""The JSON of state: every key always there, in words, in both languages."""

from __future__ import annotations

import json
from dataclasses import replace

from monitor import answers
from monitor.core.model import (
    Blind,
    Change,
    ChangeKind,
    CheckPlan,
    Confidence,
    Diagnosis,
    Evidence,
    Failed,
    Failure,
    Incident,
    Message,
    Notice,
    NoticeDue,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    Severity,
    State,
    Status,
)
from monitor.core.step import begin, step

NOW = 1_780_000_000.0
CHECK = CheckPlan("rds", "rds", every=15, timeout=10, stale_after=45, confirm=1)
PLAN = Plan(
    {
        "rds": ServicePlan("rds", (CHECK,), metadata={"team": "backend"}),
        "nodejs": ServicePlan("nodejs", (replace(CHECK, name="pm2", kind="pm2"),), depends_on=("rds",)),
    }
)
SERVICE_KEYS = [
    "name", "status", "since", "last_check", "uptime_seconds", "uptime", "response_time_ms", "error_rate", "metrics",
    "units",
    "dependencies", "alerts", "diagnosis", "metadata", "checks",
]  # fmt: skip


def _after(*results: tuple[str, str, Seen | Failed | Blind]) -> tuple[State, list[Notice]]:
    state, notices = begin(PLAN, None, NOW), list[Notice]()
    for number, (service, check, result) in enumerate(results, 1):
        look = Observation(service, check, NOW + number, 0.1, result)
        state, events = step(PLAN, state, NOW + number + 0.1, look)
        notices += [event.notice for event in events if isinstance(event, NoticeDue)]
    return state, notices


HEALTHY = Seen((Reading("response_time", 0.0125, "seconds"), Reading("connections", 3, labels={"state": "idle"})))
REFUSED = Failed(Failure("tcp", "refused", "Connection refused"))


def test_a_service_has_every_key_before_anybody_has_looked() -> None:
    answer = answers.service(PLAN, begin(PLAN, None, NOW), "nodejs", NOW, "en")
    assert list(answer) == SERVICE_KEYS
    assert (answer["status"], answer["last_check"], answer["response_time_ms"]) == ("unknown", None, None)
    assert answer["dependencies"] == ["rds"]
    assert answer["checks"][0]["verdict"] == "unknown"


def test_a_healthy_service_tells_its_numbers_and_times() -> None:
    state, _ = _after(("rds", "rds", HEALTHY))
    answer = answers.service(PLAN, state, "rds", NOW + 2, "en")
    assert answer["status"] == "healthy"
    assert answer["response_time_ms"] == 12.5
    assert answer["metrics"] == {"response_time": 0.0125, 'connections{state="idle"}': 3}
    assert answer["last_check"] == "2026-05-28T20:26:41.100Z"
    assert answer["metadata"] == {"team": "backend"}
    json.dumps(answer)


def test_a_failed_look_says_where_and_why() -> None:
    state, _ = _after(("rds", "rds", REFUSED))
    (check,) = answers.service(PLAN, state, "rds", NOW + 2, "en")["checks"]
    assert (check["verdict"], check["phase"], check["reason"]) == ("down", "tcp", "refused")
    assert check["message"] == "Connection refused"


def test_a_blind_look_says_what_is_missing() -> None:
    state, _ = _after(("rds", "rds", Blind("not configured: DB_HOST")))
    (check,) = answers.service(PLAN, state, "rds", NOW + 2, "en")["checks"]
    assert (check["verdict"], check["reason"]) == ("unknown", "not configured: DB_HOST")


def test_the_summary_counts_every_status_and_the_worst() -> None:
    state, _ = _after(("rds", "rds", REFUSED), ("nodejs", "pm2", HEALTHY))
    assert answers.summary(PLAN, state, NOW + 3) == {
        "total_services": 2, "healthy_services": 1, "warning_services": 0, "critical_services": 0, "down_services": 1,
        "maintenance_services": 0, "unknown_services": 0, "active_alerts": 1, "critical_alerts": 1,
        "overall_status": "down",
    }  # fmt: skip


def test_an_incident_names_root_impacted_and_cause_in_both_languages() -> None:
    _, (opened, *_) = _after(("nodejs", "pm2", HEALTHY), ("rds", "rds", REFUSED))
    english, korean = (
        answers.incident(opened.incident, opened.statuses, language=language, url="http://127.0.0.1:10142/")
        for language in ("en", "ko")
    )
    assert (english["root"], english["title"], english["status"]) == ("rds", "rds is down", "open")
    assert english["impacted"] == [{"name": "nodejs", "status": "healthy"}]
    assert english["cause"]["id"] == korean["cause"]["id"] == "rds_not_available"
    assert korean["title"] == "rds 중단됨"
    assert english["url"] == f"http://127.0.0.1:10142/incidents/{opened.incident.id}"
    assert english.keys() == korean.keys()


def test_what_was_changed_stands_among_the_evidence_with_how_long_before_it_was() -> None:
    _state, notices = _after(("rds", "rds", REFUSED))
    rules = Message("change.rules", {"service": "wall", "removed": "in sg-db tcp 5432 from sg-app", "added": "–"})
    began = notices[0].incident.began_at
    assert began is not None
    changed = replace(
        notices[0].incident,
        changes=(
            Change(ChangeKind.RULES, "wall", rules, began - 42, began - 42),
            Change(ChangeKind.CONFIGURATION, "", Message("change.configuration"), began - 99, began - 99),
            Change(ChangeKind.DIED, "nodejs", Message("change.died", {"app": "n", "count": 1}), began + 5, began + 3),
        ),
    )
    answer = answers.incident(changed, {}, language="en", url="")
    assert [each["message"] for each in answer["cause"]["evidence"][1:3]] == [
        (
            "the rules of wall were changed; removed: in sg-db tcp 5432 from sg-app; added: – "
            "(42s before the trouble began)"
        ),
        "infra-monitor took its configuration anew (1m 39s before the trouble began)",
    ]
    assert answer["cause"]["evidence"][2]["service"] == "infra-monitor"
    assert [each["when"] for each in answer["changes"]] == [
        "42s before the trouble began", "1m 39s before the trouble began", "3s after the trouble began",
    ]  # fmt: skip
    korean = answers.incident(changed, {}, language="ko", url="")
    assert korean["changes"][0]["when"] == "장애 시작 42초 전"


def test_a_change_of_the_rules_is_not_told_twice() -> None:
    evidence = Evidence("wall", Message("evidence.rules_changed", {"added": "–", "removed": "a"}), NOW)
    rules = Message("change.rules", {"service": "wall", "removed": "a", "added": "–"})
    told = Incident(
        "i-1",
        "wall",
        Severity.CRITICAL,
        NOW,
        diagnosis=Diagnosis("x", Message("cause.unknown.summary", {"service": "wall"}), Confidence.LIKELY, (evidence,)),
        began_at=NOW,
        changes=(Change(ChangeKind.RULES, "wall", rules, NOW - 5, NOW - 300),),
    )
    (said,) = answers.incident(told, {}, language="en", url="")["cause"]["evidence"]
    assert said["message"].endswith("(between 5m and 5s before the trouble began)")


def test_an_incident_that_lost_its_alerts_to_another_still_has_a_title() -> None:
    lone = Incident("i-1", "rds", Severity.WARNING, NOW, resolved_at=NOW + 9, adopted_by="i-2")
    answer = answers.incident(lone, {"rds": Status.HEALTHY}, language="en", url="http://x")
    assert (answer["title"], answer["part_of"], answer["status"]) == ("rds is degraded", "i-2", "resolved")
