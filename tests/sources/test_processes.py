"""Processes as the kernel shows them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from monitor.sources.processes import Processes, in_own_namespace, memory_kills

FAMILY = """
import subprocess, sys, threading, time
children = []
def spawn(): children.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
spawn()                               # by the main thread
spawned = threading.Event()
threading.Thread(target=lambda: (spawn(), spawned.set(), time.sleep(600)), daemon=True).start()  # and by another one
spawned.wait()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def family() -> Iterator[psutil.Process]:
    """A process with two children, one of them started by a second thread."""
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE) as top:
        assert top.stdout is not None
        assert top.stdout.readline() == b"ready\n"
        known = psutil.Process(top.pid)
        yield known
        for process in [*known.children(recursive=True), known]:
            process.kill()


def test_a_process_is_what_the_kernel_says() -> None:
    ours, theirs = Processes().get(os.getpid()), psutil.Process()
    assert ours is not None
    assert (ours.pid, ours.parent) == (os.getpid(), os.getppid())
    assert ours.started_at == pytest.approx(theirs.create_time(), abs=1.5)  # psutil knows the boot by whole seconds
    assert ours.resident_bytes == pytest.approx(theirs.memory_info().rss, rel=0.2)
    used = theirs.cpu_times()
    assert ours.cpu_seconds == pytest.approx(sum(used[:4]), abs=0.5)


@pytest.mark.parametrize("by_children_files", [True, False], ids=["children files", "scan"])
def test_a_tree_holds_the_children_of_every_thread(family: psutil.Process, *, by_children_files: bool) -> None:
    processes = Processes()
    processes._lists_children = by_children_files  # a kernel without CONFIG_PROC_CHILDREN
    top = processes.get(family.pid)
    assert top is not None
    tree = processes.tree(top)
    assert tree[0] is top
    assert {each.pid for each in tree[1:]} == {each.pid for each in family.children(recursive=True)}
    assert len(tree) == 3


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["true"]) as zombie:
        deadline = time.monotonic() + 10
        while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert Processes().get(zombie.pid) is None


def test_the_time_of_ended_children_stays_in_the_sum() -> None:
    """Gunicorn replaces its workers; the counter of the whole must not fall when one goes."""
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    before = Processes().get(os.getpid())
    subprocess.run([sys.executable, "-c", burn], check=True)
    after = Processes().get(os.getpid())
    assert before is not None
    assert after is not None
    assert after.cpu_seconds - before.cpu_seconds >= 0.28


@pytest.mark.parametrize("pid", [0, -1, 2**31 - 1])
def test_nobody_has_such_a_pid(pid: int) -> None:
    assert Processes().get(pid) is None


def _stat(root: Path, pid: int, name: bytes, state: bytes = b"S") -> None:
    (root / str(pid)).mkdir()
    rest = b"7 7 7 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 11 0 123456 1000000 250 18446744073709551615"
    (root / str(pid) / "stat").write_bytes(b"%d (%s) %s %s\n" % (pid, name, state, rest))


@pytest.mark.parametrize("name", [b"node", b"a) Z (b", b") ", b"", b"\xff\xfe ) S 1 1"])
def test_a_process_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    _stat(tmp_path, 42, name)
    found = Processes(str(tmp_path)).get(42)
    assert found is not None
    assert (found.pid, found.parent, found.started_ticks) == (42, 7, 123456)
    assert found.cpu_seconds == 250 / os.sysconf("SC_CLK_TCK")
    assert found.resident_bytes == 250 * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("state", [b"Z", b"X", b"x"])
def test_the_dead_are_not_alive(tmp_path: Path, state: bytes) -> None:
    _stat(tmp_path, 42, b"node", state)
    assert Processes(str(tmp_path)).get(42) is None


@pytest.mark.parametrize("stat", [b"", b"42 (node", b"42 (node) S 7\n", b"\0\0\0"])
def test_a_broken_stat_is_nobody(tmp_path: Path, stat: bytes) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "stat").write_bytes(stat)
    assert Processes(str(tmp_path)).get(42) is None


@pytest.mark.parametrize(
    ("status", "own"),
    [("Name:\tnode\nNSpid:\t42\n", True), ("Name:\tnode\nNSpid:\t42\t1\n", False), ("Name:\tnode\n", False)],
    ids=["here", "in a container", "unknown"],
)
def test_a_container_has_pids_of_its_own(tmp_path: Path, status: str, *, own: bool) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "status").write_text(status)
    assert in_own_namespace(42, str(tmp_path)) is own


def test_we_are_in_our_own_namespace() -> None:
    assert in_own_namespace(os.getpid())
    assert not in_own_namespace(0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("nr_free_pages 9\noom_kill 3\nthp 0\n", 3),
        ("oom_kill\n", None),
        ("oom_kill x\n", None),
        ("nr_free_pages 9\n", None),
    ],
)
def test_the_kernel_counts_what_it_kills_for_want_of_memory(tmp_path: Path, text: str, count: int | None) -> None:
    (tmp_path / "vmstat").write_text(text)
    assert memory_kills(str(tmp_path)) == count


def test_this_kernel_counts_them_or_says_nothing() -> None:
    count = memory_kills()
    assert count is None or count >= 0
