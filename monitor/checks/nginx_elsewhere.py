"""Which application listens where no route of Nginx leads: what a port that was changed on one side only looks like."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from monitor.checks.nginx_verdicts import Elsewhere, PeerLook
from monitor.sources.nginx_conf import Configuration
from monitor.sources.pm2 import Pm2Sources, Pm2Unanswered, Pm2Unreadable
from monitor.sources.processes import process_manager_homes
from monitor.sources.sockets import descriptors
from monitor.sources.tcp_table import LISTENING, rows

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0", ""})  # noqa: S104 — where others listen


def refused_here(peers: Iterable[PeerLook]) -> tuple[str, ...]:
    """The peers on this machine at whose port nobody listens."""
    found = [
        each.address
        for each in peers
        if each.outcome.reason == "refused"
        and not each.plan.peer.address.path
        and each.plan.peer.address.host in _LOCAL
    ]
    return tuple(dict.fromkeys(found))


async def elsewhere(
    configuration: Configuration, refused: Iterable[str], *, pm2: Pm2Sources, deadline: float
) -> Mapping[str, Elsewhere]:
    """For a refused peer, the application of PM2 that it must have been meant for: the only one to which no route
    leads, which listens on one port only."""
    led_to = {peer.address.port for group in configuration.upstreams for peer in group.peers}
    led_to |= {p.address.port for route in configuration.routes for target in route.targets for p in target.peers}
    refused = tuple(refused)
    listening = await _listening_apps(pm2, deadline)
    found = [Elsewhere(app, port) for app, ports in listening.items() if not ports & led_to for port in ports]
    return {refused[0]: found[0]} if len(refused) == 1 and len(found) == 1 else {}


async def _listening_apps(pm2: Pm2Sources, deadline: float) -> dict[str, frozenset[int]]:
    """Each application's ports. In cluster mode PM2 itself listens, for an application that no port shows."""
    found = dict[str, frozenset[int]]()
    for source in pm2.in_use or [pm2.get(Path(home)) for home in process_manager_homes()]:
        try:
            snapshot = await source.snapshot(deadline)
        except (Pm2Unanswered, Pm2Unreadable):
            continue
        listening = _listening_sockets()
        for each in snapshot.instances:
            if each.process is not None:
                tree = [process.pid for process in snapshot.processes.tree(each.process)]
                found[each.entry.name] = found.get(each.entry.name, frozenset()) | _ports(tree, listening)
        silent = [name for name, ports in found.items() if not ports]
        if len(silent) == 1:
            taken = frozenset(port for ports in found.values() for port in ports)
            found[silent[0]] = _ports([snapshot.daemon.pid], listening) - taken
    return found


def _listening_sockets() -> Mapping[int, int]:
    return {each.inode: each.local_port for each in rows(os.getpid()) if each.state == LISTENING}


def _ports(pids: Iterable[int], listening: Mapping[int, int]) -> frozenset[int]:
    """Those of processes that we may look into."""
    found = set[int]()
    for pid in pids:
        with suppress(OSError):
            found |= {listening[inode] for inode in descriptors(pid).sockets if inode in listening}
    return frozenset(found)
