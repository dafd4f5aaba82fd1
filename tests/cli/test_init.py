"""`init` where there is little to be found: what it says, what it asks, and what it leaves alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminals import read_until
from tests.daemon.running import command, environment

ROOT = Path(__file__).parents[2]
ECOSYSTEM = "module.exports = {apps: [{name: 'web \"1\"', instances: 2, env: {SECRET: 'canary'}}]}"


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """An ecosystem file, a `.env` without a database's host, and a PM2 that is not there."""
    (tmp_path / "product").mkdir()
    (tmp_path / "product" / "ecosystem.config.js").write_text(ECOSYSTEM)
    (tmp_path / "product" / ".env").write_text("DB_PASSWORD=canary-password\nDB_NAME=app\nDB_USER=app\n")
    return tmp_path / "product"


def _quiet(product: Path) -> dict[str, str]:
    return {"PM2_HOME": str(product / "no-pm2"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}


def _on_a_terminal(product: Path, answer: bytes, *arguments: str) -> tuple[int, bytes]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "init", str(product), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(_quiet(product) | {"TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}),
        start_new_session=True,
    )
    os.close(theirs)
    seen = read_until(ours, b"[y/N]")
    os.write(ours, answer)
    seen = read_until(ours, b"infra-monitor check --config" if answer == b"y\n" else b"Nothing was written.", seen)
    code = process.wait(30)
    os.close(ours)
    return code, seen


def test_in_a_pipe_it_shows_everything_and_writes_nothing(product: Path) -> None:
    done = command("init", product, more=_quiet(product))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("infra-monitor: nothing was written: there is no terminal to ask on; --yes writes ")
    assert not (product / "config.yaml").exists()
    assert "services:" in done.stdout
    assert "DB_HOST" in done.stdout
    assert "ecosystem.config.js" in done.stdout
    assert "canary" not in done.stdout


def test_it_writes_after_asking_and_keeps_what_it_replaces(product: Path) -> None:
    config = product / "config.yaml"
    code, seen = _on_a_terminal(product, b"\n")
    assert (code, config.exists()) == (1, False)
    code, seen = _on_a_terminal(product, b"y\n")
    assert code == 0, seen
    assert config.stat().st_mode & 0o777 == 0o640
    good = config.read_text()
    assert 'app: "web \\"1\\""' in good
    assert "canary" not in good
    assert b"canary" not in seen
    config.write_text("services: {mine: {checks: [{kind: host}]}}\n")
    code, seen = _on_a_terminal(product, b"n\n")
    assert (code, config.read_text()) == (1, "services: {mine: {checks: [{kind: host}]}}\n")
    assert b"Replace" in seen
    code, seen = _on_a_terminal(product, b"y\n")
    assert code == 0, seen
    assert config.read_text().partition("nginx")[0] == good.partition("nginx")[0], "of Nginx other tests may have one"
    assert (product / "config.yaml.old").read_text() == "services: {mine: {checks: [{kind: host}]}}\n"
    assert sorted(path.name for path in product.iterdir()) == [
        ".env", "config.yaml", "config.yaml.old", "ecosystem.config.js",
    ]  # fmt: skip


def test_yes_is_for_scripts(product: Path, tmp_path: Path) -> None:
    config = tmp_path / "etc.yaml"
    done = command("init", product, "--yes", "--config", config, more=_quiet(product) | {"LC_ALL": "ko_KR.UTF-8"})
    assert done.returncode == 0, done.stderr
    assert "파일을 썼습니다" in " ".join(done.stdout.split())
    assert "language: ko" in config.read_text()
    assert "env_file: product/.env" in config.read_text()
    assert all(len(line) <= 80 for line in command("init", "--help", more={"COLUMNS": "80"}).stdout.splitlines())


def test_a_broken_line_of_settings_is_told_by_its_place_alone(product: Path) -> None:
    (product / ".env").write_text("DB_HOST=db\ncanary canary canary\n")
    done = command("init", product, "--yes", more=_quiet(product))
    assert done.returncode == 78
    assert ".env:2:1" in done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert sorted(path.name for path in product.iterdir()) == [".env", "ecosystem.config.js"]


@pytest.mark.parametrize("where", ["nowhere", "product/.env"])
def test_what_is_no_directory_is_a_usage_error_on_one_line(product: Path, where: str) -> None:
    done = command("init", product.parent / where, "--yes", more=_quiet(product))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (64, "", 1)
