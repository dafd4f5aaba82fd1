"""Laws of the drawings: sound whatever they are given, inside their box, honest about gaps."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.web.drawing import (
    Bar,
    Chart,
    Line,
    Mark,
    Phase,
    Row,
    Sample,
    Svg,
    Threshold,
    badge,
    bars,
    chart,
    phases,
    sparkline,
)
from monitor.web.drawing.axis import MOST_MOMENTS, moments, scale
from monitor.web.drawing.badge import width
from monitor.web.drawing.chart import BOTTOM, COLUMNS, LEFT, RIGHT, ROOM, TOP
from monitor.web.drawing.spark import HEIGHT, MOST, WIDTH

SEOUL = ZoneInfo("Asia/Seoul")
T = 1_780_000_200.0
texts = st.text() | st.sampled_from(
    [
        "</title><script>alert(1)</script>",
        '" onload="alert(1)',
        "]]>",
        "\x00\x1b[31m",
        "\ud800",
        "\u202egpj.exe",
        "한글",
    ]
)
values = st.floats(allow_nan=False, allow_infinity=False)
STATUSES = ("healthy", "warning", "critical", "down", "maintenance", "unknown")


def read(drawn: Svg) -> ET.Element:
    """As a browser reads it; nothing in it may run or need a style that the page's policy forbids."""
    root = ET.fromstring(drawn)  # noqa: S314 — ours
    names = {"svg", "g", "title", "rect", "line", "path", "text", "polyline", "polygon", "circle"}
    for each in root.iter():
        assert each.tag.removeprefix("{http://www.w3.org/2000/svg}") in names
        assert not [key for key in each.attrib if key.startswith("on") or key in ("style", "href")]
    assert root.get("role") == "img"
    assert root.get("aria-label") is not None
    return root


def points(root: ET.Element, name: str = "polyline") -> list[list[tuple[float, float]]]:
    found = (str(each.get("points")).split() for each in root.iter(name))
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line)] for line in found]


def drawing(*lines: Line, **given: object) -> Chart:
    return Chart(
        **{
            "since": T,
            "until": T + 3600,
            "unit": "seconds",
            "lines": lines,
            "zone": SEOUL,
            "amount": lambda value: f"{value:g} s",
            "clock": lambda at: datetime.fromtimestamp(at, SEOUL).strftime("%H:%M"),
            "day": lambda at: datetime.fromtimestamp(at, SEOUL).strftime("%m-%d"),
            **given,
        }  # type: ignore[arg-type]
    )


def line(*at: tuple[float, float], gap: float = 45.0, name: str = "response time") -> Line:
    return Line(name, [Sample(T + when, value, value, value) for when, value in at], gap)


@given(texts, texts, st.sampled_from(STATUSES))
def test_no_text_breaks_a_drawing_or_gets_out_of_its_place(name: str, said: str, status: str) -> None:
    hostile = drawing(
        line((0, 1.0), (15, 2.0), name=name),
        thresholds=(Threshold(2.0, status, said),),
        marks=(Mark(T, said, T + 60, status), Mark(T + 5, name)),
        amount=lambda _: said,
        clock=lambda _: name,
    )
    for drawn in (
        badge(name, status, said=said),
        bars([Bar(status, said), Bar(None, name)], label=name),
        chart(hostile, label=said),
        phases([Row(name, [Phase("tcp", said, 1.0)])], amount=lambda _: said, label=name),
        sparkline([1.0, 2.0], label=name),
    ):
        root = read(drawn)
        clean = {"".join(each.itertext()) for each in root.iter()}
        assert not any("\u202e" in each for each in clean)
        if name.isprintable() and "\u202e" not in name and "\ud800" not in name:
            assert any(name[:40] in each for each in (*clean, str(root.get("aria-label"))))


@given(st.lists(values | st.none(), max_size=300))
def test_a_sparkline_is_small_stays_in_its_box_and_keeps_its_gaps(given: list[float | None]) -> None:
    drawn = sparkline(given, label="load")
    assert bool(drawn) == any(value is not None for value in given)
    assume(drawn)
    root = read(drawn)
    runs = points(root)
    lone = [(float(str(each.get("cx"))), float(str(each.get("cy")))) for each in root.iter("circle")]
    for x, y in [*lone, *(point for run in runs for point in run)]:
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    for run in runs:
        assert all(left < right for (left, _), (right, _) in pairwise(run))
    count = len(lone) + sum(map(len, runs))
    assert count <= MOST
    if len(given) <= MOST:
        assert count == sum(value is not None for value in given)
        breaks = sum(a is not None and b is None for a, b in pairwise([*given, None]))
        assert len(lone) + len(runs) == breaks


