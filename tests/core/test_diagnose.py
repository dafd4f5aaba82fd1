"""From evidence to a cause, and never a guess."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from string import Formatter

import pytest

from monitor.core.causes import RULES
from monitor.core.diagnose import diagnose
from monitor.core.model import (
    CheckPlan,
    Confidence,
    Diagnosis,
    Failed,
    Failure,
    Finding,
    Message,
    NoticeKind,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    SessionHolder,
    Status,
    Threshold,
    Worker,
)
from monitor.locale import LANGUAGES, speak
from tests.core.story import START, World, check_plan, finding, plan_of

DAY = 86400.0
THRESHOLDS = (
    Threshold("response_time", 2.0, 5.0, "seconds"),
    Threshold("connections_used", 0.8, 0.95, "ratio"),
    Threshold("certificate_remaining", 21 * DAY, 7 * DAY, "seconds", "below"),
)


def plan(kind: str) -> Plan:
    check = CheckPlan(kind, kind, 15.0, 10.0, 45.0, confirm=1, recover=1, thresholds=THRESHOLDS)
    return Plan({"it": ServicePlan("it", (check,))})


def diagnosis(kind: str, result: Seen | Failed) -> Diagnosis:
    world = World(plan(kind))
    world.take(Observation("it", kind, world.now, 0.0, result))
    return diagnose(world.plan, world.state, "it", world.now)


def failed(phase: str, reason: str) -> Failed:
    return Failed(Failure(phase, reason, "what the other side said"))


@pytest.mark.parametrize(
    ("phase", "reason", "cause", "confidence"),
    [
        ("resolve", "dns", "dns_failure", Confidence.CERTAIN),
        ("resolve", "timeout", "dns_failure", Confidence.LIKELY),
        ("tcp", "timeout", "network_path_blocked", Confidence.LIKELY),
        ("tcp", "unreachable", "network_path_blocked", Confidence.LIKELY),
        ("tcp", "refused", "rds_not_available", Confidence.LIKELY),
        ("tcp", "reset", "rds_not_available", Confidence.LIKELY),
        ("tls", "timeout", "database_unresponsive", Confidence.LIKELY),
        ("auth", "silent", "database_unresponsive", Confidence.LIKELY),
        ("query", "timeout", "database_unresponsive", Confidence.LIKELY),
        ("tls", "tls", "database_tls", Confidence.CERTAIN),
        ("auth", "credentials", "database_credentials", Confidence.CERTAIN),
        ("auth", "rejected", "database_refuses", Confidence.CERTAIN),
        ("auth", "database_missing", "database_missing", Confidence.CERTAIN),
        ("auth", "slots", "database_slots_exhausted", Confidence.CERTAIN),
        ("auth", "starting", "database_starting", Confidence.CERTAIN),
        ("auth", "shutting_down", "database_starting", Confidence.LIKELY),
        ("query", "read_only", "database_read_only", Confidence.CERTAIN),
        ("tls", "protocol", "unknown", Confidence.UNKNOWN),
        ("query", "reset", "unknown", Confidence.UNKNOWN),
    ],
)
def test_the_phase_and_the_reason_of_a_login_tell_the_cause(
    phase: str, reason: str, cause: str, confidence: Confidence
) -> None:
    found = diagnosis("rds", failed(phase, reason))
    assert (found.cause, found.confidence) == (cause, confidence)
    assert found.evidence[0].message.values["text"] == "what the other side said"
    assert found.evidence[0].at == START


@pytest.mark.parametrize(
    ("phase", "reason", "cause", "confidence"),
    [
        ("connect", "missing_socket", "pm2_daemon_down", Confidence.CERTAIN),
        ("connect", "refused", "pm2_daemon_down", Confidence.CERTAIN),
        ("reply", "timeout", "pm2_daemon_down", Confidence.CERTAIN),
        ("reply", "protocol", "pm2_daemon_down", Confidence.POSSIBLE),
    ],
)
def test_pm2_that_does_not_answer_is_the_cause(phase: str, reason: str, cause: str, confidence: Confidence) -> None:
    found = diagnosis("pm2", failed(phase, reason))
    assert (found.cause, found.confidence) == (cause, confidence)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("gave_up", "process_gave_up"),
        ("missing", "process_missing"),
        ("stopped", "process_stopped"),
        ("not_alive", "unknown"),
        ("fewer_than_expected", "unknown"),
    ],
)
def test_what_pm2_says_of_an_app_tells_the_cause(reason: str, cause: str) -> None:
    assert diagnosis("pm2", Seen(facts=(finding(Status.DOWN, reason),))).cause == cause


def test_a_reason_of_one_kind_of_check_tells_nothing_about_another() -> None:
    assert diagnosis("http", failed("tcp", "timeout")).cause == "unknown"
    assert diagnosis("http", Seen(facts=(finding(Status.DOWN, "gave_up"),))).cause == "unknown"
    assert diagnosis("pm2", Seen((Reading("response_time", 9.0),))).cause == "unknown"


def test_repeated_restarts_are_a_crash_loop() -> None:
    world = World(plan("pm2"))
    for restarts in (0, 3):
        worker = Worker("app", 0, 1, "online", True, False, restarts, START, START)
        world.take(Observation("it", "pm2", world.now, 0.0, Seen(facts=(worker,))))
    assert diagnose(world.plan, world.state, "it", world.now).cause == "process_crash_loop"


@pytest.mark.parametrize(
    ("metric", "value", "cause"),
    [
        ("response_time", 3.0, "database_slow"),
        ("connections_used", 0.9, "database_slots_exhausted"),
        ("certificate_remaining", 3 * DAY, "certificate_expiring"),
    ],
)
def test_a_crossed_bound_tells_the_cause(metric: str, value: float, cause: str) -> None:
    assert diagnosis("rds", Seen((Reading(metric, value),))).cause == cause


def test_slots_that_run_out_are_told_as_such_with_who_holds_most() -> None:
    holders = [SessionHolder(f"app{n}", "10.0.0.1", "idle", n) for n in range(1, 6)] + [
        SessionHolder("", "", "idle", 9)
    ]
    found = diagnosis("rds", Seen((Reading("connections_used", 0.9),), tuple(holders)))
    assert found.summary.key == "cause.database_slots_exhausted.nearly"
    shown = [each.message.values["application"] for each in found.evidence if "application" in each.message.values]
    assert shown == ["?", "app5", "app4"]


def test_a_latent_outage_is_surer_than_what_the_failed_login_says() -> None:
    why = Failure("tcp", "timeout", "no answer")
    words = Message("rds.latent_outage", {"host": "db", "phase": "tcp", "reason": "timeout"})
    found = diagnosis("rds", Failed(why, facts=(Finding(Status.CRITICAL, "latent_outage", words),)))
    assert (found.cause, found.confidence) == ("latent_outage", Confidence.CERTAIN)
    assert found.evidence[1].message == words


def test_of_equally_sure_causes_the_higher_one_wins_and_the_rest_is_evidence() -> None:
    found = diagnosis("rds", Failed(Failure("auth", "slots", "full"), (Reading("response_time", 9.0),)))
    assert found.cause == "database_slots_exhausted"
    assert [each.message.key for each in found.evidence] == ["trouble.failed", "trouble.above"]


def test_without_a_cause_it_says_what_was_looked_at_and_how_the_dependencies_stand() -> None:
    world = World(plan_of({"a": (), "b": (), "c": (), "app": ("a", "b", "c")}))
    world.look("a", ".")
    for _ in range(3):
        world.look("b", "w")
    world.look("app", "X")
    found = diagnose(world.plan, world.state, "app", world.now)
    assert (found.cause, found.confidence) == ("unknown", Confidence.UNKNOWN)
    assert [each.message.key for each in found.evidence] == [
        "trouble.failed",
        "evidence.dependency_healthy",
        "evidence.dependency_failing",
        "evidence.dependency_unknown",
    ]


def test_of_a_service_that_is_not_there_nothing_is_known() -> None:
    world = World(plan_of({"app": ()}))
    assert diagnose(world.plan, world.state, "redis", world.now).evidence == ()
    known = world.state.__class__()
    assert diagnose(plan_of({"a": (), "app": ("a",)}), known, "app", START).cause == "unknown"


# What is told of it ---------------------------------------------------------------------------------------------------


def causes(*looks: tuple[str, str]) -> list[str]:
    """The causes told, one per notice, while a database's logins fail like this."""
    world = World(plan("rds"))
    for phase, reason in looks:
        world.after(1).take(Observation("it", "rds", world.now, 0.0, failed(phase, reason)))
    return [f"{notice.kind.value} {notice.incident.told[-1].cause}" for notice in world.notices]


