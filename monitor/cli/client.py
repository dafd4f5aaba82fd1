"""How commands ask the running daemon: where it listens, which token it takes, and one clear line when it cannot."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from monitor.cli.exits import BAD_CONFIGURATION, CANNOT, USAGE
from monitor.config.document import Unreadable, read
from monitor.config.environment import FileMistake, expand, read_env_file, read_text
from monitor.config.places import LISTEN, default_directory, parse_listen

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 — it has no public name

TOKEN: Final = "INFRA_MONITOR_TOKEN"  # noqa: S105 — the name of a variable
TIMEOUT_SECONDS: Final = 15.0
SYSTEM_WIDE: Final = Path("/etc/infra-monitor/config.yaml")
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — compared with, not bound to


class CannotAsk(Exception):  # noqa: N818 — it is an answer for the operator
    """One line: what is in the way, and what to do; and the exit code."""

    def __init__(self, message: str, code: int = CANNOT) -> None:
        super().__init__(message)
        self.code = code


class NobodyAnswers(CannotAsk):
    """No daemon runs there."""


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one daemon."""

    url: str
    directory: Path
    environ: Mapping[str, str]

    def get(self, path: str, **parameters: object) -> Any:
        """The `data` of the answer. Raises CannotAsk."""
        given = {key: value for key, value in parameters.items() if value is not None}
        return self._ask("GET", path + (f"?{urlencode(given)}" if given else ""))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Give an order; what is None in the body is left out. Raises CannotAsk."""
        return self._ask("POST", path, {key: value for key, value in body.items() if value is not None})

    def delete(self, path: str) -> Any:
        """End something. Raises CannotAsk."""
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 — `client` lets only http pass
        if method != "GET":
            request.add_header("Authorization", f"Bearer {self._token()}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except (OSError, HTTPException) as error:
            why = getattr(error, "reason", None) or error
            said = getattr(why, "strerror", None) or str(why) or type(why).__name__
            raise NobodyAnswers(
                f"nothing answers at {self.url} ({said}); start the daemon with: infra-monitor run, "
                "or say where it is with --config or --url"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise CannotAsk(f"what answers at {self.url} is not infra-monitor") from None

    def _refused(self, error: urllib.error.HTTPError) -> CannotAsk:
        if error.code == HTTPStatus.UNAUTHORIZED:
            where = f"${TOKEN}" if self.environ.get(TOKEN) else str(self.directory / "token")
            return CannotAsk(
                f"the daemon at {self.url} does not take the token from {where}; "
                f"its own is in the file `token` of its state directory: name its --config, or set ${TOKEN}"
            )
        try:
            message = str(json.loads(error.read())["error"]["message"])
        except (ValueError, KeyError, TypeError, OSError):
            return CannotAsk(f"what answers at {self.url} is not infra-monitor ({error.code})")
        return CannotAsk(message, USAGE if error.code == HTTPStatus.BAD_REQUEST else CANNOT)

    def _token(self) -> str:
        if given := self.environ.get(TOKEN):
            return given.strip()
        try:
            return (self.directory / "token").read_text(encoding="ascii", errors="replace").strip()
        except OSError as error:
            raise CannotAsk(
                f"the token {self.directory / 'token'} cannot be read ({error.strerror}); "
                f"run this as the user of the daemon, name its --config, or set ${TOKEN}"
            ) from None


class _Unmoved(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        """The token goes to the daemon and to nobody else."""


# No proxy: the daemon is ours, and a proxy would get the token.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Unmoved)


def options() -> argparse.ArgumentParser:
    """What every command has that asks the daemon."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--url", help="address of the daemon (default: from web.listen in the configuration)")
    parent.add_argument("--json", action="store_true", help="print JSON, as the API answers")
    return parent


def client(arguments: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Client:
    """The daemon of the configuration, or of `--url`. The configuration need be no more than readable: whether it is
    good is the daemon's business. Raises CannotAsk."""
    environ = os.environ if environ is None else environ
    listen, directory = _configured(arguments.config, environ)
    if arguments.url is None:
        return Client(_url_of(listen), directory, environ)
    url = arguments.url if "://" in arguments.url else f"http://{arguments.url}"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise CannotAsk(f"--url {url} is no address; write for example http://127.0.0.1:10142", USAGE)
    return Client(url.rstrip("/"), directory, environ)


def _configured(explicit: Path | None, environ: Mapping[str, str]) -> tuple[str, Path]:
    """`web.listen` and `state.directory`, or their defaults."""
    path = explicit
    if path is None:
        path = next((each for each in (Path("config.yaml"), SYSTEM_WIDE) if os.access(each, os.R_OK)), None)
    if path is None:
        return LISTEN, default_directory(environ)
    try:
        data = read(read_text(path, shown=str(path))).data
    except FileMistake as mistake:
        raise CannotAsk(str(mistake), BAD_CONFIGURATION) from None
    except Unreadable as error:
        raise CannotAsk(f"{path}:{error.place.line}:{error.place.column}: {error.text}", BAD_CONFIGURATION) from None
    values = _with_env_file(data, path, environ)
    listen = _text(data, "web", "listen", environ=values) or LISTEN
    directory = _text(data, "state", "directory", environ=values)
    if directory is None:
        return listen, default_directory(environ)
    return listen, path.parent / Path(directory).expanduser()


def _with_env_file(data: Any, path: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    named = _text(data, "env_file", environ=environ)
    if named is None:
        return environ
    try:
        values, _ = read_env_file(path.parent / Path(named).expanduser(), shown=named)
    except FileMistake:  # no matter, unless one of our two settings needs it: then that one keeps its default
        return environ
    return {**values, **environ}


def _text(data: Any, *keys: str, environ: Mapping[str, str]) -> str | None:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    found = expand(data, environ)
    return found.data if isinstance(found.data, str) and not found.unset and not found.wrong else None


def _url_of(listen: str) -> str:
    try:
        host, port = parse_listen(listen)
    except ValueError as error:
        raise CannotAsk(f"web.listen: {error}", BAD_CONFIGURATION) from None
    host = _EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def part(name: str) -> str:
    """A name as part of a path."""
    return quote(name, safe="")


def whoever(environ: Mapping[str, str] | None = None) -> str:
    """In whose name orders are given: the person behind sudo, else the user."""
    environ = os.environ if environ is None else environ
    if name := environ.get("SUDO_USER"):
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user, as in some containers
        return f"uid {os.getuid()}"


def print_json(data: Any) -> None:
    """For programs."""
    print(json.dumps(data, ensure_ascii=False, indent=2))


def complain(error: CannotAsk) -> int:
    """The line, and the exit code."""
    print(f"infra-monitor: {error}", file=sys.stderr)
    return error.code
