"""Twenty times kill -9 between the commit of a notice and its sending: nothing is lost, repeats say that they are."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self
from urllib.parse import quote

import pytest

from tests.daemon.running import RunningDaemon, free_port, wait_for
from tests.daemon.wire import Wire
from tests.lab.fixtures import healthy_lab, lab, turn
from tests.lab.lab import Lab

__all__ = ["healthy_lab", "lab", "turn"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

ROUNDS = 10
"""Of two kills each: one for `opened`, one for `resolved`."""


@dataclass
class Receiver:
    """Answers 200, or holds every request unanswered while told to; remembers what it took and what it only saw."""

    seen: list[tuple[str, str]] = field(default_factory=list)
    took: list[tuple[str, str]] = field(default_factory=list)
    holding: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
                notice = (
                    self.headers["webhook-id"],
                    f"{body['type'].removeprefix('incident.')} {body['data']['incident']['root']}",
                )
                receiver.seen.append(notice)
                if receiver.holding.is_set():
                    receiver.released.wait(60)
                    return
                self.send_response(200)
                self.end_headers()
                receiver.took.append(notice)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def wires(healthy_lab: Lab) -> Iterator[list[Wire]]:
    """One way to the lab's database for each round: a service that broke ten times would be flapping."""
    with ExitStack() as stack:
        yield [stack.enter_context(Wire("127.0.0.1", healthy_lab.places.postgres_port)) for _ in range(ROUNDS)]


def _configured(directory: Path, lab: Lab, wires: list[Wire], receiver: Receiver) -> Path:
    password = quote(lab.places.app_password, safe="")
    databases = [
        f"""db{n}: {{url: "postgresql://signalcraft:{password}@127.0.0.1:{wire.port}/signalcraft"}}"""
        for n, wire in enumerate(wires)
    ]
    services = [f"db{n}: {{checks: [{{kind: rds, every: 1s, timeout: 5s, database: db{n}}}]}}" for n in range(ROUNDS)]
    config = directory / "config.yaml"
    config.write_text(
        f"""
web: {{listen: "127.0.0.1:{free_port()}"}}
state: {{directory: "{directory / "state"}"}}
databases: {{{", ".join(databases)}}}
services: {{{", ".join(services)}}}
notify: [{{kind: webhook, url: "{receiver.url}"}}]
"""
    )
    return config


def test_every_notice_arrives_and_a_repeat_has_the_same_id(healthy_lab: Lab, wires: list[Wire], tmp_path: Path) -> None:
    with Receiver() as receiver:
        config = _configured(tmp_path, healthy_lab, wires, receiver)
        with RunningDaemon(config, log=tmp_path / "daemon.log") as daemon:
            wait_for(lambda: set(daemon.statuses().values()) == {"healthy"})
            for n, wire in enumerate(wires):
                wire.cut()
                _kill_while_telling(daemon, receiver, f"opened db{n}", status="down", patient=n % 2 == 0)
                wire.mend()
                _kill_while_telling(daemon, receiver, f"resolved db{n}", status="healthy", patient=n % 3 == 0)
    kinds = [kind for _, kind in dict.fromkeys(receiver.took)]
    assert kinds == [f"{kind} db{n}" for n in range(ROUNDS) for kind in ("opened", "resolved")]
    assert {identity for identity, _ in receiver.seen} == {identity for identity, _ in receiver.took}


def _kill_while_telling(daemon: RunningDaemon, receiver: Receiver, kind: str, *, status: str, patient: bool) -> None:
    """`patient`: wait for the request, which the receiver then never answers; else kill as soon as the state is known,
    which may be before or after the request left."""
    before, service = len(receiver.took), kind.split()[1]
    receiver.holding.set()
    if patient:
        seen = len(receiver.seen)
        wait_for(lambda: len(receiver.seen) > seen, every=0.01)
        time.sleep(random.uniform(0, 0.05))
    else:
        wait_for(lambda: daemon.statuses()[service] == status, every=0.01)
        time.sleep(random.uniform(0, 0.02))
    daemon.kill()
    receiver.holding.clear()
    daemon.start()
    wait_for(lambda: len(receiver.took) > before, every=0.02)
    assert receiver.took[-1][1] == kind
    wait_for(lambda: daemon.statuses()[service] == status)
