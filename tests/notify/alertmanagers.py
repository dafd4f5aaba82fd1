"""A real Alertmanager of Debian, with a receiver of its webhooks, for tests."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.daemon.running import free_port
from tests.delivery.receiver import Receiver

PROGRAM = "prometheus-alertmanager"
CONFIG = """
route:
  receiver: hook
  group_by: [alertname, service, severity]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """It answers at `url`."""

    url: str
    http: aiohttp.ClientSession

    async def alerts(self) -> list[dict[str, Any]]:
        """The open ones."""
        async with self.http.get(f"{self.url}/api/v2/alerts") as answer:
            found: list[dict[str, Any]] = await answer.json()
        return found


@asynccontextmanager
async def alertmanager(directory: Path, receiver: Receiver) -> AsyncIterator[Alertmanager]:
    config = directory / "alertmanager.yml"
    config.write_text(CONFIG.format(url=receiver.url))
    port = free_port()
    program = shutil.which(PROGRAM)
    assert program, f"{PROGRAM} of Debian is not installed; make setup installs it"
    command = [
        program, f"--config.file={config}", f"--storage.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip
    with (directory / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]}
        )
    try:
        async with aiohttp.ClientSession() as http:
            running = Alertmanager(f"http://127.0.0.1:{port}", http)
            await _ready(running, process, directory)
            yield running
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)


async def _ready(running: Alertmanager, process: asyncio.subprocess.Process, directory: Path) -> None:
    async with asyncio.timeout(60):
        while True:
            assert process.returncode is None, (directory / "alertmanager.log").read_text()
            try:
                async with running.http.get(f"{running.url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Status and service of every alert that it has sent on; of one without a service, its name."""
    alerts = [alert for request in receiver.requests for alert in json.loads(request.body)["alerts"]]
    return [(each["status"], each["labels"].get("service") or each["labels"]["alertname"]) for each in alerts]
