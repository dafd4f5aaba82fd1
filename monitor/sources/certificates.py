"""Until when a certificate is valid, read from its DER bytes.

The `ssl` module decodes a peer's certificate only after verifying it; we want the date also of one nobody can verify.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_LONG_FORM: Final = 0x80
_FIRST_YEAR_OF_1900S: Final = 50  # RFC 5280: two-digit years from 50 on mean 19YY


def not_after(der: bytes) -> float:
    """Unix seconds of the end of validity. Raises ValueError for anything that is not an X.509 certificate."""
    try:
        certificate = _Reader(der).enter(_SEQUENCE).enter(_SEQUENCE)
        certificate.skip(optional=_VERSION)
        for _serial_algorithm_issuer in range(3):
            certificate.skip()
        validity = certificate.enter(_SEQUENCE)
        validity.skip()
        return _time(*validity.take())
    except IndexError as error:
        raise ValueError("not an X.509 certificate: it ends too early") from error


class _Reader:
    """Walks over DER elements (tag, length, content) of one level."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self) -> tuple[int, bytes]:
        tag, first = self._data[self._at], self._data[self._at + 1]
        start = self._at + 2
        length = first
        if first & _LONG_FORM:
            count = first & ~_LONG_FORM
            length = int.from_bytes(self._data[start : start + count], "big")
            start += count
        if start + length > len(self._data):
            raise ValueError("not an X.509 certificate: an element is longer than the rest")
        self._at = start + length
        return tag, self._data[start : self._at]

    def enter(self, tag: int) -> _Reader:
        found, content = self.take()
        if found != tag:
            raise ValueError(f"not an X.509 certificate: tag {found:#x} where {tag:#x} belongs")
        return _Reader(content)

    def skip(self, *, optional: int | None = None) -> None:
        if optional is None or self._data[self._at] == optional:
            self.take()


def _time(tag: int, content: bytes) -> float:
    text = content.decode("ascii", errors="replace").removesuffix("Z")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= _FIRST_YEAR_OF_1900S else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError(f"not an X.509 certificate: tag {tag:#x} where a time belongs")
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
