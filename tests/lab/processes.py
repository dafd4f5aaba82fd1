"""Which processes belong to a lab, and how to end exactly these."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from tests.lab.places import LabError, Places

T = TypeVar("T")
_MARK = "SIGNALCRAFT_LAB"
_RENAME_THEMSELVES = ("postgres", "nginx")  # their titles overwrite the environment, so the working directory tells
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


def environment(directory: Path, **more: str) -> dict[str, str]:
    """A clean environment with the lab's mark: PM2 copies whatever it finds into every app."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": str(directory), _MARK: str(directory), **more}


def run(
    command: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    seconds: float = 60,
    user: str | None = None,
) -> str:
    """Run to the end and return what it printed; anything else than success is a LabError with its last words."""
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            cwd=cwd,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{Path(command[0]).name} did not end within {seconds:g} s") from error
    if done.returncode != 0:
        last_words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise LabError(f"{Path(command[0]).name} ended with {done.returncode}: {' / '.join(last_words)}")
    return done.stdout


def detach(
    command: Sequence[str], *, environ: Mapping[str, str], cwd: Path, log: Path, keep: Sequence[int] = ()
) -> None:
    """Start it in a session of its own, with init as its parent: it outlives us, and nobody has to wait for it."""
    with log.open("ab") as out:
        subprocess.run(
            ["setsid", "--fork", *command],
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=keep,
            check=True,
        )


def members(places: Places) -> list[psutil.Process]:
    """Every living process of this lab: by the mark in its environment, or by what it is and where it works."""
    found = []
    for pid in psutil.pids():
        with suppress(*_GONE):
            found.append(psutil.Process(pid))
    return [process for process in found if process.pid != os.getpid() and _belongs(process, places)]


def of_file(pid_file: Path, places: Places) -> psutil.Process | None:
    """The process whose pid the file holds, if it lives and is the lab's: pids are used again, files stay."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
    except (*_GONE, ValueError, IndexError):
        return None
    return process if _belongs(process, places) else None


def tree(process: psutil.Process) -> list[psutil.Process]:
    """It and all below it, the oldest first."""
    try:
        return [process, *process.children(recursive=True)]
    except _GONE:
        return []


def words(process: psutil.Process) -> list[str]:
    """Its command line; none once it has ended."""
    try:
        return process.cmdline()
    except _GONE:
        return []


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """To each that still is who it was."""
    for process in processes:
        with suppress(*_GONE):
            process.send_signal(number)


def living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; one that its parent has yet to bury has."""
    found = []
    for process in processes:
        with suppress(*_GONE):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_until(truth: Callable[[], T | None], what: str, *, seconds: float = 30, every: float = 0.05) -> T:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := truth()):
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not after {seconds:g} s")
        time.sleep(every)
    return answer


def end_all(places: Places) -> None:
    """Nothing is left: three looks in a row find nobody, also when someone was just being born at the first."""
    quiet = 0
    deadline = time.monotonic() + 20
    while quiet < 3:
        found = members(places)
        quiet = 0 if found else quiet + 1
        if time.monotonic() > deadline:
            raise LabError(f"still alive after 20 s: {', '.join(f'{p.pid} {_name(p)}' for p in found)}")
        _end(found)
        time.sleep(0.03)


def _end(found: Sequence[psutil.Process]) -> None:
    """The supervisor first, or it would start its workers again; PostgreSQL last and gently: it owns shared memory."""
    servers = [process for process in found if _name(process) == "postgres"]
    others = [process for process in found if process not in servers]
    others.sort(key=lambda process: "God" not in _name(process))
    send(others, signal.SIGKILL)
    postmasters = [process for process in servers if _name_of_parent(process) != "postgres"]
    send(postmasters, signal.SIGQUIT)
    send(servers, signal.SIGCONT)
    with suppress(LabError):
        wait_until(lambda: not living(servers), "PostgreSQL's end", seconds=6, every=0.01)
    send(servers, signal.SIGKILL)


def _belongs(process: psutil.Process, places: Places) -> bool:
    try:
        if process.environ().get(_MARK) == str(places.directory):
            return process.status() != psutil.STATUS_ZOMBIE
        if process.name() not in _RENAME_THEMSELVES:
            return False
        works_in = Path(process.cwd())
    except _GONE:
        return False
    return works_in.is_relative_to(places.directory) or works_in.is_relative_to(places.postgres_home)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except _GONE:
        return ""


def _name_of_parent(process: psutil.Process) -> str:
    try:
        parent = process.parent()
    except _GONE:
        return ""
    return _name(parent) if parent else ""
