"""Which application listens where no route of Nginx leads: what a port that was changed on one side only looks like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from monitor.checks.nginx_verdicts import Elsewhere, PeerLook
from monitor.sources.nginx_conf import Configuration
from monitor.sources.pm2 import Pm2Sources, Pm2Unanswered, Pm2Unreadable
from monitor.sources.pm2_network import networks
from monitor.sources.processes import process_manager_homes

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
    """Each application's ports."""
    found = dict[str, frozenset[int]]()
    for source in pm2.in_use or [pm2.get(Path(home)) for home in process_manager_homes()]:
        try:
            snapshot = await source.snapshot(deadline)
        except (Pm2Unanswered, Pm2Unreadable):
            continue
        for app, network in networks(snapshot.daemon.pid, snapshot.trees()).items():
            found[app] = found.get(app, frozenset()) | network.ports
    return found
