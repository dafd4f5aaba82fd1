"""One lab for each test process, and for each test that asks a healthy one.

A conftest.py takes them in with `from tests.lab.fixtures import healthy_lab, lab, turn`.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Up until the end of the session; it goes too when the test process is killed."""
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """A full disk is everybody's: a test that fills it (`alone`) waits for the others, and they for it."""
    with (Path(tempfile.gettempdir()) / f"infra-monitor-tests-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if request.node.get_closest_marker("alone") else fcntl.LOCK_SH)
        yield


@pytest.fixture
def healthy_lab(lab: Lab, turn: None) -> Iterator[Lab]:  # noqa: ARG001 — it has to be this test's turn
    """Whatever the test broke and did not heal is healed after it."""
    yield lab
    lab.heal_all()
