from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.database import DatabaseConfig, Databases, NotConfigured
from monitor.sources.resolver import Resolver

CANARY = "canary'p@ss\\w ord/#%?:비밀"
ENCODED = "canary%27p%40ss%5Cw%20ord%2F%23%25%3F%3A%EB%B9%84%EB%B0%80"
ENVIRONMENT = {"DB_HOST": "db.example", "DB_NAME": "app", "DB_USER": "me", "DB_PASSWORD": CANARY}


def password_of(config: DatabaseConfig) -> str | None:
    return config.password.get_secret_value() if config.password else None


def test_the_five_variables() -> None:
    config = DatabaseConfig.from_environment(ENVIRONMENT | {"DB_PORT": "6432"})
    assert (config.host, config.port, config.name, config.user) == ("db.example", 6432, "app", "me")
    assert password_of(config) == CANARY
    assert (config.sslmode, config.ca_file) == ("prefer", None)


def test_tls_of_the_environment() -> None:
    config = DatabaseConfig.from_environment(
        ENVIRONMENT | {"DB_SSLMODE": "verify-full", "DB_SSLROOTCERT": "/etc/ssl/rds.pem"}
    )
    assert (config.sslmode, config.ca_file) == ("verify-full", Path("/etc/ssl/rds.pem"))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "POSTGRES"])
def test_the_url_wins_over_the_variables(scheme: str) -> None:
    url = f"{scheme}://other:{ENCODED}@rds.example:5433/prod?sslmode=require&connection_limit=5"
    config = DatabaseConfig.from_environment(ENVIRONMENT | {"DATABASE_URL": url})
    assert (config.host, config.port, config.name, config.user) == ("rds.example", 5433, "prod", "other")
    assert password_of(config) == CANARY
    assert config.sslmode == "require"


@pytest.mark.parametrize(
    ("query", "sslmode"),
    [("", "prefer"), ("?ssl=true", "require"), ("?sslmode=no-verify", "require"), ("?sslmode=verify-ca", "verify-ca")],
)
def test_modes_of_other_drivers(query: str, sslmode: str) -> None:
    assert DatabaseConfig.from_environment({"DATABASE_URL": f"postgres://u:p@h/d{query}"}).sslmode == sslmode


def test_parts_may_stand_in_the_query() -> None:
    url = f"postgresql:///app?host=/var/run/postgresql&user=me&password={ENCODED}&sslrootcert=/ca.pem"
    config = DatabaseConfig.from_environment({"DATABASE_URL": url})
    assert (config.host, config.user, config.ca_file) == ("/var/run/postgresql", "me", Path("/ca.pem"))
    assert password_of(config) == CANARY
    assert config.is_socket


def test_an_address_of_version_6() -> None:
    assert DatabaseConfig.from_environment({"DATABASE_URL": "postgres://u:p@[::1]:5433/d"}).host == "::1"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "not configured: DB_HOST, DB_NAME, DB_USER"),
        ({"DB_HOST": "h", "DB_USER": "", "DB_NAME": "n"}, "not configured: DB_USER"),
        (ENVIRONMENT | {"DB_PORT": "54x"}, "not configured: DB_PORT: Input should be a valid integer"),
        (ENVIRONMENT | {"DB_PORT": "0"}, "not configured: DB_PORT: Input should be greater than or equal to 1"),
        (ENVIRONMENT | {"DB_SSLMODE": "on"}, "not configured: DB_SSLMODE: Input should be 'disable'"),
        ({"DATABASE_URL": f"sqlite:///{CANARY}.db"}, "not configured: DATABASE_URL is sqlite:, not postgresql:"),
        ({"DATABASE_URL": f"mysql://u:{ENCODED}@h/d"}, "not configured: DATABASE_URL is mysql:, not postgresql:"),
        ({"DATABASE_URL": CANARY}, "not configured: DATABASE_URL is no URL, not postgresql:"),
        ({"DATABASE_URL": "postgres://u:canary#x@h/d"}, "not configured: DATABASE_URL"),
        ({"DATABASE_URL": "postgres://u:canary/x@h/d"}, "not configured: DATABASE_URL cannot be read as a URL"),
        ({"DATABASE_URL": "postgres://u:canary@a,b/d"}, "not configured: DATABASE_URL names several hosts"),
        ({"DATABASE_URL": "postgres://u:canary@h"}, "not configured: DATABASE_URL has no name"),
        ({"DATABASE_URL": "postgres:///d"}, "not configured: DATABASE_URL has no host; DATABASE_URL has no user"),
        ({"DATABASE_URL": "postgres://u:canary@h/d?sslmode=on"}, "not configured: DATABASE_URL: sslmode: Input should"),
    ],
)
def test_what_is_missing_or_wrong_is_said_without_secrets(environment: dict[str, str], says: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        DatabaseConfig.from_environment(environment)
    assert str(caught.value).startswith(says)
    assert "canary" not in f"{caught.value} {caught.value!r}"
    assert "canary" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_secrets_are_in_no_representation() -> None:
    url = f"postgres://u:{ENCODED}@h/d"
    for config in (DatabaseConfig.from_environment(ENVIRONMENT), DatabaseConfig.model_validate({"url": url})):
        assert "canary" not in f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"
    with pytest.raises(ValidationError) as caught:
        DatabaseConfig.model_validate({"url": url, "sslmode": "wrong"})
    assert "canary" not in str(caught.value)


def test_the_url_wins_over_the_other_keys_and_leaves_what_it_does_not_name() -> None:
    config = DatabaseConfig.model_validate(
        {"url": "postgres://u@h/d", "host": "other", "sslmode": "verify-full", "ca_file": "/ca"}
    )
    assert (config.host, config.sslmode, config.ca_file) == ("h", "verify-full", Path("/ca"))


def test_a_password_that_is_a_public_name_is_no_secret() -> None:
    assert DatabaseConfig(host="h", name="d", user="postgres", password="postgres").secrets == ()
    assert DatabaseConfig(host="h", name="d", user="postgres", password="canary").secrets == ("canary",)


async def test_databases_by_name() -> None:
    other = DatabaseConfig(host="h", name="d", user="u")
    databases = Databases({"default": NotConfigured(("DB_HOST",)), "other": other}, Resolver())
    assert databases.get("other") is databases.get("other")
    assert databases.get("other").config is other
    with pytest.raises(NotConfigured, match=r"not configured: DB_HOST$"):
        databases.get()
    with pytest.raises(NotConfigured, match=r"not configured: databases\.third$"):
        databases.get("third")
    await databases.close()
