"""The environment: the process's own with `env_file` under it, and `${NAME}` in texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

from dotenv.parser import parse_stream

from monitor.config.document import Path as Where
from monitor.config.document import place_of
from monitor.config.mistakes import Mistake

LIMIT: Final = 4 * 1024 * 1024
"""Bytes a file of settings may have."""

_BYTE_ORDER_MARK: Final = "\ufeff"
_DOLLAR: Final = re.compile(r"\$\$|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_EXPRESSION: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:[-?])(?P<rest>[^$]*))?", re.DOTALL)


class FileMistake(Exception):  # noqa: N818 — it is a finding about a file, caught at once by `load`
    """A file cannot be used; `mistakes` says where and why."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


class FileMissing(FileMistake):
    """There is no such file."""


def read_text(path: Path, *, shown: str) -> str:
    """The file as UTF-8 text. Raises FileMistake, also for a file that is not there."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except FileNotFoundError:
        raise FileMissing(Mistake(shown, 0, 0, "", "there is no such file")) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise FileMistake(Mistake(shown, 0, 0, "", _why(error))) from None
    if len(content) > LIMIT:
        raise FileMistake(Mistake(shown, 0, 0, "", f"larger than {LIMIT // 1024 // 1024} MiB"))
    try:
        return content.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        good = content[: error.start].decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
        place = place_of(good, len(good))
        raise FileMistake(Mistake(shown, place.line, place.column, "", "not UTF-8 from here on")) from None


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):
        return "cannot be read: no permission"
    if isinstance(error, IsADirectoryError):
        return "is a directory, not a file"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def read_env_file(path: Path, *, shown: str) -> tuple[dict[str, str], tuple[Mistake, ...]]:
    """The variables, and every line that is not `NAME=value`. Nothing in values is expanded, so that passwords may
    hold any character. Raises FileMistake when the file cannot be read."""
    values: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for binding in parse_stream(StringIO(read_text(path, shown=shown))):
        before = binding.original.string
        line = binding.original.line + before[: len(before) - len(before.lstrip())].count("\n")
        if binding.error:
            mistakes.append(Mistake(shown, line, 1, "", "not NAME=value"))
        elif binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return values, tuple(mistakes)


@dataclass(slots=True)
class Expansion:
    """What came of expanding a document. `unset`: paths whose text names variables that nobody set, with their names;
    `wrong`: paths whose text cannot be expanded at all, and why; `used`: the values that were put in."""

    data: Any = None
    unset: dict[Where, tuple[str, ...]] = field(default_factory=dict)
    wrong: dict[Where, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


def expand(data: Any, environment: Mapping[str, str]) -> Expansion:
    """Replace `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$` in every text of `data`, never in keys.

    An empty variable counts as unset, as `:-` has it in the shell. A text that is nothing but one expression and
    comes out empty (`${NAME:-}`) is null: the setting is left out.
    """
    expansion = Expansion()
    expansion.data = _expanded(data, (), expansion, environment)
    return expansion


def _expanded(data: Any, path: Where, expansion: Expansion, environment: Mapping[str, str]) -> Any:
    match data:
        case dict():
            return {key: _expanded(value, (*path, key), expansion, environment) for key, value in data.items()}
        case list():
            return [_expanded(value, (*path, index), expansion, environment) for index, value in enumerate(data)]
        case str() if "$" in data:
            return _text(data, path, expansion, environment)
        case _:
            return data


def _text(text: str, path: Where, expansion: Expansion, environment: Mapping[str, str]) -> str | None:
    unset: list[str] = []
    wrong: list[str] = []

    def put_in(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        expression = _EXPRESSION.fullmatch(match["inside"]) if match["end"] else None
        if expression is None:
            wrong.append("only ${NAME}, ${NAME:-default} and ${NAME:?message} are understood; $$ is a dollar sign")
            return ""
        name, how, rest = expression["name"], expression["how"], expression["rest"]
        if value := environment.get(name):
            expansion.used.add(value)
            return value
        if how == ":-":
            return str(rest)
        if how == ":?":
            wrong.append(f"{name} is not set" + (f": {rest}" if rest else ""))
        else:
            unset.append(name)
        return ""

    result = _DOLLAR.sub(put_in, text)
    if wrong:
        expansion.wrong[path] = "; ".join(dict.fromkeys(wrong))
    elif unset:
        expansion.unset[path] = tuple(dict.fromkeys(unset))
    whole = _DOLLAR.fullmatch(text)
    return None if whole and whole["end"] and not result else result
