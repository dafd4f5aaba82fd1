"""Somebody else's webhook endpoint: it writes down whatever arrives, and answers as it is told."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from aiohttp import web

from monitor.clock import SystemClock

MODES = ("ok", "500", "429", "410", "hang", "refuse")
RETRY_AFTER_SECONDS = 2
_CLOCK = SystemClock()


class Receiver:
    """The mode is a word in a file, so that any program can change it; requests go to a file of JSON lines."""

    def __init__(self, *, port: int, log: Path, mode: Path) -> None:
        self._port = port
        self._log = log
        self._mode = mode

    async def run(self) -> None:
        """Until killed. To refuse is to have no listening socket, so the site comes and goes with the mode."""
        app = web.Application()
        app.router.add_get("/ready", self._ready)  # for the lab itself: never written down, never told to fail
        app.router.add_route("*", "/{path:.*}", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site: web.TCPSite | None = None
        while True:
            if self._told() == "refuse":
                if site:
                    await site.stop()
                    site = None
            elif site is None:
                site = web.TCPSite(runner, "127.0.0.1", self._port, reuse_address=True)
                await site.start()
            await asyncio.sleep(0.05)

    def _told(self) -> str:
        return self._mode.read_text().strip()

    async def _take(self, request: web.Request) -> web.Response:
        told = self._told()
        line = {
            "at": _CLOCK.wall(),
            "method": request.method,
            "path": request.path_qs,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": await request.text(),
            "answer": told,
        }
        with self._log.open("a") as log:
            log.write(json.dumps(line, ensure_ascii=False) + "\n")
        if told == "hang":
            await asyncio.sleep(3600)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if told == "429" else {}
        return web.Response(status=int(told) if told.isdecimal() else 200, headers=headers)

    async def _ready(self, _: web.Request) -> web.Response:
        return web.Response(text="listening")


def main() -> None:
    """Started by the lab."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.receiver", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--mode", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(Receiver(port=arguments.port, log=arguments.log, mode=arguments.mode).run())


if __name__ == "__main__":
    main()
