"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.durations import format_duration, parse_duration
from tests.core.test_laws import law


@law
@given(st.integers(1, 10**7))
def test_what_is_written_is_read_back_to_its_two_largest_units(seconds: int) -> None:
    read = parse_duration(format_duration(seconds).replace(" ", ""))
    assert read <= seconds
    assert format_duration(read) == format_duration(seconds)
    assert seconds - read < (3600 if seconds >= 86400 else 60)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("15s", 15), ("1m30s", 90), ("4h", 14400), ("90d", 7776000), ("1w", 604800), (" 1.5h ", 5400)],
)
def test_a_row_of_numbers_with_units_is_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "s", "15 s", "-1s", "1x", "1s 2m", "s15"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write for example 500ms"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.2s"), (1, "1s"), (90, "1m 30s"), (3600, "1h"), (90061, "1d 1h")]
)
def test_a_duration_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
