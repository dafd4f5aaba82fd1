"""A program that reads only the OpenAPI document finds no answer that is not in it, and breaks nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.running import RunningDaemon, environment, free_port

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
  redis: {{checks: [{{kind: tcp, address: "127.0.0.1:1", every: 1s}}]}}
  web: {{depends_on: [redis], checks: [{{kind: http, url: "http://127.0.0.1:1/", every: 1s}}]}}
"""
    )
    return config


@pytest.mark.timeout(300)
@pytest.mark.parametrize("token", [True, False], ids=["with-the-token", "without-a-token"])
def test_schemathesis_finds_no_5xx_and_no_undocumented_answer(tmp_path: Path, token: bool) -> None:  # noqa: FBT001 — a parameter of pytest
    with RunningDaemon(_configured(tmp_path), log=tmp_path / "daemon.log") as daemon:
        bearer = (tmp_path / "state" / "token").read_text().strip()
        authorization = ["--header", f"Authorization: Bearer {bearer}"] if token else []
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"{daemon.url}/api/v1/openapi.json",
                "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", "1",
                "--generation-database", "none", "--no-color", *authorization,
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
