"""Which part stands still, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.vitals import LIMIT_SECONDS, Vitals


@dataclass
class HandClock:
    at: float = 1000.0

    def now(self) -> float:
        return self.at

    wall = monotonic = now


def test_a_part_that_is_not_seen_for_long_stands_still_until_it_moves() -> None:
    clock = HandClock()
    vitals = Vitals(clock)
    vitals.beat("core")
    vitals.beat("store")
    clock.at += LIMIT_SECONDS
    assert vitals.unwell() is None
    vitals.beat("core")
    clock.at += 1.0
    assert vitals.unwell() == "the store has stood still for 16 s"
    clock.at += LIMIT_SECONDS
    assert vitals.unwell() == "the core has stood still for 16 s; the store has stood still for 31 s"
    vitals.beat("store")
    vitals.beat("core")
    assert vitals.unwell() is None


def test_a_part_that_never_begins_is_missed_as_well() -> None:
    clock = HandClock()
    vitals = Vitals(clock)
    vitals.beat("core")
    clock.at += 5.0
    vitals.expect("core", "store")
    clock.at += LIMIT_SECONDS - 4.0
    vitals.expect("store")
    vitals.beat("core")
    assert vitals.unwell() is None
    clock.at += 5.0
    assert vitals.unwell() == "the store has stood still for 16 s"
