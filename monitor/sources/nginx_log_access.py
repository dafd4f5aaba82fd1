"""What an access log says of each route, where its format tells how long the upstream took and what it answered."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.sources.nginx_conf import LogFormat

WINDOW_SECONDS: Final = 60.0
MOST_REQUESTS: Final = 20_000
FEWEST_REQUESTS: Final = 20
"""Fewer tell nothing: one failure of two requests is not an error rate."""

_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")
_WANTED: Final = ("status", "request_time", "upstream_status", "upstream_response_time", "upstream_addr")
_NEEDED: Final = "upstream_response_time"
_OURS: Final = b"infra-monitor"
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Request:
    """One request that an upstream was asked for."""

    at: float
    upstream: str
    failed: bool
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The last minute of one upstream. `percentiles` by their number (50, 95, 99)."""

    requests: int
    error_percent: float
    percentiles: Mapping[int, float]


class Reader:
    """Reads lines of one format."""

    def __init__(self, written: LogFormat) -> None:
        self._pattern = _pattern(written.text)

    @property
    def usable(self) -> bool:
        """Whether the format says what an upstream did."""
        return self._pattern is not None

    def read(self, line: bytes, known: Mapping[str, str], now: float) -> Request | None:
        """One line; None for one that asked no upstream that we know, or that we made ourselves."""
        matched = self._pattern.fullmatch(line) if self._pattern is not None and _OURS not in line else None
        if matched is None:
            return None
        fields = {name: value.decode("utf-8", "replace") for name, value in matched.groupdict().items()}
        tried = [each.strip() for each in re.split(r", | : ", fields.get("upstream_addr", ""))]
        names = [known[each] for each in tried if each in known]
        if not names:
            return None
        status = re.split(r", | : ", fields.get("upstream_status", ""))[-1] or fields.get("status", "")
        if "status" in fields:
            status = fields["status"]
        times = [_number(each) for each in re.split(r", | : ", fields[_NEEDED])]
        known_times = [each for each in times if each is not None]
        failed = status.strip().isdigit() and int(status) >= _SERVER_ERROR
        return Request(now, names[-1], failed, sum(known_times) if known_times else None)


class Window:
    """The requests of the last minute."""

    def __init__(self) -> None:
        self._requests = deque[Request](maxlen=MOST_REQUESTS)

    def add(self, requests: Iterable[Request], now: float) -> None:
        """Take new ones in and let old ones go."""
        self._requests.extend(requests)
        while self._requests and self._requests[0].at < now - WINDOW_SECONDS:
            self._requests.popleft()

    def summaries(self) -> dict[str, Summary]:
        """By upstream; those with too few requests to tell anything are left out."""
        by_upstream = dict[str, list[Request]]()
        for each in self._requests:
            by_upstream.setdefault(each.upstream, []).append(each)
        return {name: _summary(found) for name, found in by_upstream.items() if len(found) >= FEWEST_REQUESTS}


def _summary(requests: list[Request]) -> Summary:
    times = sorted(each.seconds for each in requests if each.seconds is not None)
    percentiles = {each: times[min(len(times) - 1, len(times) * each // 100)] for each in (50, 95, 99)} if times else {}
    return Summary(len(requests), 100 * sum(each.failed for each in requests) / len(requests), percentiles)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _pattern(text: str) -> re.Pattern[bytes] | None:
    """A format as a pattern of its lines, each wanted variable a named group; None without the one that is needed."""
    if _NEEDED not in {match[1] for match in _VARIABLE.finditer(text)}:
        return None
    parts, at, seen = list[str](), 0, set[str]()
    for match in _VARIABLE.finditer(text):
        parts.append(re.escape(text[at : match.start()]))
        name = match[1]
        wanted = name in _WANTED and name not in seen
        parts.append(f'(?P<{name}>[^"\\t|]*?)' if wanted else ".*?")
        seen.add(name)
        at = match.end()
    parts.append(re.escape(text[at:]))
    return re.compile("".join(parts).encode(), re.DOTALL)
