"""`auth: iam` can be said with the database, in its environment, or by the check that logs in."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.load import load
from monitor.database import DatabaseConfig

SERVICES = "services: {rds: {checks: [{kind: rds%s}]}}\n"
DB = {"DB_HOST": "db.internal", "DB_NAME": "app", "DB_USER": "app"}


@pytest.mark.parametrize(
    ("text", "environ", "auth"),
    [
        (SERVICES % "", DB, "password"),
        (SERVICES % ", auth: iam", DB, "iam"),
        (SERVICES % "", {**DB, "DB_AUTH": "iam"}, "iam"),
        (SERVICES % "" + "databases: {default: {host: db, name: app, user: app, auth: iam}}\n", {}, "iam"),
    ],
)
def test_iam_is_asked_for_in_any_of_three_places(tmp_path: Path, text: str, environ: dict[str, str], auth: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    database = load(tmp_path / "config.yaml", environ).databases["default"]
    assert isinstance(database, DatabaseConfig)
    assert database.auth == auth
    assert database.tls == ("require" if auth == "iam" else "prefer")


def test_a_database_that_is_not_configured_stays_so(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(SERVICES % ", auth: iam")
    assert not isinstance(load(tmp_path / "config.yaml", {}).databases["default"], DatabaseConfig)
