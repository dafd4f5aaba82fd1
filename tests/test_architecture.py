"""The house is as it is drawn: every kind, cause and channel is registered, documented and tested under its name."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from monitor.checks import KINDS
from monitor.checks.base import Check
from monitor.locale import LANGUAGES, catalogue
from monitor.notify import CHANNELS
from monitor.notify.base import Channel

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "monitor"
MODULES = sorted(PACKAGE.rglob("*.py"))
KIND_NAMES = [kind.model_fields["kind"].annotation.__args__[0] for kind in KINDS]  # type: ignore[union-attr]
CHANNEL_NAMES = [kind.model_fields["kind"].annotation.__args__[0] for kind in CHANNELS]  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_kind_of_check_is_configured_documented_and_tested(kind: str) -> None:
    assert f"kind: {kind}" in (ROOT / "config.yaml").read_text()
    assert f"`{kind}`" in (ROOT / "README.md").read_text()
    assert (ROOT / "docs" / "checks" / f"{kind}.md").read_text().startswith(f"# `{kind}`")
    assert kind in (ROOT / "docs" / "configuration.md").read_text()
    assert list((ROOT / "tests" / "checks").glob(f"test_{kind}*.py"))


@pytest.mark.parametrize("kind", CHANNEL_NAMES)
def test_every_kind_of_channel_is_configured_documented_and_tested(kind: str) -> None:
    assert f"kind: {kind}" in (ROOT / "config.yaml").read_text()
    assert f"\n## {kind}\n" in (ROOT / "docs" / "channels.md").read_text()
    assert f"kind: {kind}" in (ROOT / "docs" / "configuration.md").read_text()
    assert list((ROOT / "tests" / "notify").glob(f"test_{kind}*.py"))


def test_every_check_and_channel_in_the_package_is_registered() -> None:
    for base, registered in ((Check, KINDS), (Channel, CHANNELS)):
        folder = "checks" if base is Check else "notify"
        found = {
            node.name
            for file in (PACKAGE / folder).rglob("*.py")
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.ClassDef) and any(getattr(b, "id", "") == base.__name__ for b in node.bases)
        }
        assert found == {each.__name__ for each in registered}


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_every_family_of_a_kind_begins_with_its_prefix(kind: type[Check]) -> None:
    name = kind.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
    for family in kind.families:
        assert family.metric.startswith(f"infra_{name}_"), family


def test_no_module_is_called_after_nothing() -> None:
    assert not {"utils", "helpers", "manager", "common", "misc"} & {module.stem for module in MODULES}


def test_the_catalogues_have_the_same_keys_with_the_same_values_in_every_language() -> None:
    def slots(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)[^}]*\}", text))

    first, *others = (catalogue(language) for language in LANGUAGES)
    for other in others:
        assert first.keys() == other.keys()
        for key, text in first.items():
            assert slots(text) == slots(other[key]), key


def test_the_catalogues_are_sorted_so_that_changes_can_be_read() -> None:
    for language in LANGUAGES:
        keys = list(json.loads((PACKAGE / "locale" / f"{language}.json").read_text()))
        assert keys == sorted(keys)


def test_every_message_that_the_package_makes_has_its_words() -> None:
    known = catalogue("en")
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Message" and node.args:
                key = node.args[0]
                if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value:
                    assert key.value in known, f"{module}: {key.value}"
