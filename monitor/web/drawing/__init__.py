"""Pictures of what was measured, as SVG text: no script, no style attribute, readable to who cannot see them.

Pure: values and words in, one `Svg` out. Colours come from the stylesheet, by class and `data-status`."""

from __future__ import annotations

from monitor.web.drawing.badge import badge
from monitor.web.drawing.bars import Bar, bars
from monitor.web.drawing.chart import Chart, Line, Mark, Sample, Threshold, chart
from monitor.web.drawing.past import past, uptime
from monitor.web.drawing.phases import Phase, Row, phases
from monitor.web.drawing.spark import sparkline
from monitor.web.drawing.svg import Svg

__all__ = [
    "Bar",
    "Chart",
    "Line",
    "Mark",
    "Phase",
    "Row",
    "Sample",
    "Svg",
    "Threshold",
    "badge",
    "bars",
    "chart",
    "past",
    "phases",
    "sparkline",
    "uptime",
]
