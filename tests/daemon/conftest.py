"""A real daemon on the lab, for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.watched import Watched, watching
from tests.lab.fixtures import healthy_lab, lab, turn
from tests.lab.lab import Lab

__all__ = ["Watched", "healthy_lab", "lab", "turn", "watched"]


@pytest.fixture
def watched(healthy_lab: Lab, tmp_path: Path) -> Iterator[Watched]:
    """Everything healthy, watched by a daemon without a past."""
    with watching(healthy_lab, log=tmp_path / "daemon.log") as running:
        yield running
