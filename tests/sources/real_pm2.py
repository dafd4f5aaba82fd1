"""A real PM2 of one's own: the lab's pinned copy, with a home in a temporary directory, and small apps under it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

_PACKAGE = Path(__file__).parents[1] / "lab" / "apps" / "node"
_CLI = _PACKAGE / "node_modules" / "pm2" / "bin" / "pm2"
_SERVER = """
require('http').createServer((_, answer) => answer.end('ok')).listen(0, '127.0.0.1', () => {
  if (process.send) process.send('ready')
})
process.on('SIGINT', () => process.exit(0))
"""
_WSGI = "def app(environ, start): start('200 OK', []); return [b'ok']\n"
SECRET = "canary-7f3a-environment-value"


def _installed() -> Path:
    """The lab's pinned PM2; installed from its lock file if nobody has done so yet."""
    with (_PACKAGE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _CLI.exists():
            subprocess.run(["npm", "ci"], cwd=_PACKAGE, check=True, capture_output=True, timeout=300)
    return _CLI


class RealPm2:
    """One PM2 home, and what an operator does with it. `end` leaves no process of it behind."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "pm2"
        self.home.mkdir()
        (directory / "server.js").write_text(_SERVER)
        (directory / "crash.js").write_text("process.exit(1)\n")
        (directory / "wsgi.py").write_text(_WSGI)
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "PM2_HOME": str(self.home),
            "PM2_DISCRETE_MODE": "true",
            "PM2_DISABLE_VERSION_CHECK": "true",
            "DB_PASSWORD": SECRET,
        }

    def command(self, *words: str) -> None:
        """`pm2 WORDS`."""
        node = shutil.which("node")
        assert node, "Node.js is not installed"
        command = [node, str(_installed()), *words]
        done = subprocess.run(
            command, cwd=self.directory, env=self._environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *apps: dict[str, Any]) -> None:
        """As an ecosystem file does."""
        ecosystem = self.directory / "ecosystem.config.js"
        ecosystem.write_text(f"module.exports = {json.dumps({'apps': apps})}\n")
        self.command("start", str(ecosystem))

    def node(self, name: str = "web", **settings: object) -> dict[str, Any]:
        """A cluster of two."""
        common = {"script": str(self.directory / "server.js"), "exec_mode": "cluster", "instances": 2}
        return {"name": name, **common, "wait_ready": True, "min_uptime": 500, "restart_delay": 3000, **settings}

    def gunicorn(self, name: str = "api", workers: int = 2) -> dict[str, Any]:
        """A master with workers that PM2 knows nothing of."""
        return {
            "name": name,
            "script": str(Path(sys.executable).with_name("gunicorn")),
            "args": f"--workers {workers} --bind 127.0.0.1:0 wsgi:app",
            "cwd": str(self.directory),
            "interpreter": sys.executable,
            "exec_mode": "fork",
            "restart_delay": 3000,
        }

    def crashing(self, name: str = "broken") -> dict[str, Any]:
        """It dies at once, three times; with restart_delay PM2 then says `waiting restart` for ever."""
        settings = {"min_uptime": 5000, "max_restarts": 3, "restart_delay": 100, "exec_mode": "cluster"}
        return {"name": name, "script": str(self.directory / "crash.js"), **settings}

    @property
    def daemon(self) -> psutil.Process:
        """PM2's own process."""
        return psutil.Process(int((self.home / "pm2.pid").read_text()))

    def processes(self) -> list[psutil.Process]:
        """All that PM2 has started in this home, itself too: they inherit its environment, also as orphans."""
        found = list[psutil.Process]()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("PM2_HOME") == str(self.home):
                    found.append(process)
        return found

    def kill_daemon(self, number: signal.Signals = signal.SIGKILL) -> None:
        """And wait until it has gone."""
        daemon = self.daemon
        daemon.send_signal(number)
        eventually(lambda: not daemon.is_running() or daemon.status() == psutil.STATUS_ZOMBIE)

    def end(self) -> None:
        """The daemon first, so that it starts nothing again; then the rest."""
        while left := self.processes():
            left.sort(key=lambda each: each.name().startswith("PM2"), reverse=True)
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            time.sleep(0.02)  # a zombie has no environment: it counts as gone


def eventually(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def pm2() -> Iterator[RealPm2]:
    """A PM2 without any app; its daemon begins with the first one. The directory is short, as socket paths must be."""
    with tempfile.TemporaryDirectory(prefix="im-pm2-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        running = RealPm2(directory)
        try:
            yield running
        finally:
            running.end()
