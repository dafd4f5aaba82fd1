"""The matrix where packets are really dropped: a whole lab in a network namespace."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from tests.faults import namespaced
from tests.faults.row import Row
from tests.faults.runner import Outcome, wrongs
from tests.faults.table import NETWORK

pytestmark = [
    pytest.mark.lab,
    pytest.mark.root,
    pytest.mark.timeout(400),
    pytest.mark.usefixtures("turn"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace of its own"),
    pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft to drop packets"),
]

ROOM: Final = 3.0


@pytest.fixture(scope="module")
def network() -> Iterator[subprocess.Popen[str]]:
    """A lab in a network of its own, which takes the names of rows."""
    with namespaced.start() as running:
        assert running.stdin
        assert running.stdout
        assert running.stderr
        if running.stdout.readline() != "ready\n":
            words = running.stderr.read()
            if "Operation not permitted" in words:
                pytest.skip("this root may not make namespaces or rules")
            pytest.fail(words)
        yield running
        running.stdin.close()
        assert running.wait(60) == 0, running.stderr.read()


def _told(network: subprocess.Popen[str], name: str) -> Outcome:
    assert network.stdin
    assert network.stdout
    assert network.stderr
    network.stdin.write(f"{name}\n")
    network.stdin.flush()
    line = network.stdout.readline()
    assert line, network.stderr.read()
    assert not line.startswith(namespaced.FAILED), line
    return Outcome.from_json(line)


@pytest.mark.parametrize("row", NETWORK, ids=lambda row: str(row.name))
def test_a_fault_of_the_network_is_one_page_with_the_right_root_and_cause_in_time(
    network: subprocess.Popen[str], row: Row
) -> None:
    outcome = _told(network, row.name)
    print(outcome.times([row]))  # noqa: T201 — `pytest -rP` shows how long each took
    assert wrongs([row], outcome, room=ROOM) == []


def test_a_packet_that_is_lost_pages_nobody(network: subprocess.Popen[str]) -> None:
    assert _told(network, namespaced.BLIP).said == ()
