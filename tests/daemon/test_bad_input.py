"""What an operator gets wrong is told in one clear line, and nothing is half-started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.daemon.running import RunningDaemon, command, free_port

GOOD = """
web: {{listen: "127.0.0.1:{port}"}}
state: {{directory: "{state}"}}
services: {{rds: {{checks: [{{kind: rds}}]}}}}
"""


def _good(directory: Path, *, port: int | None = None, state: str | Path | None = None) -> Path:
    config = directory / "config.yaml"
    config.write_text(GOOD.format(port=port or free_port(), state=state or directory / "state"))
    return config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {rds: {checks: [{kind: rds}]}\n", "config.yaml:1:40: "),
        (
            "services: {rds: {checks: [{kind: rds, timeoutt: 1s}]}}\n",
            "config.yaml:1:39: services.rds.checks.0.timeoutt: ",
        ),
        ("services: {rds: {checks: [{kind: rds, every: soon}]}}\n", "config.yaml:1:46: services.rds.checks.0.every: "),
        ("services: {}\n", "config.yaml:1:11: services: "),
        ("services: {rds: {checks: [{kind: rdz}]}}\n", "config.yaml:1:34: services.rds.checks.0.kind: "),
    ],
    ids=["broken-yaml", "unknown-key", "wrong-type", "no-services", "unknown-kind"],
)
def test_a_bad_configuration_is_told_with_its_place_and_ends_with_78(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(text)
    for subcommand in (["run"], ["check"], ["config", "check"]):
        done = command(*subcommand, "--config", config)
        assert done.returncode == 78
        (line,) = done.stderr.splitlines()
        assert line.removeprefix(f"{tmp_path}/").startswith(said), line
        assert done.stdout == ""


def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    done = command("run", "--config", tmp_path / "nowhere.yaml")
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert "nowhere.yaml" in line


def test_an_env_file_that_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()  # what no user, not even root, can read as a file
    config = tmp_path / "config.yaml"
    config.write_text("env_file: .env\nservices: {rds: {checks: [{kind: rds}]}}\n")
    done = command("run", "--config", config)
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert ".env" in line


def test_a_port_that_is_taken_is_one_line_and_no_state_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("run", "--config", _good(tmp_path, port=port))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"infra-monitor: cannot listen on 127.0.0.1:{port}: the port is taken")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("state", ["/proc/infra-monitor", "/dev/null/state"])
def test_a_state_directory_that_cannot_be_made_is_one_line(tmp_path: Path, state: str) -> None:
    done = command("run", "--config", _good(tmp_path, state=state))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert state in line


def test_a_second_daemon_on_the_same_state_is_told_who_has_it(tmp_path: Path) -> None:
    with RunningDaemon(_good(tmp_path), log=tmp_path / "daemon.log") as first:
        other = tmp_path / "other"
        other.mkdir()
        done = command("run", "--config", _good(other, state=tmp_path / "state"))
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert str(first.pid) in line


def test_a_bare_machine_is_unknown_and_not_red(tmp_path: Path) -> None:
    """`make run` where nothing is set: kinds whose settings are absent say so."""
    shipped = Path(__file__).parents[2] / "config.yaml"
    config = tmp_path / "config.yaml"
    config.write_text(shipped.read_text())
    done = command("check", "--config", config, more={"HOME": str(tmp_path), "PM2_HOME": str(tmp_path / "none")})
    assert done.returncode == 3, done.stdout
    assert "not configured: DB_HOST" in done.stdout
    assert "down" not in done.stdout
    assert "critical" not in done.stdout
