"""Nginx's own counters, from its stub_status page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PAGE: Final = re.compile(
    rb"Active connections: (\d+)\s+server accepts handled requests[^\n]*\n\s*(\d+) (\d+) (\d+)[^\n]*\s+"
    rb"Reading: (\d+) Writing: (\d+) Waiting: (\d+)"
)


@dataclass(frozen=True, slots=True)
class StubStatus:
    """Totals since Nginx was started (a reload keeps them), and connections at this moment."""

    active: int
    accepted: int
    handled: int
    requests: int
    reading: int
    writing: int
    waiting: int

    @property
    def dropped(self) -> int:
        """Connections that were accepted and closed at once, because no worker had room for them."""
        return self.accepted - self.handled


def parse_stub_status(body: bytes) -> StubStatus | None:
    """The page's numbers, also with the fourth one that Tengine adds; None if it is some other page."""
    found = _PAGE.search(body)
    return StubStatus(*map(int, found.groups())) if found else None
