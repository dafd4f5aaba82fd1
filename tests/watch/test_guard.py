"""When the loop stands still, the guard acts, once for each standstill."""

from __future__ import annotations

import time

from monitor.watch.guard import Guard


def test_a_loop_that_stands_still_is_acted_upon_once_and_one_that_turns_is_not() -> None:
    acted = list[float]()
    guard = Guard(lambda: acted.append(time.monotonic()), limit_seconds=0.5)
    guard.start()
    try:
        for _ in range(20):
            guard.beat()
            time.sleep(0.05)
        assert acted == []
        time.sleep(2.0)
        assert len(acted) == 1
        guard.beat()
        time.sleep(2.0)
        assert len(acted) == 2
    finally:
        guard.close()
    guard.beat()
    time.sleep(1.0)
    assert len(acted) == 2
