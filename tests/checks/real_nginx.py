"""A real Nginx of one's own, and small peers behind it that can be told how to behave."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from monitor.checks.nginx import NginxCheck
from monitor.clock import SystemClock
from monitor.core.model import Blind, Failed, Finding, Reading, Seen
from monitor.look import Surroundings, look, surroundings
from monitor.sources.nginx import NginxSource

PROGRAM = "/usr/sbin/nginx"


def free_port() -> int:
    """One that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealNginx:
    """One Nginx with a configuration of its own in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "nginx.conf"
        self.port, self.status_port = free_port(), free_port()
        self.processes = 2

    @property
    def master(self) -> int:
        return int((self.directory / "nginx.pid").read_text())

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text()
        found = [int(each) for each in children.split()]
        return [pid for pid in found if b"worker process" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def configure(self, http: str, *, main: str = "", status: bool = True, log_level: str = "error") -> None:
        temps = "".join(
            f"{name}_temp_path {self.directory}/temp/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        page = (
            f"server {{ listen 127.0.0.1:{self.status_port}; location = /stub_status {{ stub_status; }} }}"
            if status
            else ""
        )
        (self.directory / "temp").mkdir(exist_ok=True)
        self.config.write_text(
            f"{'user root;' if os.geteuid() == 0 else ''}\nworker_processes {self.processes};\n"
            f"pid {self.directory}/nginx.pid;\n"
            f"error_log {self.directory}/error.log {log_level};\n{main}\nevents {{ worker_connections 64; }}\n"
            f"http {{ access_log off; {temps}\n{page}\n{http}\n}}\n"
        )

    def start(self) -> None:
        subprocess.run(
            [PROGRAM, "-p", f"{self.directory}/", "-c", self.config, "-e", self.directory / "error.log"],
            check=True,
            capture_output=True,
            timeout=20,
        )
        wait_for(lambda: (self.directory / "nginx.pid").exists() and len(self.workers()) == self.processes)

    def reload(self) -> None:
        """And wait until new workers have taken over."""
        before = set(self.workers())
        os.kill(self.master, signal.SIGHUP)
        wait_for(lambda: not before & set(self.workers()) and len(self.workers()) == self.processes)

    def stop(self) -> None:
        with suppress(FileNotFoundError, ProcessLookupError, ValueError):
            master = self.master
            for pid in (master, *self.workers()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            os.kill(master, signal.SIGTERM)
            wait_for(lambda: not Path(f"/proc/{master}").exists())


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def real_nginx() -> Iterator[RealNginx]:
    """In a directory with a short path, for sockets; nothing is left behind."""
    with tempfile.TemporaryDirectory(prefix="nginx-", dir="/tmp") as name:
        nginx = RealNginx(Path(name))
        try:
            yield nginx
        finally:
            nginx.stop()


class App:
    """A peer: answers `status` after `delay` seconds; `frozen`: takes connections and says nothing."""

    def __init__(self, where: int | Path) -> None:
        self.where = where
        self.status, self.delay, self.frozen, self.header = 200, 0.0, False, ""
        self.asked: list[str] = []
        self._server: asyncio.Server | None = None
        self._serving = set[asyncio.Task[None]]()

    async def start(self) -> None:
        if isinstance(self.where, Path):
            self._server = await asyncio.start_unix_server(self._serve, self.where)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.where)

    async def stop(self) -> None:
        self.frozen, self.delay = False, 0.0
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self._serving.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        began = time.monotonic()
        while self.frozen or time.monotonic() < began + self.delay:
            if reader.at_eof():
                return
            await asyncio.sleep(0.01)
        body = b"from the app\n"
        lines = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{self.header}\r\n"
        writer.write(lines.encode() + body)
        await writer.drain()


@asynccontextmanager
async def app(where: int | Path | None = None) -> AsyncIterator[App]:
    peer = App(free_port() if where is None else where)
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


class Looking:
    """Looks that share their sources, as the daemon's do."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    async def look(self, check: NginxCheck) -> Seen | Failed:
        """One look that was not blind."""
        result = await self.result(check)
        assert not isinstance(result, Blind), result
        return result

    def source(self, config: Path) -> NginxSource:
        """The one that the looks share."""
        return self._around.nginx.get(config)

    async def result(self, check: NginxCheck) -> Seen | Failed | Blind:
        """One look, whatever came of it; it kept its time."""
        observation = await look("nginx", check, self._around)
        assert observation.took_seconds <= check.timeout + 0.5
        return observation.result


@asynccontextmanager
async def looking() -> AsyncIterator[Looking]:
    async with surroundings({}, environ={"HOME": "/nonexistent"}, clock=SystemClock()) as around:
        yield Looking(around)


def told(result: Seen | Failed) -> list[tuple[str, str]]:
    """(status, reason) of a failure or of all findings."""
    if isinstance(result, Failed):
        return [(result.failure.status.value, f"{result.failure.phase}/{result.failure.reason}")]
    return [(each.status.value, each.reason) for each in result.facts if isinstance(each, Finding)]


def reading(result: Seen | Failed, name: str, **labels: str) -> float:
    (found,) = readings(result, name, **labels)
    return found.value


def readings(result: Seen | Failed, name: str, **labels: str) -> list[Reading]:
    return [each for each in result.readings if each.name == name and labels.items() <= dict(each.labels).items()]