def test_a_surer_cause_is_told_as_an_update_and_a_less_sure_one_is_not() -> None:
    surer = causes(("tcp", "timeout"), ("auth", "starting"), ("tcp", "refused"))
    assert surer == ["opened network_path_blocked", "updated database_starting"]


def test_two_causes_that_take_turns_are_told_once_each() -> None:
    turns = causes(*[("tcp", "timeout"), ("tcp", "refused")] * 4)
    assert turns == ["opened network_path_blocked", "updated rds_not_available"]


def test_the_same_cause_again_is_no_news() -> None:
    assert causes(("resolve", "timeout"), ("resolve", "timeout")) == ["opened dns_failure"]
    assert causes(("resolve", "timeout"), ("resolve", "dns")) == ["opened dns_failure"]


def test_the_cause_is_thought_over_when_something_it_rests_on_was_looked_at() -> None:
    checks = (check_plan("look", confirm=1, recover=1),)
    world = World(plan_of({"rds": (), "app": ("rds",), "other": ()}, checks=checks))
    world.look("app", "x")
    (held,) = world.open
    assert held.diagnosis is not None
    assert held.diagnosis.evidence[-1].message.key == "evidence.dependency_unknown"
    world.look("other", ".")
    assert world.open[0].diagnosis is held.diagnosis
    world.after(1).look("rds", ".")
    assert world.notices[0].kind is NoticeKind.OPENED


