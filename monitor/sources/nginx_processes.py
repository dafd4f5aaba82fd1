"""Nginx's processes as the kernel shows them: the master by pid file or title, its workers, who is stopped."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.sources.processes import Process, Processes

_MASTER: Final = "nginx: master process"
_WORKER: Final = "nginx: worker process"
_DRAINING: Final = "is shutting down"
_STOPPED: Final = frozenset("Tt")
_OPTION: Final = re.compile(r" -([cp]) ?(\S+)")


@dataclass(frozen=True, slots=True)
class NginxWorker:
    """One worker. `stopped`: the kernel does not let it run (SIGSTOP, a debugger)."""

    pid: int
    started_at: float
    stopped: bool
    process: Process


@dataclass(frozen=True, slots=True)
class NginxMaster:
    """A running Nginx; its workers without those that only finish old connections. `config` and `prefix` are those of
    its command line, empty if they are not there."""

    pid: int
    started_at: float
    workers: tuple[NginxWorker, ...]
    process: Process
    program: str = ""
    config: str = ""
    prefix: str = ""

    @property
    def loaded_at(self) -> float | None:
        """When the configuration that serves was read, at the latest: a worker that was only replaced is younger."""
        return min((each.started_at for each in self.workers), default=None)

    @property
    def generation(self) -> tuple[int, float]:
        """Another one means that a configuration was loaded, or Nginx started anew."""
        return self.pid, self.loaded_at or 0.0


@dataclass(frozen=True, slots=True)
class Hidden:
    """There is a process of that number, and we may not see what it is."""

    pid: int


def by_pid_file(path: str) -> NginxMaster | Hidden | None:
    """The master whose pid stands there; None if there is none."""
    try:
        pid = int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    processes = Processes()
    process = processes.get(pid)
    if process is None:
        return Hidden(pid) if _exists(pid) else None
    return _master(process, processes)


def by_title(config: str, *, unnamed: bool) -> NginxMaster | None:
    """A master whose command line names this configuration; with `unnamed`, else the only one that names none."""
    others = list[NginxMaster]()
    for master in masters():
        if master.config == config:
            return master
        if not master.config:
            others.append(master)
    return others[0] if unnamed and len(others) == 1 else None


def masters() -> Iterator[NginxMaster]:
    """Every Nginx that runs here and may be seen."""
    processes = Processes()
    for name in os.listdir("/proc"):  # noqa: PTH208 — hot
        if not name.isdigit() or not _title(int(name)).startswith(_MASTER):
            continue
        process = processes.get(int(name))
        master = _master(process, processes) if process else None
        if master is not None:
            yield master


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)
    return False  # we could signal it, so we could have seen it: it has ended


def _master(process: Process, processes: Processes) -> NginxMaster | None:
    title = _title(process.pid)
    if not title.startswith(_MASTER):
        return None
    workers = [
        NginxWorker(each.pid, each.started_at, _state(each.pid) in _STOPPED, each)
        for each in processes.tree(process)[1:]
        if each.parent == process.pid and (own := _title(each.pid)).startswith(_WORKER) and _DRAINING not in own
    ]
    options = dict(_OPTION.findall(title))
    return NginxMaster(
        process.pid,
        process.started_at,
        tuple(workers),
        process,
        program=title.removeprefix(_MASTER).strip().partition(" ")[0],
        config=options.get("c", ""),
        prefix=options.get("p", ""),
    )


def _title(pid: int) -> str:
    try:
        content = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return os.fsdecode(content.replace(b"\0", b" ")).strip()


def _state(pid: int) -> str:
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    return content[content.rfind(b")") + 2 :][:1].decode("ascii", "replace")