def test_a_sparkline_of_sixty_points_is_about_half_a_kilobyte() -> None:
    drawn = sparkline([float(n % 7) for n in range(60)], label="response time")
    assert len(drawn) < 900


def test_of_many_values_the_peak_stays() -> None:
    given: list[float | None] = [1.0] * 500
    given[317] = 9.0
    ((*_, lowest),) = (sorted(run, key=lambda point: -point[1]) for run in points(read(sparkline(given, label=""))))
    assert lowest[1] == 2


@st.composite
def pasts(draw: st.DrawFn) -> list[tuple[float, float]]:
    steps = draw(st.lists(st.tuples(st.floats(0.5, 400), values), min_size=1, max_size=400))
    at, found = draw(st.floats(-300, 300)), []
    for step, value in steps:
        found.append((at, value))
        at += step
    return found


@given(pasts())
def test_a_chart_stays_in_its_box_goes_on_in_time_and_never_bridges_a_gap(past: list[tuple[float, float]]) -> None:
    gap = 45.0
    drawn = chart(drawing(line(*past, gap=gap)), label="response time")
    inside = [T + at for at, _ in past if T <= T + at <= T + 3600]
    assert bool(drawn) == bool(inside)
    assume(drawn)
    root = read(drawn)
    for run in (*points(root), *points(root, "polygon")):
        for x, y in run:
            assert LEFT <= x <= RIGHT
            assert TOP <= y <= BOTTOM
    # places of points are to a tenth of a unit, which is a second here
    per_unit = 3600 / (RIGHT - LEFT)
    for run in points(root):
        assert len(run) <= ROOM + 1
        for (left, _), (right, _) in pairwise(run):
            assert left <= right
            began, ended = T + (left - LEFT) * per_unit, T + (right - LEFT) * per_unit
            between = [at for at in inside if began + 1 <= at <= ended - 1]
            assert all(later - earlier <= gap for earlier, later in pairwise(between))
    runs = 1 + sum(later - earlier > gap for earlier, later in pairwise(inside))
    assert sum(1 for each in root.iter() if "line line-1" in str(each.get("class"))) == runs


def test_a_chart_says_its_numbers_its_times_and_what_happened() -> None:
    drawn = chart(
        drawing(
            line((0, 1.0), (15, 2.0), (30, 1.5), (600, 3.0)),
            thresholds=(Threshold(2.0, "warning", "warning from 2 s"), Threshold(500.0, "critical", "from 500 s")),
            marks=(
                Mark(T + 60, "PM2 restarted nodejs"),
                Mark(T - 60, "rds is down", T + 90, "down"),
                Mark(T - 90, "over", T - 30, "down"),
            ),
        ),
        label="response time: now 3 s",
    )
    root = read(drawn)
    said = ["".join(each.itertext()) for each in root.iter("text")]
    titles = ["".join(each.itertext()) for each in root.iter("title")]
    assert said[:4] == ["0 s", "1 s", "2 s", "3 s"]
    assert "warning from 2 s" in said
    assert not any("500" in each for each in said), "a threshold far away would flatten the line"
    assert {"05:40", "06:20"} <= set(said) or {"05:45", "06:15"} <= set(said), said
    assert titles[:2] == ["PM2 restarted nodejs", "rds is down"]
    assert any(each.endswith("response time: 3 s") for each in titles)
    assert root.get("aria-label") == "response time: now 3 s"


def test_the_band_shows_the_extremes_of_what_one_point_stands_for() -> None:
    samples = [Sample(T + 300 * n, 2.0, 1.0, 4.0) for n in range(6)]
    root = read(chart(drawing(Line("load", samples, 601.0)), label="load"))
    (band,) = points(root, "polygon")
    assert {y for _, y in band} == {TOP, BOTTOM - (BOTTOM - TOP) / 4}


def test_where_one_points_the_numbers_of_that_time_are_told() -> None:
    many = line(*((float(n), float(n % 10)) for n in range(0, 3600, 5)))
    root = read(chart(drawing(many), label="load"))
    reach = [each for each in root.iter("rect") if each.get("class") == "reach"]
    assert len(reach) == COLUMNS
    assert [each.find("title") is not None for each in reach] == [True] * COLUMNS


