"""What goes wrong in the backends while PM2 sees nothing of it: they hang, fail, or are busy. And a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.lab.places import HOST, REPOSITORY, LabError, Places
from tests.lab.processes import detach, environment, members, send, wait_until, words
from tests.lab.reach import answers

_MARGIN = 8 << 30  # bytes; more than the tests and their neighbours write meanwhile


def block_node(places: Places) -> None:
    """Each worker is in a loop without an end: it lives, takes no request, and PM2 calls it online."""
    (places.fault_switches / "node-loops").touch()
    wait_until(lambda: not answers(f"http://{HOST}:{places.node_port}/health", seconds=1), "the block of the last one")


def unblock_node(places: Places) -> None:
    """Until it answers."""
    (places.fault_switches / "node-loops").unlink(missing_ok=True)
    wait_until(lambda: answers(f"http://{HOST}:{places.node_port}/health"), "Node's answer")


def fail_node(places: Places) -> None:
    """Its health page says 500."""
    _failing(places, "node").touch()


def mend_node(places: Places) -> None:
    """Until it answers well."""
    _failing(places, "node").unlink(missing_ok=True)
    wait_until(lambda: answers(f"http://{HOST}:{places.node_port}/health"), "Node's good answer")


def fail_python(places: Places) -> None:
    """Its health page says 500."""
    _failing(places, "python").touch()


def mend_python(places: Places) -> None:
    """Until it answers well."""
    _failing(places, "python").unlink(missing_ok=True)
    wait_until(lambda: answers(f"http://{HOST}:{places.python_port}/health"), "Flask's good answer")


def fail_node_once(places: Places) -> None:
    """Whoever asks its health page next is told 500, and nobody after that."""
    (places.fault_switches / "node-answers-500-once").touch()


def wait_for_that_one(places: Places) -> None:
    """Until somebody has asked."""
    wait_until(lambda: not (places.fault_switches / "node-answers-500-once").exists(), "the one who is told 500")


def _failing(places: Places, app: str) -> Path:
    return places.fault_switches / f"{app}-answers-500"


def keep_gunicorn_busy(places: Places) -> None:
    """More slow requests than it has workers, and a queue before them, for as long as it lasts."""
    if not _busybodies(places):
        command = [sys.executable, "-m", "tests.lab.busy", f"http://{HOST}:{places.python_port}/api/report"]
        log = places.directory / "busy.log"
        detach(command, environ=environment(places.directory), cwd=REPOSITORY, log=log)
    wait_until(lambda: not answers(f"http://{HOST}:{places.python_port}/health", seconds=2), "Gunicorn's being busy")


def leave_gunicorn(places: Places) -> None:
    """Until what waits in its queue is worked off."""
    send(_busybodies(places), signal.SIGKILL)
    wait_until(lambda: answers(f"http://{HOST}:{places.python_port}/health"), "Gunicorn's answer", seconds=60)


def _busybodies(places: Places) -> list[psutil.Process]:
    return [process for process in members(places) if "tests.lab.busy" in words(process)]


def disk_bound(directory: Path) -> float:
    """The share of this file system in use that counts as full in the lab: some gibibytes more than now."""
    told = os.statvfs(directory)
    used = told.f_blocks - told.f_bfree
    return (used + _margin(directory) / told.f_frsize) / (used + told.f_bavail)


def fill_disk(places: Places) -> None:
    """Past the bound, by a file that nobody has to write."""
    done = subprocess.run(
        ["fallocate", "--length", str(2 * _margin(places.directory)), _filler(places)], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise LabError(f"this file system cannot be filled: {done.stderr.decode().strip()}")


def empty_disk(places: Places) -> None:
    """The space is there again."""
    _filler(places).unlink(missing_ok=True)


def _margin(directory: Path) -> int:
    told = os.statvfs(directory)
    return min(_MARGIN, told.f_bavail * told.f_frsize // 4)


def _filler(places: Places) -> Path:
    return places.directory / "filler"
