"""The judge of the matrix is no push-over: each kind of mistake is found, and a run without one is not blamed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.row import Row
from tests.faults.runner import Outcome, Said, wrongs

ROW = Row(
    name="stopped",
    faults=("postgres-stopped",),
    root="rds",
    status="down",
    impacted=frozenset({"app"}),
    cause="rds_not_available",
    within=2.0,
    says="refused",
    never_down=("app",),
)
OPENED = Said("opened", "incident-1", "rds", "critical", ("app",), "rds_not_available", "connection refused", 101.0)
UPDATED = replace(OPENED, kind="updated", at=102.0)
RESOLVED = replace(OPENED, kind="resolved", at=110.0)
SECOND = replace(OPENED, incident="incident-2", root="app")
STATUSES = {"rds": "down", "app": "healthy"}


def found(*said: Said, row: Row = ROW, statuses: dict[str, str] | None = None) -> list[str]:
    return wrongs([row], Outcome(said, {row.name: 100.0}, statuses or STATUSES), room=0.5)


def test_one_page_that_is_right_is_right() -> None:
    assert found(OPENED, RESOLVED) == []
    assert found(OPENED, UPDATED, RESOLVED) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((), "opened: [] instead"),
        ((OPENED,), "resolved: [] instead"),
        ((OPENED, SECOND, RESOLVED), "2 incidents"),
        ((OPENED, SECOND, RESOLVED, replace(SECOND, kind="resolved")), "opened: ['app', 'rds'] instead"),
        ((replace(OPENED, at=102.6), RESOLVED), "told after 2.6 s"),
        ((replace(OPENED, cause="dns_failure"), UPDATED, RESOLVED), "causes ['dns_failure'"),
        ((replace(OPENED, cause="unknown"), RESOLVED), "causes ['unknown'"),
        ((replace(OPENED, impacted=("app", "nginx")), RESOLVED), "impacted: ['app', 'nginx']"),
        ((replace(OPENED, severity="warning"), RESOLVED), "severity warning"),
        ((replace(OPENED, text="?"), replace(RESOLVED, text="?")), "'refused' stands nowhere"),
    ],
)
def test_each_mistake_is_found(said: tuple[Said, ...], words: str) -> None:
    assert any(words in each for each in found(*said)), found(*said)


def test_a_status_that_is_not_as_it_has_to_be_is_found() -> None:
    assert found(OPENED, RESOLVED, statuses={"rds": "critical", "app": "healthy"}) == [
        "stopped: rds was critical, not down"
    ]
    (words,) = found(OPENED, RESOLVED, statuses={"rds": "down", "app": "down"})
    assert words.startswith("stopped: down: ")


def test_what_is_true_on_the_way_may_be_told_but_not_instead_of_the_cause() -> None:
    growing = replace(ROW, on_the_way={"database_starting": "it says so while it shuts down"})
    first = replace(OPENED, cause="database_starting")
    assert found(first, UPDATED, RESOLVED, row=growing) == []
    assert found(first, RESOLVED, row=growing) == ["stopped: rds_not_available was never told"]


def test_unknown_is_allowed_only_where_the_row_says_why() -> None:
    first = replace(OPENED, cause="unknown")
    assert found(first, RESOLVED, row=replace(ROW, unknown_because="nobody can see it")) == []


def test_where_something_else_comes_first_the_time_ends_with_the_cause() -> None:
    late = replace(ROW, on_the_way={"app_errors": "first"}, counts_to_cause=True)
    first = replace(OPENED, cause="app_errors", at=50.0)
    assert Outcome((first, UPDATED), {"stopped": 100.0}, STATUSES).seconds(late) == pytest.approx(2.0)
