"""What is wrong with an app's wiring, by what its processes are told, connected to and hold open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from monitor.core.model import Finding, Status
from monitor.core.wiring import (
    ENVIRONMENT,
    MOST_FINDINGS,
    MOVED_GRACE_SECONDS,
    Connection,
    Settings,
    Target,
    Wires,
    findings,
    hosts_told,
    is_local,
    right_connections,
    with_addresses,
    wrong_connections,
)
from monitor.locale import LANGUAGES, speak

ADDRESSES = {
    "prod.rds": frozenset({"10.0.1.5", "10.0.2.5"}),
    "alias": frozenset({"10.0.2.5"}),
    "old.rds": frozenset({"10.0.9.9"}),
    "localhost": frozenset({"127.0.0.1", "::1"}),
    "127.0.0.1": frozenset({"127.0.0.1"}),
    "127.0.0.2": frozenset({"127.0.0.2"}),
    "10.0.9.9": frozenset({"10.0.9.9"}),
    "10.0.2.5": frozenset({"10.0.2.5"}),
    "ip6-here": frozenset({"::1"}),
}
PROD = Target("prod.rds", 5432, "signalcraft", addresses=ADDRESSES["prod.rds"])
LOCAL = Target("127.0.0.1", 25000, "signalcraft", addresses=ADDRESSES["127.0.0.1"])
ORDERS = Target("old.rds", 5433, "orders", addresses=ADDRESSES["old.rds"])
RIGHT = Connection("10.0.2.5", 5432)
OLD = Connection("10.0.9.9", 5432)
HERE = Connection("127.0.0.1", 5432)
ENV = "/srv/.env"
C, W = Status.CRITICAL, Status.WARNING


def env(host: str = "", port: int | None = None, name: str = "", *, url: Target | None = None) -> Settings:
    """A `.env`."""
    return Settings(ENV, url, Target(host, port, name))


def process(host: str = "", port: int | None = None, name: str = "", *, url: Target | None = None) -> Settings:
    """A process's own environment."""
    return Settings(ENVIRONMENT, url, Target(host, port, name))


def wires(*connections: Connection, **more: Any) -> Wires:
    return with_addresses(Wires(more.pop("pid", 7), connections=connections, **more), ADDRESSES)


def verdicts(found: Iterable[Finding]) -> list[tuple[Status, str, str]]:
    return [(each.status, each.reason, each.message.key.removeprefix("wiring.")) for each in found]


GOOD = env("prod.rds", 5432, "signalcraft")
SQLITE = Target(sqlite=True)
FELL_BACK = [(C, "localhost_fallback", "localhost_environment")]


