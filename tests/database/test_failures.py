from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.core.model import Status
from monitor.database.failures import Attempt, failure_of, reason_of, scrub, status_of

CANARY = "canary p@ss/word"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FATAL:  28P01: password authentication failed", "credentials"),
        ('치명적오류:  28P01: 사용자 "app"의 password 인증을 실패했습니다', "credentials"),
        ("FATAL:  28000: no pg_hba.conf entry for host", "credentials"),
        ('FATAL:  3D000: database "x" does not exist', "database_missing"),
        ("치명적오류:  53300: 최대 동시 접속자 수를 초과했습니다.", "slots"),
        ("FATAL:  53300: remaining connection slots are reserved", "slots"),
        ("FATAL:  53200: out of memory", "resources"),
        ("FATAL:  57P03: the database system is starting up", "starting"),
        ("FATAL:  57P03: the database system is in recovery mode", "starting"),
        ("FATAL:  57P03: the database system is shutting down", "shutting_down"),
        ("치명적오류:  57P03: 데이터베이스 시스템이 새로 가동 중입니다.", "starting"),
        ("치명적오류:  57P03: 데이터베이스 시스템이 중지 중입니다.", "shutting_down"),
        ("FATAL:  57P01: terminating connection due to administrator command", "shutting_down"),
        ("ERROR:  57014: canceling statement due to statement timeout", "timeout"),
        ("ERROR:  25006: cannot execute INSERT in a read-only transaction", "read_only"),
        ("FATAL:  42501: permission denied for database", "not_permitted"),
        ("FATAL:  XX000: something nobody has seen", "rejected"),
    ],
)
def test_by_sqlstate_whatever_the_language(text: str, reason: str) -> None:
    assert reason_of(text, "auth") == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "FATAL:  remaining connection slots are reserved for non-replication superuser, rds_reserved, and rds_...",
            "slots",
        ),
        ("FATAL:  sorry, too many clients already", "slots"),
        ('FATAL:  too many connections for role "app"', "slots"),
        ("FATAL:  PAM authentication failed for user", "credentials"),
        ("fe_sendauth: no password supplied", "credentials"),
        ('FATAL:  role "x" does not exist', "credentials"),
        ('FATAL:  database "x" does not exist', "database_missing"),
        ("FATAL:  the database system is starting up", "starting"),
        ("FATAL:  the database system is not yet accepting connections", "starting"),
        ("FATAL:  the database system is shutting down", "shutting_down"),
        ("server closed the connection unexpectedly", "reset"),
        ("could not receive data from server: Connection reset by peer", "reset"),
        ("SSL error: certificate verify failed", "tls"),
        ("SSL error: wrong version number", "tls"),
        ("server does not support SSL, but SSL was required", "tls"),
        ("SSL SYSCALL error: EOF detected", "tls"),
        ("received invalid response to SSL negotiation: H", "protocol"),
        ("expected authentication request from server, but received H", "protocol"),
        ("FATAL:  unsupported frontend protocol", "protocol"),
        ("FATAL:  no such thing", "rejected"),
        ("nobody has ever seen this", "protocol"),
    ],
)
def test_by_text_where_there_is_no_sqlstate(text: str, reason: str) -> None:
    assert reason_of(text, "auth") == reason


@pytest.mark.parametrize(
    "reason", ["credentials", "slots", "database_missing", "read_only", "not_permitted", "rejected"]
)
def test_an_answer_that_refuses_us_is_critical(reason: str) -> None:
    assert status_of(reason) is Status.CRITICAL


@pytest.mark.parametrize(
    "reason", ["dns", "timeout", "refused", "unreachable", "reset", "tls", "starting", "shutting_down", "protocol"]
)
def test_no_answer_is_down(reason: str) -> None:
    assert status_of(reason) is Status.DOWN


def test_a_refusal_under_tls_is_not_hidden_by_the_second_try_in_the_clear() -> None:
    failure = failure_of(
        (
            Attempt("auth", 'FATAL:  28P01: password authentication failed for user "app"\n', "10.0.0.1"),
            Attempt("auth", "FATAL:  28000: no pg_hba.conf entry for host, no encryption\n", "10.0.0.1"),
        ),
        (),
    )
    assert failure.message == 'FATAL: password authentication failed for user "app"'


def test_a_refusal_tells_more_than_a_broken_handshake_before_it() -> None:
    attempts = (Attempt("tls", "SSL error: unsupported protocol"), Attempt("auth", "FATAL:  53300: too many clients"))
    failure = failure_of(attempts, ())
    assert (failure.phase, failure.reason, failure.status) == ("auth", "slots", Status.CRITICAL)


def test_of_several_addresses_each_is_named_and_silence_tells_more_than_no_route() -> None:
    attempts = (
        Attempt("tcp", "Network is unreachable", "fd00::1", "unreachable"),
        Attempt("tcp", "no answer", "10.0.0.1", "timeout"),
    )
    failure = failure_of(attempts, ())
    assert (failure.phase, failure.reason) == ("tcp", "timeout")
    assert failure.message == "fd00::1: Network is unreachable; 10.0.0.1: no answer"


@pytest.mark.parametrize(
    "text",
    [
        f"cannot log in with {CANARY} today",
        f"cannot log in with {quote(CANARY, safe='')} today",
        f"cannot log in with {quote_plus(CANARY)} today",
        "invalid dsn postgres://app:canary@db.example/app",
        "invalid dsn postgresql://canary@db.example/app",
        "invalid option: password=canary host=x",
        "invalid option: password='canary of another' host=x",
        "PAM failed for db.example/?Action=connect&X-Amz-Credential=canary&X-Amz-Signature=canary",
    ],
)
def test_no_secret_survives(text: str) -> None:
    shown = scrub(text, (CANARY,))
    assert "canary" not in shown
    assert "***" in shown


def test_the_text_is_one_line_without_trimmings() -> None:
    text = (
        'connection to server at "db.example" (10.0.0.1), port 5432 failed: FATAL:  3D000: database "x" is gone\n'
        "LOCATION:  InitPostgres, postinit.c:953\n"
    )
    assert scrub(text, ()) == 'FATAL: database "x" is gone'


def test_control_characters_and_endless_texts_are_tamed() -> None:
    shown = scrub("FATAL:  \x1b[31mred\x00 " + "x" * 10_000, ())
    assert shown.isprintable()
    assert len(shown) == 400


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Connection refused", "refused"),
        ('connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory', "refused"),
        ("Network is unreachable", "unreachable"),
        ("Permission denied", "unreachable"),
        ("Cannot assign requested address", "unreachable"),
        ("Connection timed out", "timeout"),
    ],
)
def test_before_there_is_a_connection_only_the_kernel_speaks(text: str, reason: str) -> None:
    assert reason_of(text, "tcp") == reason


@given(st.text(min_size=3, max_size=40), st.sampled_from(["", 'FATAL:  28P01: user "', "postgres://app:", "password="]))
@settings(max_examples=1000, deadline=None)
def test_no_password_whatever_its_letters_survives_verbatim(password: str, before: str) -> None:
    frame = scrub(f"{before}\u2403 and more", ())
    assume(password not in frame.replace("\u2403", "***"))
    assert password not in scrub(f"{before}{password} and more", (password,))
