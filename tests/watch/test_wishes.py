"""Many signs, few looks: at once when it was quiet, seldom when it is not, and never not at all."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from monitor.schedule import Key
from monitor.watch.wishes import SHORTEST_SECONDS, Wishes

KEY, OTHER = Key("web", "pm2"), Key("api", "pm2")


@dataclass
class Signs:
    """Wishes under a clock that is moved by hand; `looks` are when looks begin, as the schedule would have it."""

    now: float = 1000.0
    wanted: list[tuple[Key, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wishes = Wishes(want=lambda key, delay: self.wanted.append((key, self.now + delay)), now=lambda: self.now)

    def come(self, *, seconds: float, each: float, patience: float = 1.0, key: Key = KEY) -> list[float]:
        """Signs for so long, one each so many seconds; when the looks begin that are wanted for them."""
        begin = self.now
        while self.now < begin + seconds:
            self.wishes.tell(key, patience=patience)
            self.now += each
        return sorted({round(at - begin, 3) for wanted, at in self.wanted if wanted == key and at >= begin})


def test_the_first_sign_has_a_look_at_once() -> None:
    assert Signs().come(seconds=0.001, each=1.0) == [0.0]


def test_a_thousand_signs_in_a_second_cost_four_looks() -> None:
    assert Signs().come(seconds=1.0, each=0.001) == [0.0, 0.3, 0.9, 1.9]


def test_signs_without_end_cost_a_look_in_each_time_of_patience() -> None:
    for patience, most in ((1.0, 63), (15.0, 11)):
        assert len(Signs().come(seconds=60.0, each=0.01, patience=patience)) <= most


def test_after_a_pause_it_begins_anew() -> None:
    signs = Signs()
    signs.come(seconds=5.0, each=0.01)
    signs.now += 3.0
    assert signs.come(seconds=0.001, each=1.0) == [0.0]


def test_checks_do_not_wait_for_each_other() -> None:
    signs = Signs()
    signs.come(seconds=1.0, each=0.01)
    assert signs.come(seconds=0.001, each=1.0, key=OTHER) == [0.0]


def test_a_sign_that_has_less_patience_does_not_wait_for_one_that_has_more() -> None:
    """A log that is written without end must not hide that a process has died."""
    signs = Signs()
    signs.come(seconds=60.0, each=0.5, patience=15.0)
    assert signs.come(seconds=0.001, each=1.0, patience=1.0)[0] <= 1.0


def test_who_is_forgotten_begins_anew() -> None:
    signs = Signs()
    signs.come(seconds=1.0, each=0.01)
    signs.wishes.forget(KEY)
    assert signs.come(seconds=0.001, each=1.0)[0] == 0.0


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60), st.sampled_from([0.1, 0.3, 1.0, 15.0]))
def test_every_sign_is_followed_by_a_look_in_time_and_looks_keep_their_distance(
    pauses: list[float], patience: float
) -> None:
    signs, told = Signs(), list[float]()
    for pause in pauses:
        signs.now += pause
        told.append(signs.now)
        signs.wishes.tell(KEY, patience=patience)
    looks = sorted({at for _, at in signs.wanted})
    for at in told:
        assert any(at <= look <= at + max(patience, SHORTEST_SECONDS) + 1e-6 for look in looks)
    assert len(looks) <= 1 + (told[-1] + patience - told[0]) / min(patience, SHORTEST_SECONDS) + 1
