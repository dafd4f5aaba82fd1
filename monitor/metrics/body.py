"""The text of a scrape: blocks of lines by metric and owner, joined and compressed once per change."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from monitor.metrics.exposition import Format, Metric

_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"  # deflate, no name, no time, fast, unknown system
_LEVEL: Final = 1  # one or two scrapers: a smaller answer is not worth three times the work


class Owner(NamedTuple):
    """Whose lines they are: a check's, or with an empty `check` the service's."""

    service: str
    check: str = ""


class Body:
    """A finished text that can be sent as it is or compressed, each time with a fresh tail."""

    def __init__(self, plain: bytes) -> None:
        self.plain = plain
        self._deflated: bytes | None = None
        self._checksum = 0

    def gzip(self, tail: bytes) -> bytes:
        """Text and tail as one gzip member. The text is compressed once: its part ends on a byte boundary and is
        followed by the tail's, and the checksum is carried on."""
        if self._deflated is None:
            press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
            self._deflated = press.compress(self.plain) + press.flush(zlib.Z_FULL_FLUSH)
            self._checksum = zlib.crc32(self.plain)
        press = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        checksum = zlib.crc32(tail, self._checksum)
        length = (len(self.plain) + len(tail)) & 0xFFFFFFFF
        return b"".join(
            (_GZIP_HEADER, self._deflated, press.compress(tail), press.flush(), struct.pack("<II", checksum, length))
        )


class Blocks:
    """Lines by metric and owner. A metric without lines is not mentioned at all."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics: dict[str, Metric] = {}
        self._blocks: dict[str, dict[Owner, bytes]] = {}
        self._bodies: dict[Format, Body] = {}
        self.declare(metrics)

    def declare(self, metrics: Iterable[Metric]) -> None:
        """Make metrics known. Raises ValueError when one name is given two meanings."""
        for metric in metrics:
            known = self._metrics.setdefault(metric.name, metric)
            if (known.type, known.help, known.buckets) != (metric.type, metric.help, metric.buckets):
                raise ValueError(f"metric {metric.name} is described in two different ways")
            self._blocks.setdefault(metric.name, {})

    def put(self, metric: str, owner: Owner, lines: str) -> None:
        """Replace the owner's lines of that metric; no lines, and it has none."""
        owned, new = self._blocks[metric], lines.encode()
        if owned.get(owner, b"") == new:
            return
        if new:
            owned[owner] = new
        else:
            del owned[owner]
        self._bodies.clear()

    def drop(self, owner: Owner) -> None:
        """Forget everything of that owner."""
        for owned in self._blocks.values():
            owned.pop(owner, None)
        self._bodies.clear()

    def body(self, form: Format) -> Body:
        """All of it in that format, without an end."""
        known = self._bodies.get(form)
        if known is None:
            parts: list[bytes] = []
            for name, owned in self._blocks.items():
                if owned:
                    parts.append(self._metrics[name].header(form))
                    parts.extend(owned.values())
            known = self._bodies[form] = Body(b"".join(parts))
        return known
