"""The kinds of panels, each in one way: titles, units, thresholds, legends, and what "no data" looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import common as c
from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREY: Final = "#8e8e8e"
NO_DATA: Final = "no data"
Steps = Sequence[tuple[float | None, str]]
Words = Mapping[float, tuple[str, str]]
"""What stands for a number, and its colour: the word comes first, so that nothing is told by colour alone."""

PAGE: Final = "${page}/services/${__field.labels.service}"
"""Of the service that a line is about, on the monitor's own page."""
STATUS_WORDS: Final[Words] = {
    0: ("healthy", "green"),
    1: ("unknown", GREY),
    2: ("warning", "yellow"),
    3: ("critical", "orange"),
    4: ("down", "red"),
    5: ("maintenance", "blue"),
}
GOOD: Final[Steps] = ((None, "green"),)
NONE_IS_GOOD: Final[Steps] = ((None, "green"), (1, "red"))
PLAIN: Final[Steps] = ((None, "text"),)


@dataclass(frozen=True)
class Query:
    """One expression and how its lines are called."""

    expr: str
    legend: str = "__auto"


@dataclass(frozen=True)
class Place:
    """Width (of 24) and height of a panel; on a phone Grafana makes each as wide as the screen."""

    w: int
    h: int = 8


def number(
    title: str,
    said: str,
    queries: Sequence[Query],
    place: Place,
    *,
    unit: str = "short",
    steps: Steps = PLAIN,
    words: Words | None = None,
    nothing: str = NO_DATA,
    names: bool = False,
    decimals: int | None = None,
    leads: bool = False,
) -> stat.Panel:
    """What is the case now, as numbers or words. `names`: what stands there is the series' name alone. `leads`: to the
    service's page."""
    panel = (
        stat.Panel()
        .reduce_options(c.ReduceDataOptions().calcs(["last"]).values(False))
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(
            common.BigValueColorMode.BACKGROUND if steps is not PLAIN or words else common.BigValueColorMode.VALUE
        )
        .text_mode(common.BigValueTextMode.NAME if names else common.BigValueTextMode.AUTO)
        .unit(unit)
        .thresholds(_thresholds(steps))
        .color_scheme(d.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .mappings(_mappings(words or {}))
        .no_value(nothing)
    )
    if decimals is not None:
        panel.decimals(decimals)
    if leads:
        panel.data_links([_to_the_page()])
    for target in _targets(queries, instant=True):
        panel.with_target(target)
    return _common(panel, title, said, place)


def chart(
    title: str,
    said: str,
    queries: Sequence[Query],
    place: Place,
    *,
    unit: str = "short",
    steps: Steps = (),
    stacked: bool = False,
    bars: bool = False,
    limits: Sequence[str] = (),
    top: float | None = None,
    nothing: str = NO_DATA,
) -> timeseries.Panel:
    """Over time. A gap is "no data", never joined. `limits`: which lines are bounds, dashed and apart."""
    style = common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE
    panel = (
        timeseries.Panel()
        .draw_style(style)
        .line_width(1)
        .fill_opacity(60 if stacked or bars else 10)
        .show_points(common.VisibilityMode.AUTO)
        .span_nulls(False)
        .axis_soft_min(0)
        .unit(unit)
        .thresholds(_thresholds(((None, "transparent"), *steps)))
        .thresholds_style(c.GraphThresholdsStyleConfig().mode(_threshold_lines(steps)))
        .color_scheme(d.FieldColor().mode(dashboard.FieldColorModeId.PALETTE_CLASSIC))
        .legend(_legend())
        .tooltip(c.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
        .no_value(nothing)
    )
    if stacked or bars:
        panel.stacking(c.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if top is not None:
        panel.axis_soft_max(top)
    for pattern in limits:
        panel.override_by_regexp(pattern, _LIMIT)
    for target in _targets(queries):
        panel.with_target(target)
    return _common(panel, title, said, place)


def timeline(
    title: str, said: str, queries: Sequence[Query], place: Place, *, words: Words, leads: bool = False
) -> statetimeline.Panel:
    """Which state, from when to when. What nobody knows is a gap. `leads`: to the service's page."""
    panel = (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(common.VisibilityMode.AUTO)
        .row_height(0.8)
        .fill_opacity(80)
        .mappings(_mappings(words))
        .thresholds(_thresholds(((None, GREY),)))
        .color_scheme(d.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .legend(_legend(shown=False))
        .tooltip(c.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE).sort(common.SortOrder.NONE))
        .no_value(NO_DATA)
    )
    if leads:
        panel.data_links([_to_the_page()])
    for target in _targets(queries):
        panel.with_target(target)
    return _common(panel, title, said, place)


def listing(
    title: str,
    said: str,
    columns: Mapping[str, str],
    place: Place,
    *,
    by: str,
    unit: str = "short",
    steps: Steps = PLAIN,
    apart: Mapping[str, Steps] | None = None,
) -> table.Panel:
    """A row for each value of the label `by`, a column for each expression (heading → expression).
    `apart`: columns whose thresholds are others than `steps`."""
    headings = dict(zip(_letters(columns), columns, strict=True))
    panel = (
        table.Panel()
        .show_header(True)
        .unit(unit)
        .decimals(2)
        .thresholds(_thresholds(steps))
        .color_scheme(d.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS))
        .no_value(NO_DATA)
        .with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": {by: 0},
                    "renameByName": {f"Value #{letter}": heading for letter, heading in headings.items()},
                },
            )
        )
        .override_by_regexp(
            f"/^({'|'.join(columns)})$/",
            [dashboard.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})],
        )
    )
    for heading, other in (apart or {}).items():
        panel.override_by_name(
            heading, [dashboard.DynamicConfigValue(id_val="thresholds", value=_thresholds(other).build())]
        )
    for target in _targets([Query(expr) for expr in columns.values()], instant=True):
        panel.with_target(target.format(PromQueryFormat.TABLE))
    return _common(panel, title, said, place)


