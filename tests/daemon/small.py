"""A daemon without a lab: what it watches, whom it pages and who hears its heartbeat are threads of the test."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.daemon.running import RunningDaemon, command, free_port, wait_for


class Peer(socketserver.ThreadingTCPServer):
    """Accepts connections and says `says` after `delay`; counts them. Silent, it keeps them open without an answer."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.connections = 0
        self.silent = False
        self.says = b"here\n"
        self.delay = 0.0
        self.release = threading.Event()
        super().__init__(("127.0.0.1", 0), _Say)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Say(socketserver.BaseRequestHandler):
    server: Peer

    def handle(self) -> None:
        self.server.connections += 1
        if self.server.silent:
            self.server.release.wait(60)
        self.server.release.wait(self.server.delay)
        with suppress(OSError):  # who asked did not wait for it
            self.request.sendall(self.server.says)


class Hears(ThreadingHTTPServer):
    """Notes every request: method, path, body. While the gate is closed it answers no page."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.ids: list[str | None] = []
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        super().__init__(("127.0.0.1", 0), _Note)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def bodies(self, path: str) -> list[Any]:
        """What was posted there."""
        return [json.loads(body) for method, where, body in self.requests if where == path and method == "POST"]

    def told(self, path: str = "/page") -> list[str]:
        """`opened peer`, `resolved peer`, …"""
        bodies = self.bodies(path)
        return [f"{body['type'].removeprefix('incident.')} {body['data']['incident']['root']}" for body in bodies]


class _Note(BaseHTTPRequestHandler):
    server: Hears

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path, body))
        self.server.ids.append(self.headers.get("webhook-id"))
        if self.path == "/page":
            self.server.gate.wait(60)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 — the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Let it serve in a thread."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Small:
    """The daemon with its surroundings."""

    daemon: RunningDaemon
    peer: Peer
    hears: Hears
    text: str
    state: Path

    def write(self, text: str) -> None:
        """A new config.yaml, in the way of an editor: under its name only when it is whole."""
        beside = self.daemon.config.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.daemon.config)

    def reload(self, text: str | None = None) -> tuple[int, str]:
        """`POST /-/reload`, after writing that."""
        if text is not None:
            self.write(text)
        return self.post("/-/reload")

    def post(self, path: str, *, token: bool = True) -> tuple[int, str]:
        """Status and body."""
        headers = {"Authorization": f"Bearer {self.token}"} if token else {}
        request = urllib.request.Request(self.daemon.url + path, method="POST", headers=headers, data=b"")
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    @property
    def token(self) -> str:
        return (self.state / "token").read_text().strip()

    def hup(self) -> None:
        os.kill(self.daemon.pid, signal.SIGHUP)

    def metric(self, name: str) -> float:
        """The value of a metric, its labels written as in `/metrics`."""
        lines = self.daemon.get("/metrics").splitlines()
        return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name} "))

    def config(self) -> Any:
        return self.daemon.get("/api/v1/config")

    def channels(self) -> dict[str, Any]:
        """How each stands, by its name."""
        return {each["channel"]: each for each in self.daemon.get("/api/v1/monitoring")["channels"]}

    def says(self, *arguments: str, code: int = 0) -> str:
        """What the command line prints."""
        done = command(*arguments, "--config", self.daemon.config)
        assert (done.returncode, done.stderr) == (code, ""), done
        return done.stdout

    def another(self, name: str, port: int) -> str:
        """The configuration with one more service, at that port."""
        service = f'  {name}: {{checks: [{{kind: tcp, address: "127.0.0.1:{port}", every: 1s}}]}}\n'
        return self.text.replace("notify:", f"{service}notify:")

    def count(self, event: str) -> int:
        """How often it has logged that."""
        return self.daemon.logged().count(f'"event": "{event}"')


@contextmanager
def small(directory: Path, *, more: str = "", environment: dict[str, str] | None = None) -> Iterator[Small]:
    """Started, watching a peer, paging and sending its heartbeat."""
    peer, hears = Peer(), Hears()
    text = f"""\
web: {{listen: "127.0.0.1:{free_port()}"}}
state: {{directory: state}}
log: {{format: json}}
services:
  peer: {{checks: [{{kind: tcp, address: "127.0.0.1:{peer.port}", every: 1s, timeout: 5s, expect: here, send: ""}}]}}
notify:
  - {{kind: webhook, url: "{hears.url}/page"}}
{more.format(url=hears.url)}"""
    config = directory / "config.yaml"
    config.write_text(text)
    with serving(peer), serving(hears), RunningDaemon(config, log=directory / "log", more=environment) as daemon:
        wait_for(lambda: daemon.statuses() == {"peer": "healthy"})
        yield Small(daemon, peer, hears, text, directory / "state")
        peer.release.set()
        hears.gate.set()
