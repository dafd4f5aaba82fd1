"""The values that stand in directives: addresses, durations, and what variables can be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final

from monitor.sources.nginx_conf.lexer import Directive
from monitor.sources.nginx_conf.model import Address, Listen, Peer

MOST_VALUES: Final = 64
_DEEPEST_VARIABLE: Final = 8
_HIGHEST_PORT: Final = 65535
_UNITS: Final = {
    "ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "M": 2592000.0, "y": 31536e3,
}  # fmt: skip
_DURATION: Final = re.compile(r"(\d+)(ms|[smhdwMy]?)\s*")
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

Values = Mapping[str, tuple[str, ...]]
"""What each variable can be, as far as it is known."""


def seconds(text: str, default: float) -> float:
    """`1m 30s`, `500ms`, `10`; the default for anything else."""
    total, at = 0.0, 0
    while at < len(text):
        match = _DURATION.match(text, at)
        if match is None:
            return default
        total += int(match[1]) * _UNITS[match[2]]
        at = match.end()
    return total if text else default


def address(text: str, default_port: int) -> Address | None:
    """`127.0.0.1:80`, `[::1]:80`, `name`, `*:80`, `80`, `unix:/path`; None for what cannot be one."""
    if text.startswith("unix:"):
        return Address(path=text[5:].partition(":")[0]) if len(text) > len("unix:") else None
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return _at(host, rest.removeprefix(":"), default_port)
    host, colon, port = text.partition(":")
    if not colon and host.isdecimal():
        return _at("", host, default_port)
    return _at("" if host == "*" else host, port, default_port)


def _at(host: str, port: str, default_port: int) -> Address | None:
    if not port:
        return Address(host, default_port)
    if not (port.isascii() and port.isdigit()) or not 0 < int(port[:6]) <= _HIGHEST_PORT:
        return None
    return Address(host, int(port))


def listen(directive: Directive, *, tls: bool) -> Listen | None:
    """One `listen` line."""
    if not directive.args:
        return None
    where = address(directive.args[0], 80)
    options = set(directive.args[1:])
    if where is None:
        return None
    return Listen(
        where,
        tls=tls or "ssl" in options,
        default=bool(options & {"default_server", "default"}),
        proxy_protocol="proxy_protocol" in options,
        quic="quic" in options,
    )


def peer(directive: Directive, *, default_port: int) -> Peer | None:
    """One `server` line of a group."""
    where = address(directive.args[0], default_port) if directive.args else None
    if where is None:
        return None
    options = dict(option.partition("=")[::2] for option in directive.args[1:])
    return Peer(
        where,
        weight=_number(options.get("weight", ""), 1),
        max_fails=_number(options.get("max_fails", ""), 1),
        fail_timeout=seconds(options.get("fail_timeout", ""), 10.0),
        backup="backup" in options,
        down="down" in options,
        resolved="resolve" in options,
    )


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004 — 32 bits


def mapped(blocks: Iterable[Directive]) -> dict[str, tuple[str, ...]]:
    """What `map`, `geo` and `split_clients` can make of their variables."""
    found = dict[str, tuple[str, ...]]()
    for block in blocks:
        if block.name not in {"map", "geo", "split_clients"} or not block.args or not block.block:
            continue
        pairs = [each for each in block.block if len(each.args) == 1 and each.name not in {"ranges", "proxy", "delete"}]
        name = block.args[-1].removeprefix("$")
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), *(each.args[0] for each in pairs))))
    return found


def expanded(text: str, values: Values, *, depth: int = 0) -> tuple[tuple[str, ...], bool]:
    """What a text with variables can be; and whether it can be something else that we do not know."""
    names = list(dict.fromkeys(match[1] or match[2] for match in _VARIABLE.finditer(text)))
    if not names:
        return (text,), False
    if depth > _DEEPEST_VARIABLE or not all(name in values for name in names):
        return (), True
    unknown, choices = False, list[tuple[str, ...]]()
    for name in names:
        known = [expanded(value, values, depth=depth + 1) for value in values[name]]
        unknown = unknown or any(open_ended for _, open_ended in known)
        choices.append(tuple(dict.fromkeys(each for found, _ in known for each in found))[:MOST_VALUES])
    found = list[str]()
    for choice in product(*choices):
        chosen = dict(zip(names, choice, strict=True))
        found.append(_VARIABLE.sub(lambda match, chosen=chosen: chosen[match[1] or match[2]], text))  # type: ignore[misc]
        if len(found) > MOST_VALUES:
            return tuple(found), True
    return tuple(dict.fromkeys(found)), unknown