# Words ----------------------------------------------------------------------------------------------------------------


def spoken() -> Iterator[str]:
    """Every key the core's messages may have."""
    prefixes = ("cause.", "evidence.", "ruled_out.", "trouble.")
    text = files("monitor.locale").joinpath("en.json").read_text(encoding="utf-8")
    return (key for key in json.loads(text) if key.startswith(prefixes))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_diagnosis_can_be_spoken_and_names_the_service(language: str) -> None:
    looks = [failed(phase, reason) for phase, reason in _failures()]
    found = [diagnosis(kind, look) for kind in ("rds", "pm2") for look in looks]
    found += [
        diagnosis("rds", Seen((Reading(metric, 0.9),))) for metric in ("connections_used", "certificate_remaining")
    ]
    found.append(diagnosis("rds", Seen((Reading("response_time", 9.0),))))
    found += [diagnosis("pm2", Seen(facts=(finding(Status.DOWN, r),))) for r in ("gave_up", "missing", "stopped")]
    for each in found:
        summary = speak(each.summary, language)
        assert "it" in summary or each.cause == "pm2_daemon_down"
        words = [each.remedy, *(e.message for e in each.evidence), *(r.why for r in each.ruled_out)]
        assert all(speak(message, language) for message in words if message)
    here = ("database", "database_answers", "processes", "certificates")
    names = {rule.__name__ for rule in RULES if rule.__module__.rpartition(".")[2] in here}
    not_here = {"latent_outage", "process_crash_loop", "process_killed", "certificate_not_reloaded"}
    assert {each.cause for each in found} == names - not_here | {"unknown"}


def _failures() -> list[tuple[str, str]]:
    reasons = (
        "dns",
        "timeout",
        "refused",
        "unreachable",
        "tls",
        "credentials",
        "rejected",
        "database_missing",
        "slots",
        "starting",
    )
    phases = ("resolve", "tcp", "tls", "auth", "connect")
    return [(phase, reason) for phase in phases for reason in (*reasons, "read_only")]


@pytest.mark.parametrize("key", list(spoken()))
def test_both_languages_say_the_same_with_the_same_values(key: str) -> None:
    fields = []
    for language in LANGUAGES:
        text = json.loads(files("monitor.locale").joinpath(f"{language}.json").read_text(encoding="utf-8"))[key]
        fields.append({name for _, name, _, _ in Formatter().parse(text) if name})
    assert fields[0] == fields[1]


def test_every_rule_is_named_after_its_cause() -> None:
    assert len({rule.__name__ for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert {f"cause.{rule.__name__}.summary", f"cause.{rule.__name__}.remedy"} <= set(spoken())
