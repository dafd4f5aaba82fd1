"""Everything that is published: takes what happened, answers scrapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from monitor.checks.base import Check
from monitor.core.model import Event, Observation, Plan, State
from monitor.heartbeat import Sent
from monitor.metrics.beliefs import Beliefs
from monitor.metrics.body import Blocks, Owner
from monitor.metrics.catalogue import GENERIC, kind_specific
from monitor.metrics.channels import channel_metrics
from monitor.metrics.check_series import CheckSeries
from monitor.metrics.exposition import preferred
from monitor.metrics.own import Failing, OwnNumbers, Recording
from monitor.standings import Standing

Checks: TypeAlias = Mapping[str, Sequence[Check]]


class Metrics:
    """The checks' numbers, what is believed, and how the monitor itself is.

    A value that we do not have is absent, never 0. A look is rendered when it ends; a scrape joins what is there.
    """

    def __init__(self, checks: Checks, version: str) -> None:
        self._blocks = Blocks(GENERIC)
        self._series: dict[Owner, CheckSeries] = {}
        self._beliefs = Beliefs(self._blocks)
        self._own = OwnNumbers(version)
        self.reload(checks)

    def reload(self, checks: Checks) -> None:
        """From now on these are the checks. One that stayed as it was keeps its numbers; the others' vanish at once.
        Raises ValueError when two kinds give one metric different meanings."""
        self._blocks.declare(kind_specific(check for each in checks.values() for check in each))
        planned = {
            Owner(service, check.label): (check, distinct)
            for service, each in checks.items()
            for check, distinct in _told_apart(each)
        }
        for owner, series in list(self._series.items()):
            if planned.get(owner) != (series.check, series.distinct):
                del self._series[owner]
                self._blocks.drop(owner)
        for owner, (check, distinct) in planned.items():
            if owner not in self._series:
                self._series[owner] = CheckSeries(owner.service, check, distinct=distinct, blocks=self._blocks)

    def watch_reloads(self, newest: Callable[[], tuple[bool, float]]) -> None:
        """Ask this at each scrape whether the newest configuration was taken, and when one was taken last."""
        self._own.reloads = newest

    def looked(self, observation: Observation) -> None:
        """Publish what a look brought back. A look of a check that has left meanwhile comes too late."""
        series = self._series.get(Owner(observation.service, observation.check))
        if series:
            series.looked(observation)

    def changed(self, plan: Plan, state: State, events: Iterable[Event], now: float) -> None:
        """Publish what is believed from `now` on."""
        self._beliefs.changed(plan, state, events, now)

    def skipped(self, reason: str) -> None:
        """A look was due and not begun."""
        self._own.skipped[reason] += 1

    def lag(self, seconds: float) -> None:
        """How late the loop was just now."""
        self._own.lags.append(seconds)

    def notice(self, channel: str, kind: str, outcome: str) -> None:
        """One try to hand a notice over."""
        self._own.notices[channel, kind, outcome] += 1

    def watch_watchers(
        self, *, watched: Callable[[], Mapping[str, int]], events: Callable[[], Mapping[str, int]]
    ) -> None:
        """Ask these at each scrape, by the kind of sign, how much is watched and how many signs there were."""
        self._own.watchers = lambda: (watched(), events())

    def watch_channels(
        self,
        standings: Callable[[], Iterable[Standing]],
        *,
        refresh_failures: Callable[[], Mapping[str, int]],
        now: Callable[[], float],
    ) -> None:
        """Ask these at each scrape how the channels stand, and how often each could not be told again."""
        self._own.channels = lambda: channel_metrics(standings(), now())
        self._own.refresh_failures = refresh_failures

    def watch_upkeep(self, *, store: Failing, history: Recording, heartbeat: Callable[[], Sent | None]) -> None:
        """Ask these at each scrape how often the store and the history failed, and what came of the signs of life; None
        where nobody expects one."""
        self._own.store, self._own.history = store, history
        self._own.heartbeat = heartbeat

    def render(self, accept: str | None, *, compress: bool = False) -> tuple[bytes, str]:
        """The answer to a scrape (as gzip if wanted) and its content type."""
        form = preferred(accept)
        self._beliefs.publish()
        self._own.incidents = self._beliefs.incidents
        body, tail = self._blocks.body(form), self._own.text(form)
        return (body.gzip(tail) if compress else body.plain + tail), form.value


def _told_apart(checks: Sequence[Check]) -> Iterator[tuple[Check, bool]]:
    """Whether a check's own metrics need the label `check`: it has a name of its own, or an earlier check of the
    service publishes one of the same metrics. So no two checks can ever publish the same series."""
    taken: set[str] = set()
    for check in checks:
        metrics = {family.metric for family in check.families}
        yield check, check.name is not None or not taken.isdisjoint(metrics)
        taken |= metrics
