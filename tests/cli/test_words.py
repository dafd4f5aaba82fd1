"""What commands say has its words in every language, and is heard only where it can be shown."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest

import monitor.cli
from monitor.cli.words import Words, words_on
from monitor.locale import LANGUAGES, catalogue, spoken

PACKAGE = Path(monitor.cli.__file__).parent


def _said() -> set[str]:
    """Every key that a command names outright."""
    keys = set[str]()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            match node.func:
                case ast.Name(id="words") | ast.Attribute(attr="words"):
                    keys |= {f"cli.{text}" for text in _texts(node.args[:1])}
                case ast.Attribute(attr="row", value=ast.Name(id="words") | ast.Attribute(attr="words")):
                    keys |= {f"cli.heading.{text}" for text in _texts(node.args)}
                case _:
                    pass
    return keys


def _texts(arguments: list[ast.expr]) -> set[str]:
    return {each.value for each in arguments if isinstance(each, ast.Constant) and isinstance(each.value, str)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_a_command_says_is_in_the_catalogue(language: str) -> None:
    said = _said()
    assert len(said) > 80
    assert said <= catalogue(language).keys()


def test_english_is_spoken_where_the_terminal_has_no_korean_letters() -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    korean = io.TextIOWrapper(io.BytesIO(), encoding="euc-kr")
    assert (words_on(ascii_only, "ko"), words_on(korean, "ko")) == (Words("en"), Words("ko"))


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE", "LC_MESSAGES": "ko"}, "ko"),
    ],
)
def test_the_terminal_says_which_language_it_speaks(environ: dict[str, str], language: str) -> None:
    assert spoken(environ) == language
