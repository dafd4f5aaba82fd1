"""A disk that the history fills is no reason to page nobody."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from monitor.core.model import Observation, Plan, Reading, Seen, State
from monitor.history import History
from monitor.store import Outgoing, Store
from tests.store.rooms import STATE, fill, notice, small_disk


class _Clock:
    at = 1_780_000_200.0

    def now(self) -> float:
        return self.at

    wall = monotonic = now


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk and fill it")
async def test_on_a_full_disk_samples_wait_and_notices_are_kept() -> None:
    with small_disk() as disk:
        store, clock = Store.open(disk / "state"), _Clock()
        await store.commit(None, STATE, ())
        history = History(disk / "state", clock)
        await history.flush()
        fill(disk)
        before = STATE
        for number in range(50):
            for _ in range(200):
                clock.at += 1
                seen = Seen((Reading("load", clock.at), Reading("cpu", clock.at)))
                history.take(Plan({}), State(), Observation("rds", "rds", clock.at, 0.1, seen), clock.at)
            await history.flush()
            after = replace(before, sequence=number + 10)
            await store.commit(before, after, [Outgoing(notice(number), ("a",))])
            before = after
        assert history.failed is not None
        assert (await store.backlog())["a"].pending == 50
        (disk / "large").unlink()
        await history.flush()
        assert history.failed is None
        (line,) = await history.lines("rds", metric="load", hours=24)
        assert len(line.points) == 50 * 200
        await history.close()
        await store.close()
