"""What is no fault pages nobody."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from tests.daemon.running import wait_for
from tests.daemon.watched import Watched, watching
from tests.faults.quiet import NIGHTS
from tests.faults.runner import QUIET
from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

HOUR, YEAR = 3600.0, 365 * 86400.0
STEPS = (HOUR, 0.0, -HOUR, 0.0, YEAR, 0.0)


@pytest.mark.parametrize("night", NIGHTS)
def test_nobody_is_paged(watched: Watched, night: str) -> None:
    wait_for(watched.all_healthy, every=0.1)
    for deed in NIGHTS[night]:
        deed.act(watched)
        assert watched.told() == [], deed.name
    time.sleep(QUIET)
    assert watched.told() == []


def test_a_clock_that_is_put_forward_and_back_pages_nobody(healthy_lab: Lab, tmp_path: Path) -> None:
    """By an hour, and by a year; all the while the chain is looked at, and the times that are shown follow."""
    step = tmp_path / "step"
    step.write_text("0.0")
    program = ("-m", "tests.faults.stepped")
    with watching(healthy_lab, log=tmp_path / "daemon.log", program=program, more={"CLOCK_STEP": str(step)}) as watched:
        wait_for(watched.all_healthy, every=0.1)
        for seconds in STEPS:
            new = step.with_suffix(".new")
            new.write_text(str(seconds))
            new.replace(step)
            wait_for(partial(_looked_at, watched, seconds), seconds=20)
            assert watched.daemon.get("/api/v1/summary")["overall_status"] == "healthy", seconds
            assert watched.told() == []


def _looked_at(watched: Watched, step: float) -> bool:
    """Whether the last look at the database is told as of about now, by the stepped clock."""
    last = watched.daemon.get("/api/v1/services/rds")["last_check"]
    return abs(datetime.fromisoformat(last).timestamp() - time.time() - step) < 10
