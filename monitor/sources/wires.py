"""What the processes of an app are wired to: settings, connections, files. One pass over what the kernel shows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from monitor.core.wiring import Wires
from monitor.sources.dotenv import EnvFile, Unreadable, of_environment, read_env_file
from monitor.sources.processes import Process
from monitor.sources.sockets import Connections, descriptors
from monitor.sources.tcp_table import content

LEVELS_ABOVE: Final = 3
"""How far above its working directory a process's `.env` is looked for; dotenv libraries climb, too."""

_SCRIPTS: Final = (".js", ".cjs", ".mjs", ".ts", ".py")
_WORDS: Final = 6
_COMMAND_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """What the `.env` files around one working directory say: the one in force, and others that say something, too."""

    file: EnvFile | None
    others: tuple[EnvFile, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found. `places` are those of the workers' top processes, by worker; `leaves` counts, for each worker,
    the processes without living children; `hidden` says what we were not allowed to see."""

    wires: tuple[Wires, ...]
    places: Mapping[int, Place]
    leaves: Mapping[int, int]
    hidden: tuple[str, ...]


class _Reading:
    """One survey under way; it may block where the kernel does."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._connections = Connections(root)
        self._places = dict[tuple[int, int], Place]()
        self.hidden = dict[str, None]()

    def wires(self, pid: int, worker: int, *, top: int) -> tuple[Wires, Place] | None:
        """None when the process has gone or cannot be seen. Then `hidden` says so, unless it is another program than
        the worker's top: a browser that prints pages is no worker of the app."""
        try:
            opened = descriptors(pid, self._root)
            connections = self._connections.of(pid, opened.sockets)
            place = self._place(pid)
        except ProcessLookupError:
            return None
        except PermissionError:
            if pid == top or self._name(pid) == self._name(top):
                self.hidden[f"process {pid}"] = None
            return None
        environment = of_environment(content(f"{self._root}/{pid}/environ"))
        file = place.file.settings if place.file else None
        return Wires(pid, worker, environment, file, connections, opened.sqlite_files), place

    def _name(self, pid: int) -> bytes:
        return content(f"{self._root}/{pid}/comm")

    def _place(self, pid: int) -> Place:
        """Once for each working directory."""
        link = f"{self._root}/{pid}/cwd"
        try:
            found = os.stat(link)  # noqa: PTH116 — hot
            shown = os.readlink(link)  # noqa: PTH115 — hot
        except FileNotFoundError:
            raise ProcessLookupError(pid) from None
        identity = (found.st_dev, found.st_ino)
        if identity not in self._places:
            self._places[identity] = self._read_place(pid, shown)
        return self._places[identity]

    def _read_place(self, pid: int, shown: str) -> Place:
        """The nearest `.env` that says something of a database is in force. While the very nearest cannot be read,
        nobody knows which one that is; others that cannot be read are not ours to know."""
        found = dict[tuple[int, int], EnvFile]()
        for number, (path, name) in enumerate(self._candidates(pid, shown)):
            try:
                file = read_env_file(path, shown=name)
            except Unreadable as unreadable:
                if number == 0:
                    self.hidden[str(unreadable)] = None
                    return Place(None, ())
                continue
            if file is not None:
                found.setdefault(file.identity, file)
        speaking = tuple(each for each in found.values() if each.settings.marks)
        return Place(next(iter(speaking or found.values()), None), speaking[1:])

    def _candidates(self, pid: int, shown: str) -> Iterator[tuple[str, str]]:
        """Where a `.env` may be, and what people call that place: the working directory, those above it, the script's.
        Through /proc, so that it is the process's own view of the file system."""
        inside, name = f"{self._root}/{pid}/cwd", shown
        yield f"{inside}/.env", os.path.join(name, ".env")  # noqa: PTH118 — hot
        for _ in range(LEVELS_ABOVE):
            inside, above = f"{inside}/..", os.path.dirname(name)  # noqa: PTH120 — hot
            if above in (name, "/"):
                break
            name = above
            yield f"{inside}/.env", os.path.join(name, ".env")  # noqa: PTH118 — hot
        for directory in self._script_directories(pid):
            yield f"{self._root}/{pid}/root{directory}/.env", f"{directory}/.env"

    def _script_directories(self, pid: int) -> Iterable[str]:
        words = content(f"{self._root}/{pid}/cmdline", most=_COMMAND_BYTES).replace(b" ", b"\0").split(b"\0")[:_WORDS]
        scripts = (os.fsdecode(word) for word in words if word.startswith(b"/"))
        return dict.fromkeys(os.path.dirname(each) for each in scripts if each.endswith(_SCRIPTS))  # noqa: PTH120 — hot


def survey(trees: Mapping[int, tuple[Process, ...]], root: str = "/proc") -> Survey:
    """Look at every process of every worker's tree, its top first. It may block: run it aside."""
    reading = _Reading(root)
    wires, places = list[Wires](), dict[int, Place]()
    for worker, tree in trees.items():
        for process in tree:
            with suppress(OSError):  # whatever else /proc says of a process that is just ending
                if (found := reading.wires(process.pid, worker, top=tree[0].pid)) is not None:
                    wires.append(found[0])
                    if process is tree[0]:
                        places[worker] = found[1]
    leaves = {worker: _leaves(tree) for worker, tree in trees.items()}
    return Survey(tuple(wires), places, leaves, tuple(reading.hidden))


def _leaves(tree: tuple[Process, ...]) -> int:
    parents = {process.parent for process in tree}
    return sum(process.pid not in parents for process in tree)
