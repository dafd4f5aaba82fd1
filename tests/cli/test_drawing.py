"""Tables, charts and numbers for a terminal."""

from __future__ import annotations

import io

import pytest

from monitor.cli.drawing import chart, cut, folded, number, shown, sparkline, squeezed, table, when
from monitor.cli.words import Words

UTF8 = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
ASCII = io.TextIOWrapper(io.BytesIO(), encoding="ascii")


def test_columns_stand_under_each_other_whatever_the_script_and_colour() -> None:
    lines = table([["이름", "x"], ["\x1b[31mab\x1b[0m", "y"], ["abcdef", "z"]]).splitlines()
    assert lines == ["이름    x", "\x1b[31mab\x1b[0m      y", "abcdef  z"]
    assert table([]) == ""


def test_columns_without_room_stand_below_their_row_and_nothing_is_lost() -> None:
    rows = [["id", "by", "reason"], ["a-1", "앤", "점검 중입니다"], ["a-2", "bob", "-"]]
    assert folded(rows, width=80) == table(rows)
    assert folded(rows, width=12).splitlines() == [
        "id   by", "a-1  앤", "    reason: 점검 중입니다", "a-2  bob"
    ]  # fmt: skip
    assert folded(rows, width=5).splitlines()[:4] == ["id", "a-1", "    by: 앤", "    reason: 점검 중입니다"]
    assert folded([["a-very-wide-one"], ["x"]], width=6).splitlines() == ["a-ver…", "x"]


def test_what_is_too_wide_is_cut_with_its_colour_ended() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert cut("서비스상태", 6) == "서비…"
    assert cut("\x1b[31mabcdefg\x1b[0m", 4) == "\x1b[31mabc…\x1b[0m"
    assert shown(cut("\x1b[31m서비스\x1b[0m 상태", 9)) <= 9


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0125, "seconds", "12.5 ms"), (2.5, "seconds", "2.5 s"), (-90.0, "seconds", "-1m 30s"),
        (90061.0, "seconds", "1d 1h"), (0.8125, "ratio", "81.2 %"), (5.0, "percent", "5 %"),
        (512.0, "bytes", "512 B"), (3.5 * 1024**3, "bytes", "3.5 GiB"), (2.0 * 1024**4, "bytes", "2 TiB"),
        (12345.6, "", "1.235e+04"), (7.0, "", "7"),
    ],
)  # fmt: skip
def test_numbers_are_short_and_have_their_unit(value: float, unit: str, said: str) -> None:
    assert number(value, unit) == said


def test_a_sparkline_goes_from_the_least_to_the_most_and_shows_gaps() -> None:
    assert sparkline([0, None, 7, 3.5], UTF8) == "▁ █▅"
    assert sparkline([1, 1], UTF8) == "▅▅"
    assert sparkline([None], UTF8) == ""
    assert sparkline([0, 7], ASCII) == "_#"


def test_time_is_squeezed_into_equal_parts_that_average() -> None:
    points = [(0.0, 1.0), (1.0, 3.0), (9.0, 5.0), (10.0, 7.0), (11.0, 9.0), (-1.0, 9.0)]
    assert squeezed(points, since=0.0, until=10.0, room=5) == [2.0, None, None, None, 6.0]


def test_a_chart_is_eighty_columns_wide_with_bounds_and_times() -> None:
    points = [(1_780_000_000.0 + n, n / 1000) for n in range(600)]
    lines = chart(points, since=points[0][0], until=points[-1][0], unit="seconds", stream=UTF8).splitlines()
    assert len(lines) == 9
    assert {shown(line) for line in (lines[0], lines[-1])} == {80}
    assert lines[0].startswith("    595 ms ┤")
    assert lines[4].startswith("    298 ms ┤")
    assert lines[7].startswith("      0 ms ┤")
    assert lines[0].rstrip().endswith("█")
    plain = chart(points, since=points[0][0], until=points[-1][0], unit="seconds", stream=ASCII)
    assert plain.isascii()
    assert chart([], since=0, until=1, unit="", stream=UTF8) == ""


def test_a_chart_has_gaps_where_samples_are_missing_and_none_where_they_are_rare() -> None:
    points = [(300.0 * n, 1.0) for n in range(13) if n not in (5, 6, 7)]
    lines = chart(points, since=0.0, until=3600.0, unit="", stream=UTF8).splitlines()
    bars = lines[7].partition("┤")[2]
    assert len(bars) == 68
    gaps = [len(part) for part in bars.strip().split("█") if part]
    assert len(gaps) == 1
    assert 17 <= gaps[0] <= 23, "twenty minutes of sixty, from the last sample to the next"


def test_times_are_told_for_people() -> None:
    words, at = Words("en"), "2026-11-24T00:00:00.000Z"
    assert (words.since(None, 0), words.ago(None, 0), when(None)) == ("-", "-", "-")
    assert words.ago(at, 1_795_478_400.0 + 90) == "1m 30s ago"
    assert Words("ko").ago(at, 1_795_478_400.0 + 90) == "1분 30초 전"
