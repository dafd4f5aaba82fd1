"""Where the daemon of a configuration is: its address, its state directory, and the certificate that it shows.

The configuration need be no more than readable: whether it is good is the daemon's business.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitor.cli.exits import BAD_CONFIGURATION
from monitor.config.document import Unreadable, read
from monitor.config.environment import FileMistake, expand, read_env_file, read_text
from monitor.config.places import LISTEN, default_directory, parse_listen
from monitor.locale import LANGUAGES, spoken

SYSTEM_WIDE: Final = Path("/etc/infra-monitor/config.yaml")
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — compared with, not bound to


class CannotAsk(Exception):  # noqa: N818 — it is an answer for the operator
    """One line: what is in the way, and what to do; and the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Configured:
    """What of a configuration matters for asking its daemon. Without one, everything is at its default."""

    path: Path | None
    data: Any
    environ: Mapping[str, str]

    @property
    def directory(self) -> Path:
        """`state.directory`, where the token is."""
        named = self._text("state", "directory")
        return default_directory(self.environ) if named is None else self._near(named)

    def language(self) -> str:
        """What the configuration says, as the daemon's notices and pages do; without one, what the terminal says."""
        if self.path is None:
            return spoken(self.environ)
        named = self._text("language")
        return named if named in LANGUAGES else LANGUAGES[0]

    def url(self) -> str:
        """Of `web.listen`, with https where the daemon serves TLS. Raises CannotAsk."""
        try:
            host, port = parse_listen(self._text("web", "listen") or LISTEN)
        except ValueError as error:
            raise CannotAsk(f"web.listen: {error}", BAD_CONFIGURATION) from None
        host = _EVERYWHERE.get(host, host)
        scheme = "https" if self._tls() is not None else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def certificate(self) -> Path | None:
        """The file of the certificate that the daemon shows, if it serves TLS. Raises CannotAsk."""
        tls = self._tls()
        named = tls.get("cert_file") if isinstance(tls, dict) else None
        if not isinstance(named, str):
            return None
        return self._near(self._text("web", "config_file") or "").parent / Path(named).expanduser()

    def _tls(self) -> Any:
        """`tls_server_config` of `web.config_file`; None where there is none."""
        named = self._text("web", "config_file")
        data = None if named is None else _read(self._near(named)).data
        return data.get("tls_server_config") if isinstance(data, dict) else None

    def _near(self, named: str) -> Path:
        assert self.path is not None  # noqa: S101 — only a configuration names files
        return self.path.parent / Path(named).expanduser()

    def _text(self, *keys: str) -> str | None:
        return _text(self.data, *keys, environ=self.environ)


def configured(explicit: Path | None, environ: Mapping[str, str]) -> Configured:
    """The configuration that is named, else the one that is found, else none. Raises CannotAsk."""
    path = explicit
    if path is None:
        path = next((each for each in (Path("config.yaml"), SYSTEM_WIDE) if os.access(each, os.R_OK)), None)
    if path is None:
        return Configured(None, None, environ)
    data = _read(path).data
    return Configured(path, data, _with_env_file(data, path, environ))


def _read(path: Path) -> Any:
    try:
        return read(read_text(path, shown=str(path)))
    except FileMistake as mistake:
        raise CannotAsk(str(mistake), BAD_CONFIGURATION) from None
    except Unreadable as error:
        raise CannotAsk(f"{path}:{error.place.line}:{error.place.column}: {error.text}", BAD_CONFIGURATION) from None


def _with_env_file(data: Any, path: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    named = _text(data, "env_file", environ=environ)
    if named is None:
        return environ
    try:
        values, _ = read_env_file(path.parent / Path(named).expanduser(), shown=named)
    except FileMistake:  # no matter, unless one of our settings needs it: then that one keeps its default
        return environ
    return {**values, **environ}


def _text(data: Any, *keys: str, environ: Mapping[str, str]) -> str | None:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    found = expand(data, environ)
    return found.data if isinstance(found.data, str) and not found.unset and not found.wrong else None
