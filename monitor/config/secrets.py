"""What nobody may see of a configuration: every secret value in it, with the parts by which it would be recognized."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from monitor.config.load import Loaded

MASK: Final = "***"
SHORTEST: Final = 6
"""Shorter values are not hidden: hiding every `on` or `root` would spoil the text and give the value away."""

_SECRET_NAMES: Final = re.compile(
    r"PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|DATABASE_URL|_DSN$", re.IGNORECASE
)
_KEY: Final = re.compile(r"(^|[-_])(KEY|SIG|SIGNATURE|AUTH)$", re.IGNORECASE)
_TOKEN_LENGTH: Final = 16  # a part of a path that is so long is a key, not a word


def secrets_of(loaded: Loaded) -> frozenset[str]:
    """The secret values of the configuration, of its databases, and of variables that are called like secrets."""
    values = {
        *_secrets_in(loaded.config),
        *(secret for database in loaded.databases.values() for secret in _secrets_in(database)),
        *(value for name, value in loaded.environment.items() if _SECRET_NAMES.search(name)),
    }
    parts = {part for value in values for part in _parts(value)}
    return frozenset(each for each in values | parts if len(each) >= SHORTEST)


def _secrets_in(value: Any) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets_in(getattr(value, name))
        case Mapping():
            for each in value.values():
                yield from _secrets_in(each)
        case tuple() | list():
            for each in value:
                yield from _secrets_in(each)
        case str() if "://" in value:
            yield from _in_address(value)
        case _:
            pass


def _in_address(text: str) -> Iterator[str]:
    """An address is no secret, but for its password and for what in its query is called like a secret."""
    try:
        url = urlsplit(text)
        password = url.password or ""
    except ValueError:
        return
    yield from (password, unquote(password))
    yield from (value for name, value in parse_qsl(url.query) if _SECRET_NAMES.search(name) or _KEY.search(name))


def _parts(value: str) -> Iterator[str]:
    """Of a URL: its password, its path with query, and each part of those that is a key by itself."""
    try:
        url = urlsplit(value)
        password = url.password or ""
    except ValueError:
        return
    if not url.scheme or not url.netloc:
        return
    yield from (password, unquote(password))
    if url.scheme.startswith("http"):  # the path of a database's URL is its name, and no secret
        yield f"{url.path}?{url.query}" if url.query else url.path
        yield from (part for part in url.path.split("/") if len(part) >= _TOKEN_LENGTH)
    yield from (text for _, text in parse_qsl(url.query) if len(text) >= _TOKEN_LENGTH)


class Veil:
    """Takes known secrets out of a text, however they are written there."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide these, too; those shorter than SHORTEST are left alone."""
        for secret in secrets:
            if len(secret) >= SHORTEST:
                self._forms.update(_forms(secret))
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def over(self, text: str) -> str:
        """The text as anybody may read it."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _forms(secret: str) -> set[str]:
    """The secret as it is, in Python's notation, in URLs, and each of these in JSON."""
    beside_quotes = repr("'\"" + secret)[4:-1]  # Python chooses its quotes, and so the escapes, by the whole text
    plain = {secret, repr(secret)[1:-1], beside_quotes, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return plain | {json.dumps(form, ensure_ascii=False)[1:-1] for form in plain}
