# noqa: INP001 — a program, not a package
"""Writes what follows from the models of the configuration: config.schema.json and docs/configuration.md's reference.

`python tools/configuration.py` writes both; with `--check` it writes nothing, names what is not current, and exits 1.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from monitor.checks import KINDS
from monitor.checks.base import Bounds, Check, Level
from monitor.config.explain import keys_of, kind_of
from monitor.config.mistakes import listed
from monitor.config.model import AwsConfig, Config, HeartbeatConfig, LogConfig, ServiceConfig, StateConfig, WebConfig
from monitor.config.schema import schema_text
from monitor.config.show import duration
from monitor.core.model import Threshold
from monitor.database import DatabaseConfig
from monitor.notify import CHANNELS
from monitor.notify.base import Channel

ROOT: Final = Path(__file__).parents[1]
BEGIN: Final = "<!-- from here on written by tools/configuration.py -->\n"
LEVELS: Final = """A bound is a number, a duration (`2s`) or a share (`80%`). It may be written alone (`warning: 80%`),
or with what belongs to it:"""
END: Final = "<!-- to here -->\n"


def wanted() -> dict[Path, str]:
    """Every generated file with the text it should have."""
    docs = ROOT / "docs" / "configuration.md"
    before, _, rest = docs.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return {
        ROOT / "config.schema.json": schema_text(),
        docs: before + BEGIN + "\n" + "\n".join(reference()) + "\n" + END + after,
    }


def reference() -> Iterator[str]:
    """The lines of the reference."""
    yield from _section("## The file", Config)
    yield from _section("### web", WebConfig)
    yield from _section("### state", StateConfig)
    yield from _section("### aws", AwsConfig)
    yield from _section("### log", LogConfig)
    yield from _section("### heartbeat", HeartbeatConfig)
    yield from _section("### databases.NAME", DatabaseConfig)
    yield from _section("### services.NAME", ServiceConfig)
    yield from _section("## Checks", Check, said="What every check may say:", leave_out=("kind",))
    yield from _section("### thresholds.METRIC", Bounds)
    yield from _section("### thresholds.METRIC.SEVERITY", Level, said=LEVELS)
    for kind in KINDS:
        yield from _section(f"### kind: {kind_of(kind)[0]}", kind, leave_out=tuple(Check.model_fields))
        yield from _defaults(kind)
    yield from _section("## Channels", Channel, said="What every channel may say:", leave_out=("kind",))
    for channel in CHANNELS:
        yield from _section(f"### kind: {kind_of(channel)[0]}", channel, leave_out=tuple(Channel.model_fields))


def _section(title: str, model: type[BaseModel], *, said: str = "", leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    fields = {name: field for name, field in keys_of(model).items() if name not in leave_out}
    yield from (title, "", said or getdoc(model) or "", "")
    if fields:
        yield from ("| key | value | default | meaning |", "|---|---|---|---|")
        for name, field in fields.items():
            yield f"| `{name}` | {_words(field.annotation)} | {_default(field)} | {field.description or ''} |"
        yield ""


def _defaults(kind: type[Check]) -> Iterator[str]:
    """What this kind has instead of the defaults of all checks, and its thresholds."""
    own = {key: kind.model_fields[key] for key in ("every", "timeout", "confirm", "recover")}
    yield "Defaults: " + ", ".join(f"`{key}: {_shown(field.default)}`" for key, field in own.items()) + "."
    yield ""
    if kind.default_thresholds:
        yield from ("| threshold | warning | critical |", "|---|---|---|")
        for each in kind.default_thresholds:
            yield f"| `{each.metric}` | {_bound(each, each.warning)} | {_bound(each, each.critical)} |"
        yield ""


def _bound(threshold: Threshold, bound: float | None) -> str:
    if bound is None:
        return ""
    sign = "≥" if threshold.worse == "above" else "≤"
    match threshold.unit:
        case "seconds":
            return f"{sign} {duration(bound)}"
        case "ratio":
            return f"{sign} {bound * 100:g} %"
        case unit:
            return f"{sign} {bound:g} {unit}".rstrip()


def _words(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(arguments[0])
    if origin in (Union, types.UnionType):
        return listed(dict.fromkeys(_words(each) for each in arguments if each is not type(None)))
    if origin is Literal:
        return listed(f"`{each}`" for each in arguments)
    if origin is tuple:
        return f"list of {_words(arguments[0])}"
    if origin is dict:
        return f"mapping of names to {_words(arguments[1])}"
    return _PLAIN.get(annotation) or _entry(annotation)


_PLAIN: Final[dict[Any, str]] = {
    str: "text",
    int: "whole number",
    float: "duration",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "text, kept secret",
}


def _entry(model: Any) -> str:
    if issubclass(model, Check):
        return "checks"
    if issubclass(model, Channel):
        return "channels"
    return {ServiceConfig: "services", DatabaseConfig: "databases", Bounds: "bounds", Level: "bound"}.get(
        model, "mapping, see below"
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True)
    return "" if default in (None, (), {}) or isinstance(default, BaseModel) else f"`{_shown(default)}`"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return duration(value) if isinstance(value, float) else str(value)


def main(arguments: list[str]) -> int:
    """0, or 1 when `--check` finds something that is not current."""
    stale = [path for path, text in wanted().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not current; run python tools/configuration.py\n")
        return 1 if stale else 0
    for path, text in wanted().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
