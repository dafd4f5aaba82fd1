"""Variables, env_file and secrets: what the environment makes of a configuration."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.checks.base import CheckBlind
from monitor.config.absent import NotConfiguredCheck
from monitor.config.load import ConfigError, load
from monitor.database import DatabaseConfig, NotConfigured
from tests.config.conftest import Load, Mistakes

GOOD = """\
    services:
      rds: {checks: [{kind: rds}]}
"""


def test_an_unset_variable_makes_its_check_blind_and_keeps_its_place(loaded: Load) -> None:
    result = loaded("services: {a: {checks: [{kind: pm2, name: n, every: 7s, app: 'x-${APP}-${ZONE}'}]}}")
    (check,) = result.config.services["a"].checks
    assert isinstance(check, NotConfiguredCheck)
    assert (check.kind, check.label, check.every, check.timeout) == ("pm2", "n", 7.0, 2.0)
    assert check.missing == ("APP", "ZONE")
    assert result.warnings == (
        "config.yaml:1:25: services.a.checks.0: not configured: APP, ZONE; this check will be unknown",
    )


def test_other_mistakes_of_a_check_that_is_not_configured_are_still_told(mistakes: Mistakes) -> None:
    assert mistakes("services: {a: {checks: [{kind: pm2, app: '${APP}', evry: 5s}]}}") == [
        "config.yaml:1:52: services.a.checks.0.evry: unknown key, did you mean every?"
    ]


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("{app: '${APP}'}", ["config.yaml:1:25: services.a.checks.0.kind: is missing"]),
        ("{kind: '${KIND}'}", ["config.yaml:1:32: services.a.checks.0.kind: KIND is not set"]),
        ("'${CHECK}'", ["config.yaml:1:25: services.a.checks.0: CHECK is not set"]),
        (
            "['${X}']",
            [
                "config.yaml:1:25: services.a.checks.0: must be a mapping (key: value)",
                "config.yaml:1:26: services.a.checks.0.0: X is not set",
            ],
        ),
    ],
)
def test_what_cannot_be_told_to_be_a_check_is_a_mistake_set_or_not(
    mistakes: Mistakes, check: str, said: list[str]
) -> None:
    assert mistakes(f"services: {{a: {{checks: [{check}]}}}}") == said


def test_an_unset_variable_leaves_its_channel_out(loaded: Load) -> None:
    text = GOOD + "    notify: [{kind: webhook, url: '${HOOK}'}, {kind: webhook, name: b, url: 'http://b/'}]"
    result = loaded(text)
    assert [channel.label for channel in result.config.notify] == ["b"]
    assert result.warnings == ("config.yaml:3:10: notify.0: not configured: HOOK; this channel is left out",)
    assert [channel.label for channel in loaded(text, {"HOOK": "http://a/"}).config.notify] == ["webhook", "b"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("web: {listen: '${LISTEN}'}", "config.yaml:3:15: web.listen: LISTEN is not set"),
        ("web: {listen: '${HOST}:${PORT}'}", "config.yaml:3:15: web.listen: HOST and PORT are not set"),
        (
            "notify: [{kind: webhook, url: '${HOOK:?ask the team for it}'}]",
            "config.yaml:3:31: notify.0.url: HOOK is not set: ask the team for it",
        ),
        (
            "language: '${L:+en}'",
            "config.yaml:3:11: language: only ${NAME}, ${NAME:-default} and ${NAME:?message} are understood; $$ is ",
        ),
        ("language: '${L'", "config.yaml:3:11: language: only ${NAME}, ${NAME:-default} and"),
    ],
)
def test_an_unset_variable_elsewhere_is_a_mistake(mistakes: Mistakes, text: str, line: str) -> None:
    (said,) = mistakes(GOOD + "    " + text)
    assert said.startswith(line)


def test_variables_come_from_the_environment_then_from_env_file(loaded: Load) -> None:
    result = loaded(
        "env_file: .env\nservices: {a: {checks: [{kind: pm2, app: '${A}-${B}-${C:-c}-$${D}-$x', instances: '${N}'}]}}",
        {"A": "process"},
        env_file="A=file\nB=file\nN=4\n",
    )
    (check,) = result.config.services["a"].checks
    assert check.model_dump()["app"] == "process-file-c-${D}-$x"
    assert check.model_dump()["instances"] == 4
    assert result.environment == {"A": "process", "B": "file", "N": "4"}


def test_a_text_that_comes_out_empty_counts_as_left_out(loaded: Load) -> None:
    text = GOOD + "    notify: [{kind: webhook, url: 'http://a/', secret: '${SECRET:-}'}]"
    (channel,) = loaded(text).config.notify
    assert channel.model_dump()["secret"] is None


def test_a_secret_cannot_inject_yaml(loaded: Load) -> None:
    result = loaded("services: {a: {checks: [{kind: pm2, app: '${A}'}]}}", {"A": "x', evil: [*a, &b !!c {"})
    assert result.config.services["a"].checks[0].model_dump()["app"] == "x', evil: [*a, &b !!c {"


def test_passwords_in_env_file_may_hold_any_character(loaded: Load) -> None:
    result = loaded(
        "env_file: .env\n" + GOOD.replace("    ", ""),
        env_file="""\
        DB_HOST=db
        DB_NAME=n
        DB_USER=u
        export DB_PASSWORD='p$a${HOME}#s"s\\\\w %d@:/'   # the product's own
        """,
    )
    default = result.databases["default"]
    assert isinstance(default, DatabaseConfig)
    assert default.password is not None
    assert default.password.get_secret_value() == 'p$a${HOME}#s"s\\w %d@:/'


def test_env_file_that_is_not_there_is_a_warning(loaded: Load) -> None:
    result = loaded("env_file: .env\n" + GOOD.replace("    ", ""))
    assert result.warnings == ("config.yaml:1:11: env_file: .env is not there; only the process's environment is used",)
    default = result.databases["default"]
    assert isinstance(default, NotConfigured)
    assert default.missing == ("DB_HOST", "DB_NAME", "DB_USER")


def test_env_file_with_lines_that_cannot_be_read_is_a_mistake_for_each(mistakes: Mistakes) -> None:
    said = mistakes(
        "env_file: .env\n" + GOOD.replace("    ", ""), env_file="A=1\n\nDB_HOST localhost\nB='canary-open\nC=2\n"
    )
    assert said == [".env:3:1: not NAME=value", ".env:4:1: not NAME=value"]


def test_env_file_that_is_not_utf8_is_a_mistake(mistakes: Mistakes) -> None:
    said = mistakes("env_file: .env\n" + GOOD.replace("    ", ""), env_file=b"A=1\nB=\xff\n")
    assert said == [".env:2:3: not UTF-8 from here on"]


def test_env_file_that_cannot_be_opened_is_one_mistake_and_not_a_rain_of_unset_names(
    mistakes: Mistakes, tmp_path: Path
) -> None:
    (tmp_path / ".env").mkdir()
    assert mistakes("env_file: .env\nlanguage: '${L}'\nweb: {listen: '${W:?}'}\n" + GOOD.replace("    ", "")) == [
        ".env: is a directory, not a file"
    ]


def test_the_environment_of_the_process_is_left_alone(loaded: Load) -> None:
    before = dict(os.environ)
    loaded("env_file: .env\n" + GOOD.replace("    ", ""), env_file="CANARY_OF_THE_FILE=1\n")
    assert dict(os.environ) == before


def test_a_second_database_is_reached_by_its_name(loaded: Load) -> None:
    result = loaded(
        """\
        databases:
          reports: {host: db2, name: r, user: u, password: "${PW}"}
        services:
          rds: {checks: [{kind: rds, database: reports}]}
        """,
        {"PW": "geheim"},
    )
    reports = result.databases["reports"]
    assert isinstance(reports, DatabaseConfig)
    assert reports.password is not None
    assert reports.password.get_secret_value() == "geheim"
    assert isinstance(result.databases["default"], NotConfigured)


def test_a_default_database_in_the_file_wins_over_the_environment(loaded: Load) -> None:
    text = "databases: {default: {url: 'postgresql://u@here/n'}}\n" + GOOD.replace("    ", "")
    default = loaded(text, {"DATABASE_URL": "postgresql://u@there/n"}).databases["default"]
    assert isinstance(default, DatabaseConfig)
    assert default.host == "here"


def test_a_certificate_authority_is_near_the_file_that_names_it(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / "product").mkdir()
    (tmp_path / "product" / ".env").write_text("DATABASE_URL=postgresql://u@h/n?sslrootcert=certs/rds.pem\n")
    result = loaded(
        """\
        env_file: product/.env
        databases:
          other: {url: "postgresql://u@h/n", ca_file: other.pem}
          whole: {url: "postgresql://u@h/n", ca_file: /etc/ssl/ca.pem}
        services: {rds: {checks: [{kind: rds}]}}
        """
    )
    found = {name: each.ca_file for name, each in result.databases.items() if isinstance(each, DatabaseConfig)}
    assert found == {
        "default": tmp_path / "product" / "certs" / "rds.pem",
        "other": tmp_path / "other.pem",
        "whole": Path("/etc/ssl/ca.pem"),
    }


def test_a_home_directory_that_is_not_there_is_a_mistake_for_each(mistakes: Mistakes) -> None:
    assert mistakes(
        """\
        env_file: ~nobody-of-that-name/.env
        state: {directory: ~nobody-of-that-name/x}
        services: {a: {checks: [{kind: pm2, home: ~nobody-of-that-name/.pm2}]}}
        """
    ) == [
        "config.yaml:1:11: env_file: there is no home directory for ~",
        "config.yaml:2:20: state.directory: there is no home directory for ~",
        "config.yaml:3:43: services.a.checks.0.home: there is no home directory for ~",
    ]


def test_what_is_loaded_shows_no_secret_in_its_representation(loaded: Load) -> None:
    text = GOOD + "    notify: [{kind: webhook, url: 'http://u:${PW}@a/', secret: '${PW}'}]"
    assert "canary-42" not in repr(loaded(text, {"PW": "canary-42", "DB_PASSWORD": "canary-42"}))


SECRETS_IN_WRONG_PLACES = pytest.mark.parametrize(
    "text",
    [
        "notify: [{kind: webhook, url: '${S}'}]",
        "notify: [{kind: webhook, url: 'http://a/', secret: 'whsec_${S}'}]",
        "notify: [{kind: '${S}', url: 'http://a/'}]",
        "databases: {d: {url: '${S}'}}",
        "databases: {d: {host: a, name: b, user: c, port: '${S}'}}",
        "databases: {d: {url: 'postgresql://u:${S}@h:port/n'}}",
        "web: {listen: '${S}'}",
        "language: '${S}'",
    ],
)


@SECRETS_IN_WRONG_PLACES
def test_no_mistake_shows_the_value_of_a_variable(mistakes: Mistakes, text: str) -> None:
    (said,) = mistakes(GOOD + "    " + text, {"S": "canary-42!"})
    assert "canary-42" not in said


@SECRETS_IN_WRONG_PLACES
def test_no_mistake_shows_a_secret_that_stands_in_the_file(mistakes: Mistakes, text: str) -> None:
    (said,) = mistakes(GOOD + "    " + text.replace("${S}", "canary-42!"))
    assert "canary-42" not in said or "kind: " in said


@contextmanager
def _as_nobody() -> Iterator[None]:
    """Root may read everything, so root asks as somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("closed", ["config.yaml", ".env"])
def test_a_file_that_we_may_not_read_is_one_line(closed: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        Path(directory, "config.yaml").write_text("env_file: .env\n" + GOOD.replace("    ", ""))
        Path(directory, ".env").write_text("DB_PASSWORD=canary\n")
        Path(directory, closed).chmod(0o000)
        with _as_nobody(), pytest.raises(ConfigError) as caught:
            load(Path(directory, "config.yaml"), {})
    assert str(caught.value) == f"{directory}/{closed}: cannot be read: no permission"


async def test_a_check_that_is_not_configured_is_blind_when_it_is_looked_at(loaded: Load) -> None:
    (check,) = loaded("services: {a: {checks: [{kind: pm2, app: '${APP}'}]}}").config.services["a"].checks
    nothing: Any = None
    with pytest.raises(CheckBlind) as caught:
        await check.look(nothing)
    assert caught.value.reason == "not configured: APP"
