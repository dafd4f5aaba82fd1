"""What people see on a terminal: folded, coloured only for eyes, and never steered by other people's text."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli.terminal import columns, printable, state, wrapped
from monitor.core.model import Status

KOREAN = "비밀번호가 바뀌었다면 .env를 고치고 앱을 재시작하십시오. " * 3


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", [KOREAN, "a word after another and so on " * 9], ids=["korean", "english"])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_folded_text_fits_the_columns_and_keeps_its_words(
    monkeypatch: pytest.MonkeyPatch, text: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    folded = wrapped(text, indent=12)
    assert all(columns(line) <= width for line in folded.splitlines())
    assert all(line.startswith(" " * 12) for line in folded.splitlines())
    assert folded.split() == text.split()


@given(st.text())
def test_other_peoples_text_has_no_control_characters_left(text: str) -> None:
    assert printable(text).isprintable()
    assert "\x1b" not in printable(f"\x1b[31m{text}")


def test_a_state_is_a_symbol_a_word_and_a_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert state(Status.DOWN, stream=Terminal()) == "\x1b[1;31m✖ down\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert state(Status.DOWN, stream=Terminal()) == "✖ down"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert state(Status.DOWN, width=9, stream=Terminal()) == "✖ down   "


def test_a_stream_that_knows_no_symbols_gets_a_star() -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert {state(each, stream=ascii_only).split()[0] for each in Status} == {"*", "?"}
