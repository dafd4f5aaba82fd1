"""Every fault is one page: the right root and cause, in time, and one notice when it is over."""

from __future__ import annotations

import itertools
import time
from typing import Final

import pytest

from tests.daemon.running import wait_for
from tests.daemon.watched import Watched
from tests.faults.row import Row
from tests.faults.runner import QUIET, perform, wrongs
from tests.faults.table import DISK, HERE, PAIRS

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

ROOM: Final = 3.0
"""Seconds that a machine may take which has other things to do."""

GAP: Final = 1.5
CHAIN: Final = ("postgres-stopped", "app-500", "python-500")


def _verdict(watched: Watched, *rows: Row) -> None:
    outcome = perform(watched, *rows)
    print(outcome.times(rows))  # noqa: T201 — `pytest -rP` shows how long each took
    assert wrongs(rows, outcome, room=ROOM) == []


@pytest.mark.parametrize("row", HERE, ids=lambda row: str(row.name))
def test_a_fault_is_one_page_with_the_right_root_and_cause_in_time(watched: Watched, row: Row) -> None:
    _verdict(watched, row)


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_a_full_disk_is_one_page(watched: Watched) -> None:
    _verdict(watched, DISK)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "+".join(row.name for row in pair))
def test_two_faults_that_have_nothing_to_do_with_each_other_are_two_pages(
    watched: Watched, pair: tuple[Row, Row]
) -> None:
    _verdict(watched, *pair)


@pytest.mark.parametrize("order", list(itertools.permutations(CHAIN)), ids="-".join)
def test_a_database_and_both_backends_that_recover_in_any_order_are_one_page(
    watched: Watched, order: tuple[str, ...]
) -> None:
    """Whoever comes back last: the others are not told of once more."""
    wait_for(watched.all_healthy, every=0.1)
    for fault in CHAIN:
        watched.lab.break_(fault)
    wait_for(watched.notices, seconds=30)
    wait_for(lambda: list(watched.daemon.statuses().values()).count("critical") >= len(order) - 1, seconds=20)
    for fault in order:
        watched.lab.heal(fault)
        time.sleep(GAP)
    wait_for(lambda: watched.told()[-1:] == ["resolved rds"] and watched.all_healthy(), seconds=60)
    time.sleep(QUIET)
    assert [each for each in watched.told() if each != "updated rds"] == ["opened rds", "resolved rds"]
