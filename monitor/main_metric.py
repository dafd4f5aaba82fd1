"""The one number of a service whose last hour is drawn, on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAIN: Final = ("response_time", "cpu", "connections_used", "process_memory", "memory")


def main_metric(names: Iterable[str]) -> str | None:
    """The most telling of these metrics, without its labels; None if a service has none of them."""
    known = {name.partition("{")[0] for name in names}
    return next((name for name in MAIN if name in known), None)
