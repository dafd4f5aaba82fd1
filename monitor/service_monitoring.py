"""The one owner of the state: takes what was seen and ordered, keeps it on disk, then tells who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import structlog

from monitor.callbacks import Callback, Callbacks
from monitor.clock import Clock
from monitor.core import moments
from monitor.core.model import AddWindow, Event, Input, NoticeDue, Observation, Plan, Reloaded, State
from monitor.core.step import begin, step
from monitor.history import History
from monitor.recurrence import Unclear, due
from monitor.store import Outgoing, Store

log = structlog.get_logger(__name__)

FROM_THE_FUTURE_SECONDS: Final = 2.0
"""What is remembered of a later moment than now was seen before the clock was put back, while we did not run."""


@dataclass(frozen=True, slots=True)
class Change:
    """What `take` did, told after the commit."""

    input: Input
    before: State
    state: State
    events: tuple[Event, ...]
    at: float


Listener: TypeAlias = Callable[[Change], None]


class ServiceMonitoring:
    """Takes observations, orders and the passing of time, one at a time; nothing is believed before it is on disk."""

    def __init__(
        self,
        *,
        plan: Plan,
        state: State,
        store: Store,
        clock: Clock,
        history: History | None = None,
    ) -> None:
        self._plan = plan
        self._state = state
        self._store = store
        self._turn = asyncio.Lock()
        self._listeners: list[Listener] = []
        self._callbacks = Callbacks()
        self._unclear: set[str] = set()
        self.clock = clock
        self.history = history
        self.started_at = clock.now()

    @classmethod
    async def open(cls, *, plan: Plan, store: Store, clock: Clock, history: History | None = None) -> ServiceMonitoring:
        """Go on from what the store remembers. An incident that was told before is neither told again nor forgotten.
        Without a history, nobody can look back, and nothing else is different."""
        remembered = await store.load()
        now = clock.now()
        known = remembered
        if remembered and (ahead := moments.newest(remembered) - now) > FROM_THE_FUTURE_SECONDS:
            log.warning("clock.stepped", seconds=-round(ahead, 3))
            known = moments.moved(remembered, -ahead)
        state = begin(plan, known, now)
        await store.commit(remembered, state, ())
        return cls(plan=plan, state=state, store=store, clock=clock, history=history)

    @property
    def plan(self) -> Plan:
        """What is watched."""
        return self._plan

    @property
    def state(self) -> State:
        """What is believed, as committed."""
        return self._state

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` after each commit, in the order of the commits. It must be quick and must not raise."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Call it no longer. Raises ValueError when it was not subscribed."""
        self._listeners.remove(listener)

    def register(self, callback: Callback) -> None:
        """For programs that embed this: call `callback` with every event. It may be slow, hang or raise; see
        `monitor.callbacks`."""
        self._callbacks.register(callback)

    def remove(self, callback: Callback) -> None:
        """Call it no longer. Raises ValueError when it was not registered."""
        self._callbacks.remove(callback)

    def close(self) -> None:
        """Call no callback any more. Store and history belong to whoever opened them."""
        self._callbacks.close()

    async def take(self, news: Input) -> tuple[Event, ...]:
        """What happened because of it. Raises StoreError, with the state unchanged, when it cannot be kept, and the
        typed errors of `step` for orders about things that do not exist."""
        async with self._turn:
            events = await self._step(news)
            for window in self._due_windows():
                events += await self._step(window)
        return events

    async def reload(self, plan: Plan) -> None:
        """Watch this from now on. What stays keeps all that is known of it; what has left leaves its incidents too.
        Raises StoreError, with plan and state unchanged, when it cannot be kept."""
        async with self._turn:
            before, now = self._state, self.clock.now()
            state, events = step(plan, begin(plan, before, now), now, Reloaded())
            await self._store.commit(before, state, self._outgoing(events))
            self._plan, self._state = plan, state
            self._tell(Change(Reloaded(), before, state, events, now))

    async def _step(self, news: Input) -> tuple[Event, ...]:
        before, now = self._state, self.clock.now()
        if isinstance(news, Observation) and news.ended > now + FROM_THE_FUTURE_SECONDS:
            news = replace(news, began=now - news.took_seconds)  # the clock was put back since
        state, events = step(self._plan, before, now, news)
        if state is not before or events:
            await self._store.commit(before, state, self._outgoing(events))
        self._state = state
        self._tell(Change(news, before, state, events, now))
        return events

    def _due_windows(self) -> Iterator[AddWindow]:
        """Of each recurring maintenance, the next window once the last is over."""
        for rule in self._state.recurring:
            try:
                start = due(rule, self.clock.now())
            except Unclear as error:  # it was clear when it was ordered: the time zones of this machine have changed
                if rule.id not in self._unclear:
                    log.error("maintenance.unclear", id=rule.id, error=str(error))  # noqa: TRY400 — it is for people
                self._unclear.add(rule.id)
                continue
            if start is not None:
                yield AddWindow(rule.id, start)

    async def correct(self, by: float, correct: Callable[[float], None]) -> None:
        """The machine's clock was stepped: all that is remembered is `by` later, and so is the clock, which `correct`
        puts right, and with it the history. Nothing else happens by it. Raises StoreError, with nothing moved."""
        async with self._turn:
            before, state = self._state, moments.moved(self._state, by)
            await self._store.commit(before, state, ())
            correct(by)
            self._state = state
            if self.history is not None:
                self.history.move(by)
                await self.history.flush()
            await self._store.move(by)
            self._tell(Change(None, before, state, (), self.clock.now()))

    @staticmethod
    def _outgoing(events: Iterable[Event]) -> tuple[Outgoing, ...]:
        return tuple(Outgoing(event.notice, event.channels) for event in events if isinstance(event, NoticeDue))

    def _tell(self, change: Change) -> None:
        if self.history is not None:
            self.history.take(self._plan, change.state, change.input, change.at)
        for listener in tuple(self._listeners):
            listener(change)
        self._callbacks.tell(change.events)