@pytest.mark.parametrize(
    ("one", "expected", "wanted"),
    [
        # nothing known, nothing wrong; idle pools have no connection
        (wires(), PROD, []),
        (wires(file=GOOD), PROD, []),
        (wires(RIGHT, file=GOOD), PROD, []),
        (wires(Connection("10.0.1.5", 5432), RIGHT, file=GOOD), PROD, []),
        # settings that name the same place otherwise, or only a part of it
        (wires(file=env("alias", 5432)), PROD, []),
        (wires(file=env("10.0.2.5")), PROD, []),
        (wires(file=env("prod.rds")), PROD, []),
        (wires(file=env(name="signalcraft")), PROD, []),
        (wires(file=env(port=5555)), PROD, []),
        (wires(file=env(url=PROD)), PROD, []),
        # told of another place
        (wires(file=env("old.rds", 5432)), PROD, [(C, "wrong_host", "wrong_host_file")]),
        (wires(file=env("prod.rds", 6432)), PROD, [(C, "wrong_host", "wrong_host_file")]),
        (wires(file=env("nowhere.rds")), PROD, [(C, "wrong_host", "wrong_host_file")]),
        (wires(environment=process("old.rds"), file=GOOD), PROD, [(C, "wrong_host", "wrong_host_environment")]),
        (wires(environment=process("prod.rds"), file=env("old.rds")), PROD, []),
        (wires(file=env(url=Target("old.rds", 5432))), PROD, [(C, "wrong_host", "wrong_host_file")]),
        # told so, and doing otherwise: trouble ahead
        (wires(RIGHT, environment=process("old.rds")), PROD, [(W, "wrong_host", "wrong_host_environment")]),
        (wires(file=env("prod.rds", url=Target("old.rds", 5432))), PROD, [(W, "wrong_host", "wrong_host_file")]),
        (wires(file=env("old.rds", url=PROD)), PROD, []),
        (
            wires(RIGHT, OLD, environment=process("old.rds")),
            PROD,
            [(C, "wrong_host", "wrong_host_environment"), (C, "wrong_host", "wrong_host")],
        ),
        # another name
        (wires(file=env("prod.rds", 5432, "test")), PROD, [(C, "wrong_name", "wrong_name_file")]),
        (wires(file=env(name="test")), PROD, [(C, "wrong_name", "wrong_name_file")]),
        (wires(environment=process(name="test"), file=GOOD), PROD, [(C, "wrong_name", "wrong_name_environment")]),
        # connected elsewhere, whatever it was told
        (wires(OLD), PROD, [(C, "wrong_host", "wrong_host")]),
        (wires(OLD, file=GOOD), PROD, [(C, "wrong_host", "wrong_host")]),
        (wires(Connection("10.0.9.9", 5432, established=False)), PROD, [(C, "wrong_host", "wrong_host")]),
        (wires(Connection("10.0.1.5", 6432)), PROD, []),
        (wires(Connection("10.0.1.5", 6379), Connection("52.1.2.3", 443)), PROD, []),
        (wires(Connection("10.0.9.9", 6000), file=env("prod.rds", 6000)), PROD, [
            (C, "wrong_host", "wrong_host_file"), (C, "wrong_host", "wrong_host"),
        ]),
        # the fallback
        (wires(HERE), PROD, [(C, "localhost_fallback", "localhost")]),
        (wires(RIGHT, HERE, file=GOOD), PROD, [(C, "localhost_fallback", "localhost")]),
        (wires(Connection("::1", 5432), file=GOOD), PROD, [(C, "localhost_fallback", "localhost")]),
        (wires(environment=process("localhost"), file=GOOD), PROD, FELL_BACK),
        (wires(environment=process("/run/postgresql"), file=GOOD), PROD, FELL_BACK),
        # a pooler on this machine
        (wires(HERE, file=env("localhost")), PROD, []),
        (wires(Connection("127.0.0.1", 6432), file=env("127.0.0.1", 6432, "pooled")), PROD, []),
        (wires(Connection("::1", 6432), file=env("ip6-here", 6432)), PROD, []),
        (wires(HERE, file=env("127.0.0.1", 6432)), PROD, [(C, "localhost_fallback", "localhost")]),
        (wires(Connection("127.0.0.2", 5432), file=env("127.0.0.1")), PROD, [(C, "localhost_fallback", "localhost")]),
        (wires(OLD, file=env("localhost")), PROD, [(C, "wrong_host", "wrong_host")]),
        (wires(HERE, environment=process("localhost")), PROD, []),
        (wires(HERE, environment=process("localhost"), file=env()), PROD, []),
        (wires(environment=process("127.0.0.1"), file=env("localhost")), PROD, []),
        (wires(HERE, file=env(url=SQLITE)), PROD, [
            (C, "sqlite_in_use", "sqlite_file"), (C, "localhost_fallback", "localhost"),
        ]),
        # the right one is on this machine
        (wires(Connection("127.0.0.1", 25000), file=env("localhost", 25000)), LOCAL, []),
        (wires(Connection("127.0.0.2", 25000)), LOCAL, [(C, "wrong_host", "wrong_host")]),
        (wires(environment=process("127.0.0.2", 25000), file=env("127.0.0.1", 25000)), LOCAL, [
            (C, "wrong_host", "wrong_host_environment"),
        ]),
        (wires(file=env("/run/postgresql")), Target("/run/postgresql", 5432, "x"), []),
        (wires(environment=process(url=SQLITE), file=GOOD), PROD, [(W, "sqlite_in_use", "sqlite_environment")]),
        # SQLite
        (wires(sqlite_files=("/srv/app.db",)), PROD, [(W, "sqlite_in_use", "sqlite_open")]),
        (wires(file=env(url=SQLITE)), PROD, [(C, "sqlite_in_use", "sqlite_file")]),
        (wires(RIGHT, file=env(url=SQLITE)), PROD, [(W, "sqlite_in_use", "sqlite_file")]),
        (wires(file=env("prod.rds", url=SQLITE)), PROD, [(W, "sqlite_in_use", "sqlite_file")]),
    ],
)  # fmt: skip
def test_the_verdict(one: Wires, expected: Target, wanted: list[tuple[Status, str, str]]) -> None:
    found = findings("web", [one], expected)
    assert verdicts(found) == wanted
    for each in found:
        assert all(
            "web" in speak(each.message, language) and "7" in speak(each.message, language) for language in LANGUAGES
        )


