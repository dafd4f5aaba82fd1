"""Who may write: the token in the state directory, and requests that were really meant for us."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from monitor.store import StoreError
from monitor.web.answer import Refused
from monitor.web.security import Users

USER: Final = web.RequestKey("user", str)
"""The key under which a request carries the name of the user who sent it."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BASIC: Final = 'Basic realm="infra-monitor", charset="UTF-8"'
_TOKEN: Final = re.compile(r"[\x21-\x7e]{16,512}")


def token_of(directory: Path) -> str:
    """The token in `<directory>/token`, which only its owner may read; made at the first start.
    Raises StoreError when it cannot be read, made, or trusted."""
    path = directory / "token"
    try:
        try:
            return _read(path)
        except FileNotFoundError:
            return _make(path)
    except OSError as error:
        raise StoreError(f"{path}: the token cannot be kept there: {error.strerror or error}") from error


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        if os.fstat(descriptor).st_mode & 0o077:
            raise StoreError(f"{path}: others can read the token; remove the file, and a new one is made at the start")
        token = file.read(1024).strip()
    if not _TOKEN.fullmatch(token):
        raise StoreError(f"{path}: is not a token of 16 or more visible characters; remove it, and a new one is made")
    return token


def _make(path: Path) -> str:
    """Under its name only when it is whole, so that a crash leaves none rather than half of one."""
    token, beside = secrets.token_urlsafe(32), path.with_name("token.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
    return token


class Guard:
    """Lets reading pass, and of what would change something only requests that bear the token and name this host. Where
    there are users, everything is for them alone, and for whoever bears the token."""

    def __init__(self, *, token: str, url: str, users: Callable[[], Users]) -> None:
        self._token = token.encode()
        self._users = users
        self._names = {"localhost", socket.gethostname().lower(), (urlsplit(url).hostname or "localhost").lower()}

    async def check(self, request: web.BaseRequest) -> None:
        """A user's request is marked with the name. Raises Refused. Whether the thing asked for exists is no matter
        here: strangers learn nothing of it."""
        writing, users = request.method not in _READING, self._users()
        if not writing and not users:
            return
        if writing and not self._is_ours(request.headers.get("Host", "")):
            raise Refused(
                HTTPStatus.FORBIDDEN, "forbidden", "the Host header names another host; use web.url's, or an address"
            )
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        match scheme.lower():
            case "bearer":
                if not hmac.compare_digest(given.strip().encode(errors="replace"), self._token):
                    raise _unauthorized("this is not the token", 'Bearer error="invalid_token"')
            case "basic" if users:
                name, password = _name_and_password(given)
                if not await users.admits(name, password):
                    raise _unauthorized("this is not a user with that password", _BASIC)
                if writing and not _is_same_origin(request):
                    raise Refused(HTTPStatus.FORBIDDEN, "forbidden", "a page of somebody else's sent this")
                request[USER] = name
            case _ if users:
                raise _unauthorized("this is for users only", _BASIC)
            case _:
                raise _unauthorized("changing something needs a token: Authorization: Bearer …", "Bearer")

    def _is_ours(self, header: str) -> bool:
        """A page of somebody else's whose name was made to point here still says that name. Addresses cannot lie."""
        try:
            host = urlsplit(f"//{header}").hostname or ""
        except ValueError:  # brackets around something that is no address
            return False
        if host.rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True


def _name_and_password(given: str) -> tuple[str, str]:
    try:
        name, _, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def _is_same_origin(request: web.BaseRequest) -> bool:
    """Browsers send what they know of a user along with anybody's request; they also say whose it is."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "none")
    own = origin is None or urlsplit(origin).netloc == request.headers.get("Host", "")
    return own and site in ("none", "same-origin")


def _unauthorized(message: str, challenge: str) -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, "unauthorized", message, {"WWW-Authenticate": challenge})
