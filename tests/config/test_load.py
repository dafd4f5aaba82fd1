"""load(): one frozen configuration, or every mistake at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from monitor.config.load import ConfigError, find_config, load
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


def test_paths_are_relative_to_the_file(loaded: Load, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-web.yml"
    elsewhere.write_text("")
    config = loaded(GOOD + f"    state: {{directory: memory}}\n    web: {{config_file: {elsewhere}}}").config
    assert config.state.directory == tmp_path / "memory"
    assert config.web.config_file == elsewhere


def test_a_mistake_is_never_longer_than_a_person_reads(mistakes: Mistakes) -> None:
    (said,) = mistakes(f"services: {{a: {{checks: [{{kind: {'x' * 100_000}}}]}}}}")
    assert len(said) <= 1001


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