def test_a_connection_that_settings_do_not_explain_has_the_time_of_a_failover() -> None:
    (moved,) = findings("web", [wires(OLD, file=GOOD)], PROD)
    (alone,) = findings("web", [wires(OLD)], PROD)
    assert (moved.grace_seconds, alone.grace_seconds) == (MOVED_GRACE_SECONDS, 0.0)


def test_what_a_worker_does_is_held_against_what_all_its_processes_are_told() -> None:
    """Gunicorn's master has no connection of its own; that its workers have the right ones speaks for it, too."""
    stray = env("prod.rds", url=None)
    stray = Settings(ENV, Target(sqlite=True), Target())
    master, worker = wires(file=stray, pid=1), wires(RIGHT, file=stray, pid=2)
    other = wires(file=stray, pid=3, worker=1)
    assert verdicts(findings("web", [master, worker], PROD)) == [(W, "sqlite_in_use", "sqlite_file")]
    assert verdicts(findings("web", [master, worker, other], PROD)) == [
        (W, "sqlite_in_use", "sqlite_file"),
        (C, "sqlite_in_use", "sqlite_file"),
    ]


def test_the_same_trouble_of_several_processes_is_one_finding_that_names_them() -> None:
    (found,) = findings("web", [wires(OLD, pid=pid) for pid in range(1, 6)], PROD)
    assert found.message.values["pids"] == "1, 2, 3, +2"
    assert found.message.values["found"] == "10.0.9.9:5432"
    assert found.message.values["expected"] == "prod.rds:5432"
    six = findings("web", [wires(Connection("2001:db8::1", 5432))], PROD)
    assert six[0].message.values["found"] == "[2001:db8::1]:5432"


def test_findings_are_no_more_than_somebody_would_read() -> None:
    many = wires(*(Connection(f"10.1.0.{number}", 5432) for number in range(50)))
    assert len(findings("web", [many], PROD)) == MOST_FINDINGS


def test_other_databases_may_be_used_where_the_configuration_says_so() -> None:
    one = wires(RIGHT, Connection("10.0.9.9", 5433), file=env("old.rds", 5433, "orders"))
    assert findings("web", [one], PROD, others=[ORDERS]) == ()
    assert wrong_connections(one, PROD, [ORDERS]) == ()
    assert wrong_connections(one, PROD) == (Connection("10.0.9.9", 5433),)


def test_connections_are_counted_when_they_stand_and_go_to_the_right_place() -> None:
    trying = Connection("10.0.1.5", 5432, established=False)
    assert right_connections(wires(RIGHT, trying, OLD, HERE), PROD) == 1
    assert right_connections(wires(RIGHT, HERE, Connection("127.0.0.1", 80), file=env("localhost")), PROD) == 2


def test_the_hosts_worth_looking_up_are_those_that_are_named() -> None:
    every = [wires(file=GOOD), wires(environment=process("/run/pg"), file=env(url=Target("old.rds"))), wires()]
    assert hosts_told(every) == {"prod.rds", "old.rds"}


@pytest.mark.parametrize(
    ("target", "local"),
    [
        (Target("localhost"), True),
        (Target("/run/postgresql"), True),
        (Target("127.3.2.1"), True),
        (Target("::1"), True),
        (Target("ip6-here", addresses=frozenset({"::1"})), True),
        (Target("both", addresses=frozenset({"::1", "10.0.0.1"})), False),
        (Target("prod.rds"), False),
        (Target(), False),
    ],
)
def test_what_is_on_this_machine(target: Target, *, local: bool) -> None:
    assert is_local(target) is local
