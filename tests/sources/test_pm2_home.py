"""Which PM2 is meant, whether we may look into it, and what its dump says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.sources.pm2_home import Pm2Unreadable, dumped, find_home, owner_of
from monitor.sources.processes import process_manager_homes


def test_the_configured_home_comes_first(tmp_path: Path) -> None:
    assert find_home(tmp_path, {"PM2_HOME": "/elsewhere", "HOME": "/root"}) == tmp_path


def test_then_pm2s_own_variable(tmp_path: Path) -> None:
    (tmp_path / ".pm2").mkdir()
    assert find_home(None, {"PM2_HOME": "/elsewhere", "HOME": str(tmp_path)}) == Path("/elsewhere")


def test_then_the_home_directory(tmp_path: Path) -> None:
    (tmp_path / ".pm2").mkdir()
    assert find_home(None, {"HOME": str(tmp_path)}) == tmp_path / ".pm2"


def test_a_missing_home_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Pm2Unreadable, match=r"there is no PM2 home at .*/nowhere; set `home`, or start PM2 once"):
        owner_of(tmp_path / "nowhere")


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Pm2Unreadable, match="is no directory"):
        owner_of(tmp_path / "file")


def test_a_home_has_an_owner(tmp_path: Path) -> None:
    assert owner_of(tmp_path) == os.geteuid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("inner", ["", "/home"], ids=["the home itself", "the directory above it"])
def test_a_home_that_is_closed_to_us_says_as_whom_to_run(public_directory: Path, inner: str) -> None:
    """Asked as `nobody` of a directory that only root may enter."""
    closed = public_directory / "closed"
    (closed / "home").mkdir(parents=True)
    closed.chmod(0o700)
    ask = (
        "import os, sys; from pathlib import Path; from monitor.sources.pm2_home import owner_of\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: owner_of(Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    told = subprocess.run([sys.executable, "-c", ask, f"{closed}{inner}"], check=True, capture_output=True, text=True)
    assert told.stdout.startswith("Pm2Unreadable ")
    assert "is closed to nobody; run the monitor as" in told.stdout


def _dump(home: Path, name: str, *apps: object) -> None:
    (home / name).write_text(json.dumps(apps))


def test_the_dump_counts_by_name_in_every_namespace(tmp_path: Path) -> None:
    web, blue = {"name": "web", "namespace": "default"}, {"name": "web", "namespace": "blue"}
    module = {"name": "web", "pmx_module": True}
    _dump(tmp_path, "dump.pm2", web, web, blue, {"name": "other"}, module, None, 7)
    assert dumped(tmp_path, "web") == 3
    assert dumped(tmp_path, "unknown") is None


def test_a_half_written_dump_gives_way_to_its_backup(tmp_path: Path) -> None:
    (tmp_path / "dump.pm2").write_text('[{"name": "we')
    _dump(tmp_path, "dump.pm2.bak", {"name": "web"})
    assert dumped(tmp_path, "web") == 1


def test_no_dump_says_nothing(tmp_path: Path) -> None:
    assert dumped(tmp_path, "web") is None


@pytest.mark.parametrize("text", ["", "{}", "null", "[" * 100_000], ids=["empty", "object", "null", "too deep"])
def test_a_strange_dump_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "dump.pm2").write_text(text)
    assert dumped(tmp_path, "web") is None


@pytest.mark.timeout(10)
def test_a_pipe_for_a_dump_does_not_hold_us_up(tmp_path: Path) -> None:
    """The home may be writable by somebody we do not trust."""
    os.mkfifo(tmp_path / "dump.pm2")
    assert dumped(tmp_path, "web") is None


def _title(root: Path, pid: int, title: bytes) -> None:
    (root / str(pid)).mkdir()
    (root / str(pid) / "cmdline").write_bytes(title)


def test_daemons_are_found_by_their_titles(tmp_path: Path) -> None:
    _title(tmp_path, 11, b"PM2 v7.0.4: God Daemon (/home/ubuntu/.pm2)\0\0\0")
    _title(tmp_path, 12, b"PM2 v5.4.3: God Daemon (/srv/with (brackets))")
    _title(tmp_path, 13, b"node\0/srv/PM2 v7.0.4: God Daemon (/not/this)\0")
    _title(tmp_path, 14, b"")
    (tmp_path / "15").mkdir()
    (tmp_path / "self").mkdir()
    assert process_manager_homes(str(tmp_path)) == ("/home/ubuntu/.pm2", "/srv/with (brackets)")
