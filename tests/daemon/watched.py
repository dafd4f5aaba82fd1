"""A lab and a daemon without a past that watches it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.notices import Taken, taken
from tests.daemon.running import MONITOR, RunningDaemon
from tests.lab.lab import Lab


@dataclass(frozen=True)
class Watched:
    """A lab and the daemon that watches it; `since` is the number of requests the receiver had before."""

    lab: Lab
    daemon: RunningDaemon
    since: int

    def notices(self) -> list[Taken]:
        """What the receiver got since the daemon began, signatures checked."""
        return taken(self.lab.received()[self.since :], self.lab.places.webhook_secret)

    def told(self) -> list[str]:
        """`opened rds`, `resolved rds`, … in the order of arrival."""
        return [f"{each.kind} {each.incident['root']}" for each in self.notices()]

    def all_healthy(self) -> bool:
        """Whether nothing is wrong with any service."""
        return set(self.daemon.statuses().values()) == {"healthy"}


@contextmanager
def watching(
    lab: Lab,
    *,
    log: Path,
    config: Path | None = None,
    program: Sequence[str] = MONITOR,
    more: Mapping[str, str] | None = None,
) -> Iterator[Watched]:
    """Until the end of the context. `config`: another than the lab's."""
    places = lab.places
    shutil.rmtree(places.monitor_state)
    places.monitor_state.mkdir(mode=0o700)
    since = len(lab.received())
    with RunningDaemon(config or places.monitor_config, log=log, more=more, program=program) as daemon:
        yield Watched(lab, daemon, since)
