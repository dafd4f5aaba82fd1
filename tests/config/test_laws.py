"""Whatever the file holds: a configuration, or mistakes that stand inside of it. Never anything else."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.config.environment import expand
from monitor.config.load import ConfigError, Loaded, Mistake, load

BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")

GOOD: dict[str, Any] = {
    "env_file": ".env",
    "language": "ko",
    "web": {"listen": "127.0.0.1:1"},
    "state": {"directory": "x"},
    "aws": {"region": "r"},
    "log": {"level": "info"},
    "databases": {"other": {"host": "h", "name": "n", "user": "u", "password": "${P}", "port": 1}},
    "services": {
        "rds": {
            "checks": [
                {"kind": "rds", "every": "1m30s", "thresholds": {"response_time": {"warning": "1s"}}},
                {"kind": "rds", "name": "b", "database": "other", "timeout": 3},
            ]
        },
        "pm2": {"checks": [{"kind": "pm2"}], "metadata": {"a": "b"}},
        "app": {"depends_on": ["rds"], "checks": [{"kind": "pm2", "app": "${APP:-x}", "instances": "max"}]},
    },
    "notify": [{"kind": "webhook", "url": "${HOOK}"}, {"kind": "webhook", "name": "two", "url": "http://a/"}],
}

KEYS = [*GOOD, "checks", "kind", "depends_on", "every", "app", "name", "thresholds", "<<"]
TEXTS = ["rds", "pm2", "webhook", "x", "${X}", "${X:?no}", "${", "$$", "*", "max", "1s", "-1s", "", "a: b", "한글"]
words = st.sampled_from([*KEYS, *TEXTS, "\x1b[2J", "a\nb", "é" * 70])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(words | st.text(max_size=5), below, max_size=4)
)


def _load(content: bytes, environ: Mapping[str, str] | None = None) -> Loaded | tuple[Mistake, ...]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "config.yaml")
        path.write_bytes(content)
        try:
            return load(path, environ or {})
        except ConfigError as error:
            return error.mistakes


def _are_inside(mistakes: tuple[Mistake, ...], content: bytes) -> None:
    """At least one, each on one line that can be printed, each at a place that the file has."""
    assert mistakes
    lines = BREAK.split(content.decode("utf-8-sig", "replace"))
    for mistake in mistakes:
        assert str(mistake).isprintable()
        if mistake.file.endswith("config.yaml") and mistake.line:
            assert 1 <= mistake.line <= len(lines)
            assert 1 <= mistake.column <= len(lines[mistake.line - 1]) + 1


def _judge(content: bytes) -> None:
    found = _load(content)
    if not isinstance(found, Loaded):
        _are_inside(found, content)


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbfa: 1")
@example(b"a: \xed\xa0\x80")
@example(b"\xef\xbb\xbf\x0b\x00\x80")
@example("a: b\u2028c: [".encode())
def test_any_bytes_are_a_configuration_or_mistakes_inside_the_file(content: bytes) -> None:
    _judge(content)


@given(st.text(alphabet="ab:-?[]{},&*!|>'\"%@#~<$ \t\n\r\x85\u2028\ufeff한1.", max_size=60))
@example("{: ")
@example("a: |\n")
@example("&a\n")
@example("!\n")
@example("- ?")
@example("a: 1\n\n\n  - [")
def test_any_text_that_looks_like_yaml_is_a_configuration_or_mistakes_inside_the_file(text: str) -> None:
    _judge(text.encode())


@given(anything)
def test_any_document_is_a_configuration_or_mistakes_inside_the_file(data: Any) -> None:
    _judge(yaml.safe_dump(data, allow_unicode=True).encode("utf-8", "replace"))


@st.composite
def _nearly_good(draw: st.DrawFn) -> Any:
    """The good configuration with something put, replaced or removed at a random place."""
    data = yaml.safe_load(yaml.safe_dump(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = data
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = draw(st.sampled_from(keys)) if keys else None
            if key is None or not isinstance(at[key], dict | list) or draw(st.booleans()):
                break
            at = at[key]
        how = draw(st.sampled_from(["put", "replace", "remove"]))
        if isinstance(at, dict) and (how == "put" or key is None):
            at[draw(words)] = draw(anything)
        elif isinstance(at, list) and (how == "put" or key is None):
            at.append(draw(anything))
        elif how == "replace":
            at[key] = draw(anything)
        else:
            del at[key]
    return data


@given(_nearly_good())
@settings(max_examples=300)
def test_a_nearly_good_document_is_a_configuration_or_mistakes_inside_the_file(data: Any) -> None:
    _judge(yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode("utf-8", "replace"))


@given(st.text(), st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_what_is_put_in_for_a_variable_is_taken_as_it_is(before: str, value: str) -> None:
    literal = before.replace("$", "$$")
    assert expand({"a": [literal + "${X}"]}, {"X": value}).data == {"a": [before + value]}
    assert expand(literal, {}).data == before


CANARY = "canary-8f3a"


@given(_nearly_good())
@settings(max_examples=200)
def test_no_mistake_and_no_warning_shows_a_value_of_the_environment(data: Any) -> None:
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode("utf-8", "replace")
    found = _load(text, {"X": CANARY, "P": CANARY, "APP": CANARY, "HOOK": f"http://u:{CANARY}@h/{CANARY}"})
    said = found.warnings if isinstance(found, Loaded) else tuple(map(str, found))
    assert not [line for line in said if CANARY in line]
