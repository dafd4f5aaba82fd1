"""From config.yaml, `env_file` and the process's environment to one validated configuration, or to every mistake."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from monitor.checks import KINDS
from monitor.checks.rds import RdsCheck
from monitor.config.absent import NotConfiguredCheck
from monitor.config.document import Document, Unreadable, read
from monitor.config.document import Path as Where
from monitor.config.environment import FileMissing, FileMistake, expand, read_env_file, read_text
from monitor.config.explain import Explained, explain, kind_of, numbers_said_by_truth
from monitor.config.mistakes import ConfigError, Mistake, Place, listed
from monitor.config.model import Config
from monitor.config.plan import plan
from monitor.config.relations import circles, names_given_twice, planned_roughly, watched_databases
from monitor.config.web_config import WebFile, read_web_config
from monitor.database.settings import DatabaseConfig, NotConfigured

__all__ = ["ConfigError", "Loaded", "Mistake", "find_config", "load"]

SYSTEM_WIDE: Final = Path("/etc/infra-monitor/config.yaml")
SHORTEST_SECRET: Final = 4
_KEPT: Final = ("kind", "name", "every", "timeout", "stale_after", "confirm", "recover")
"""What a check keeps of itself while its settings are not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A good configuration with what belongs to it. `environment`: the process's own over `env_file`; `databases`: all
    by name, `default` among them; `warnings`: what people should know, each with its place; `web`: what
    `web.config_file` says."""

    path: Path
    config: Config
    environment: Mapping[str, str] = field(repr=False)
    databases: Mapping[str, DatabaseConfig | NotConfigured]
    warnings: tuple[str, ...] = ()
    web: WebFile = field(default_factory=WebFile)


def find_config(explicit: Path | None, cwd: Path) -> Path:
    """The file that was named, else config.yaml in `cwd`, else the one of the whole machine. Raises ConfigError."""
    if explicit is not None:
        return explicit
    for candidate in (cwd / "config.yaml", SYSTEM_WIDE):
        if os.path.exists(candidate):  # noqa: PTH110 — Path.exists() raises where a directory is closed to us
            return candidate
    text = f"there is no such file here, and none that can be seen at {SYSTEM_WIDE}; name one with --config"
    raise ConfigError((Mistake("config.yaml", 0, 0, "", text),))


def load(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read, expand and validate. Raises ConfigError with every mistake at once. Nothing of the world is touched but the
    two files, and `environ` is only read."""
    shown = shown_path(path)
    try:
        document = read(read_text(path, shown=shown))
    except FileMistake as mistake:
        raise ConfigError(mistake.mistakes) from None
    except Unreadable as error:
        raise ConfigError((Mistake(shown, error.place.line, error.place.column, "", error.text),)) from None
    return _Loading(path, shown, document, environ).loaded()


