"""The last of a number as a small line, without axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from monitor.web.drawing.svg import Svg, element, number, picture

MOST: Final = 60
WIDTH: Final = 120.0
HEIGHT: Final = 28.0
_MARGIN: Final = 2.0


def sparkline(values: Sequence[float | None], *, label: str) -> Svg:
    """Oldest first, at even distances; None is a gap, which stays one. Of more than 60 values, 60 that show the
    extremes. Empty when nothing was measured."""
    thin = _thinned(values)
    known = [value for value in thin if value is not None]
    if not known:
        return Svg()
    low, high = min(known), max(known)
    return picture(
        *(_line(run, len(thin), low, high) for run in runs(thin)),
        width=WIDTH,
        height=HEIGHT,
        label=label,
        class_="spark",
        hover=label,
    )


def runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """What stands together without a gap, each value with its place."""
    run: list[tuple[int, float]] = []
    for place, value in enumerate(values):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _line(run: list[tuple[int, float]], count: int, low: float, high: float) -> Svg:
    step = (WIDTH - 2 * _MARGIN) / max(count - 1, 1)
    points = [(_MARGIN + place * step, _down(value, low, high)) for place, value in run]
    if len(points) == 1:
        return element("circle", cx=points[0][0], cy=points[0][1], r=1.5)
    return element("polyline", points=" ".join(f"{number(x)},{number(y)}" for x, y in points))


def _down(value: float, low: float, high: float) -> float:
    share = 0.5 if high <= low else value / (high - low) - low / (high - low)
    return HEIGHT - _MARGIN - min(max(share, 0.0), 1.0) * (HEIGHT - 2 * _MARGIN)


def _thinned(values: Sequence[float | None]) -> list[float | None]:
    """Of each part the value that is farthest from the average: peaks are what people look for."""
    if len(values) <= MOST:
        return list(values)
    known = [value for value in values if value is not None]
    middle = sum(value / len(known) for value in known)
    edges = [n * len(values) // MOST for n in range(MOST + 1)]
    parts = (values[edges[n] : edges[n + 1]] for n in range(MOST))
    return [
        max((value for value in part if value is not None), key=lambda value: abs(value - middle), default=None)
        for part in parts
    ]
