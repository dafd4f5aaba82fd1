"""Observations sorted into buckets, since the start."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator

from monitor.metrics.exposition import number


class Histogram:
    """A classic histogram: fixed upper bounds, and one bucket more for everything above."""

    def __init__(self, buckets: tuple[float, ...]) -> None:
        self._bounds = buckets
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count it into the first bucket that holds it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, metric: str, pairs: str) -> Iterator[str]:
        """Cumulative buckets, count and sum."""
        total = 0
        for bound, count in zip((*self._bounds, math.inf), self._counts, strict=True):
            total += count
            le = "+Inf" if bound == math.inf else repr(float(bound))
            yield f'{metric}_bucket{{{pairs},le="{le}"}} {total}\n'
        yield f"{metric}_count{{{pairs}}} {total}\n"
        yield f"{metric}_sum{{{pairs}}} {number(self._sum)}\n"
