"""What a line of Nginx's error log says about an upstream, or about Nginx itself.

Only the text before `, client: ` is Nginx's own; what follows holds bytes that a client chose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*)", re.DOTALL)
_UPSTREAM: Final = re.compile(rb'upstream: "([a-z]+)://(unix:[^:"]+|[^/"?]*)')
_FILE_AND_LINE: Final = re.compile(rb" in (\S+:\d+)$")

CLASSES: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("refused", rb"connect\(\) .*failed \(111:"),
        ("socket_missing", rb"connect\(\) to unix:.* failed \(2:"),
        ("socket_denied", rb"connect\(\) to unix:.* failed \(13:"),
        ("unreachable", rb"connect\(\) .*failed \(1(?:01|13):|connect\(\) .*failed"),
        ("connect_timeout", rb"upstream timed out \(110:.*while connecting to upstream"),
        ("tls_timeout", rb"upstream timed out \(110:.*while SSL handshaking to upstream"),
        ("read_timeout", rb"upstream timed out \(110:"),
        ("no_live_upstreams", rb"no live upstreams while connecting to upstream"),
        ("truncated_body", rb"upstream prematurely closed connection while reading upstream"),
        ("closed_early", rb"upstream prematurely closed connection"),
        ("reset", rb"(?:recv|readv|send|writev)\(\) failed \((?:104|32):.*upstream"),
        ("header_too_big", rb"upstream sent too big header"),
        ("invalid_answer", rb"upstream sent (?:no valid|invalid|duplicate|too big|unexpected|unsupported)"),
        ("tls_verify", rb"upstream SSL certificate (?:verify error|does not match)"),
        ("tls", rb"SSL_do_handshake\(\) failed .*while SSL handshaking to upstream"),
        ("unresolvable", rb"could not be resolved \("),
        ("marked_failed", rb"upstream server temporarily disabled"),
    )
)
"""Faults of an upstream; the first that fits is it."""

OWN: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("worker_connections", rb"worker_connections are not enough"),
        ("host_not_found", rb"host not found in "),
        ("bind_failed", rb"bind\(\) to .* failed"),
    )
)
"""Faults of Nginx itself; any other line of level emerg is `configuration`."""


@dataclass(frozen=True, slots=True)
class LogError:
    """One fault. `upstream` is what Nginx was asking, as it writes it (an address, or a group's name); empty if it
    asked nobody, or if a client may have written that part. `place` is `file:line` of a configuration's mistake."""

    kind: str
    upstream: str = ""
    own: bool = False
    text: str = ""
    place: str = ""


def classify(line: bytes, known: Mapping[str, str]) -> LogError | None:
    """What this line says; None if it is no fault of an upstream or of Nginx. `known`: who may be named in it."""
    matched = _LINE.match(line)
    if matched is None:
        return None
    level, text = matched[1], matched[2]
    said, marked, rest = text.partition(b", client: ")
    for kind, pattern in CLASSES:
        if pattern.search(said):
            return LogError(kind, _named(rest if marked else text, known))
    for kind, pattern in OWN:
        if pattern.search(said):
            return _own(kind, said)
    return _own("configuration", said) if level == b"emerg" else None


def _own(kind: str, said: bytes) -> LogError:
    place = _FILE_AND_LINE.search(said)
    text = said[: place.start()] if place else said
    return LogError(
        kind,
        own=True,
        text="".join(each if each.isprintable() else "?" for each in text[:300].decode("utf-8", "replace")),
        place=place[1].decode("utf-8", "replace") if place else "",
    )


def _named(rest: bytes, known: Mapping[str, str]) -> str:
    """A client can write this into its request, too; then there are two, and neither is believed."""
    named = {known.get(match[2].decode("utf-8", "replace"), "") for match in _UPSTREAM.finditer(rest)}
    return named.pop() if len(named) == 1 else ""
