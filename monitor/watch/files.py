"""Files that are watched, by asking once a second how they look from outside. It costs a microsecond a file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Final

from monitor.schedule import Key
from monitor.sources.nginx_conf.files import Stamp, stamp

MOST: Final = 1000
"""Who has more files than that hears of the others at the next look."""


class FileSigns:
    """Which checks follow a file or directory that looks other than it did a second ago."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._followed = dict[Key, tuple[str, ...]]()
        self._stamps: Mapping[str, Stamp] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        """All that are watched."""
        every = dict.fromkeys(itertools.chain.from_iterable(self._followed.values()))
        return tuple(itertools.islice(every, self._most))

    def follow(self, key: Key, paths: Iterable[str]) -> None:
        """From now on this check follows these."""
        self._followed[key] = tuple(paths)

    def drop(self, key: Key) -> None:
        """This check is watched no longer."""
        self._followed.pop(key, None)

    def changed(self, now: Mapping[str, Stamp]) -> tuple[Key, ...]:
        """Whom it concerns, given how the files look now. One that was not looked at before is no news."""
        before, self._stamps = self._stamps, now
        other = {path for path, seen in now.items() if path in before and before[path] != seen}
        return tuple(key for key, paths in self._followed.items() if not other.isdisjoint(paths))


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """How they look now. May hang with the disk: not for the event loop."""
    return {path: stamp(path) for path in paths}
