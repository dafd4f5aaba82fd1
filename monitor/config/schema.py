"""The JSON Schema of config.yaml, so that editors complete, explain and underline."""

from __future__ import annotations

import json
from typing import Any, Final

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
    node = {key: _with_expressions(value) for key, value in node.items()}
    if node.get("type") in _SCALARS or "enum" in node:
        said = {key: node.pop(key) for key in ("title", "description", "default") if key in node}
        return {**said, "anyOf": [node, _EXPRESSION]}
    return node


def _url_is_enough(database: dict[str, Any]) -> None:
    """The parts of a database's address are needed only where no `url` has them."""
    database["anyOf"] = [{"required": ["url"]}, {"required": database.pop("required")}]
