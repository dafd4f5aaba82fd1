"""A simulated world: one fault, services that feel it after a while, checks that look in rhythms of their own."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from monitor.core.model import (
    Failed,
    Failure,
    Incident,
    LookWanted,
    Notice,
    NoticeDue,
    NoticeKind,
    Observation,
    Plan,
    Seen,
    State,
    Status,
)
from monitor.core.step import begin, step
from tests.core.random_stories import NAMES
from tests.core.story import START, check_plan, plan_of

TIMEOUT: Final = 10.0
SETTLED: Final = 35.0
"""By then every check has been looked at; the fault comes no sooner."""


@dataclass(frozen=True, slots=True)
class Fault:
    """From `began` to `ended` the root is broken. `felt` is how much later each dependant is; `missed` how long it
    is still broken after the end. Who is not in `felt` does not feel it at all."""

    root: str
    began: float
    ended: float
    felt: dict[str, float]
    missed: dict[str, float]

    def breaks(self, service: str, at: float) -> bool:
        """Whether a look of this service that begins at this moment fails."""
        if service == self.root:
            return self.began <= at < self.ended
        if service not in self.felt:
            return False
        begins = self.began + self.felt[service]
        return begins < self.ended and begins <= at < self.ended + self.missed[service]


@dataclass(slots=True)
class Check:
    """One check: whether a look is under way, and when one is wanted."""

    service: str
    busy: bool = False
    wanted: float | None = None


@dataclass(slots=True)
class Sim:
    """The world, the monitor's state, and all that was told."""

    plan: Plan
    fault: Fault
    random: Random
    longest_good: float
    exhausts: dict[str, bool]
    now: float = START
    state: State = field(default_factory=State)
    notices: list[Notice] = field(default_factory=list)
    failed_at: dict[str, float] = field(default_factory=dict)
    _queue: list[tuple[float, int, str, tuple[str, str], object]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _checks: dict[tuple[str, str], Check] = field(default_factory=dict)

    def start(self) -> None:
        """Begin to look, each check at a phase of its own."""
        self.state = begin(self.plan, None, self.now)
        for name, planned in self.plan.services.items():
            for each in planned.checks:
                self._checks[name, each.name] = Check(name)
                self._at(self.now + self.random.uniform(0, each.every), "due", (name, each.name))
        self._at(self.now + 1, "tick", ("", ""))

    def run(self, until: float) -> None:
        """Let the world go on until then."""
        while self._queue[0][0] < until:
            self.now, _, what, key, load = heapq.heappop(self._queue)
            match what:
                case "due":
                    every = next(c.every for c in self.plan.services[key[0]].checks if c.name == key[1])
                    self._at(self.now + every, "due", key)
                    self._begin(key)
                case "wanted" if self._checks[key].wanted is not None and not self._checks[key].busy:
                    self._begin(key)
                case "ended":
                    self._checks[key].busy = False
                    self._take(load)
                    wanted = self._checks[key].wanted
                    if wanted is not None:
                        self._at(max(wanted, self.now), "wanted", key)
                case "tick":
                    self._take(None)
                    self._at(self.now + 1, "tick", ("", ""))
                case _:
                    pass

    def _at(self, at: float, what: str, key: tuple[str, str], load: object = None) -> None:
        heapq.heappush(self._queue, (at, next(self._numbers), what, key, load))

    def _begin(self, key: tuple[str, str]) -> None:
        check = self._checks[key]
        if check.busy:
            return
        check.busy = True
        if check.wanted is not None and check.wanted <= self.now:
            check.wanted = None
        name = key[0]
        broken = self.fault.breaks(name, self.now)
        exhausted = broken and self.exhausts[name]
        took = TIMEOUT if exhausted else self.random.uniform(0.01, self.longest_good)
        failure = Failure("tcp", "timeout", "", Status.DOWN)
        seen = Observation(*key, self.now, took, Failed(failure) if broken else Seen(), exhausted)
        if broken:
            self.failed_at.setdefault(name, self.now + took)
        self._at(self.now + took, "ended", key, seen)

    def _take(self, news: object) -> None:
        self.state, events = step(self.plan, self.state, self.now, news)  # type: ignore[arg-type]  # the queue's load
        for event in events:
            match event:
                case LookWanted(service, name, at):
                    check = self._checks[service, name]
                    if check.wanted is None or at < check.wanted:
                        check.wanted = at
                        self._at(max(at, self.now), "wanted", (service, name))
                case NoticeDue(notice):
                    self.notices.append(notice)
                case _:
                    pass

    def told(self, kind: NoticeKind) -> list[Incident]:
        """The incidents of the notices of this kind."""
        return [notice.incident for notice in self.notices if notice.kind is kind]


def world(seed: int, edges: int, size: int) -> Sim:
    """A random world of `size` services: who needs whom by the bits of `edges`, everything else by the seed. The hold
    is longer than any look."""
    random = Random(seed)
    needs = _needs(edges, size)
    root = random.choice(tuple(needs))
    exhausts = {name: random.random() < 0.5 for name in needs}
    return _sim(random, needs, root, exhausts=exhausts, hold=12.0, rhythms=(5.0, 15.0, 30.0))


def late_world(seed: int, edges: int, size: int) -> Sim:
    """A world whose root always takes its whole deadline to fail, far longer than the hold, and that several services
    feel at once."""
    random = Random(seed)
    root, *others = NAMES[:size]
    sparse = _needs(edges & random.getrandbits(15) & random.getrandbits(15), size)
    needs = {root: [], **{name: [root, *sparse[name]] for name in others}}
    exhausts = {name: name == root or random.random() < 0.3 for name in needs}
    return _sim(random, needs, root, exhausts=exhausts, hold=TIMEOUT / 8, rhythms=(4.0, 8.0))


def _needs(edges: int, size: int) -> dict[str, list[str]]:
    needs: dict[str, list[str]] = {name: [] for name in NAMES[:size]}
    for bit, (low, high) in enumerate(itertools.combinations(range(size), 2)):
        if edges >> bit & 1:
            needs[NAMES[high]].append(NAMES[low])
    return needs


def _sim(
    random: Random,
    needs: dict[str, list[str]],
    root: str,
    *,
    exhausts: dict[str, bool],
    hold: float,
    rhythms: tuple[float, ...],
) -> Sim:
    checks = [
        check_plan(name, every=random.choice(rhythms), confirm=random.choice((1, 3)), stale_after=1000.0)
        for name in ("look", "other")[: random.choice((1, 2))]
    ]
    plan = plan_of(needs, checks=checks, hold=hold)
    lasts = random.uniform(60, 120)
    below = [name for name in needs if root in _above(needs, name) and random.random() < 0.8]
    # at once, some time, or so late that a look which begins before the end of the fault ends after it
    felt = {name: random.choice((0.0, random.uniform(0, lasts), lasts - random.uniform(0, 8))) for name in below}
    # who has just begun a look of ten seconds that fails cannot be seen to be well within a settling of twelve
    missed = {name: 0.0 if exhausts[name] else random.choice((0.0, random.uniform(0, 6))) for name in felt}
    began = START + SETTLED + random.uniform(0, 30)
    sim = Sim(plan, Fault(root, began, began + lasts, felt, missed), random, random.choice((0.05, 0.5, 1.0)), exhausts)
    sim.start()
    return sim


def _above(needs: dict[str, list[str]], name: str) -> set[str]:
    return set(needs[name]).union(*(_above(needs, each) for each in needs[name]))
