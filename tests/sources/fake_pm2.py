"""What a real PM2 cannot be asked for: a daemon that stays silent, talks nonsense, or claims things that are not so.

It listens where PM2 would and notes every byte it receives. How it answers is one function, a `Behaviour`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from monitor.sources.pm2_wire import LIST, VERSION

Behaviour = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
SAMPLES = Path(__file__).parents[1] / "data" / "pm2"


def sample(name: str) -> list[dict[str, Any]]:
    """What getMonitorData of a real PM2 returned, recorded; every environment value is `<redacted>`."""
    listed: list[dict[str, Any]] = json.loads((SAMPLES / f"jlist-{name}.json").read_text())
    return listed


def frame(*arguments: bytes) -> bytes:
    """PM2's framing, written a second time, so that ours is not measured by itself."""
    return bytes([16 + len(arguments)]) + b"".join(len(each).to_bytes(4, "big") + each for each in arguments)


def reply(answer: object, identity: bytes) -> bytes:
    """The frame that PM2 answers a call with."""
    return frame(b"j:" + json.dumps({"args": [answer]}).encode(), identity)


def entry(pid: int, begun_at: float, *, name: str = "web", **environment: object) -> dict[str, Any]:
    """One process of the list, alive unless `environment` says otherwise. Times are Unix seconds."""
    milliseconds = round(begun_at * 1000)
    ours = {"name": name, "namespace": "default", "status": "online", "pm_uptime": milliseconds, "restart_time": 0}
    more = {"created_at": milliseconds, "NODE_APP_INSTANCE": 0, "autorestart": True, **environment}
    return {"name": name, "pm_id": 0, "pid": pid, "monit": {"memory": 1, "cpu": 0}, "pm2_env": {**ours, **more}}


def answering(listed: object, version: object = "7.0.4") -> Behaviour:
    """The honest one."""

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0)
        answer, known = (version, VERSION) if request == VERSION.frame else (listed, LIST)
        writer.write(reply(answer, known.id))

    return behave


async def silent(_request: bytes, _writer: asyncio.StreamWriter) -> None:
    """Connected, and then nothing."""


class FakePm2:
    """A daemon at `home`/rpc.sock. `received` holds all bytes of all connections, `connections` counts these."""

    def __init__(self, home: Path, behave: Behaviour) -> None:
        self.home = home
        self.behave = behave
        self.received = b""
        self.connections = 0
        self._writers = list[asyncio.StreamWriter]()

    async def hang_up(self) -> None:
        """End every connection, as a daemon's death does."""
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: whole requests, as constant as they are."""
        self.connections += 1
        self._writers.append(writer)
        waiting = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                self.received += data
                waiting += data
                for known in (VERSION, LIST):
                    if waiting == known.frame:
                        waiting = b""
                        await self.behave(known.frame, writer)
        writer.close()


@contextlib.asynccontextmanager
async def fake_pm2(home: Path, behave: Behaviour) -> AsyncIterator[FakePm2]:
    """The daemon, until the block ends."""
    fake = FakePm2(home, behave)
    server = await asyncio.start_unix_server(fake.serve, _free_socket(home))
    try:
        yield fake
    finally:
        await fake.hang_up()
        server.close()
        await server.wait_closed()


def _free_socket(home: Path) -> Path:
    home.mkdir(exist_ok=True)
    socket = home / "rpc.sock"
    socket.unlink(missing_ok=True)
    return socket
