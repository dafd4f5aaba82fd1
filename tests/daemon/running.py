"""A real daemon in a process of its own, for tests: started, asked over HTTP, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
MONITOR = ("-m", "monitor")
LEFT_OUT = ("DATABASE_URL", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "PM2_HOME", "STATE_DIRECTORY")


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of this process without what would configure the monitor by chance."""
    return {key: value for key, value in os.environ.items() if key not in LEFT_OUT} | dict(more or {})


def command(
    *arguments: str | Path, more: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `infra-monitor` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "monitor", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(more) | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=cwd,
    )


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], T | None], *, seconds: float = 60.0, every: float = 0.05) -> T:
    """The first answer that is neither None nor false. Fails with the last answer when time is up."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, f"not within {seconds} s; the last answer was {answer!r}"
        time.sleep(every)
    return answer


class RunningDaemon:
    """`with RunningDaemon(config) as daemon: daemon.get("/api/v1/summary")`."""

    def __init__(
        self,
        config: Path,
        *,
        log: Path,
        more: Mapping[str, str] | None = None,
        program: Sequence[str] = MONITOR,
    ) -> None:
        self.config = config
        self.log = log
        self._more = more
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.started = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process and self._process.poll() is None:
            self.stop()

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        self.started = time.time()
        with self.log.open("ab") as log:
            offset = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, *self._program, "run", "--config", str(self.config)],
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=environment(self._more) | {"PYTHONPATH": str(Path(__file__).parents[2])},
            )
        ready = wait_for(lambda: self._ready(offset))
        self.url = ready["address"].rstrip("/")

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def kill(self) -> None:
        """Kill -9."""
        assert self._process
        self._process.kill()
        self._process.wait(30)

    def get(self, path: str) -> Any:
        """The `data` of an API answer, or the text of anything else."""
        with urllib.request.urlopen(self.url + path, timeout=10) as response:
            body = response.read().decode()
        return json.loads(body)["data"] if path.startswith("/api/") else body

    def statuses(self) -> dict[str, str]:
        """Service → status."""
        return {each["name"]: each["status"] for each in self.get("/api/v1/services")}

    def logged(self) -> str:
        """All that it has logged."""
        return self.log.read_text(errors="replace")

    def _ready(self, offset: int) -> dict[str, Any] | None:
        assert self._process
        with self.log.open() as log:
            log.seek(offset)
            lines = log.readlines()
        assert self._process.poll() is None, f"it ended with {self._process.poll()}: {lines}"
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return next((event for event in events if event.get("event") == "daemon.ready"), None)
