"""Random stories: any services, any looks at any time, any orders; from small numbers, so that they shrink."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as st

from monitor.core.model import (
    AcknowledgeAlert,
    AddMaintenance,
    AddSilence,
    ChannelPlan,
    EndMaintenance,
    EndSilence,
    Event,
    Incident,
    Input,
    LookWanted,
    Notice,
    NoticeDue,
    Observation,
    Plan,
    Reading,
    ResolveAlert,
    Settled,
    Severity,
    State,
)
from monitor.core.step import begin, step
from tests.core.story import START, check_plan, plan_of, result

NAMES: Final = ("a", "b", "c", "d", "e", "f")
SIGNS: Final = (".", "X", "x", "w", "c", "?", "hot", ".", "X", ".")
GAPS: Final = (0.3, 2.0, 15.0, 60.0)
TIMES: Final = (1, 3)
LOOKS: Final = len(NAMES) * len(SIGNS) * len(GAPS) * len(TIMES)
CHANNELS: Final = (
    ChannelPlan("all"),
    ChannelPlan("loud", severities=(Severity.CRITICAL,)),
    ChannelPlan("only-a", services=("a",)),
    ChannelPlan("late", after=45.0),
    ChannelPlan("late-and-quiet", severities=(Severity.WARNING,), services=("b", "c"), after=20.0),
)
SHORTEST: Final = 7
"""Without it, half of the stories would have five numbers or fewer, and hardly anything would happen in them."""
ORDERS: Final = 8
WHICH: Final = 16
"""How many numbers stand for each order: enough that orders are a quarter of a story."""
MUTES: Final = (3, 4, 5, 6)
BY_HAND: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a story, with what it did."""

    plan: Plan
    now: float
    input: Input
    before: State
    after: State
    events: tuple[Event, ...]

    @property
    def notices(self) -> list[Notice]:
        return [event.notice for event in self.events if isinstance(event, NoticeDue)]

    @property
    def told(self) -> list[tuple[Notice, tuple[str, ...]]]:
        """The notices with their channels."""
        return [(event.notice, event.channels) for event in self.events if isinstance(event, NoticeDue)]

    @property
    def told_or_changed(self) -> list[Event]:
        """All that happened but the wishes for looks."""
        return [event for event in self.events if not isinstance(event, LookWanted)]


@dataclass(frozen=True, slots=True)
class Tale:
    """The numbers of a story."""

    plan: Plan
    numbers: tuple[int, ...]


