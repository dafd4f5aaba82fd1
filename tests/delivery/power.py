"""What power that fails leaves of the files of a program: the writes that it had synced, and of the others anything.

`strace` notes what the program asks of the kernel. A write is sure to be on the disk once its file was synced after it;
until then it may be there, or not, or in part, whatever came of the others. A file is sure to exist once it or its
directory was synced, and to be gone once its directory was.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECTOR: Final = 512
TRACED: Final = "pwrite64,write,sendto,fsync,fdatasync,ftruncate,openat,unlink,rename"
_LINE: Final = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)", re.DOTALL)
_UNFINISHED: Final = " <unfinished ...>"
_CALL: Final = re.compile(
    r'(?:(?:AT_FDCWD)?(?:-?\d+)?(?:<(?P<file>[^>]*)>)?,? ?)?(?:"(?P<text>[^"]*)")?(?P<rest>.*)\) += (?P<result>-?\d+)',
    re.DOTALL,
)


def strace(trace: Path) -> list[str]:
    """To be put in front of a command."""
    return ["strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", f"trace={TRACED}", "-o", str(trace)]


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded: on which file, with which bytes or path, and what else."""

    name: str
    file: str
    text: bytes
    rest: str


def calls(trace: Path) -> Iterator[Call]:
    """In the order in which they ended."""
    begun: dict[str, str] = {}
    with trace.open(encoding="ascii") as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                continue
            thread, resumed, name, rest = found.groups()
            if rest.rstrip("\n").endswith(_UNFINISHED):
                begun[thread] = rest.rstrip("\n").removesuffix(_UNFINISHED)
                continue
            call = _CALL.match((begun.pop(thread) if resumed else "") + rest)
            if call and int(call["result"]) >= 0:
                yield Call(name or resumed, _bytes(call["file"]).decode(), _bytes(call["text"]), call["rest"])


def _bytes(escaped: str | None) -> bytes:
    return bytes.fromhex((escaped or "").replace("\\x", ""))


@dataclass(frozen=True, slots=True)
class _Write:
    offset: int
    content: bytes

    def onto(self, file: bytearray) -> None:
        file.extend(bytes(max(0, self.offset - len(file))))
        file[self.offset : self.offset + len(self.content)] = self.content

    def torn(self, chance: random.Random) -> _Write:
        """What may be left of it: it can end at any sector."""
        return _Write(self.offset, self.content[: chance.randrange(0, len(self.content) + 1, SECTOR)])


@dataclass(frozen=True, slots=True)
class _Resize:
    length: int

    def onto(self, file: bytearray) -> None:
        del file[self.length :]
        file.extend(bytes(self.length - len(file)))


@dataclass(slots=True)
class _File:
    """`sure`: what is on the disk for certain, None if the file need not exist; `owed`: what was asked for since;
    `gone`: it was removed, for all that is known."""

    sure: bytearray | None = None
    owed: list[_Write | _Resize] = field(default_factory=list)
    gone: bool = False

    def sync(self) -> None:
        self.sure = self.sure if self.sure is not None else bytearray()
        for change in self.owed:
            change.onto(self.sure)
        self.owed.clear()

    def after_a_loss(self, chance: random.Random) -> bytes | None:
        if (self.gone or self.sure is None) and chance.random() < 0.5:
            return None
        content, luck = bytearray(self.sure or b""), chance.choice((0.0, 0.5, 0.9))
        for change in self.owed:
            if chance.random() < luck:
                change.onto(content)
            elif isinstance(change, _Write) and chance.random() < luck:
                change.torn(chance).onto(content)
        return bytes(content)


class Disk:
    """A directory as the calls so far have left it."""

    def __init__(self, directory: Path, *, chance: random.Random, honest: bool = True) -> None:
        self._directory = str(directory)
        self._chance = chance
        self._honest = honest
        self._files: dict[str, _File] = {}

    def take(self, call: Call) -> None:
        """One more call. A disk that is not honest forgets what it was asked to sync."""
        named = call.text.decode() if call.name in {"openat", "unlink", "rename"} else call.file
        if call.name in {"fsync", "fdatasync"}:
            self._sync(call.file)
        elif Path(named).parent != Path(self._directory):
            return
        elif call.name == "openat" and "O_CREAT" in call.rest:
            self._files.setdefault(named, _File())
        elif call.name == "unlink":
            self._files[named].gone = True
        elif call.name == "pwrite64":
            offset = int(call.rest.rsplit(",", 1)[1])
            self._file(named).owed.append(_Write(offset, call.text))
        elif call.name == "ftruncate":
            length = int(call.rest.rsplit(",", 1)[-1])
            self._file(named).owed.append(_Resize(length))
        else:
            raise AssertionError(f"{call.name} of {named} is not among what can be replayed")

    def lose_power(self, into: Path) -> None:
        """Leave in a directory what may be left of this one."""
        for path, file in self._files.items():
            if (content := file.after_a_loss(self._chance)) is not None:
                (into / Path(path).name).write_bytes(content)

    def _file(self, path: str) -> _File:
        return self._files.setdefault(path, _File())

    def _sync(self, path: str) -> None:
        if not self._honest:
            return
        if path in self._files:
            self._files[path].sync()
        if path == self._directory:
            for name, file in list(self._files.items()):
                if file.gone:
                    del self._files[name]
                elif file.sure is None:
                    file.sure = bytearray()
