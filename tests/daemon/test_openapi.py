"""A program that reads only the OpenAPI document finds no answer that is not in it, and breaks nothing.

`rds` is named by the document's examples, so that its orders are carried out, and the links lead on to what they made.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from monitor.web.routes import ROUTES
from tests.daemon.running import RunningDaemon, environment, free_port, wait_for

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = 15


def _configured(directory: Path) -> Path:
    config = directory / "config.yaml"
    config.write_text(
        f"""
web: {{listen: "127.0.0.1:{free_port()}"}}
state: {{directory: "{directory / "state"}"}}
services:
  host: {{checks: [{{kind: host, every: 1s}}]}}
  rds: {{checks: [{{kind: tcp, address: "127.0.0.1:1", every: 1s}}]}}
  web: {{depends_on: [rds], checks: [{{kind: http, url: "http://127.0.0.1:1/", every: 1s}}]}}
notify: [{{kind: webhook, url: "http://127.0.0.1:1/"}}]
heartbeat: {{url: "http://127.0.0.1:1/"}}
"""
    )
    return config


@pytest.mark.timeout(300)
@pytest.mark.parametrize("token", [True, False], ids=["with-the-token", "without-a-token"])
def test_schemathesis_finds_no_5xx_and_no_undocumented_answer(tmp_path: Path, token: bool) -> None:  # noqa: FBT001 — a parameter of pytest
    with RunningDaemon(_configured(tmp_path), log=tmp_path / "daemon.log") as daemon:
        wait_for(lambda: daemon.get("/api/v1/alerts"), seconds=30)
        bearer = (tmp_path / "state" / "token").read_text().strip()
        authorization = ["--header", f"Authorization: Bearer {bearer}"] if token else []
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"{daemon.url}/api/v1/openapi.json",
                "--exclude-path", "/api/v1/events",  # it would be asked until the end of time
                "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", "1",
                "--generation-database", "none", "--no-color",
                "--report", "har", "--report-har-path", str(tmp_path / "asked.har"), *authorization,
            ],
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
            env=environment(),
            cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert daemon.get("/api/v1/summary")["total_services"] == 3
        events = [json.loads(line)["event"] for line in daemon.logged().splitlines() if line.startswith("{")]
        assert "web.crashed" not in events
    answers = _answers(tmp_path / "asked.har")
    for route in ROUTES:
        if route.answer is not None:  # the document itself is read before anything is noted
            ours = 200 if token or not route.writes else 401
            assert ours in answers[route.does], f"{route.does}: {sorted(answers[route.does])}"


def _answers(har: Path) -> dict[str, set[int]]:
    """Operation → the codes that it answered."""
    found: dict[str, set[int]] = {route.does: set() for route in ROUTES}
    for entry in json.loads(har.read_text())["log"]["entries"]:
        path = urlsplit(entry["request"]["url"]).path
        for route in ROUTES:
            pattern = re.sub(r"\{\w+\}", "[^/]+", route.path)
            if route.method == entry["request"]["method"] and re.fullmatch(pattern, path):
                found[route.does].add(entry["response"]["status"])
    return found
