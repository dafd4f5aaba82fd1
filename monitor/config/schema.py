"""The JSON Schema of config.yaml, so that editors complete, explain and underline."""

from __future__ import annotations

import json
from typing import Any, Final

from monitor.checks import KINDS
from monitor.checks.base import Check
from monitor.config.model import Config

_EXPRESSION: Final = {"type": "string", "pattern": r"\$\{"}
_SCALARS: Final = ("integer", "number", "boolean")


def schema_text() -> str:
    """The schema as it is committed in config.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """What `load` accepts, as far as JSON Schema can say it: a number may also be written as `${NAME}`."""
    made = _with_expressions(Config.model_json_schema())
    _url_is_enough(made["$defs"]["DatabaseConfig"])
    for kind in KINDS:
        _explained_by_base(made["$defs"][kind.__name__]["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "infra-monitor: config.yaml",
    }


def _with_expressions(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_expressions(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: _with_expressions(value) for key, value in node.items() if not _is_noise(key, value)}
    if node.get("type") in _SCALARS or "enum" in node:
        said = {key: node.pop(key) for key in ("description", "default") if key in node}
        return {**said, "anyOf": [node, _EXPRESSION]}
    return node


def _is_noise(key: str, value: Any) -> bool:
    """Titles say the key again; a default of null says that there is none."""
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _url_is_enough(database: dict[str, Any]) -> None:
    """The parts of a database's address are needed only where no `url` has them."""
    database["anyOf"] = [{"required": ["url"]}, {"required": database.pop("required")}]


def _explained_by_base(properties: dict[str, Any]) -> None:
    """A kind that has another default for a key of all checks means the same by it."""
    for key, field in Check.model_fields.items():
        if field.description:
            properties[key].setdefault("description", field.description)
