"""A service's past as a row of bars, one for each part of the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.web.drawing.svg import Svg, element, number, picture

_WIDTH: Final = 8.0
_GAP: Final = 2.0
HEIGHT: Final = 32.0
_TALL: Final = {
    "down": 1.0,
    "critical": 0.85,
    "warning": 0.7,
    "maintenance": 0.55,
    "unknown": 0.4,
    "healthy": 1.0,
    None: 0.15,
}
"""How much of the height a bar takes, so that colour is not alone in telling them apart."""


@dataclass(frozen=True, slots=True)
class Bar:
    """`parts` of the time, one after the other, of which the same is to be said. `status` is None when nobody watched;
    `said` is what a reader learns by pointing at any of them."""

    status: str | None
    said: str
    parts: int = 1


def bars(runs: Sequence[Bar], *, label: str) -> Svg:
    """Oldest first; empty without any. A page shows many of these, so what looks the same is one path."""
    if not runs:
        return Svg()
    return picture(
        *(element("path", class_="bar", data_status=name, d=path) for name, path in _paths(runs).items()),
        *_reaches(runs),
        width=sum(each.parts for each in runs) * (_WIDTH + _GAP) - _GAP,
        height=HEIGHT,
        label=label,
        class_="bars",
        stretched=True,
    )


def _paths(runs: Sequence[Bar]) -> dict[str, str]:
    """Healthy bars are narrower, so that trouble stands out."""
    found: dict[str, str] = {}
    place = 0
    for run in runs:
        name, tall = run.status or "none", HEIGHT * _TALL.get(run.status, 1.0)
        narrow = 1.0 if run.status == "healthy" else 0.0
        wide, down, up = number(_WIDTH - 2 * narrow), number(tall), number(HEIGHT - tall)
        lefts = (number((place + n) * (_WIDTH + _GAP) + narrow) for n in range(run.parts))
        found[name] = found.get(name, "") + "".join(f"M{left} {up}h{wide}v{down}h-{wide}z" for left in lefts)
        place += run.parts
    return found


def _reaches(runs: Sequence[Bar]) -> Iterator[Svg]:
    """The places to point at, as high as the picture."""
    place = 0
    for run in runs:
        left, wide = number(place * (_WIDTH + _GAP) - _GAP / 2), number(run.parts * (_WIDTH + _GAP))
        path = f"M{left} 0h{wide}v{number(HEIGHT)}h-{wide}z"
        yield element("path", element("title", run.said), class_="reach", d=path)
        place += run.parts
