"""How commands ask the running daemon: over HTTP, with its token, and one clear line when they cannot."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from monitor.cli.exits import CANNOT, OK, USAGE
from monitor.cli.terminal import harmless, print_json, printable
from monitor.cli.trust import CA_FILE, CLIENT_CERT, context_for
from monitor.cli.whereabouts import CannotAsk, configured
from monitor.cli.words import Words, words_on

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 — it has no public name

TOKEN: Final = "INFRA_MONITOR_TOKEN"  # noqa: S105 — the name of a variable
TIMEOUT_SECONDS: Final = 15.0


class NobodyAnswers(CannotAsk):
    """No daemon runs there."""


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one daemon. `exact`: texts as they come, for programs; else those of others are made harmless."""

    url: str
    directory: Path
    environ: Mapping[str, str]
    words: Words
    context: ssl.SSLContext | None = None
    exact: bool = False

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
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            data = json.loads(self._answer(request))["data"]
            return data if self.exact else harmless(data)
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        except (ValueError, KeyError, TypeError):
            raise CannotAsk(self.words("not_ours", url=self.url), CANNOT) from None

    def _answer(self, request: urllib.request.Request) -> bytes:
        """Orders bear the token. A question bears it only when the daemon asks who we are, as it does where it has
        users: so nobody needs the token's file for what everybody may know."""
        if request.get_method() == "GET":
            try:
                return self._opened(request)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.UNAUTHORIZED:
                    raise
        request.add_header("Authorization", f"Bearer {self._token()}")
        return self._opened(request)

    def _opened(self, request: urllib.request.Request) -> bytes:
        # No proxy: the daemon is ours, and a proxy would get the token. A context without authorities trusts nobody.
        context = self.context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        handlers = (urllib.request.ProxyHandler({}), _Unmoved, urllib.request.HTTPSHandler(context=context))
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_SECONDS) as answer:
            return bytes(answer.read())

    def _unreachable(self, error: OSError | HTTPException) -> CannotAsk:
        why, words, url = getattr(error, "reason", None) or error, self.words, self.url
        if isinstance(why, ssl.SSLCertVerificationError):
            return CannotAsk(words("untrusted", url=url, why=why.verify_message, variable=CA_FILE), CANNOT)
        wants_ours = words("wants_ours", variable=CLIENT_CERT)
        if isinstance(why, ssl.SSLError):
            said = (why.reason or str(why)).replace("_", " ").lower()
            return CannotAsk(words("no_tls", url=url, why=said, hint=wants_ours), CANNOT)
        if isinstance(why, ConnectionResetError | BrokenPipeError):  # http.client's RemoteDisconnected is one
            return CannotAsk(
                words("hangs_up", url=url, hint=wants_ours if self.context else words("perhaps_tls")), CANNOT
            )
        said = getattr(why, "strerror", None) or str(why) or type(why).__name__
        return NobodyAnswers(words("nobody", url=url, why=said), CANNOT)

    def _refused(self, error: urllib.error.HTTPError) -> CannotAsk:
        if error.code == HTTPStatus.UNAUTHORIZED:
            where = f"${TOKEN}" if self.environ.get(TOKEN) else str(self.directory / "token")
            return CannotAsk(self.words("wrong_token", url=self.url, where=where, variable=TOKEN), CANNOT)
        try:
            message = str(json.loads(error.read())["error"]["message"])
        except (ValueError, KeyError, TypeError, OSError):
            return CannotAsk(f"{self.words('not_ours', url=self.url)} ({error.code})", CANNOT)
        return CannotAsk(message, USAGE if error.code == HTTPStatus.BAD_REQUEST else CANNOT)

    def _token(self) -> str:
        if given := self.environ.get(TOKEN):
            return given.strip()
        try:
            return (self.directory / "token").read_text(encoding="ascii", errors="replace").strip()
        except OSError as error:
            file = str(self.directory / "token")
            raise CannotAsk(
                self.words("no_token", file=file, why=error.strerror or "", variable=TOKEN), CANNOT
            ) from None


class _Unmoved(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        """The token goes to the daemon and to nobody else."""


def options(*, again: bool = False) -> argparse.ArgumentParser:
    """What every command has that asks the daemon. `again`: for a command of a group, which has them already; unsaid
    here, what was said before stands."""
    unsaid = argparse.SUPPRESS if again else None
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--url", default=unsaid, help="address of the daemon (default: from web.listen in the configuration)"
    )
    parent.add_argument(
        "--ca-file", metavar="FILE", default=unsaid,
        help=f"who vouches for the daemon's certificate (default: ${CA_FILE}, else the certificate of the "
        "configuration itself, else the machine's authorities)",
    )  # fmt: skip
    parent.add_argument(
        "--client-cert", metavar="FILE", default=unsaid,
        help=f"certificate and key to show to the daemon, where it wants one (default: ${CLIENT_CERT})",
    )  # fmt: skip
    parent.add_argument("--json", action="store_true", default=unsaid or False, help="print JSON, as the API answers")
    return parent


def client(arguments: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Client:
    """The daemon of the configuration, or of `--url`. Raises CannotAsk."""
    environ = os.environ if environ is None else environ
    known = configured(arguments.config, environ)
    words = words_on(sys.stdout, known.language())
    url = known.url() if arguments.url is None else _address(arguments.url, words)
    context = context_for(
        url,
        ca_file=arguments.ca_file or environ.get(CA_FILE),
        client_cert=arguments.client_cert or environ.get(CLIENT_CERT),
        certificate=known.certificate() if arguments.url is None else None,
    )
    return Client(url, known.directory, environ, words, context, exact=arguments.json)


def _address(given: str, words: Words) -> str:
    url = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is none
        usable = False
    if not usable:
        raise CannotAsk(words("no_address", url=url), USAGE)
    return url.rstrip("/")


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


def answered(arguments: argparse.Namespace, ask: Callable[[Client], Any], drawn: Callable[[Any, Words], str]) -> int:
    """Ask, and print the answer as it is wanted. 0, or what stands in the way."""
    try:
        daemon = client(arguments)
        answer = ask(daemon)
    except CannotAsk as error:
        return complain(error)
    if arguments.json:
        print_json(answer)
    else:
        print(drawn(answer, daemon.words))
    return OK


def complain(error: CannotAsk) -> int:
    """The line, and the exit code."""
    print(printable(f"infra-monitor: {error}"), file=sys.stderr)
    return error.code