_LIMIT: Final = [
    dashboard.DynamicConfigValue(id_val="custom.stacking", value={"mode": "none", "group": "limit"}),
    dashboard.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
    dashboard.DynamicConfigValue(id_val="custom.drawStyle", value="line"),
    dashboard.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [10, 10]}),
    dashboard.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": "red"}),
]


def _common(panel, title: str, said: str, place: Place):  # noqa: ANN001, ANN202 — the SDK's builders share no type
    return panel.title(title).description(said).datasource(SOURCE).span(place.w).height(place.h)


def _to_the_page() -> d.DashboardLink:
    return d.DashboardLink("Page of ${__field.labels.service}").url(PAGE).target_blank(True)


def _letters(queries: Sequence[object] | Mapping[str, str]) -> list[str]:
    return [chr(ord("A") + index) for index in range(len(queries))]


def _targets(queries: Sequence[Query], *, instant: bool = False) -> list[prometheus.Dataquery]:
    """Lettered, because the SDK leaves refId empty."""
    made = []
    for letter, query in zip(_letters(queries), queries, strict=True):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter).datasource(SOURCE)
        made.append(target.instant() if instant else target.range())
    return made


def _thresholds(steps: Steps) -> d.ThresholdsConfig:
    made = [dashboard.Threshold(value=value, color=color) for value, color in steps]
    return d.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(made)


def _threshold_lines(steps: Steps) -> common.GraphThresholdsStyleMode:
    return common.GraphThresholdsStyleMode.DASHED if steps else common.GraphThresholdsStyleMode.OFF


def _mappings(words: Words) -> list[dashboard.ValueMapping]:
    if not words:
        return []
    options = {
        f"{value:g}": dashboard.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(words.items())
    }
    return [dashboard.ValueMap(options=options)]


def _legend(*, shown: bool = True) -> c.VizLegendOptions:
    made = c.VizLegendOptions().placement(common.LegendPlacement.BOTTOM).calcs([]).show_legend(shown)
    return made.display_mode(common.LegendDisplayMode.LIST)
