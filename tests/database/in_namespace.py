"""Run by `unshare --net --mount`: in a network of its own packets really are dropped. Prints what a look said."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from monitor.database import Database, DatabaseConfig, DatabaseFailed
from monitor.sources.resolver import Resolver, system_lookup
from tests.postgres import Cluster, running

PASSWORD = "of the namespace"
PORT = 5432


def rules(*lines: str) -> None:
    """Packets that come in by the loopback device are treated so."""
    commands = [
        "add table inet faults",
        "add chain inet faults arriving { type filter hook input priority 0; policy accept; }",
        *(f"add rule inet faults arriving {line}" for line in lines),
    ]
    subprocess.run(["nft", "-f", "-"], input="\n".join(commands).encode() + b"\n", check=True)


def no_rules() -> None:
    subprocess.run(["nft", "flush", "ruleset"], check=True)


@contextlib.contextmanager
def name_servers(*addresses: str) -> Iterator[None]:
    """The only ones, in this mount namespace."""
    with tempfile.NamedTemporaryFile("w") as own:
        own.writelines(f"nameserver {address}\n" for address in addresses)
        own.flush()
        subprocess.run(["mount", "--bind", own.name, Path("/etc/resolv.conf").resolve()], check=True)
        yield


async def look(database: Database, limit: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        answer = await database.look(deadline=began + limit)
    except DatabaseFailed as error:
        failure = error.failure
        return {
            "phase": failure.phase,
            "reason": failure.reason,
            "status": failure.status,
            "message": failure.message,
            "latent": error.latent,
            "took": loop.time() - began,
        }
    return {"address": answer.address, "took": loop.time() - began}


def database(lookup: Callable[[str], Sequence[str]] = lambda _host: ("127.0.0.1",), **settings: Any) -> Database:
    base = {"host": "db.test", "port": PORT, "name": "app", "user": "app", "password": PASSWORD}
    return Database(DatabaseConfig(**{**base, **settings}), Resolver(lookup))


async def syn_dropped(limit: float) -> dict[str, Any]:
    rules(f"tcp dport {PORT} tcp flags & (syn | ack) == syn drop")
    return await look(database(), limit)


async def syn_ack_dropped(limit: float) -> dict[str, Any]:
    rules(f"tcp sport {PORT} tcp flags & (syn | ack) == (syn | ack) drop")
    with socket.create_server(("127.0.0.1", PORT)):
        return await look(database(), limit)


async def data_dropped(limit: float) -> dict[str, Any]:
    """As by a path that is too narrow: the handshake passes, nothing else does."""
    rules(f"tcp dport {PORT} tcp flags psh drop")
    with socket.create_server(("127.0.0.1", PORT)):
        return await look(database(), limit)


async def rejected(limit: float) -> dict[str, Any]:
    rules(f"tcp dport {PORT} reject with icmpx type admin-prohibited")
    return await look(database(), limit)


async def three_addresses_drop(limit: float) -> dict[str, Any]:
    rules(f"tcp dport {PORT} drop")
    return await look(database(lambda _host: ("127.0.0.1", "127.0.0.2", "127.0.0.3")), limit)


async def first_address_drops(limit: float) -> dict[str, Any]:
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        rules(f"ip daddr 127.0.0.2 tcp dport {cluster.port} drop")
        return await look(database(lambda _host: ("127.0.0.2", "127.0.0.1"), port=cluster.port), limit)


async def name_server_dead(limit: float) -> dict[str, Any]:
    """The real resolver, and two name servers that never answer: it takes 20 seconds alone. Others are not delayed."""
    rules("udp dport 53 drop")
    with name_servers("127.0.0.1", "127.0.0.2"):
        looks = [asyncio.create_task(look(database(system_lookup, host=f"db{n}.example"), limit)) for n in range(12)]
        await asyncio.sleep(0.2)
        began = asyncio.get_running_loop().time()
        await asyncio.to_thread(int)
        delayed = asyncio.get_running_loop().time() - began
        results = await asyncio.gather(*looks)
        return {**max(results, key=lambda result: float(result["took"])), "others_delayed": delayed}


async def latent_outage(limit: float) -> dict[str, Any]:
    """What a revoked security-group rule does: tracked connections live on, new ones get no answer."""
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        target = await _watched(cluster)
        rules(f"tcp dport {cluster.port} tcp flags & (syn | ack) == syn drop")
        result = await look(target, limit)
        await target.close()
        return result


async def everything_dropped(limit: float) -> dict[str, Any]:
    """As the latent outage, but the old connection, still established, gets no answer either."""
    with running() as cluster:
        cluster.add_role("app", PASSWORD, database="app")
        target = await _watched(cluster)
        rules(f"tcp dport {cluster.port} drop")
        result = await look(target, limit)
        no_rules()
        healed = asyncio.get_running_loop().time()
        while not target.sentinel.state.alive:
            await asyncio.sleep(0.02)
        result["back_after"] = asyncio.get_running_loop().time() - healed
        await target.close()
        return result


async def _watched(cluster: Cluster) -> Database:
    target = database(port=cluster.port)
    target.watch(lambda _state: None)
    while not target.sentinel.state.alive:
        await asyncio.sleep(0.02)
    return target


CASES = {
    case.__name__: case
    for case in (
        syn_dropped,
        syn_ack_dropped,
        data_dropped,
        rejected,
        three_addresses_drop,
        first_address_drops,
        name_server_dead,
        latent_outage,
        everything_dropped,
    )
}


def main(case: str, limit: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    result = asyncio.run(CASES[case](float(limit)))
    alive = [
        thread.name for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon
    ]
    print(json.dumps({**result, "threads_that_hold_the_process": alive}))  # noqa: T201 — its parent reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