def _plan(edges: int, size: int, variant: int) -> Plan:
    """Edges are a bit per pair; a later service may need an earlier one, so there is no circle."""
    pairs = list(itertools.combinations(range(size), 2))
    needs: dict[str, list[str]] = {name: [] for name in NAMES[:size]}
    for bit, (low, high) in enumerate(pairs):
        if edges >> bit & 1:
            needs[NAMES[high]].append(NAMES[low])
    confirm, recover = ((3, 2), (1, 1), (2, 3))[variant % 3]
    checks = [check_plan(every=15.0, stale_after=100.0, confirm=confirm, recover=recover)]
    return replace(
        plan_of(needs, checks=checks, flap_changes=(5, 2)[variant // 3], hold=(12.0, 3.0)[variant % 2]),
        channels=CHANNELS,
        remind=(None, 50.0)[variant % 2],
    )


def tales(*, longest: int = 24, flapping: bool = False) -> st.SearchStrategy[Tale]:
    """Stories; with `flapping`, of one eager service."""
    number = st.integers(0, LOOKS + ORDERS * WHICH - 1)
    size = st.just(1) if flapping else st.sampled_from((3, 1, 2, 3, 4, 6))
    variant = st.sampled_from((4, 5)) if flapping else st.integers(0, 5)
    return st.builds(
        lambda edges, size, variant, numbers: Tale(_plan(edges, size, variant), tuple(numbers)),
        st.integers(0, 2**15 - 1),
        size,
        variant,
        st.lists(number, min_size=SHORTEST, max_size=longest),
    )


def tell(
    tale: Tale, *, mutes: bool = True, by_hand: bool = True, healed: bool = False, staying: int | None = None
) -> Iterator[Step]:
    """Tell a story step by step. `healed`: with an end in which everything is well for a long time; `staying`: from the
    middle on only these channels are configured, a bit for each."""
    teller = _Teller(tale.plan)
    for place, number in enumerate(tale.numbers):
        if staying is not None and place == len(tale.numbers) // 2:
            teller.configure(tuple(each for bit, each in enumerate(tale.plan.channels) if staying >> bit & 1))
        if number < LOOKS:
            yield from teller.looks(number)
        else:
            kind = (number - LOOKS) % ORDERS
            if (mutes or kind not in MUTES) and (by_hand or kind not in BY_HAND):
                yield from teller.order(kind, (number - LOOKS) // ORDERS)
    if healed:
        for _ in range(22):  # three looks to recover, and five minutes to flap no longer
            for name in tale.plan.services:
                yield from teller.look(name, ".", 20.0 / len(tale.plan.services))


class _Teller:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.now = START
        self.state = begin(plan, None, self.now)
        self.names = tuple(plan.services)

    def configure(self, channels: tuple[ChannelPlan, ...]) -> None:
        self.plan = replace(self.plan, channels=channels)
        self.state = begin(self.plan, self.state, self.now)

    def looks(self, number: int) -> Iterator[Step]:
        rest, name = divmod(number, len(NAMES))
        rest, sign = divmod(rest, len(SIGNS))
        times, gap = divmod(rest, len(GAPS))
        for _ in range(TIMES[times]):
            yield from self.look(self.names[name % len(self.names)], SIGNS[sign], GAPS[gap])

    def look(self, name: str, sign: str, gap: float) -> Iterator[Step]:
        self.now += gap
        heat = (Reading("cpu", 0.95 if sign == "hot" else 0.1, "ratio"),)
        seen = result("." if sign == "hot" else sign, readings=heat)
        took = 0.25 if sign == "X" else 0.05
        yield self._take(Observation(name, "look", self.now - took, took, seen, sign == "X"))

    def order(self, kind: int, which: int) -> Iterator[Step]:
        name = self.names[which % len(self.names)]
        begins, ends = self.now, self.now + 40
        alerts = [
            alert.id for incident in self.state.incidents for alert in incident.alerts if alert.resolved_at is None
        ]
        alerts.sort(key=lambda each: int(each.rsplit("-", 1)[1]))
        orders: list[Input] = [
            None,
            ResolveAlert(alerts[which % len(alerts)], "ann") if alerts else None,
            AcknowledgeAlert(alerts[which % len(alerts)], "ann") if alerts else None,
            AddMaintenance(name, begins, ends, "ann"),
            AddSilence({"service": name}, begins, ends, "ann"),
            AddSilence({"severity": "critical"}, begins, ends, "ann"),
            self._end_a_mute(which),
            None,
        ]
        if orders[kind] is None and kind in MUTES:
            return
        yield self._take(orders[kind])
        if kind in (0, ORDERS - 1):
            for _ in range((2, 12)[which % 2]):
                self.now += (6, 30)[which % 2]
                yield self._take(None)

    def _end_a_mute(self, which: int) -> Input:
        if which % 2 and self.state.silences:
            return EndSilence(self.state.silences[0].id)
        return EndMaintenance(self.state.maintenance[0].id) if self.state.maintenance else None

    def _take(self, news: Input) -> Step:
        before = self.state
        self.state, events = step(self.plan, before, self.now, news)
        return Step(self.plan, self.now, news, before, self.state, events)


def failing_metrics(plan: Plan, state: State) -> Iterator[tuple[str, str, str, Settled]]:
    """Service, check, metric and what is believed of it, of everything that fails."""
    for name in plan.services:
        for check, known in state.services[name].checks.items():
            for metric, settled in known.settled.items():
                if settled.status.failing:
                    yield name, check, metric, settled


def open_incidents(state: State) -> list[Incident]:
    """Those that are not over."""
    return [each for each in state.incidents if each.resolved_at is None]


def above(plan: Plan, name: str) -> set[str]:
    """All that a service needs, found the slow and obvious way."""
    direct = set(plan.services[name].depends_on)
    return direct.union(*(above(plan, each) for each in direct))
