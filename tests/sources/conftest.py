"""What the tests of several sources share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.real_pm2 import pm2

__all__ = ["pm2", "public_directory"]


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that every user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="infra-monitor-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        yield directory
