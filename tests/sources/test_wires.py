"""What the processes of an app are wired to: one pass over real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.core.wiring import Target
from monitor.sources.processes import Process, Processes
from monitor.sources.wires import Survey, survey
from tests.sources.test_sockets import ROOT, needs_root, running

READY = "print('ready', flush=True); import sys; sys.stdin.read()"


def tree(pid: int) -> tuple[Process, ...]:
    processes = Processes()
    top = processes.get(pid)
    assert top
    return processes.tree(top)


def look(*pids: int) -> Survey:
    return survey({worker: tree(pid) for worker, pid in enumerate(pids)})


def env(directory: Path, text: str = "DB_HOST=a\n") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ".env").write_text(text)
    return directory


def test_the_nearest_file_that_says_something_is_in_force(tmp_path: Path) -> None:
    env(tmp_path / "product", "DB_HOST=above\n")
    env(tmp_path / "product" / "backend", "PORT=3000\n")
    with running(sys.executable, "-c", READY, cwd=tmp_path / "product" / "backend") as process:
        found = look(process.pid)
        assert found.wires[0].file
        assert found.wires[0].file.plain == Target("above")
        assert found.wires[0].file.source == str(tmp_path / "product" / ".env")
        assert found.places[0].others == ()
        env(tmp_path / "product" / "backend", "DB_HOST=here\n")
        place = look(process.pid).places[0]
        assert place.file
        assert place.file.settings.plain == Target("here")
        assert [each.settings.plain for each in place.others] == [Target("above")]


def test_a_file_beside_the_script_is_found_too(tmp_path: Path) -> None:
    (env(tmp_path / "scripts", "DB_HOST=script\n") / "app.py").write_text(READY)
    (tmp_path / "elsewhere").mkdir()
    with running(sys.executable, tmp_path / "scripts" / "app.py", cwd=tmp_path / "elsewhere") as process:
        place = look(process.pid).places[0]
        assert place.file
        assert place.file.settings.source == str(tmp_path / "scripts" / ".env")


def test_one_file_on_two_ways_is_one_file(tmp_path: Path) -> None:
    (env(tmp_path) / "app.py").write_text(READY)
    with running(sys.executable, tmp_path / "app.py", cwd=tmp_path) as process:
        assert look(process.pid).places[0].others == ()


def test_a_working_directory_that_was_removed_says_nothing(tmp_path: Path) -> None:
    with running(sys.executable, "-c", READY, cwd=env(tmp_path / "release")) as process:
        shutil.rmtree(tmp_path / "release")
        found = look(process.pid)
        assert found.wires[0].file is None
        assert found.hidden == ()


def test_bytes_that_mean_nothing_in_an_environment_say_nothing(tmp_path: Path) -> None:
    """A process that writes its title over its environment leaves anything there."""
    garbage = b"\xff\xfe=~~DB_HOST~=x\nDB_PORT=" + b"9" * 40
    with running(sys.executable, "-c", READY, cwd=tmp_path, env={b"LANG": b"C", b"DB_PORT": garbage}) as process:
        (wires,) = look(process.pid).wires
        assert wires.environment
        assert wires.environment.plain == Target()


def test_a_process_that_ends_during_the_look_is_left_out(tmp_path: Path) -> None:
    with running(sys.executable, "-c", READY, cwd=tmp_path) as process:
        known = tree(process.pid)
    assert survey({0: known}) == Survey((), {}, {0: 1}, ())


def test_leaves_are_the_processes_that_do_the_work(tmp_path: Path) -> None:
    family = f"import subprocess, sys; [subprocess.Popen(['sleep', '600']) for _ in range(3)]; {READY}"
    with running(sys.executable, "-c", family, cwd=tmp_path, start_new_session=True) as process:
        try:
            found = look(process.pid)
            assert found.leaves == {0: 3}
            assert len(found.wires) == 4
            assert {wires.worker for wires in found.wires} == {0}
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@needs_root
@pytest.mark.parametrize(("name", "blind"), [("app", True), ("browser", False)])
def test_a_hidden_child_blinds_us_only_if_it_is_the_same_program(name: str, *, blind: bool) -> None:
    """The child belongs to somebody else, as Gunicorn's workers do when their master gives up its rights."""
    child = f"""
import ctypes, os, sys, time
if os.fork() == 0:
    ctypes.CDLL(None).prctl(15, {name.encode()!r})
    time.sleep(600)
ctypes.CDLL(None).prctl(15, b"app")
os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1)
print("ready", flush=True); sys.stdin.read()
"""
    code = """
import sys
from monitor.sources.processes import Processes
from monitor.sources.wires import survey
processes = Processes(); tree = processes.tree(processes.get(int(sys.argv[1])))
found = survey({0: tree})
print(len(tree), len(found.wires), len(found.hidden))
"""
    other = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    with running(sys.executable, "-c", child, cwd="/", start_new_session=True) as process:
        try:
            done = subprocess.run(
                [*other, sys.executable, "-c", code, str(process.pid)],
                capture_output=True,
                text=True,
                check=True,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            )
            assert done.stdout.split() == ["2", "1", "1" if blind else "0"]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
