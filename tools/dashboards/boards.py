"""What all dashboards have: variables, links between them and to the status page, marks of incidents, the grid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from tools.dashboards.expressions import host
from tools.dashboards.panels import SOURCE

TAG: Final = "infra-monitor"


@dataclass(frozen=True)
class Section:
    """Panels under a heading; without one they stand at the top."""

    heading: str
    panels: Sequence[Builder[dashboard.Panel]]


@dataclass(frozen=True)
class Board:
    """One dashboard; `name` is that of its file. `choice`: the variable for services, and what it is chosen from.
    `page`: what of the monitor's own pages is about the same."""

    name: str
    title: str
    said: str
    sections: Sequence[Section]
    choice: tuple[str, str] | None = None
    more: Sequence[Builder[dashboard.VariableModel]] = ()
    page: str = ""

    def text(self) -> str:
        """The JSON file, sorted, so that a change shows as itself."""
        made = json.loads(json.dumps(self._built(), cls=JSONEncoder))
        _complete(made)
        return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _built(self) -> dashboard.Dashboard:
        board = (
            d.Dashboard(self.title)
            .uid(f"{TAG}-{self.name}")
            .description(self.said)
            .tags([TAG])
            .editable()
            .timezone("browser")
            .time("now-6h", "now")
            .refresh("30s")
            .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
            .variables(
                [_datasource(), _host(), *([_services(*self.choice)] if self.choice else []), *self.more, _page()]
            )
            .links([_others(), _status_page(self.page)])
            .annotation(_incidents())
        )
        for section in self.sections:
            if section.heading:
                board.with_row(d.Row(section.heading))
            for panel in section.panels:
                board.with_panel(panel)
        return board.build()


def _datasource() -> d.DatasourceVariable:
    return (
        d.DatasourceVariable("datasource")
        .label("Prometheus")
        .description("The Prometheus that scrapes the monitor.")
        .type("prometheus")
    )


def _host() -> d.QueryVariable:
    """One at a time, so that two hosts with a service of the same name are never mixed up."""
    return _choice("host", "Host", "label_values(infra_build_info, instance)").description(
        "The monitor that is asked, as Prometheus calls it (instance)."
    )


def _services(name: str, query: str) -> d.QueryVariable:
    return (
        _choice(name, name.capitalize(), query)
        .description("The services to show, by their names in config.yaml.")
        .multi(True)
        .include_all(True)
        .current(dashboard.VariableOption(text=["All"], value=["$__all"], selected=True))
    )


def _choice(name: str, label: str, query: str) -> d.QueryVariable:
    return (
        d.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def _page() -> d.TextBoxVariable:
    return (
        d.TextBoxVariable("page")
        .label("Status page")
        .description("Where your browser reaches the monitor's own page; the link at the top leads there.")
        .default_value("http://127.0.0.1:10142")
        .current(dashboard.VariableOption(text="http://127.0.0.1:10142", value="http://127.0.0.1:10142", selected=True))
    )


def _others() -> d.DashboardLink:
    return (
        d.DashboardLink("Dashboards")
        .type(dashboard.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
        .tooltip("The other dashboards of infra-monitor, for the same host and time")
    )


def _status_page(path: str) -> d.DashboardLink:
    return (
        d.DashboardLink("Status page")
        .type(dashboard.DashboardLinkType.LINK)
        .icon("external link")
        .url("${page}" + path)
        .target_blank(True)
        .tooltip("The monitor's own page: the cause with its evidence, and what to do")
    )


def _incidents() -> d.AnnotationQuery:
    return (
        d.AnnotationQuery()
        .name("Incidents")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("red")
        .expr(f"{host('infra_incident_cause')} == 1")
    )


def _complete(made: dict[str, Any]) -> None:
    """Where the SDK falls short: ids that stay the same, what stands beside the mark of an incident, and keys that not
    every Grafana knows or that it has for other kinds of variables alone."""
    for index, panel in enumerate(made["panels"], start=1):
        panel["id"] = index
        panel.get("options", {}).pop("footer", None)
    for each in made["annotations"]["list"]:
        each["titleFormat"] = "{{service}}: {{cause}}"
    for each in made["templating"]["list"]:
        for key in ("auto", "auto_count", "auto_min"):
            each.pop(key)
