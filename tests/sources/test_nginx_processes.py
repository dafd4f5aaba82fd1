"""Whose Nginx runs: by the pid file, by the title, and never by a number alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sources.nginx import NginxSource
from monitor.sources.nginx_processes import Hidden, NginxMaster, by_pid_file, by_title
from tests.checks.real_nginx import RealNginx, real_nginx


@pytest.fixture
def nginx() -> Iterator[RealNginx]:
    with real_nginx() as running:
        running.configure("")
        running.start()
        yield running


def test_a_running_nginx_is_found_by_its_pid_file_and_by_its_command_line(nginx: RealNginx) -> None:
    by_file = by_pid_file(f"{nginx.directory}/nginx.pid")
    assert isinstance(by_file, NginxMaster)
    assert (by_file.pid, by_file.config, by_file.prefix) == (nginx.master, str(nginx.config), f"{nginx.directory}/")
    assert by_file.program == "/usr/sbin/nginx"
    assert {each.pid for each in by_file.workers} == set(nginx.workers())
    assert by_file.loaded_at == min(each.started_at for each in by_file.workers)
    assert by_title(str(nginx.config), unnamed=False) == by_file
    assert by_title(f"{nginx.config}.other", unnamed=False) is None


def test_without_its_pid_file_it_is_still_found(nginx: RealNginx) -> None:
    """Somebody deleted it; Nginx goes on."""
    text = (nginx.directory / "nginx.pid").read_text()
    (nginx.directory / "nginx.pid").unlink()
    found = NginxSource(nginx.config, None, None).on_disk().master
    (nginx.directory / "nginx.pid").write_text(text)
    assert isinstance(found, NginxMaster)
    assert found.pid == int(text)


def test_the_pid_of_somebody_else_is_no_nginx(tmp_path: Path) -> None:
    (tmp_path / "nginx.pid").write_text(f"{os.getpid()}\n")
    assert by_pid_file(str(tmp_path / "nginx.pid")) is None


@pytest.mark.parametrize("content", ["", "x", "-1", "0", "4194303999999999999999999"])
def test_a_pid_file_that_holds_none_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "nginx.pid").write_text(content)
    assert by_pid_file(str(tmp_path / "nginx.pid")) is None


def test_the_nginx_of_another_configuration_is_not_ours(nginx: RealNginx) -> None:
    """Both name the same pid file."""
    other = nginx.directory / "other.conf"
    other.write_text(f"pid {nginx.directory}/nginx.pid; events {{}}")
    assert NginxSource(other, None, None).on_disk().master is None
    assert isinstance(NginxSource(other, None, nginx.directory / "nginx.pid").on_disk().master, NginxMaster)


def test_a_process_that_is_there_and_hidden_is_not_called_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As with hidepid=2: the number is taken, and there is nothing to see in /proc."""

    def refused(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    (tmp_path / "nginx.pid").write_text("4194304\n")
    assert by_pid_file(str(tmp_path / "nginx.pid")) == Hidden(4194304)
