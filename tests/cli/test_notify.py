"""`infra-monitor notify test`: what the receiver got, what is shown, and the exit code."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import command, free_port


@dataclass
class Hook:
    """A receiver in a thread: `status` and `says` by path, else 204."""

    url: str = ""
    got: list[tuple[str, Any]] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, json.loads(body)))
            status, says = made.answers.get(self.path, (204, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(says)))
            self.end_headers()
            self.wfile.write(says)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def config(directory: Path, *channels: str) -> Path:
    path = directory / "config.yaml"
    lines = "".join(f"  - {channel}\n" for channel in channels)
    path.write_text(f"services: {{rds: {{checks: [{{kind: rds}}]}}}}\n{'notify:' if lines else ''}\n{lines}")
    return path


def test_each_channel_gets_a_notice_that_is_marked_and_its_answer_is_shown(hook: Hook, tmp_path: Path) -> None:
    hook.answers = {"/slack": (200, b"ok"), "/pd": (202, b'{"status":"success"}')}
    done = command(
        "notify",
        "test",
        "--config",
        config(
            tmp_path,
            f"{{kind: webhook, url: {hook.url}/hook}}",
            f"{{kind: slack, url: {hook.url}/slack}}",
            f"{{kind: pagerduty, url: {hook.url}/pd, routing_key: canary-key}}",
        ),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "webhook    taken: HTTP 204",
        "slack      taken: HTTP 200: ok",
        'pagerduty  taken: HTTP 202: {"status":"success"} (and told that it is over)',
    ]
    got = dict(hook.got[:1] + [each for each in hook.got if each[0] != "/pd"])
    assert got["/hook"]["type"] == "incident.test"
    assert got["/hook"]["data"]["incident"]["cause"]["id"] == "test"
    assert got["/slack"]["attachments"][0]["title"].startswith("[Test]")
    trigger, resolve = (body for path, body in hook.got if path == "/pd")
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"]


def test_only_the_named_ones_are_tried(hook: Hook, tmp_path: Path) -> None:
    path = config(
        tmp_path,
        f"{{kind: webhook, name: one, url: {hook.url}/1}}",
        f"{{kind: webhook, name: two, url: {hook.url}/2}}",
    )
    done = command("notify", "test", "two", "--json", "--config", path)
    assert done.returncode == 0
    assert json.loads(done.stdout) == [{"channel": "two", "kind": "webhook", "taken": True, "answer": "HTTP 204"}]
    assert [path for path, _ in hook.got] == ["/2"]


def test_what_is_not_taken_is_said_and_ends_with_1(hook: Hook, tmp_path: Path) -> None:
    """What the receiver repeats of a secret is not shown."""
    hook.answers = {"/canary-path-0123456789": (403, b"no such token: canary-path-0123456789")}
    done = command(
        "notify",
        "test",
        "--config",
        config(
            tmp_path,
            f"{{kind: slack, url: {hook.url}/canary-path-0123456789}}",
            f"{{kind: webhook, url: 'http://127.0.0.1:{free_port()}/'}}",
        ),
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "slack    NOT TAKEN: HTTP 403: no such token: ***",
        "webhook  NOT TAKEN: cannot connect: Connection refused",
    ]
    assert "canary" not in done.stdout + done.stderr


def test_an_unknown_channel_is_a_mistake_in_the_command(hook: Hook, tmp_path: Path) -> None:
    done = command("notify", "test", "pager", "--config", config(tmp_path, f"{{kind: webhook, url: {hook.url}/}}"))
    assert done.returncode == 64
    assert done.stderr == "infra-monitor: no channel 'pager' in the configuration; there are: webhook\n"
    assert hook.got == []


def test_without_channels_there_is_nothing_to_try(tmp_path: Path) -> None:
    done = command("notify", "test", "--config", config(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "infra-monitor: no channel in the configuration\n"


def test_a_bad_configuration_ends_with_78(tmp_path: Path) -> None:
    done = command("notify", "test", "--config", config(tmp_path, "{kind: slak}"))
    assert done.returncode == 78
    assert "did you mean slack?" in done.stderr


def test_how_the_channels_stand_is_asked_of_the_daemon_and_there_is_none(tmp_path: Path) -> None:
    done = command("notify", "status", "--config", config(tmp_path), "--url", f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, done.stdout) == (3, "")
    assert "start the daemon with: infra-monitor run" in done.stderr
