"""Processes that are watched: the kernel says within milliseconds that one has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import structlog

from monitor.schedule import Key
from monitor.sources.processes import Process, Processes

log = structlog.get_logger(__name__)

MOST: Final = 512
"""Each costs a descriptor. Who has more processes than that hears of the others at the next look."""


class _Identity(NamedTuple):
    """One process and no later one of that number."""

    pid: int
    started_ticks: int


class ProcessWatch:
    """Calls `ended` with the key of every check that follows a process which has just ended. Where the kernel has no
    pidfd, or does not let us have one, nothing is ever told, and looks come when they are due."""

    def __init__(self, ended: Callable[[Key], None], *, most: int = MOST) -> None:
        self._ended = ended
        self._most = most
        self._available = hasattr(os, "pidfd_open")
        self._followed = dict[Key, frozenset[_Identity]]()
        self._descriptors = dict[_Identity, int]()

    @property
    def watched(self) -> int:
        """How many processes are watched now."""
        return len(self._descriptors)

    def follow(self, key: Key, processes: Iterable[Process]) -> None:
        """From now on this check follows these. One that has ended meanwhile is told of, once."""
        wanted = {_Identity(each.pid, each.started_ticks): None for each in processes}
        before = self._followed.get(key, frozenset())
        if before == wanted.keys():
            return
        self._followed[key] = frozenset(wanted)
        gone = [each for each in wanted if each not in before and not self._open(each)]
        for each in before - wanted.keys():
            self._let_go(each)
        if gone:
            self._ended(key)

    def drop(self, key: Key) -> None:
        """This check is watched no longer."""
        for each in self._followed.pop(key, ()):
            self._let_go(each)

    def close(self) -> None:
        """Watch nothing any more."""
        for key in tuple(self._followed):
            self.drop(key)

    def _open(self, identity: _Identity) -> bool:
        """False if it has ended already."""
        if identity in self._descriptors or not self._available or len(self._descriptors) >= self._most:
            return True
        try:
            descriptor = os.pidfd_open(identity.pid)
        except ProcessLookupError:
            return False
        except OSError as error:  # an old kernel, a filter for system calls, no descriptor left
            log.info("watch.no_pidfd", error=error.strerror)
            self._available = False
            return True
        found = Processes().get(identity.pid)  # after: it is this process that the descriptor keeps apart from others
        if found is None or found.started_ticks != identity.started_ticks:
            os.close(descriptor)
            return False
        self._descriptors[identity] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._has_ended, identity)
        return True

    def _has_ended(self, identity: _Identity) -> None:
        self._close(identity)
        for key, followed in tuple(self._followed.items()):
            if identity in followed:
                self._ended(key)

    def _let_go(self, identity: _Identity) -> None:
        if not any(identity in followed for followed in self._followed.values()):
            self._close(identity)

    def _close(self, identity: _Identity) -> None:
        descriptor = self._descriptors.pop(identity, None)
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
