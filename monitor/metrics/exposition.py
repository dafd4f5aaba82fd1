"""How a metric is written for Prometheus: its lines, its header, and the two text formats that carry them.

A sample line is the same in both formats, which is why lines can be kept and only headers differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

MAX_LABEL_CHARACTERS: Final = 128
"""Longer label values are cut: a process may call itself what it likes, but not fill the scrape with it."""

_UNITS: Final = ("seconds", "bytes", "ratio")
_NAME: Final = re.compile(r"infra(_[a-z0-9]+)+")
_ESCAPES: Final = {
    **dict.fromkeys([*range(32), *range(127, 160)], "\ufffd"),  # NUL ends the input for Prometheus' own parser
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # half characters, from names that are not UTF-8
    ord("\n"): r"\n",
    ord("\\"): r"\\",
    ord('"'): r"\"",
}


class Format(Enum):
    """The text formats, by their content types."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is published. Raises ValueError for names that promtool would not let pass."""

    name: str
    type: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not self.help:
            raise ValueError(f"metric {self.name!r} needs a name like infra_some_thing and a help text")
        if (self.type == "counter") != self.name.endswith("_total"):
            raise ValueError(f"metric {self.name}: counters, and only counters, end in _total")
        if (self.type == "histogram") != bool(self.buckets) or list(self.buckets) != sorted(set(self.buckets)):
            raise ValueError(f"metric {self.name}: histograms, and only histograms, have rising buckets")

    def header(self, form: Format) -> bytes:
        """HELP and TYPE, and UNIT where the format knows it."""
        escaped = self.help.replace("\\", r"\\").replace("\n", r"\n")
        if form is Format.TEXT:
            return f"# HELP {self.name} {escaped}\n# TYPE {self.name} {self.type}\n".encode()
        name = self.name.removesuffix("_total")
        unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), None)
        lines = [f"# HELP {name} " + escaped.replace('"', r"\""), f"# TYPE {name} {self.type}"]
        if unit:
            lines.append(f"# UNIT {name} {unit}")
        return ("\n".join(lines) + "\n").encode()


def label_pairs(labels: Mapping[str, str]) -> str:
    """`a="1",b="2"`: sorted, escaped, bounded. Whatever the values hold, the line stays one line of valid UTF-8."""
    return ",".join(
        f'{name}="{value[:MAX_LABEL_CHARACTERS].translate(_ESCAPES)}"' for name, value in sorted(labels.items())
    )


def number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    as_float = float(value)
    return str(int(as_float)) if as_float.is_integer() and abs(as_float) < 2**53 else repr(as_float)


def sample(name: str, pairs: str, value: float) -> str:
    """One line."""
    return f"{name}{{{pairs}}} {number(value)}\n"


def preferred(accept: str | None) -> Format:
    """OpenMetrics 1.0.0 if the client likes it at least as well as the classic text; text for everybody else."""
    liked = {Format.TEXT: 0.0, Format.OPENMETRICS: 0.0}
    for entry in (accept or "").split(","):
        kind, *rest = (part.strip().lower() for part in entry.split(";"))
        options = dict(option.split("=", 1) for option in rest if "=" in option)
        quality = _quality(options.get("q", "1"))
        if kind == "application/openmetrics-text" and options.get("version", "1.0.0") == "1.0.0":
            liked[Format.OPENMETRICS] = max(liked[Format.OPENMETRICS], quality)
        elif kind in {"text/plain", "text/*"}:
            liked[Format.TEXT] = max(liked[Format.TEXT], quality)
    openmetrics = liked[Format.OPENMETRICS]
    return Format.OPENMETRICS if openmetrics > 0 and openmetrics >= liked[Format.TEXT] else Format.TEXT


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