@given(values, values, st.sampled_from(["", "seconds", "bytes", "percent"]))
def test_the_scale_encloses_the_numbers_with_few_round_steps(one: float, other: float, unit: str) -> None:
    low, high = sorted(max(min(each, 1e300), -1e300) for each in (one, other))
    ticks = scale(low, high, unit)
    little = (high - low) * 1e-6
    assert ticks[0] <= low + little
    assert high - little <= ticks[-1]
    assert 2 <= len(ticks) <= 6
    assert all(earlier < later for earlier, later in pairwise(ticks))


@pytest.mark.parametrize(
    ("low", "high", "unit", "ticks"),
    [
        (0.0031, 0.0122, "seconds", (0.0, 0.005, 0.01, 0.015)),
        (30.0, 400.0, "seconds", (0.0, 300.0, 600.0)),
        (0, 700_000_000, "bytes", (0.0, 268_435_456.0, 536_870_912.0, 805_306_368.0)),
        (96, 99, "percent", (96.0, 97.0, 98.0, 99.0)),
        (0, 0, "count", (0.0, 1.0)),
        (0, 10, "count", (0.0, 5.0, 10.0)),
        (0, 3, "count", (0.0, 1.0, 2.0, 3.0)),
        (5, 5, "", (0.0, 2.0, 4.0, 6.0, 8.0)),
    ],
)
def test_the_scale_has_the_round_numbers_of_its_unit(
    low: float, high: float, unit: str, ticks: tuple[float, ...]
) -> None:
    assert scale(low, high, unit) == pytest.approx(ticks)


@given(
    st.floats(1_600_000_000, 1_900_000_000),
    st.floats(60, 91 * 86_400),
    st.sampled_from(["UTC", "Asia/Seoul", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
)
def test_moments_are_few_within_and_ascend(since: float, length: float, name: str) -> None:
    found = moments(since, since + length, ZoneInfo(name))
    assert 1 <= len(found) <= MOST_MOMENTS + 1 or length < 900
    assert all(earlier < later for earlier, later in pairwise(found))
    assert all(since <= at <= since + length for at in found)
    for at in found:
        local = datetime.fromtimestamp(round(at), UTC).astimezone(ZoneInfo(name))
        assert local.second == 0
        assert length < 900 or local.minute % 5 == 0


SAID = ["good", "12:00–12:30: down for 3 min", "-"]


def test_bars_say_each_part_and_show_trouble_by_more_than_colour() -> None:
    root = read(bars([Bar("healthy", SAID[0], 3), Bar("down", SAID[1]), Bar(None, SAID[2], 44)], label="a day"))
    paths = [each for each in root if each.get("class") == "bar"]
    assert [each.get("data-status") for each in paths] == ["healthy", "down", "none"]
    assert ["".join(each.itertext()) for each in root if each.get("class") == "reach"] == SAID
    assert len({re.sub(r"^M[\d.]+ ", "", str(each.get("d"))) for each in paths}) == 3, "each has its shape"
    assert [str(each.get("d")).count("M") for each in paths] == [3, 1, 44]
    assert bars([], label="") == ""


@given(st.lists(st.lists(st.floats(0, 1e6), max_size=6), max_size=3))
def test_phases_are_as_long_as_they_lasted_and_none_is_longer_than_the_picture(given: list[list[float]]) -> None:
    rows = [Row("now", [Phase("tcp", "tcp", seconds) for seconds in each]) for each in given]
    drawn = phases(rows, amount=lambda value: f"{value:g}", label="phases")
    longest = max((sum(each) for each in given), default=0.0)
    assert bool(drawn) == (longest > 0)
    assume(drawn)
    for rect in read(drawn).iter("rect"):
        assert float(str(rect.get("x"))) + float(str(rect.get("width"))) <= 480.3
    shares = re.findall(r"tcp: ([0-9.e+-]+)", drawn)
    assert len(shares) == sum(seconds / longest * 480 > 0 for each in given for seconds in each)


@given(st.text(), st.text())
def test_text_of_a_badge_takes_the_room_of_its_letters(one: str, other: str) -> None:
    assert width(one + other) == pytest.approx(width(one) + width(other))
    assert width("정상") == 22
    assert width("WWW") > width("ooo") > width("lll") > 0


def test_a_badge_is_as_wide_as_its_texts_and_says_the_status_by_shape_and_word() -> None:
    root = read(badge("rds", "down", said="down"))
    texts = list(root.iter("{http://www.w3.org/2000/svg}text"))
    assert [each.text for each in texts] == ["rds", "✖ down"]
    lengths = [float(str(each.get("textLength"))) for each in texts]
    assert float(str(root.get("width"))) == pytest.approx(sum(lengths) + 24, abs=0.2)
    assert len(badge("x" * 500, "down", said="down")) < 1500
