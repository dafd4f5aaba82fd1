"""The session that tells at once when the server goes away, stalls or comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

from monitor.core.model import Failure, Status
from monitor.database.failures import DatabaseFailed
from monitor.database.pool import NoSession, Pool

PING: Final = "select extract(epoch from pg_postmaster_start_time())"
_EVERY: Final = 1.0
_LIMIT: Final = 2.0
_LOGIN_LIMIT: Final = 5.0  # in which the kernel repeats an unanswered SYN twice
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
_PAUSE_WHEN_REFUSED: Final = 60.0  # each refused login is a line in the server's log, and may lock the account


@dataclass(frozen=True, slots=True)
class SentinelState:
    """What the session shows. `alive` is None until the first ping has ended; times are on the loop's clock, but
    `server_started_at`, which is the server's own (Unix seconds)."""

    alive: bool | None = None
    since: float = 0.0
    last_answer_at: float | None = None
    backend_pid: int | None = None
    server_started_at: float | None = None
    reason: str = ""


OnChange: TypeAlias = Callable[[SentinelState], None]


class Sentinel:
    """Pings once a second, and at once when the server says something unasked. `on_change` means: look now."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._task: asyncio.Task[None] | None = None
        self._listeners: list[OnChange] = []
        self.state = SentinelState()

    def start(self, on_change: OnChange) -> Callable[[], None]:
        """Begin; `on_change` is called, on the loop, at each death, return and restart. Several may listen. What comes
        back ends the listening."""
        self._listeners.append(on_change)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="database sentinel")
        return partial(self._listeners.remove, on_change)

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    async def close(self) -> None:
        """Stop pinging. The session itself is the pool's."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None

    @property
    def armed(self) -> bool:
        """Whether a standing session could answer."""
        return self._pool.connected

    def lived_since(self, moment: float) -> bool:
        """Whether the session has answered all the while since that moment (on the loop's clock)."""
        return self.state.alive is True and self.state.since <= moment

    async def answers(self, *, deadline: float) -> bool:
        """Whether a question that begins now is answered in the standing session. No new one is opened for it."""
        try:
            await self._pool.ask(PING, deadline=deadline, connect=False)
        except (DatabaseFailed, NoSession):
            return False
        return True

    async def _run(self) -> None:
        pause = 0.0
        while True:
            try:
                await self._ping()
            except NoSession:
                await asyncio.sleep(_EVERY)  # statistics kept the session busy: that says nothing about the server
                continue
            except DatabaseFailed as error:
                self._publish(replace(self.state, alive=False, backend_pid=None, reason=error.failure.reason))
                pause = _next_pause(pause, error.failure)
                await asyncio.sleep(pause)
                continue
            pause = 0.0
            await self._pool.stir(at_most=_EVERY)

    async def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        limit = _LIMIT if self._pool.connected else _LOGIN_LIMIT
        answer = await self._pool.ask(PING, deadline=loop.time() + limit)
        self._publish(
            replace(
                self.state,
                alive=True,
                last_answer_at=loop.time(),
                backend_pid=self._pool.backend_pid,
                server_started_at=float(answer[0]),
                reason="",
            )
        )

    def _publish(self, state: SentinelState) -> None:
        loop = asyncio.get_running_loop()
        before = self.state
        if state.alive is not before.alive:
            state = replace(state, since=loop.time())
        self.state = state
        restarted = state.server_started_at != before.server_started_at
        if before.alive is not None and (state.alive is not before.alive or restarted):
            for listener in self._listeners:
                loop.call_soon(listener, state)  # its bugs must not end the pinging


def _next_pause(before: float, failure: Failure) -> float:
    """Until the next login: longer each time, but for those that have waited for an answer already."""
    if failure.status is Status.CRITICAL:
        return _PAUSE_WHEN_REFUSED
    if failure.reason == "timeout":
        return _FIRST_PAUSE
    return min(_LONGEST_PAUSE, max(_FIRST_PAUSE, before * 2))
