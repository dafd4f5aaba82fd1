"""Numbers over time, with axes: what was not measured is a gap, never a line across it and never zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise
from typing import Final

from monitor.web.drawing.axis import at_midnight, moments, scale
from monitor.web.drawing.svg import Svg, element, number, picture

WIDTH: Final = 480.0
HEIGHT: Final = 180.0
LEFT: Final = 64.0
RIGHT: Final = 474.0
TOP: Final = 10.0
BOTTOM: Final = 154.0
_LABELS: Final = 172.0
ROOM: Final = 120
"""Points of a line at most; of more samples, averages with the least and the greatest beside them."""
COLUMNS: Final = 24
"""Parts of the picture of which a reader can learn the numbers by pointing at them."""
_NEAR: Final = 2.0
"""A threshold is drawn when the numbers came within this factor of it; else it would flatten them."""
_SANE: Final = 1e300


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at a moment, or was the average, least and greatest of a time that began then."""

    at: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Line:
    """One series, oldest first. Samples that are farther apart than `gap` seconds do not belong together."""

    name: str
    samples: Sequence[Sample]
    gap: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound; `status` is what passing it means."""

    value: float
    status: str
    said: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened meanwhile: at a moment, or with `until` for a time. `status` only of trouble."""

    at: float
    said: str
    until: float | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn. `amount` puts a number of the unit into words, `clock` a moment, `day` the day of one."""

    since: float
    until: float
    unit: str
    lines: Sequence[Line]
    thresholds: Sequence[Threshold] = ()
    marks: Sequence[Mark] = ()
    zone: tzinfo
    amount: Callable[[float], str]
    clock: Callable[[float], str]
    day: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class _Frame:
    """From numbers and moments to places in the picture; what lies outside is put on its border."""

    since: float
    until: float
    low: float
    high: float

    def x(self, at: float) -> float:
        share = (at - self.since) / max(self.until - self.since, 1e-9)
        return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return BOTTOM - min(max(share, 0.0), 1.0) * (BOTTOM - TOP)


def chart(given: Chart, *, label: str) -> Svg:
    """Empty when nothing was measured in that time."""
    lines = [list(_runs(line, given.since, given.until)) for line in given.lines]
    shown = [sample for runs in lines for run in runs for sample in run]
    if not shown:
        return Svg()
    low, high = min(each.low for each in shown), max(each.high for each in shown)
    near = [each for each in given.thresholds if low / _NEAR <= each.value <= high * _NEAR]
    ticks = scale(min([low, *(each.value for each in near)]), max([high, *(each.value for each in near)]), given.unit)
    frame = _Frame(given.since, given.until, ticks[0], ticks[-1])
    alone = len(given.lines) == 1
    return picture(
        *(_mark(each, frame) for each in given.marks if _within(each, given)),
        *_across(ticks, frame, given),
        *_along(frame, given),
        *(_threshold(each, frame) for each in near),
        *(part for place, runs in enumerate(lines) for run in runs for part in _drawn(run, place, frame, banded=alone)),
        *_columns(lines, frame, given),
        width=WIDTH,
        height=HEIGHT,
        label=label,
        class_="chart",
    )


def _runs(line: Line, since: float, until: float) -> Iterator[list[Sample]]:
    """What was measured in that time without a gap, in as few points as can be told apart."""
    run: list[Sample] = []
    for sample in line.samples:
        if not since <= sample.at <= until:
            continue
        if run and sample.at - run[-1].at > line.gap:
            yield _thinned(run, since, until)
            run = []
        run.append(sample)
    if run:
        yield _thinned(run, since, until)


def _thinned(run: list[Sample], since: float, until: float) -> list[Sample]:
    found: dict[int, list[Sample]] = {}
    for sample in run:
        found.setdefault(int((sample.at - since) / max(until - since, 1e-9) * ROOM), []).append(sample)
    return [_together(each) for each in found.values()]


def _together(samples: list[Sample]) -> Sample:
    """At the moment of the middle one, so that it lies among them."""
    value = sum(_sane(each.value) / len(samples) for each in samples)
    low, high = (_sane(each) for each in (min(s.low for s in samples), max(s.high for s in samples)))
    return Sample(samples[len(samples) // 2].at, min(max(value, low), high), low, high)


def _sane(value: float) -> float:
    return min(max(value, -_SANE), _SANE)


def _within(mark: Mark, given: Chart) -> bool:
    return mark.at <= given.until and (mark.at if mark.until is None else mark.until) >= given.since


def _across(ticks: Sequence[float], frame: _Frame, given: Chart) -> Iterator[Svg]:
    for value in ticks:
        y = frame.y(value)
        yield element("line", class_="grid", x1=LEFT, x2=RIGHT, y1=y, y2=y)
        yield element("text", given.amount(value), x=LEFT - 6, y=y + 4, text_anchor="end")


def _along(frame: _Frame, given: Chart) -> Iterator[Svg]:
    for at in moments(given.since, given.until, given.zone):
        x = frame.x(at)
        said = given.day(at) if at_midnight(at, given.zone) else given.clock(at)
        yield element("line", class_="tick", x1=x, x2=x, y1=BOTTOM, y2=BOTTOM + 4)
        anchor = "end" if x > RIGHT - 18 else "start" if x < LEFT + 18 else "middle"
        yield element("text", said, x=x, y=_LABELS, text_anchor=anchor)


def _threshold(each: Threshold, frame: _Frame) -> Svg:
    y = frame.y(each.value)
    line = element("line", class_="threshold", x1=LEFT, x2=RIGHT, y1=y, y2=y)
    above = y - 4 if y > TOP + 14 else y + 12
    name = element("text", each.said, class_="bound", x=RIGHT, y=above, text_anchor="end")
    return element("g", element("title", each.said), line, name, data_status=each.status)


def _mark(mark: Mark, frame: _Frame) -> Svg:
    x = frame.x(mark.at)
    if mark.until is None:
        drawn = element("line", class_="change", x1=x, x2=x, y1=TOP, y2=BOTTOM)
    else:
        width = max(frame.x(mark.until) - x, 2.0)
        left = min(x, RIGHT - width)
        drawn = element("rect", class_="incident", x=left, y=TOP, width=width, height=BOTTOM - TOP)
    return element("g", element("title", mark.said), drawn, data_status=mark.status)


def _drawn(run: list[Sample], place: int, frame: _Frame, *, banded: bool) -> Iterator[Svg]:
    kind = f"line line-{place % 6 + 1}"
    if banded and any(each.low < each.high for each in run) and len(run) > 1:
        above = [_point(frame, each.at, each.high) for each in run]
        below = [_point(frame, each.at, each.low) for each in reversed(run)]
        yield element("polygon", class_=f"band line-{place % 6 + 1}", points=" ".join((*above, *below)))
    if len(run) == 1:
        yield element("circle", class_=kind, cx=frame.x(run[0].at), cy=frame.y(run[0].value), r=1.8)
    else:
        yield element("polyline", class_=kind, points=" ".join(_point(frame, each.at, each.value) for each in run))


def _point(frame: _Frame, at: float, value: float) -> str:
    return f"{number(frame.x(at))},{number(frame.y(value))}"


def _columns(lines: list[list[list[Sample]]], frame: _Frame, given: Chart) -> Iterator[Svg]:
    """Where one points at: the time, and of each line its average there, with the extremes where there is one line."""
    width = (given.until - given.since) / COLUMNS
    edges = [given.since + n * width for n in range(COLUMNS + 1)]
    for began, ended in pairwise(edges):
        found = [
            (line.name, _together(inside))
            for line, runs in zip(given.lines, lines, strict=True)
            if (
                inside := [
                    each for run in runs for each in run if began <= each.at < ended or each.at == ended == given.until
                ]
            )
        ]
        if not found:
            continue
        said = "\n".join(_told(name, each, given) for name, each in found)
        when = f"{given.clock(began)}–{given.clock(ended)}"
        if given.day(began) != given.day(given.until):
            when = f"{given.day(began)} {when}"
        left, right = frame.x(began), frame.x(ended)
        reach = element(
            "rect",
            element("title", f"{when}\n{said}"),
            class_="reach",
            x=left,
            y=TOP,
            width=right - left,
            height=BOTTOM - TOP,
        )
        yield reach


def _told(name: str, each: Sample, given: Chart) -> str:
    value = given.amount(each.value)
    if len(given.lines) == 1 and each.low < each.high:
        value = f"{value} ({given.amount(each.low)} – {given.amount(each.high)})"
    return f"{name}: {value}"
