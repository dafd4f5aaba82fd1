"""The files of the package for Prometheus, as the tests read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
DIRECTORY = REPOSITORY / "monitor" / "prometheus"
RULES = DIRECTORY / "infra-monitor.rules.yml"
_SELECTOR = re.compile(r"\b((?:infra|process)_\w+|up)\b(?!:)(\{[^}]*\})?")


def rules() -> list[dict[str, Any]]:
    """Every rule, in order."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerting() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def selectors(expression: str) -> set[str]:
    """Every series that an expression asks for, as `name{labels}`."""
    return {f"{name}{labels}" for name, labels in _SELECTOR.findall(expression)}
