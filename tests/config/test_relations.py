"""What only shows when parts of the configuration are put side by side."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.checks.base import WatchedDatabase
from monitor.config.plan import plan
from monitor.config.relations import watched_databases
from tests.config.conftest import Load, Mistakes


def rds(**settings: Any) -> dict[str, Any]:
    return {"kind": "rds", **settings}


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ({}, {"default": "default"}),
        ({"services": {"rds": {"checks": [rds()]}}}, {"default": "default", "rds": "default"}),
        (
            {"databases": {"orders": {}}, "services": {"db": {"checks": [{"kind": "host"}, rds(database="orders")]}}},
            {"default": "default", "orders": "orders", "db": "orders"},
        ),
        # a name in databases wins over a service of that name
        (
            {"databases": {"rds": {}}, "services": {"rds": {"checks": [rds()]}}},
            {"default": "default", "rds": "rds"},
        ),
        # twice the same one, and two of them
        ({"services": {"db": {"checks": [rds(), rds(name="b")]}}}, {"default": "default", "db": "default"}),
        ({"services": {"db": {"checks": [rds(), rds(database="x")]}}}, {"default": "default"}),
        # what is wrong elsewhere is told there, and not a second time here
        ({"services": {"db": {"checks": [rds(database=5)]}}}, {"default": "default", "db": ""}),
        (
            {"databases": [], "services": {"db": {"checks": 5}, 7: {"checks": [rds()]}}},
            {"default": "default", "7": "default"},
        ),
        ({"services": {"db": None}}, {"default": "default"}),
        (None, {"default": "default"}),
    ],
)
def test_a_database_is_named_by_itself_or_by_the_service_that_watches_it(data: Any, known: dict[str, str]) -> None:
    assert watched_databases(data) == known


def test_the_name_that_is_kept_is_the_databases_own() -> None:
    adapter = TypeAdapter[str](WatchedDatabase)
    assert adapter.validate_python("rds", context={"watched": {"rds": "default"}}) == "default"
    assert adapter.validate_python("rds") == "rds"
    with pytest.raises(
        ValidationError, match="'rdz' is neither a service with one rds check nor in databases; known: rds"
    ):
        adapter.validate_python("rdz", context={"watched": {"rds": "default"}})


def test_an_app_depends_on_the_database_that_its_wiring_is_held_against(loaded: Load) -> None:
    text = """\
        databases: {orders: {host: o, name: o, user: o}}
        services:
          rds: {checks: [{kind: rds}]}
          orders-db: {checks: [{kind: rds, database: orders}]}
          node: {checks: [{kind: wiring, database: rds}]}
          python: {checks: [{kind: wiring, database: orders-db, also: [rds]}]}
        """
    config = loaded(text).config
    services = plan(config).services
    assert [services[name].depends_on for name in ("node", "python")] == [("rds",), ("orders-db",)]
    (check,) = config.services["python"].checks
    assert (check.model_dump()["database"], check.model_dump()["also"]) == ("orders", ("default",))


def test_a_database_that_nobody_knows_is_a_mistake_with_its_place(mistakes: Mistakes) -> None:
    (line,) = mistakes("services: {node: {checks: [{kind: wiring, database: rdz}]}}")
    assert line.startswith("config.yaml:1:")
    assert "services.node.checks.0.database: 'rdz' is neither a service with one rds check nor in databases" in line
