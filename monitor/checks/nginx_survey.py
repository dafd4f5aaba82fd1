"""All questions of one look, side by side under one deadline: peers first, then Nginx, which must not suffer from it.

A request that Nginx gives up waiting for marks the peer as failed, and then real users are refused. So a route is asked
for less long than Nginx waits, and not at all while its peers are silent or slow; when they refuse, it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from monitor.checks.nginx_plan import RoutePlan, certificate_question, own_questions, status_question
from monitor.checks.nginx_verdicts import PeerLook, RouteLook
from monitor.sources.nginx_conf import Configuration
from monitor.sources.nginx_probe import WITHHELD, Outcome, Question, ask
from monitor.sources.nginx_status import StubStatus, parse_stub_status
from monitor.sources.resolver import Resolver

DIRECT_SHARE: Final = 0.55
"""Of the time that is left, for the peers; the rest is for Nginx."""

RESERVE_SECONDS: Final = 0.5
"""At the end, for the logs."""

PATIENCE: Final = 0.8
"""Of the time that Nginx waits for a peer, we wait at most this share."""

SLOW: Final = 0.7
"""A peer that needs this share of the time which we would wait is not asked through Nginx."""

UNSURE_SECONDS: Final = 1.0
"""When nothing has come through Nginx until then, or all has been asked before that, Nginx itself is asked."""

AT_ONCE: Final = 50
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Survey:
    """What came back. `own`: what Nginx was asked for itself; `certificates` as they are served, by name."""

    routes: tuple[RouteLook, ...]
    status: StubStatus | None
    own: tuple[Outcome, ...]
    certificates: Mapping[str, bytes]

    @property
    def through(self) -> tuple[Outcome, ...]:
        """Everything that was asked of Nginx and says something of it."""
        asked = [*(each.via for each in self.routes), *self.own]
        return tuple(each for each in asked if each.answered or each.failed or each.stalled)


async def survey(
    configuration: Configuration, plans: Iterable[RoutePlan], *, resolver: Resolver, deadline: float
) -> Survey:
    """Ask everything. Over before `deadline` (on the loop's clock)."""
    return await _Asking(configuration, resolver, deadline).run(tuple(plans))


class _Asking:
    def __init__(self, configuration: Configuration, resolver: Resolver, deadline: float) -> None:
        now = asyncio.get_running_loop().time()
        self._configuration = configuration
        self._resolver = resolver
        self._end = max(now, deadline - RESERVE_SECONDS)
        self._direct_end = now + (self._end - now) * DIRECT_SHARE
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answered = False
        self._sure = asyncio.Event()

    async def run(self, plans: tuple[RoutePlan, ...]) -> Survey:
        questions = {each.question for plan in plans for each in plan.peers}
        async with asyncio.TaskGroup() as group:
            direct = {each: group.create_task(self._ask(each, self._direct_end)) for each in questions}
            routes = [group.create_task(self._route(each, direct)) for each in plans]
            status = group.create_task(self._status())
            group.create_task(self._all_asked({*routes, status}))
            own = group.create_task(self._own())
            certificates = group.create_task(self._certificates())
        numbers, page = status.result()
        return Survey(
            tuple(each.result() for each in routes),
            numbers,
            (*([page] if page else []), *own.result()),
            certificates.result(),
        )

    async def _ask(self, question: Question, end: float) -> Outcome:
        async with self._room:
            return await ask(question, resolver=self._resolver, deadline=end)

    async def _route(self, plan: RoutePlan, direct: Mapping[Question, asyncio.Task[Outcome]]) -> RouteLook:
        peers = tuple([PeerLook(each, await direct[each.question]) for each in plan.peers])
        now = asyncio.get_running_loop().time()
        patience = min(self._end - now, plan.route.read_timeout * PATIENCE)
        if plan.question is None or _is_better_left(plan, peers, patience):
            return RouteLook(plan, peers, WITHHELD)
        via = await self._ask(plan.question, now + patience)
        self._heard(via)
        return RouteLook(plan, peers, via)

    async def _status(self) -> tuple[StubStatus | None, Outcome | None]:
        """The counters, from the first page that shows them."""
        last = None
        for page in self._configuration.status_pages:
            question = status_question(page)
            if question is None:
                continue
            last = await self._ask(question, self._end)
            self._heard(last)
            if last.answered and (numbers := parse_stub_status(last.body)) is not None:
                return numbers, last
        return None, last

    def _heard(self, outcome: Outcome) -> None:
        if outcome.answered:
            self._answered = True
            self._sure.set()

    async def _all_asked(self, tasks: Iterable[asyncio.Task[Any]]) -> None:
        """Where nobody answers at all, nothing more is to be waited for."""
        await asyncio.wait(tuple(tasks))
        self._sure.set()

    async def _own(self) -> tuple[Outcome, ...]:
        """Only when nothing else says whether Nginx answers: each such request is a line in its access log."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(UNSURE_SECONDS, max(0.0, self._end - asyncio.get_running_loop().time()))):
                await self._sure.wait()
        if self._answered:
            return ()
        questions = own_questions(self._configuration)
        return tuple(await asyncio.gather(*(self._ask(each, self._end) for each in questions)))

    async def _certificates(self) -> dict[str, bytes]:
        """One handshake for each certificate, under the first of its names."""
        found = dict[str, bytes]()
        for each in self._configuration.certificates:
            name = each.names[0] if each.names else ""
            question = certificate_question(each.listens, name)
            if question is None or name in found:
                continue
            outcome = await self._ask(question, self._end)
            if outcome.certificate is not None:
                found[name] = outcome.certificate
        return found


def _is_better_left(plan: RoutePlan, peers: tuple[PeerLook, ...], patience: float) -> bool:
    """Whether asking through Nginx could make it mark a peer as failed, or tell nothing."""
    if any(each.outcome.stalled or each.outcome.seconds > SLOW * patience for each in peers):
        return True
    several = any(len(target.peers) > 1 for target in plan.route.targets)
    return several and any((each.outcome.status or 0) >= _SERVER_ERROR for each in peers)
