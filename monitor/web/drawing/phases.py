"""How a time is made up of its phases: one stacked bar a row, all on the same scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.web.drawing.svg import Svg, element, picture

WIDTH: Final = 480.0
_HEIGHT: Final = 22.0
_GAP: Final = 22.0
_LETTERS: Final = 16.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One part. `kind` is its name in the stylesheet, `name` in words."""

    kind: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One bar with what it is about."""

    name: str
    phases: Sequence[Phase]

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum(max(each.seconds, 0.0) for each in self.phases)


def phases(rows: Sequence[Row], *, amount: Callable[[float], str], label: str) -> Svg:
    """The longest row takes the whole width; empty when none lasted at all."""
    longest = max((row.seconds for row in rows), default=0.0)
    if longest <= 0:
        return Svg()
    return picture(
        *(part for place, row in enumerate(rows) for part in _row(row, place, longest, amount)),
        width=WIDTH,
        height=len(rows) * (_HEIGHT + _GAP),
        label=label,
        class_="phases",
    )


def _row(row: Row, place: int, longest: float, amount: Callable[[float], str]) -> Iterator[Svg]:
    top = place * (_HEIGHT + _GAP)
    yield element("text", row.name, x=0, y=top + _LETTERS)
    yield element("text", amount(row.seconds), x=WIDTH, y=top + _LETTERS, text_anchor="end")
    left = 0.0
    for each in row.phases:
        width = max(each.seconds, 0.0) / longest * WIDTH
        if width > 0:
            title = element("title", f"{each.name}: {amount(each.seconds)}")
            yield element(
                "rect", title, class_=f"phase phase-{each.kind}", x=left, y=top + _GAP, width=width, height=_HEIGHT
            )
        left += width
