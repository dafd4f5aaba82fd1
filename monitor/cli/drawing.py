"""Tables, charts and numbers for a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, TextIO

from monitor.cli.terminal import columns, wrapped
from monitor.locale import amount

BLOCKS: Final = "▁▂▃▄▅▆▇█"
_PLAIN: Final = "_.-=+*%#"
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
WIDTH: Final = 80
_ROWS: Final = 8
_TICKS: Final = (7, 3, 0)
"""Rows of a chart that say what they stand for."""
_LATE: Final = 2.5
"""A sample that is so many times later than usual leaves a gap."""
_A_DAY: Final = 86_400.0
_A_WEEK: Final = 7 * _A_DAY
_MARGIN: Final = 10
_BELOW: Final = 4
_A_MOMENT: Final = 1e9
"""Seconds that are no length of time any more, but since 1970."""


def table(rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Columns under each other, whatever script and colours their texts have; the last one is cut at `width`."""
    widths = [max(shown(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        line = "  ".join(cell + " " * (room - shown(cell)) for cell, room in zip(row, widths, strict=True)).rstrip()
        lines.append(cut(line, width) if width else line)
    return "\n".join(lines)


def folded(rows: Sequence[Sequence[str]], *, width: int) -> str:
    """A table that loses nothing: columns that find no room stand below their row, each text after its heading."""
    beside = len(rows[0])
    while beside > 1 and max(map(shown, table([row[:beside] for row in rows]).split("\n"))) > width:
        beside -= 1
    headings, lines = rows[0][beside:], table([row[:beside] for row in rows], width=width).split("\n")
    for n, row in enumerate(rows[1:], start=1):
        below = [f"{name}: {text}" for name, text in zip(headings, row[beside:], strict=True) if text not in ("", "-")]
        lines[n] += "".join("\n" + wrapped(text, indent=_BELOW) for text in below)
    return "\n".join(lines)


def shown(text: str) -> int:
    """Columns that a text takes, its colours not counted."""
    return columns(_COLOUR.sub("", text))


def cut(text: str, width: int) -> str:
    """No wider than `width`; what had to be left out is a `…`. A colour that was begun is ended."""
    if shown(text) <= width:
        return text
    kept, room = "", width - 1
    for piece in re.split(f"({_COLOUR.pattern})", text):
        if _COLOUR.fullmatch(piece):
            kept += piece
            continue
        for letter in piece:
            room -= columns(letter)
            if room < 0:
                return f"{kept}…" + ("\x1b[0m" if "\x1b" in kept else "")
            kept += letter
    return kept


def sparkline(values: Sequence[float | None], stream: TextIO) -> str:
    """One block a value, from the least to the most; a gap is a space."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    letters, low, high = _letters(stream), min(known), max(known)
    return "".join(" " if value is None else letters[_step(value, low, high, len(letters))] for value in values)


def chart(points: Sequence[tuple[float, float]], *, since: float, until: float, unit: str, stream: TextIO) -> str:
    """Bars from the least to the most, 80 columns wide, with a scale at the left and the times below; empty without
    samples. A time without samples is a gap; one between two samples that are no further apart than usual is not."""
    room = WIDTH - _MARGIN - 2
    values = squeezed(_lasting(points, (until - since) / room), since=since, until=until, room=room)
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    low = 0.0 if 0 <= low < high / 2 else low
    letters, lines = _letters(stream), []
    tick, bar = ("┤", "│") if letters is BLOCKS else ("+", "|")
    for row in range(_ROWS - 1, -1, -1):
        share = (row + 1) / _ROWS if row else 0.0
        marked = row in _TICKS and (high > low or row == 0)
        label = number(low + share * (high - low), unit) if marked else ""
        bars = "".join(_bar(value, row, low, high, letters) for value in values)
        lines.append(f"{label:>{_MARGIN}} {tick if marked else bar}{bars}".rstrip())
    lines.append(" " * (_MARGIN + 2) + _times(since, until, room))
    return "\n".join(lines)


def _lasting(points: Sequence[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """Samples that come more rarely than there are columns hold until the next one, unless that is late."""
    apart = sorted(later[0] - earlier[0] for earlier, later in pairwise(points))
    longest = max(_LATE * apart[len(apart) // 2], step) if apart else 0.0
    found = list(points[-1:])
    for (at, value), (later, _) in pairwise(points):
        holds = later - at if later - at <= longest else step / 2
        found += [(at + n * step / 2, value) for n in range(max(1, math.ceil(2 * holds / step)))]
    return found


def _times(since: float, until: float, room: int) -> str:
    """The beginning, the middle and the end; days only where there are several."""
    form = "%H:%M" if until - since <= _A_DAY else "%m-%d %H:%M" if until - since <= _A_WEEK else "%Y-%m-%d"
    first, middle, last = (
        datetime.fromtimestamp(at, UTC).astimezone().strftime(form) for at in (since, (since + until) / 2, until)
    )
    left = first + middle.rjust(room // 2 + len(middle) // 2 - len(first))
    return left + last.rjust(room - len(left))


def squeezed(points: Sequence[tuple[float, float]], *, since: float, until: float, room: int) -> list[float | None]:
    """One value for each of `room` equal parts of the time: the average, or None where there was nothing."""
    found: list[list[float]] = [[] for _ in range(room)]
    for at, value in points:
        if since <= at <= until:
            place = int((at - since) / max(until - since, 1e-9) * room)
            found[min(place, room - 1)].append(value)
    return [math.fsum(each) / len(each) if each else None for each in found]


def number(value: float, unit: str, language: str = "en") -> str:
    """Short, with its unit: `12.5 ms`, `3.2 GiB`, `81 %`."""
    if unit == "seconds" and value >= _A_MOMENT:
        return datetime.fromtimestamp(value, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return amount(value, unit, language)


def clock(at: float) -> str:
    """A moment in the zone of this machine."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%m-%d %H:%M")


def briefly(text: str | None) -> str:
    """A time as the API says it, to the minute and without its year: nothing is kept for longer than some months."""
    return clock(moment(text)) if text else "-"


def moment(text: str | None) -> float:
    """Unix seconds of a time as the API says it; 0 for none."""
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def when(text: str | None) -> str:
    """A time as the API says it, for people of this machine's zone."""
    return datetime.fromtimestamp(moment(text), UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else "-"


def dash(value: Any) -> str:
    """Text, or `-` for none."""
    return "-" if value in (None, "") else str(value)


def _letters(stream: TextIO) -> str:
    try:
        BLOCKS.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN
    return BLOCKS


def _step(value: float, low: float, high: float, steps: int) -> int:
    share = 0.5 if high <= low else (value - low) / (high - low)
    return min(steps - 1, max(0, int(share * steps)))


def _bar(value: float | None, row: int, low: float, high: float, letters: str) -> str:
    if value is None:
        return " "
    eighths = _step(value, low, high, _ROWS * len(letters)) + 1 - row * len(letters)
    return " " if eighths <= 0 else letters[min(eighths, len(letters)) - 1]
