"""`infra-monitor config check|schema|show`, as a person at a terminal has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

GOOD = """\
env_file: .env
services:
  rds: {checks: [{kind: rds, every: 15s}]}
  pm2: {checks: [{kind: pm2}]}
  node:
    depends_on: [rds]
    checks: [{kind: pm2, app: node, every: 90s}]
notify:
  - {kind: webhook, url: "https://u:canary-pw@hooks/path-canary", secret: "${SIGN:-}"}
"""


def _run(cwd: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "STATE_DIRECTORY": str(cwd / "state"), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_check_of_a_good_file_is_one_line_and_exit_0(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GOOD)
    (tmp_path / ".env").write_text("DB_HOST=h\n")
    done = _run(tmp_path, "config", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "config.yaml is good: 3 services, 3 checks, 1 channel\n"


def test_check_tells_warnings_on_stderr_and_is_still_good(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(GOOD.replace("${SIGN:-}", "${SIGN}"))
    done = _run(tmp_path, "config", "check", "--config", "c.yaml")
    assert done.returncode == 0
    assert done.stdout == "c.yaml is good: 3 services, 3 checks, 0 channels\n"
    assert done.stderr.splitlines() == [
        "warning: c.yaml:1:11: env_file: .env is not there; only the process's environment is used",
        "warning: c.yaml:9:5: notify.0: not configured: SIGN; this channel is left out",
    ]


def test_check_of_a_bad_file_is_every_mistake_on_stderr_and_exit_78(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GOOD.replace("every", "evry"))
    done = _run(tmp_path, "--config", "config.yaml", "config", "check")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        "config.yaml:3:30: services.rds.checks.0.evry: unknown key, did you mean every?",
        "config.yaml:7:37: services.node.checks.0.evry: unknown key, did you mean every?",
    ]


def test_check_touches_no_state_directory(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GOOD)
    before = sorted(tmp_path.iterdir())
    assert _run(tmp_path, "config", "check").returncode == 0
    assert _run(tmp_path, "config", "show").returncode == 0
    assert sorted(tmp_path.iterdir()) == before


def test_show_prints_what_it_comes_to_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(GOOD)
    (tmp_path / ".env").write_text("DB_HOST=h\nDB_NAME=n\nDB_USER=u\nDB_PASSWORD=canary-pw-2\n")
    done = _run(tmp_path, "config", "show", SIGN="canary-sign")
    assert (done.returncode, done.stderr) == (0, "")
    assert "canary" not in done.stdout
    shown = yaml.safe_load(done.stdout)
    assert shown["databases"]["default"] == {
        "host": "h",
        "auth": "password",
        "port": 5432,
        "name": "n",
        "user": "u",
        "password": "***",
        "sslmode": "prefer",
    }
    assert shown["state"]["directory"] == str(tmp_path / "state")
    assert shown["services"]["node"]["depends_on"] == ["rds", "pm2"]
    assert shown["services"]["node"]["checks"][0]["every"] == "90s"
    assert shown["services"]["rds"]["checks"][0]["thresholds"]["response_time"] == {"warning": 2.0, "critical": 5.0}
    assert shown["notify"][0]["secret"] == "***"


def test_schema_needs_no_configuration(tmp_path: Path) -> None:
    done = _run(tmp_path, "config", "schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["properties"]["services"]


def test_no_file_at_all_is_one_line_and_exit_78(tmp_path: Path) -> None:
    done = _run(tmp_path, "config", "check", "--config", "none.yaml")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "none.yaml: there is no such file\n"
