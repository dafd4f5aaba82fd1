"""Durations as people write them: `15s`, `1m30s`, `500ms`, `2h`, `90d`."""

from __future__ import annotations

import re
from typing import Final

_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError, with a text for people, for anything but a row of numbers with units."""
    parts = _PART.findall(text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        msg = f"{text!r} is not a duration; write for example 500ms, 15s, 1m30s, 4h or 90d"
        raise ValueError(msg)
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """The two largest units, rounded down: `2d 3h`, `1m 30s`, `0.3s`; what `parse_duration` reads without the space."""
    if seconds < 1:
        return f"{seconds:.1f}s"
    rest, words = int(seconds), list[str]()
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(_UNIT_SECONDS[unit]))
        if count:
            words.append(f"{count}{unit}")
    return " ".join(words[:2])
