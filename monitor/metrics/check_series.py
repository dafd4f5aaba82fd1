"""What one check publishes: its lines, rendered once when a look has ended."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias, TypeVar, assert_never

from monitor.checks.base import Check, Family
from monitor.core.model import Blind, Failed, Observation, Reading, Seen
from monitor.metrics.body import Blocks, Owner
from monitor.metrics.catalogue import CHECK_DURATION, CHECK_SUCCESS, CHECKS, LAST_LOOK, SERIES_DROPPED
from monitor.metrics.exposition import label_pairs, sample
from monitor.metrics.histogram import Histogram

MAX_SERIES: Final = 1000
"""Label sets per metric of one check. Process names and peers are other people's choice; memory is ours."""

_OUTCOMES: Final = ("seen", "failed", "blind")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED: Final = frozenset({"service", "check", "instance", "job", "le", "quantile"})

Rejection: TypeAlias = Literal["limit", "label", "value"]
Kept = TypeVar("Kept", float, Histogram)


class CheckSeries:
    """The lines of one check. What the last look did not bring is not there; totals of our own stay."""

    def __init__(self, service: str, check: Check, *, distinct: bool, blocks: Blocks) -> None:
        self.check = check
        self.distinct = distinct
        self.owner = Owner(service, check.label)
        self._blocks = blocks
        self._generic = {"service": service, "check": check.label}
        self._own = self._generic if distinct else {"service": service}
        self._outcomes = dict.fromkeys(_OUTCOMES, 0)
        self._took = Histogram(CHECK_DURATION.buckets)
        self._tallies: dict[str, dict[str, float]] = {}
        self._histograms: dict[str, dict[str, Histogram]] = {}
        self._rejected: dict[Rejection, int] = {}
        self._put_totals()

    def looked(self, observation: Observation) -> None:
        """Render what this look brought back."""
        outcome, success, readings = _outcome(observation.result)
        self._outcomes[outcome] += 1
        self._took.observe(observation.took_seconds)
        pairs = label_pairs(self._generic)
        self._put(CHECK_SUCCESS.name, () if success is None else (sample(CHECK_SUCCESS.name, pairs, success),))
        self._put(LAST_LOOK.name, (sample(LAST_LOOK.name, pairs, observation.ended),))
        by_name: dict[str, list[Reading]] = {}
        for reading in readings:
            by_name.setdefault(reading.name, []).append(reading)
        for family in self.check.families:
            points = self._points(family, by_name.get(family.reading, []))
            self._put(family.metric, self._lines(family, points))
        self._put_totals()

    def _put(self, metric: str, lines: Iterable[str]) -> None:
        self._blocks.put(metric, self.owner, "".join(lines))

    def _put_totals(self) -> None:
        """What we count ourselves is known from the start, so a zero is true there."""
        self._put(CHECKS.name, self._counted(CHECKS.name, "outcome", self._outcomes.items()))
        self._put(CHECK_DURATION.name, self._took.lines(CHECK_DURATION.name, label_pairs(self._generic)))
        self._put(SERIES_DROPPED.name, self._counted(SERIES_DROPPED.name, "reason", self._rejected.items()))

    def _counted(self, metric: str, label: str, counts: Iterable[tuple[str, int]]) -> Iterator[str]:
        return (sample(metric, label_pairs({**self._generic, label: key}), count) for key, count in counts)

    def _points(self, family: Family, readings: list[Reading]) -> Iterator[tuple[str, float]]:
        """Labels as they will be written, and value."""
        for reading in readings:
            if not all(_LABEL.fullmatch(name) and name not in _RESERVED for name in reading.labels):
                self._reject("label")
            elif not _possible(family, reading.value):
                self._reject("value")
            else:
                yield label_pairs({**reading.labels, **self._own}), reading.value

    def _lines(self, family: Family, points: Iterator[tuple[str, float]]) -> Iterator[str]:
        match family.type:
            case "gauge" | "counter":
                return self._as_read(family, points)
            case "tally":
                return self._tallied(family, points)
            case "histogram":
                return self._sorted_in(family, points)
            case _:
                assert_never(family.type)

    def _as_read(self, family: Family, points: Iterator[tuple[str, float]]) -> Iterator[str]:
        """Of two readings with the same labels the last wins: no series stands twice in a scrape."""
        for number, (pairs, value) in enumerate(dict(points).items()):
            if number < MAX_SERIES:
                yield sample(family.metric, pairs, value)
            else:
                self._reject("limit")

    def _tallied(self, family: Family, points: Iterator[tuple[str, float]]) -> Iterator[str]:
        totals = self._tallies.setdefault(family.metric, {})
        for pairs, value in points:
            self._keep(totals, pairs, totals.pop(pairs, 0.0) + value)
        for pairs, total in totals.items():
            yield sample(family.metric, pairs, total)

    def _sorted_in(self, family: Family, points: Iterator[tuple[str, float]]) -> Iterator[str]:
        histograms = self._histograms.setdefault(family.metric, {})
        for pairs, value in points:
            histogram = histograms.pop(pairs, None) or Histogram(family.buckets)
            histogram.observe(value)
            self._keep(histograms, pairs, histogram)
        for pairs, histogram in histograms.items():
            yield from histogram.lines(family.metric, pairs)

    def _keep(self, kept: dict[str, Kept], pairs: str, value: Kept) -> None:
        """As the newest; the one that was not heard of for longest makes room."""
        if len(kept) >= MAX_SERIES:
            kept.pop(next(iter(kept)))
            self._reject("limit")
        kept[pairs] = value

    def _reject(self, reason: Rejection) -> None:
        self._rejected[reason] = self._rejected.get(reason, 0) + 1


def _outcome(result: Seen | Failed | Blind) -> tuple[str, int | None, tuple[Reading, ...]]:
    match result:
        case Seen(readings):
            return "seen", 1, readings
        case Failed(_, readings):
            return "failed", 0, readings
        case Blind():
            return "blind", None, ()
        case _:
            assert_never(result)


def _possible(family: Family, value: float) -> bool:
    """Not a number is no value; what adds up can be neither negative nor infinite."""
    if family.type == "gauge":
        return not math.isnan(value)
    return math.isfinite(value) and value >= 0
