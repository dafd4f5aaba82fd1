"""A real daemon on the lab, for each test that asks for one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon.notices import Taken, taken
from tests.daemon.running import RunningDaemon
from tests.lab.fixtures import healthy_lab, lab
from tests.lab.lab import Lab

__all__ = ["healthy_lab", "lab"]


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


@pytest.fixture
def watched(healthy_lab: Lab, tmp_path: Path) -> Iterator[Watched]:
    """Everything healthy, watched by a daemon without a past."""
    places = healthy_lab.places
    shutil.rmtree(places.monitor_state)
    places.monitor_state.mkdir(mode=0o700)
    since = len(healthy_lab.received())
    with RunningDaemon(places.monitor_config, log=tmp_path / "daemon.log") as daemon:
        yield Watched(healthy_lab, daemon, since)
