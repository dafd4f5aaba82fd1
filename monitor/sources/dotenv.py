"""What a `.env` file, or a process's own environment, says about its database; no password outlives the reading."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from io import StringIO
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from dotenv.parser import parse_stream

from monitor.core.wiring import ENVIRONMENT, Settings, Target

LARGEST_BYTES: Final = 64 * 1024
MOST_NAMES: Final = 40
MARK_BYTES: Final = 2
"""Enough to tell one value from another, and far too little to find a password by trying: one in 65,536 fits."""

_URL: Final = "DATABASE_URL"
_PREFIX: Final = "DB_"
_NAMED: Final = re.compile(rb"(?:^|(?<=\0))(DB_HOST|DB_PORT|DB_NAME|DATABASE_URL)=([^\0]*)")
_HOST: Final = re.compile(r"[A-Za-z0-9._:%-]+")
_LONGEST_TEXT: Final = 253
_LAST_PORT: Final = 65535
_POSTGRES: Final = frozenset({"postgres", "postgresql"})
_FILES: Final = frozenset({"sqlite", "sqlite3", "file"})


class Unreadable(Exception):  # noqa: N818 — it is a finding about a file
    """The file is there and cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What a `.env` says of the database, and when it was last written, in Unix seconds of the machine's clock."""

    settings: Settings
    written_at: float
    identity: tuple[int, int]


def read_env_file(path: str, *, shown: str) -> EnvFile | None:
    """None if there is no such file. Raises Unreadable. Waits for nobody: what is no plain file is not read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        return None
    except OSError as error:
        raise Unreadable(f"{shown} cannot be read: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        content = os.read(descriptor, LARGEST_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"{shown} cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > LARGEST_BYTES:
        raise Unreadable(f"{shown} is larger than {LARGEST_BYTES // 1024} KiB")
    return EnvFile(_of_file(content, shown), found.st_mtime, (found.st_dev, found.st_ino))


def of_environment(content: bytes) -> Settings | None:
    """From the text of /proc/PID/environ; None where none of the names stands, as is usual with dotenv."""
    values = dict[str, str]()
    for name, value in _NAMED.findall(content):
        values.setdefault(name.decode(), value.decode(errors="backslashreplace"))
    return _settings(values, ENVIRONMENT) if values else None


def _of_file(content: bytes, shown: str) -> Settings:
    """The last binding of a name wins, and no other name is kept; nothing is expanded."""
    text = content.decode(errors="backslashreplace").removeprefix("\ufeff")
    values = {
        binding.key: binding.value
        for binding in parse_stream(StringIO(text))
        if binding.key and binding.value is not None and _is_ours(binding.key)
    }
    settings = _settings(values, shown)
    return Settings(shown, settings.url, settings.plain, _marks(values))


def _is_ours(name: str) -> bool:
    return name.startswith(_PREFIX) or name == _URL


def _settings(values: Mapping[str, str], source: str) -> Settings:
    plain = Target(_host(values.get("DB_HOST", "")), _port(values.get("DB_PORT", "")), _text(values.get("DB_NAME", "")))
    return Settings(source, _url(values.get(_URL, "").strip()), plain)


def _marks(values: Mapping[str, str]) -> dict[str, str]:
    return {name[:_LONGEST_TEXT]: _mark(name, values[name]) for name in sorted(values)[:MOST_NAMES]}


def _mark(name: str, value: str) -> str:
    return blake2b(f"{name}\0{value}".encode(errors="backslashreplace"), digest_size=MARK_BYTES).hexdigest()


def _url(url: str) -> Target | None:
    """The place in a URL. What names another kind of server, or cannot be read, says nothing."""
    scheme = url.partition(":")[0].partition("+")[0].lower()
    if scheme in _FILES and ":" in url:
        return Target(sqlite=True)
    if scheme not in _POSTGRES:
        return None
    with suppress(ValueError):
        parts = urlsplit(url)
        if "@" in parts.path + parts.query + parts.fragment:
            return None  # a password with a `/`, `?` or `#` in it: nothing here is what it seems to be
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        host = query.get("host") or unquote(parts.hostname or "")
        name = query.get("dbname") or unquote(parts.path.removeprefix("/"))
        return Target(_host(host), _port(query.get("port") or str(parts.port or "")), _text(name))
    return None


def _host(value: str) -> str:
    """Several hosts, an expression, or a URL in the wrong place are no host; the last would show a password."""
    host = _text(value)
    if host.startswith("/"):
        return host
    return host.lower().removesuffix(".") if _HOST.fullmatch(host) else ""


def _port(value: str) -> int | None:
    digits = value.strip()
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0  # noqa: PLR2004 — 65535
    return port if 1 <= port <= _LAST_PORT else None


def _text(value: str) -> str:
    """As it may be shown. What holds `$` is an expression, and means nothing as it stands."""
    text = "".join(each if each.isprintable() else "�" for each in value.strip())[:_LONGEST_TEXT]
    return "" if "$" in text else text
