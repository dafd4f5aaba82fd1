"""A running daemon with one healthy service, one that is down, and one that depends on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.daemon.running import RunningDaemon, command, free_port, wait_for

NONE = "{warning: null, critical: null}"


@dataclass(frozen=True)
class Asked:
    """A daemon and the command line that asks it."""

    daemon: RunningDaemon

    @property
    def config(self) -> Path:
        return self.daemon.config

    def run(self, *arguments: str | Path, **more: str) -> CompletedProcess[str]:
        return command(*arguments, "--config", self.config, more=more)

    def said(self, *arguments: str | Path, code: int = 0) -> str:
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (code, ""), done
        return done.stdout

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self.said(*arguments, "--json", code=code))

    def refused(self, *arguments: str | Path, code: int, **more: str) -> str:
        done = self.run(*arguments, **more)
        (line,) = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (code, ""), done
        return line.removeprefix("infra-monitor: ")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    directory = tmp_path_factory.mktemp("asked")
    config = directory / "config.yaml"
    config.write_text(
        f"""
env_file: .env
web: {{listen: "127.0.0.1:${{PORT}}"}}
state: {{directory: state}}
services:
  host: {{checks: [{{kind: host, every: 500ms, thresholds: {{cpu: {NONE}, memory: {NONE}, disk: {NONE}}}}}]}}
  redis: {{checks: [{{kind: tcp, address: "127.0.0.1:{free_port()}", every: 500ms}}]}}
  web: {{depends_on: [redis], checks: [{{kind: tcp, address: "127.0.0.1:${{PORT}}", every: 500ms}}]}}
"""
    )
    (directory / ".env").write_text(f"PORT={free_port()}\n")
    with RunningDaemon(config, log=directory / "daemon.log") as daemon:
        asked = Asked(daemon)
        wait_for(lambda: asked.daemon.statuses() == {"host": "healthy", "redis": "down", "web": "healthy"}, seconds=30)
        wait_for(lambda: asked.daemon.get("/api/v1/incidents"), seconds=30)
        yield asked
