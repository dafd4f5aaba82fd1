"""A service's past as a row of bars, one for each part of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.web.drawing.svg import Svg, element, picture

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
    """One part of the time. `status` is None when nobody watched; `said` is what a reader learns by pointing at it."""

    status: str | None
    said: str


def bars(parts: Sequence[Bar], *, label: str) -> Svg:
    """Oldest first; empty without any."""
    if not parts:
        return Svg()
    return picture(
        *(_bar(place, part) for place, part in enumerate(parts)),
        width=len(parts) * (_WIDTH + _GAP) - _GAP,
        height=HEIGHT,
        label=label,
        class_="bars",
    )


def _bar(place: int, part: Bar) -> Svg:
    """Healthy ones are thin, so that trouble stands out; the place to point at is as high as the picture."""
    left, tall = place * (_WIDTH + _GAP), HEIGHT * _TALL.get(part.status, 1.0)
    narrow = 1.0 if part.status == "healthy" else 0.0
    return element(
        "g",
        element("title", part.said),
        element("rect", class_="reach", x=left - _GAP / 2, width=_WIDTH + _GAP, height=HEIGHT),
        element("rect", x=left + narrow, y=HEIGHT - tall, width=_WIDTH - 2 * narrow, height=tall, rx=1.0, class_="bar"),
        data_status=part.status or "none",
    )
