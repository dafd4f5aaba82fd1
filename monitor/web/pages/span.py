"""Which time a page's charts show: one of four ranges up to now, or a part of the past that a reader picked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from monitor.answers import rfc3339
from monitor.history import MOST_HOURS, Resolution
from monitor.history_file import BUCKET_SECONDS
from monitor.web.answer import bad_request
from monitor.web.requests import quoted

RANGES: Final = {"1h": 1, "24h": 24, "7d": 7 * 24, "90d": 90 * 24}
USUAL: Final = "24h"
_HOUR: Final = 3600.0
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_SHORTEST: Final = 60.0
_FINE_SECONDS: Final = 2 * _HOUR
"""Up to so long every sample is read; beyond, five minutes each are more than a screen can show."""
_MOST_READ: Final = 400
_FULL_SECONDS: Final = 23 * _HOUR
"""For how long every sample is kept, with an hour to spare."""


@dataclass(frozen=True, slots=True)
class Span:
    """`name` is that of the range, empty of a picked part; `now` is when the page is made."""

    since: float
    until: float
    name: str
    now: float

    @property
    def hours_back(self) -> float:
        """How far back one has to read."""
        return min(MOST_HOURS, max((self.now - self.since) / _HOUR, 1 / 60))

    @property
    def resolution(self) -> Resolution:
        """Every sample where that is worth it and possible."""
        fine = self.until - self.since <= _FINE_SECONDS and self.now - self.since <= _FULL_SECONDS
        return "full" if fine else "5m"

    @property
    def buckets(self) -> int:
        """How many times five minutes are read as one: there are more of them in ninety days than a screen shows."""
        return max(1, int((self.until - self.since) / BUCKET_SECONDS / _MOST_READ))

    def links(self) -> dict[str, str]:
        """Parts of the past around this one, by what they are in the catalogue below `page.span.`."""
        width = self.until - self.since
        middle = (self.since + self.until) / 2
        found = {"earlier": self._link(self.since - width / 2, self.until - width / 2)}
        if self.until < self.now - 1:
            found["later"] = self._link(self.since + width / 2, self.until + width / 2)
        if width > 2 * _SHORTEST:
            found["closer"] = self._link(middle - width / 4, middle + width / 4)
        found["wider"] = self._link(middle - width, middle + width)
        return found

    def _link(self, since: float, until: float) -> str:
        late = max(0.0, until - self.now)
        early = max(self.now - MOST_HOURS * _HOUR, since - late)
        return "?" + urlencode({"from": rfc3339(early), "to": rfc3339(max(until - late, early + _SHORTEST))})


def span_of(request: web.BaseRequest, now: float) -> Span:
    """As the address says: `range`, or `from` and `to`. Raises Refused."""
    given, now = request.query, math.ceil(now * 1000) / 1000  # samples are kept to the millisecond
    if "from" in given or "to" in given:
        until = _moment("to", given["to"], now) if "to" in given else now
        since = _moment("from", given["from"], now) if "from" in given else until - _HOUR
        if until - since < _SHORTEST:
            raise bad_request("from and to must be a minute apart at least, the earlier first")
        return Span(since, until, "", now)
    name = given.get("range", USUAL)
    if name not in RANGES:
        raise bad_request(f"range cannot be {quoted(name)}; it is one of {', '.join(RANGES)}")
    return Span(now - RANGES[name] * _HOUR, now, name, now)


def _moment(name: str, text: str, now: float) -> float:
    """Within what is remembered."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise bad_request(f"{name} cannot be {quoted(text)}; write a time as 2026-11-24T09:00:00Z")
    return min(now, max(now - MOST_HOURS * _HOUR, (at - _EPOCH).total_seconds()))
