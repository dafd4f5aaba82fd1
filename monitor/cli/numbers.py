"""The few numbers of a service that say most about it, the most telling first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from monitor.cli.words import Words

_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def key_numbers(metrics: Mapping[str, float | None], words: Words) -> list[str]:
    """Each short and with its name: `4/37 sessions`. Nothing is said of what is not known."""
    known = [(name.partition("{")[0], dict(_LABEL.findall(name)), value) for name, value in metrics.items()]
    found = _Found([(name, labels, value) for name, labels, value in known if value is not None])
    return [*_of_apps(found, words), *_of_databases(found, words), *_of_nginx(found, words), *_of_hosts(found, words)]


class _Found:
    def __init__(self, known: list[tuple[str, dict[str, str], float]]) -> None:
        self._known = known

    def all(self, wanted: str, **labels: str) -> list[float]:
        """Every value of that name that has these labels."""
        return [value for name, has, value in self._known if name == wanted and labels.items() <= has.items()]


def _of_apps(found: _Found, words: Words) -> Iterator[str]:
    alive, expected = found.all("app_instances", state="alive"), found.all("app_instances", state="expected")
    if alive and expected:
        yield words("number.alive", alive=f"{sum(alive):g}", all=f"{sum(expected):g}")
    if memory := found.all("process_memory"):
        yield words.number(sum(memory), "bytes")
    if restarts := sum(found.all("process_restarts")):
        yield words("number.restarts", count=f"{restarts:g}")


def _of_databases(found: _Found, words: Words) -> Iterator[str]:
    if usable := found.all("usable_connections"):
        yield words("number.sessions", used=f"{sum(found.all('connections')):g}", all=f"{usable[0]:g}")
    if size := found.all("database_size"):
        yield words.number(size[0], "bytes")
    if longest := [each for each in found.all("longest_transaction") if each >= 1]:
        yield words("number.transaction", time=words.number(longest[0], "seconds"))
    if path := found.all("path_open"):
        yield words("number.open" if min(path) else "number.closed")
    if any(found.all("exposure", level="world")):
        yield words("number.world")


def _of_nginx(found: _Found, words: Words) -> Iterator[str]:
    if peers := found.all("upstream_up"):
        yield words("number.peers", up=f"{sum(peers):g}", all=len(peers))
        if active := found.all("connections", state="active"):
            yield words("number.connections", count=f"{active[0]:g}")


def _of_hosts(found: _Found, words: Words) -> Iterator[str]:
    for name in ("cpu", "memory", "disk"):
        if values := found.all(name):
            yield words(f"number.{name}", share=words.number(max(values), "ratio"))