def shown_path(path: Path) -> str:
    """The path as people want to read it: relative when it lies below the working directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


class _Loading:
    """One run of `load`: it collects mistakes and warnings on the way."""

    def __init__(self, path: Path, shown: str, document: Document, environ: Mapping[str, str]) -> None:
        self._path = path
        self._shown = shown
        self._document = document
        self._mistakes: list[Mistake] = []
        self._warnings: list[str] = []
        self._environment_is_known = True
        self._environment = {**self._env_file(environ), **environ}
        self._expansion = expand(document.data, self._environment)
        self._absent = dict[Where, dict[Where, tuple[str, ...]]]()

    def loaded(self) -> Loaded:
        """The result, or ConfigError."""
        for complaint in self._document.complaints:
            self._add(complaint.path, complaint.text, complaint.place)
        self._sort_out_unset()
        data = self._expansion.data
        config, explained = self._validated(data if data is not None else {})
        for each in (*explained, *names_given_twice(data)):
            self._explain(each)
        for each in circles(plan(config) if config else planned_roughly(data)):
            self._explain(each)
        web = self._web_file(config) if config else WebFile()
        if config is None or self._mistakes:
            raise ConfigError(sorted(set(self._mistakes), key=self._order))
        return Loaded(
            path=self._path,
            config=config,
            environment=self._environment,
            databases=_databases(config, self._environment),
            warnings=(*self._warnings, *web.warnings),
            web=web,
        )

    def _web_file(self, config: Config) -> WebFile:
        path = config.web.config_file
        if path is None:
            return WebFile()
        try:
            return read_web_config(path, shown=shown_path(path))
        except ConfigError as error:
            self._mistakes.extend(error.mistakes)
            return WebFile()

    def _env_file(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """What `env_file` holds. A file that is not there is a warning: the product may not live on this machine."""
        data = self._document.data
        named = expand(data.get("env_file") if isinstance(data, dict) else None, environ).data
        if not isinstance(named, str):
            return {}
        try:
            path = self._path.parent / Path(named).expanduser()
        except RuntimeError:  # no home directory: told where the setting itself is validated
            return {}
        try:
            values, mistakes = read_env_file(path, shown=shown_path(path))
        except FileMissing:
            self._warn(("env_file",), f"{named} is not there; only the process's environment is used")
            return {}
        except FileMistake as mistake:
            self._environment_is_known = False
            self._mistakes.extend(mistake.mistakes)
            return {}
        self._mistakes.extend(mistakes)
        return values

    def _sort_out_unset(self) -> None:
        """Texts that could not be expanded: a mistake, or the reason why a check or a channel is not configured."""
        if self._environment_is_known:
            for path, text in self._expansion.wrong.items():
                self._add(path, text)
        for path, names in self._expansion.unset.items():
            if (holder := _holder(path)) is not None:
                self._absent.setdefault(holder, {})[path] = names
            elif self._environment_is_known:
                self._add(path, f"{listed(names, last='and')} {'is' if len(names) == 1 else 'are'} not set")

    def _validated(self, data: Any) -> tuple[Config | None, tuple[Explained, ...]]:
        """The configuration, or what is wrong with it besides that settings are not there."""
        context = {
            "directory": self._path.parent.absolute(),
            "services": _keys(data, "services"),
            "databases": ("default", *_keys(data, "databases")),
            "watched": watched_databases(data),
        }
        wrong: tuple[Explained, ...] = ()
        try:
            config = Config.model_validate(data, context=context)
        except ValidationError as error:
            wrong = tuple(each for each in explain(error, Config, data) if not self._excused(each.path))
            config = None
        if self._absent and not wrong and not self._mistakes:
            config = Config.model_validate(self._put_aside(data), context=context)
        return config, wrong or tuple(numbers_said_by_truth(config, data) if config else ())

    def _excused(self, path: Where) -> bool:
        """Whether an error is only about what is not there: at the unset text itself, or at its check or channel."""
        if path in self._expansion.wrong:
            return True  # told already
        if path in self._absent:
            return True
        return any(path[:length] in self._expansion.unset for length in range(1, len(path) + 1))

    def _put_aside(self, data: Any) -> Any:
        """The data with the checks that are not configured replaced, and without such channels."""
        data = copy.deepcopy(data)
        gone = set[int]()
        for holder, unset in self._absent.items():
            names = tuple(dict.fromkeys(name for names in unset.values() for name in names))
            if holder[0] == "notify":
                gone.add(int(holder[1]))
                self._warn(holder, f"not configured: {', '.join(names)}; this channel is left out")
                continue
            checks = data["services"][holder[1]]["checks"]
            checks[holder[3]] = _not_configured(checks[holder[3]], holder, unset, names)
            self._warn(holder, f"not configured: {', '.join(names)}; this check will be unknown")
        if gone:
            data["notify"] = [channel for index, channel in enumerate(data["notify"]) if index not in gone]
        return data

    def _explain(self, each: Explained) -> None:
        self._add(each.path, self._scrubbed(each.text), self._document.place(each.path, key=each.at_key))

    def _scrubbed(self, text: str) -> str:
        """Values that came from the environment are nobody's business."""
        for value in sorted(self._expansion.used, key=len, reverse=True):
            text = text.replace(value, "***") if len(value) >= SHORTEST_SECRET else text
        return text

    def _add(self, path: Where, text: str, place: Place | None = None) -> None:
        place = place or self._document.place(path)
        self._mistakes.append(Mistake(self._shown, place.line, place.column, dotted(path), text))

    def _warn(self, path: Where, text: str) -> None:
        place = self._document.place(path)
        self._warnings.append(str(Mistake(self._shown, place.line, place.column, dotted(path), text)))

    def _order(self, mistake: Mistake) -> tuple[bool, str, int, int, str, str]:
        return mistake.file != self._shown, mistake.file, mistake.line, mistake.column, mistake.where, mistake.text


def dotted(path: Where) -> str:
    """`services.rds.checks.0.timeout`."""
    return ".".join(map(str, path))


def _holder(path: Where) -> Where | None:
    """The check or channel that a path lies in. What a check is called does not depend on its settings."""
    match path:
        case ("services", _, "checks", int(), str(key), *_) if key not in ("kind", "name"):
            return path[:4]
        case ("notify", int(), str(), *_):
            return path[:2]
        case _:
            return None


def _keys(data: Any, section: str) -> tuple[str, ...]:
    found = data.get(section) if isinstance(data, dict) else None
    return tuple(found) if isinstance(found, dict) else ()


def _not_configured(
    check: Mapping[str, Any], holder: Where, unset: Collection[Where], names: tuple[str, ...]
) -> NotConfiguredCheck:
    """The check that stands for it: what is known of its name and pace, with the defaults of its kind."""
    kind = next(each for each in KINDS if check["kind"] in kind_of(each))
    known = {key: check[key] for key in _KEPT if key in check and (*holder, key) not in unset}
    defaults = {key: kind.model_fields[key].default for key in _KEPT[1:]}
    return NotConfiguredCheck.model_validate({**defaults, **known, "missing": names})


def _databases(config: Config, environment: Mapping[str, str]) -> Mapping[str, DatabaseConfig | NotConfigured]:
    """All by name; those that a check wants to log in to by IAM are told so."""
    found = dict(_named_databases(config, environment))
    for check in (check for service in config.services.values() for check in service.checks):
        if isinstance(check, RdsCheck) and check.auth is not None:
            database = found[check.database]
            if isinstance(database, DatabaseConfig):
                found[check.database] = database.model_copy(update={"auth": check.auth})
    return found


def _named_databases(config: Config, environment: Mapping[str, str]) -> Mapping[str, DatabaseConfig | NotConfigured]:
    if "default" in config.databases:
        return dict(config.databases)
    try:
        default = DatabaseConfig.from_environment(environment)
    except NotConfigured as absent:
        return {"default": absent, **config.databases}
    if default.ca_file is not None and config.env_file is not None:
        default = default.model_copy(update={"ca_file": config.env_file.parent / default.ca_file})
    return {"default": default, **config.databases}
