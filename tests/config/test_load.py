"""load(): one frozen configuration, or every mistake at once."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.checks.base import CheckBlind
from monitor.config.absent import NotConfiguredCheck
from monitor.config.load import ConfigError, find_config, load
from monitor.database import DatabaseConfig, NotConfigured
from tests.config.conftest import Load, Mistakes

GOOD = """\
    services:
      rds: {checks: [{kind: rds}]}
"""


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(mistakes: Mistakes) -> None:
    assert mistakes(
        """\
        web: {listen: "127.0.0.1:99999"}
        services:
          rds:
            checks:
              - kind: rds
                timeoutt: 10s
                every: fast
          web:
            depends_on: [rdss]
            checks: [{kind: rdz}, {kind: pm2, app: x, instances: maxx}]
          lost:
        notify:
          - {kind: webhook, url: "http://receiver/", secre: x}
        langage: ko
        """
    ) == [
        "config.yaml:1:15: web.listen: the port must be 1 to 65535",
        "config.yaml:6:9: services.rds.checks.0.timeoutt: unknown key, did you mean timeout?",
        (
            "config.yaml:7:16: services.rds.checks.0.every: 'fast' is not a duration; "
            "write for example 500ms, 15s, 1m30s, 4h or 90d"
        ),
        "config.yaml:9:18: services.web.depends_on.0: there is no service 'rdss', did you mean rds?",
        "config.yaml:10:21: services.web.checks.0.kind: unknown kind 'rdz', did you mean rds?",
        "config.yaml:10:58: services.web.checks.1.instances: must be a whole number or max, did you mean max?",
        "config.yaml:11:8: services.lost: has no value",
        "config.yaml:13:46: notify.0.secre: unknown key, did you mean secret?",
        "config.yaml:14:1: langage: unknown key, did you mean language?",
    ]


def test_a_mistake_is_told_where_the_issue_shows_it(mistakes: Mistakes) -> None:
    lines = "\n".join(f"# {n}" for n in range(1, 8))
    text = f"{lines}\nservices:\n  rds:\n    checks: [\n    {{timeoutt: 10s, kind: rds}}]\n"
    assert mistakes(text) == ["config.yaml:11:6: services.rds.checks.0.timeoutt: unknown key, did you mean timeout?"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "config.yaml:1:1: services: is missing"),
        ("services: {}", "config.yaml:1:11: services: needs at least 1 entry"),
        ("services:", "config.yaml:1:10: services: has no value"),
        ("[1]", "config.yaml:1:1: must be a mapping (key: value)"),
        ("services: [a]", "config.yaml:1:11: services: must be a mapping (key: value)"),
        ("services: {a: {checks: []}}", "config.yaml:1:24: services.a.checks: needs at least 1 entry"),
        ("services: {a: {}}", "config.yaml:1:15: services.a.checks: is missing"),
        ("services: {a: {checks: [{every: 1s}]}}", "config.yaml:1:25: services.a.checks.0.kind: is missing"),
        (
            "services: {a: {checks: [{kind: rds, confirm: 0}]}}",
            "config.yaml:1:46: services.a.checks.0.confirm: must be at least 1",
        ),
        (
            "services: {a: {checks: [{kind: rds, confirm: true}]}}",
            "config.yaml:1:46: services.a.checks.0.confirm: must be a number, not true or false",
        ),
        (
            "services: {a: {checks: [{kind: rds, confirm: many}]}}",
            "config.yaml:1:46: services.a.checks.0.confirm: must be a whole number",
        ),
        (
            "services: {a: {checks: [{kind: rds, every: true}]}}",
            "config.yaml:1:44: services.a.checks.0.every: must be a duration, for example 15s",
        ),
        (
            "services: {a: {checks: [{kind: rds, every: 0s}]}}",
            "config.yaml:1:44: services.a.checks.0.every: must be more than 0",
        ),
        (
            "services: {a: {checks: [{kind: pm2, app: 7}]}}",
            "config.yaml:1:42: services.a.checks.0.app: must be text, so put it in quotes",
        ),
        (
            "services: {a: {checks: [{kind: rds, thresholds: {response_time: {critical: 5x%}}}]}}",
            "thresholds.response_time.critical: '5x%' is not a share; write for example 80%",
        ),
        (
            "services: {a: {checks: [{kind: rds, thresholds: {reponse_time: {}}}]}}",
            "config.yaml:1:25: services.a.checks.0: no threshold on 'reponse_time' for kind rds; known: response_time",
        ),
        (
            "services: {a: {checks: [{kind: rds, database: other}]}}",
            "config.yaml:1:47: services.a.checks.0.database: there is no database 'other' in databases; known: default",
        ),
        (
            "services: {a b: {checks: [{kind: rds}]}}",
            "config.yaml:1:12: services.a b: a name has 1 to 64 letters (a-z), digits, '_', '.' or '-'",
        ),
        ("services: {a: {checks: [{kind: rds}]}}\nlanguage: de", "config.yaml:2:11: language: must be en or ko"),
        ("services: {a: {checks: [{kind: rds}]}}\nweb: 1", "config.yaml:2:6: web: must be a mapping (key: value)"),
        ("services: {a: {checks: [{kind: rds}]}}\nweb: {listen: 1}", "must be text, so put it in quotes"),
        ("services: {a: {checks: {kind: rds}}}", "config.yaml:1:24: services.a.checks: must be a list"),
    ],
)
def test_each_kind_of_mistake_has_a_plain_text(mistakes: Mistakes, text: str, line: str) -> None:
    (said,) = mistakes(text)
    assert line in said
    assert "pydantic" not in said


def test_two_checks_of_a_kind_in_one_service_need_names(mistakes: Mistakes, loaded: Load) -> None:
    text = "services: {a: {checks: [{kind: pm2, app: x}, {kind: pm2, app: y%s}]}}"
    assert mistakes(text % "") == [
        "config.yaml:1:46: services.a.checks.1: a second check called pm2 (the first is number 1); give it a name"
    ]
    assert [check.label for check in loaded(text % ", name: y").config.services["a"].checks] == ["pm2", "y"]


def test_channels_need_different_names(mistakes: Mistakes) -> None:
    assert mistakes(GOOD + "    notify: [{kind: webhook, url: 'http://a/'}, {kind: webhook, url: 'http://b/'}]") == [
        "config.yaml:3:45: notify.1: a second channel called webhook (the first is number 1); give it a name"
    ]


def test_every_circle_of_dependencies_is_named(mistakes: Mistakes) -> None:
    check = "checks: [{kind: rds}]"
    assert mistakes(
        f"""\
        services:
          a: {{depends_on: [b], {check}}}
          b: {{depends_on: [a], {check}}}
          c: {{depends_on: [c], {check}}}
        """
    ) == [
        "config.yaml:2:19: services.a.depends_on: services must not depend on each other: a → b → a",
        "config.yaml:4:19: services.c.depends_on: services must not depend on each other: c → c",
    ]


def test_a_long_chain_of_dependencies_is_no_circle(loaded: Load) -> None:
    links = "".join(f"  s{n}: {{depends_on: [s{n + 1}], checks: [{{kind: rds}}]}}\n" for n in range(1500))
    text = f"services:\n{links}  s1500: {{checks: [{{kind: rds}}]}}\n"
    assert len(loaded(text).config.services) == 1501


def test_a_circle_through_what_a_check_needs_by_its_nature_is_refused_too(mistakes: Mistakes) -> None:
    assert mistakes(
        """\
        services:
          pm2: {depends_on: [app], checks: [{kind: pm2}]}
          app: {checks: [{kind: pm2, app: x}]}
        """
    ) == ["config.yaml:2:21: services.pm2.depends_on: services must not depend on each other: pm2 → app → pm2"]


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


def test_paths_are_relative_to_the_file(loaded: Load, tmp_path: Path) -> None:
    config = loaded(GOOD + "    state: {directory: memory}\n    web: {config_file: /etc/web.yml}").config
    assert config.state.directory == tmp_path / "memory"
    assert config.web.config_file == Path("/etc/web.yml")


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


def test_a_mistake_is_never_longer_than_a_person_reads(mistakes: Mistakes) -> None:
    (said,) = mistakes(f"services: {{a: {{checks: [{{kind: {'x' * 100_000}}}]}}}}")
    assert len(said) <= 1001


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


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.yaml", {})
    assert str(caught.value) == f"{tmp_path}/none.yaml: there is no such file"


def test_a_file_that_is_not_utf8_is_one_line_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("a: 한\nb: ".encode() + b"\xff")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "c.yaml", {})
    assert str(caught.value) == f"{tmp_path}/c.yaml:2:4: not UTF-8 from here on"


def test_the_file_is_the_named_one_then_the_one_here(tmp_path: Path) -> None:
    assert find_config(Path("other.yaml"), tmp_path) == Path("other.yaml")
    (tmp_path / "config.yaml").touch()
    assert find_config(None, tmp_path) == tmp_path / "config.yaml"


def test_no_file_anywhere_is_one_line_that_says_where_was_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_config(None, tmp_path)
    assert str(caught.value) == (
        "config.yaml: there is no such file here, and none that can be seen at /etc/infra-monitor/config.yaml; "
        "name one with --config"
    )


async def test_a_check_that_is_not_configured_is_blind_when_it_is_looked_at(loaded: Load) -> None:
    (check,) = loaded("services: {a: {checks: [{kind: pm2, app: '${APP}'}]}}").config.services["a"].checks
    nothing: Any = None
    with pytest.raises(CheckBlind) as caught:
        await check.look(nothing)
    assert caught.value.reason == "not configured: APP"


def test_a_thousand_checks_load_quickly(loaded: Load) -> None:
    """Printed, not asserted: how fast the machine is says nothing about the code."""
    text = "services:\n" + "".join(
        f"  s{n}:\n    depends_on: {[f's{n - 1}'] if n else []}\n    checks:\n"
        f"      - {{kind: rds, every: 15s, timeout: 10s}}\n      - kind: pm2\n        app: app-{n}\n        every: 5s\n"
        for n in range(500)
    )
    began = time.perf_counter()
    assert len(loaded(text).config.services) == 500
    print(f"1000 checks in {time.perf_counter() - began:.3f} s")  # noqa: T201 — a number to read with pytest -s
