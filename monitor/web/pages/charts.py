"""The charts of a service: which of its numbers are drawn, and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal

from monitor.answers import Json
from monitor.core.model import ServicePlan, Severity
from monitor.history import Line as Series
from monitor.history_file import BUCKET_SECONDS, Point
from monitor.web.drawing import Chart, Line, Mark, Phase, Row, Sample, Svg, Threshold, chart, phases
from monitor.web.pages.span import Span
from monitor.web.pages.words import Words

MOST_LINES: Final = 6
PHASES: Final = ("resolve", "tcp", "tls", "auth", "query", "answer", "body")
PHASE: Final = "phase_duration"
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart. `how`: a `level` as it is, what a counter `grew` since the left edge, or its `rate` a second."""

    metric: str
    how: Literal["level", "grew", "rate"] = "level"
    unit: str | None = None


PLOTS: Final = (
    Plot("response_time"),
    Plot("error_rate"),
    Plot("connections", unit="count"),
    Plot("connections_used"),
    Plot("process_restarts", "grew", "count"),
    Plot("process_memory"),
    Plot("process_cpu", "rate", "ratio"),
    Plot("requests", "rate"),
    Plot("upstream_response"),
    Plot("cpu"),
    Plot("memory"),
    Plot("disk"),
    Plot("load"),
)
METRICS: Final = frozenset({PHASE, *(plot.metric for plot in PLOTS)})


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its title, what it comes to, and which line is what; `more`: lines that found no room."""

    metric: str
    title: str
    drawn: Svg
    said: str
    legend: tuple[str, ...]
    more: int


def figures(
    series: Sequence[Series], plan: ServicePlan, span: Span, *, marks: Sequence[Mark], words: Words
) -> Iterator[Figure]:
    """One for each number that was measured in that time."""
    for plot in PLOTS:
        mine = [each for each in series if _base(each) == plot.metric]
        named = sorted(_lines(mine, plot, plan, span), key=lambda each: -max(s.high for s in each.samples))
        kept = sorted(named[:MOST_LINES], key=lambda each: each.name)
        if not kept:
            continue
        unit = plot.unit if plot.unit is not None else mine[0].series.unit
        title = words.say(f"page.chart.{plot.metric}")
        said = _said(kept, unit, words)
        drawn = chart(
            Chart(
                since=span.since,
                until=span.until,
                unit=unit,
                lines=[replace(each, name=each.name or title) for each in kept],
                thresholds=tuple(_thresholds(plot, mine, plan, words)),
                marks=marks,
                zone=words.zone,
                amount=lambda value, unit=unit: words.amount(value, unit),  # type: ignore[misc]  # one argument is given
                clock=words.clock,
                day=words.day,
            ),
            label=f"{title}: {said}",
        )
        legend = tuple(each.name for each in kept) if len(kept) > 1 else ()
        yield Figure(plot.metric, title, drawn, said, legend, len(named) - len(kept))


def marks_of(incidents: Iterable[Json], changes: Iterable[Json], now: float) -> tuple[Mark, ...]:
    """Incidents as times, changes as moments."""
    found = [
        Mark(
            _at(each["opened_at"]),
            each["title"],
            _at(each["resolved_at"]) if each["resolved_at"] else now,
            _worst(each),
        )
        for each in incidents
    ]
    return (*found, *(Mark(_at(each["at"]), each["message"]) for each in changes))


def phases_of(metrics: Json, series: Sequence[Series], span: Span, words: Words) -> tuple[Svg, tuple[Phase, ...]]:
    """The last look, and the average over the time shown; and what there is in it."""
    now = [(name, metrics.get(f'{PHASE}{{phase="{name}"}}')) for name in PHASES]
    rows = [Row(words.say("page.phases.now"), [_phase(name, value, words) for name, value in now if value is not None])]
    usual = [(name, _average(series, name, span)) for name in PHASES]
    if any(value is not None for _, value in usual):
        parts = [_phase(name, value, words) for name, value in usual if value is not None]
        rows.append(Row(words.say("page.phases.usual"), parts))
    said = "; ".join(
        f"{row.name}: " + ", ".join(f"{each.name} {words.amount(each.seconds, 'seconds')}" for each in row.phases)
        for row in rows
    )
    drawn = phases(rows, amount=lambda value: words.amount(value, "seconds"), label=said)
    return drawn, tuple(rows[0].phases)


def _phase(name: str, seconds: float, words: Words) -> Phase:
    return Phase(name, words.say(f"page.phases.{name}"), seconds)


def _average(series: Sequence[Series], phase: str, span: Span) -> float | None:
    found = [
        point
        for each in series
        if each.series.metric == f'{PHASE}{{phase="{phase}"}}'
        for point in each.points
        if span.since <= point.at <= span.until
    ]
    count = sum(point.n for point in found)
    return sum(point.value * point.n for point in found) / count if count else None


def _base(line: Series) -> str:
    return line.series.metric.partition("{")[0]


def _lines(series: Sequence[Series], plot: Plot, plan: ServicePlan, span: Span) -> Iterator[Line]:
    stale = {check.name: check.stale_after for check in plan.checks}
    several = len({each.series.check for each in series}) > 1
    for each in series:
        gap = stale.get(each.series.check, 0.0)
        if span.resolution == "5m":
            gap = max(gap, 2 * BUCKET_SECONDS * span.buckets + 1)
        inside = [point for point in each.points if span.since <= point.at <= span.until]
        samples = tuple(_samples(inside, plot, gap))
        if samples:
            labels = [value for name, value in _LABEL.findall(each.series.metric) if name != "app"]
            name = " ".join(dict.fromkeys(([each.series.check] if several else []) + labels))
            yield Line(name, samples, gap)


def _samples(points: Sequence[Point], plot: Plot, gap: float) -> Iterator[Sample]:
    if plot.how == "level":
        yield from (Sample(each.at, each.value, each.low, each.high) for each in points)
        return
    if plot.how == "grew":
        yield from _grown(points)
        return
    for earlier, later in pairwise(points):
        if later.at - earlier.at <= gap:
            rate = _step(earlier, later) / max(later.at - earlier.at, 1e-3)
            yield Sample(later.at, rate, rate, rate)


def _grown(points: Sequence[Point]) -> Iterator[Sample]:
    """Since the first one began, whose least is what there was before."""
    grown = 0.0
    for earlier, later in pairwise([None, *points]):
        if later is not None:
            grown += later.high - later.low if earlier is None else _step(earlier, later)
            yield Sample(later.at, grown, grown, grown)


def _step(earlier: Point, later: Point) -> float:
    """By how much a counter grew; one that is lower than before began anew."""
    return later.high - earlier.high if later.high >= earlier.high else later.high - later.low


def _thresholds(plot: Plot, series: Sequence[Series], plan: ServicePlan, words: Words) -> Iterator[Threshold]:
    checks = {each.series.check for each in series}
    found = dict[tuple[str, float], Threshold]()
    for check in plan.checks:
        for bound in check.thresholds:
            if check.name not in checks or bound.metric != plot.metric or plot.how != "level":
                continue
            for severity in (Severity.WARNING, Severity.CRITICAL):
                value = bound.bound(severity)
                if value is not None:
                    said = words.say(f"page.chart.bound.{severity.value}", value=words.amount(value, bound.unit))
                    found[severity.value, value] = Threshold(value, severity.value, said)
    yield from found.values()


def _said(lines: Sequence[Line], unit: str, words: Words) -> str:
    low = min(sample.low for line in lines for sample in line.samples)
    high = max(sample.high for line in lines for sample in line.samples)
    values = {"least": words.amount(low, unit), "most": words.amount(high, unit)}
    if len(lines) > 1:
        return words.say("page.chart.between", **values)
    return words.say("page.chart.said", last=words.amount(lines[0].samples[-1].value, unit), **values)


def _worst(incident: Json) -> str:
    return "critical" if incident["severity"] == Severity.CRITICAL else "warning"


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
