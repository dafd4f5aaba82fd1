"""The dashboards of the package, as the tests read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.cli.dashboard import DASHBOARDS

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "monitor" / "grafana"
_VARIABLE = re.compile(r"\$\{?(\w+)")
_GRAFANAS_OWN = {"__rate_interval"}


@dataclass(frozen=True)
class Asked:
    """One expression, and where it stands."""

    board: str
    where: str
    expression: str

    def put(self, **values: str) -> str:
        """With values for Grafana's variables. Fails where one is missing."""
        return _VARIABLE.sub(lambda found: values[found[1]], self.expression)

    def variables(self) -> set[str]:
        """Those that the dashboard has to define."""
        return set(_VARIABLE.findall(self.expression)) - _GRAFANAS_OWN


def board(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def panels(name: str) -> list[dict[str, Any]]:
    """All but the headings."""
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def asked() -> Iterator[Asked]:
    """By panels and marks of every dashboard."""
    for name in DASHBOARDS:
        for panel in panels(name):
            for target in panel["targets"]:
                yield Asked(name, panel["title"], target["expr"])
        for mark in board(name)["annotations"]["list"]:
            yield Asked(name, mark["name"], mark["expr"])


def choices() -> Iterator[Asked]:
    """By variables: `label_values(selector, label)` as the expression that has to have that label."""
    for name in DASHBOARDS:
        for variable in board(name)["templating"]["list"]:
            if variable["type"] == "query":
                found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"])
                assert found, variable
                yield Asked(name, variable["name"], f"group by ({found[2]}) ({found[1]})")
