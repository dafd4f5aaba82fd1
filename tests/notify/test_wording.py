"""What people read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import NoticeKind, Severity, Told
from monitor.locale import LANGUAGES, lasting
from monitor.notify.webhook import incident_message
from monitor.notify.wording import clean, when, words
from tests.notify.notices import INCIDENT, INCIDENT_URL, OPENED_AT, delivery, harmful, trial


def test_a_notice_that_it_began_says_what_why_and_what_to_do() -> None:
    said = words(delivery())
    assert said.title == "[Critical] rds is down"
    assert said.summary == "Nothing comes back from rds: packets are dropped on the way"
    assert dict(said.facts) == {
        "What is wrong": "rds: tcp: timeout",
        "What to do": "The inbound rules were read and are open. What is left: the outbound rules of this host's "
        "group, the network ACLs of both subnets (in both directions, with the ports 32768–60999 for the way back), "
        "and the routes.\n"  # commands keep lines of their own, to be copied
        "nc -vz -w 5 db.test 5432",
        "Depends on it": "app (down), nginx (healthy)",
        "Evidence": "pm2, which it depends on, is healthy",
        "Ruled out": "the name was resolved to 10.0.2.20",
        "Began": "2023-11-14 22:13:20 UTC",
    }
    assert said.url == INCIDENT_URL
    assert said.text.startswith(f"{said.summary}\n\nWhat is wrong: rds: tcp: timeout\n")
    assert said.text.endswith(f"\n\n{INCIDENT_URL}")


def test_a_notice_that_it_is_over_says_how_long_it_was() -> None:
    said = words(delivery(NoticeKind.RESOLVED, after=7500.0))
    assert said.title == "[Resolved] rds, after 2h 5m"
    assert dict(said.facts) == {
        "Began": "2023-11-14 22:13:20 UTC",
        "Ended": "2023-11-15 00:18:20 UTC",
        "Lasted": "2h 5m",
    }


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (NoticeKind.OPENED, "[Critical] rds is down"),
        (NoticeKind.UPDATED, "[Critical] Update: rds is down"),
        (NoticeKind.REMINDER, "[Critical] Still after 4h: rds is down"),
        (NoticeKind.FLAPPING, "[Critical] rds keeps changing its state"),
        (NoticeKind.RESOLVED, "[Resolved] rds, after 4h"),
    ],
)
def test_the_title_says_why_it_is_sent(kind: NoticeKind, title: str) -> None:
    assert words(delivery(kind, after=4 * 3600.0)).title == title


KNOWN = ("rds", Severity.CRITICAL, "network_path_blocked")


@pytest.mark.parametrize(
    ("before", "english", "korean"),
    [
        (
            (NoticeKind.OPENED, "app", Severity.CRITICAL, "network_path_blocked"),
            ["the trouble lies with rds, not with app"],
            ["문제의 근원이 바뀌었습니다: rds (이전: app)"],
        ),
        (
            (NoticeKind.OPENED, "rds", Severity.WARNING, "unknown"),
            ["the severity rose from warning to critical", "the cause is known now: network_path_blocked"],
            ["심각도 상승: 경고 → 심각", "원인을 알아냈습니다: network_path_blocked"],
        ),
        (
            (NoticeKind.REMINDER, "rds", Severity.CRITICAL, "database_unresponsive"),
            ["the cause is now taken to be network_path_blocked; before: database_unresponsive"],
            ["원인 판단이 바뀌었습니다: network_path_blocked (이전: database_unresponsive)"],
        ),
        (
            (NoticeKind.FLAPPING, *KNOWN),
            ["rds no longer keeps changing its state"],
            ["rds 상태가 안정되었습니다"],
        ),
    ],
)
def test_an_update_says_what_is_new(
    before: tuple[NoticeKind, str, Severity, str], english: list[str], korean: list[str]
) -> None:
    kind, root, severity, cause = before
    told = (
        Told(kind, OPENED_AT + 3, root, severity, cause, ("all",)),
        Told(NoticeKind.UPDATED, OPENED_AT + 9, *KNOWN, ("all",)),
    )
    incident = replace(INCIDENT, told=told)
    for language, sentences in (("en", english), ("ko", korean)):
        sent = delivery(NoticeKind.UPDATED, incident, language=language)
        assert incident_message(sent)["data"]["news"] == sentences
        said = words(sent)
        assert said.title.endswith(f" ({sentences[0]})")
        assert said.facts[0][0] in ("What is new", "달라진 점")
        assert all(each in said.facts[0][1] for each in sentences)
    reminded = delivery(NoticeKind.REMINDER, incident)
    assert ("news" in incident_message(reminded)["data"], words(reminded).facts[0][0]) == (False, "What is wrong")


def test_a_test_says_that_it_is_one() -> None:
    said = words(trial())
    assert said.title == "[Test] infra-monitor tries this channel"
    assert "Nothing is broken" in said.summary
    assert words(trial("ko")).title.startswith("[테스트]")


def test_in_korean_everything_is_korean_and_times_are_those_of_seoul() -> None:
    said = words(delivery(NoticeKind.RESOLVED, language="ko", timezone="Asia/Seoul", after=7500.0))
    assert said.title == "[해결됨] rds (2시간 5분 만에)"
    assert ("시작", "2023-11-15 07:13:20 KST") in said.facts
    assert words(delivery(language="ko")).title.startswith("[심각] ")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("severity", Severity)
def test_there_are_words_for_every_notice(language: str, kind: NoticeKind, severity: Severity) -> None:
    said = words(delivery(kind, replace(INCIDENT, severity=severity, diagnosis=None), language=language))
    assert said.title
    assert "\n" not in said.title
    assert "{" not in said.title + said.text


@pytest.mark.parametrize("kind", [NoticeKind.OPENED, NoticeKind.RESOLVED])
def test_other_peoples_texts_cannot_steer_what_shows_them(kind: NoticeKind) -> None:
    said = words(harmful(kind))
    for text in (said.title, said.text, *(value for _, value in said.facts)):
        assert not {"\x1b", "\u202e", "\r"} & set(text)
        assert "\nBcc:" not in text


def test_long_lists_and_texts_are_cut() -> None:
    many = replace(INCIDENT, alerts=INCIDENT.alerts * 20)
    value = dict(words(delivery(incident=many)).facts)["What is wrong"]
    assert value.count("\n") == 8
    assert value.endswith("\n- …")


@pytest.mark.parametrize(
    ("seconds", "language", "said"),
    [(0.31, "en", "0.3s"), (59, "ko", "59초"), (90, "en", "1m 30s"), (90061, "ko", "1일 1시간"), (0, "en", "0.0s")],
)
def test_durations_are_in_the_language(seconds: float, language: str, said: str) -> None:
    assert lasting(seconds, language) == said


def test_times_are_in_the_zone() -> None:
    assert when(1_700_000_000.0, "Asia/Seoul") == "2023-11-15 07:13:20 KST"
    assert when(1_720_000_000.0, "Europe/Berlin") == "2024-07-03 11:46:40 CEST"


def test_control_characters_are_gone_and_lines_stay() -> None:
    assert clean("a\x00b\x9bc\nd\u2028e") == "a b c\nd e"
