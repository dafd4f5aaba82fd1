"""Where the apps of a PM2 take connections, and to whom they have connected, as the kernel shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from monitor.sources.sockets import socket_inodes
from monitor.sources.tcp_table import ESTABLISHED, LISTENING, Row, content, rows

MOST_ENDS: Final = 200
_PORT: Final = b"PORT="


@dataclass(frozen=True, slots=True)
class AppNetwork:
    """The ports on which an app takes connections, and the other ends (`address:port`) of those that it has begun."""

    ports: frozenset[int] = frozenset()
    connected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppTree:
    """The processes of one app: those that PM2 started, and all with those below them."""

    tops: tuple[int, ...]
    all: tuple[int, ...]


def networks(daemon: int, apps: Mapping[str, AppTree]) -> dict[str, AppNetwork]:
    """Every app of which a process may be looked into. In cluster mode PM2's daemon listens for the workers: a port of
    its is an app's whose workers have taken connections on it or have it as PORT; a port that is nobody's then, is the
    only silent app's. Raises OSError when the daemon has gone, or may not be looked into."""
    table = {each.inode: each for each in rows(daemon)}
    offered = _ports(_rows_of([daemon], table))
    listening = {each.local_port for each in table.values() if each.state == LISTENING}
    found = dict[str, AppNetwork]()
    for app, tree in apps.items():
        own = _rows_of(tree.all, table)
        if own is not None:
            taken = {each.local_port for each in own if each.state == ESTABLISHED}
            told = {port for top in tree.tops for port in _told(top)}
            ends = {f"{e.address}:{e.port}" for e in own if e.state == ESTABLISHED and e.local_port not in listening}
            found[app] = AppNetwork(_ports(own) | offered & (taken | told), tuple(sorted(ends))[:MOST_ENDS])
    silent = [app for app, network in found.items() if not network.ports]
    if len(silent) == 1:
        left = offered.difference(*(network.ports for network in found.values()))
        found[silent[0]] = AppNetwork(left, found[silent[0]].connected)
    return found


def _rows_of(pids: Iterable[int], table: Mapping[int, Row]) -> list[Row] | None:
    """The sockets of these processes; None if none of them could be looked into."""
    inodes = set[int]()
    seen = False
    for pid in pids:
        with suppress(OSError):
            inodes |= socket_inodes(pid)
            seen = True
    return [table[inode] for inode in sorted(inodes) if inode in table] if seen else None


def _ports(found: list[Row] | None) -> frozenset[int]:
    return frozenset(each.local_port for each in found or () if each.state == LISTENING)


def _told(pid: int) -> Iterable[int]:
    for word in content(f"/proc/{pid}/environ").split(b"\0"):
        value = word.removeprefix(_PORT)
        if value != word and value.isdigit() and len(value) <= len("65535"):
            yield int(value)
