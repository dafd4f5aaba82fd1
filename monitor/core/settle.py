"""From verdicts over time to the status we believe: confirmation, recovery, grace, and growing stale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from monitor.core.judge import LOOK, Verdict
from monitor.core.model import CheckPlan, CheckState, Observation, Settled, Status, Trouble

EPISODES: Final = 3
EPISODES_WINDOW: Final = 600.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """Seconds between the looks of a confirmation, and (at most) of a recovery."""

    confirm: float
    recover: float


@dataclass(frozen=True, slots=True)
class Planned:
    """The ends of the grace of a planned restart: of the service's own, and of the latest among those that it depends
    on, which excuses only what tells of them. 0: there was none."""

    own: float = 0.0
    around: float = 0.0

    def until(self, trouble: Trouble | None) -> float:
        """Until when this trouble does not count."""
        return max(self.own, self.around) if trouble and trouble.of_dependency else self.own


@dataclass(frozen=True, slots=True)
class _Counted:
    """A look's trouble after grace. `lasting`: it has outlived its grace, which is confirmation enough."""

    trouble: Trouble | None
    lasting: bool = False

    @property
    def status(self) -> Status:
        return self.trouble.status if self.trouble else Status.HEALTHY


def settle(
    known: CheckState, verdict: Verdict, observation: Observation, *, plan: CheckPlan, planned: Planned
) -> CheckState:
    """Take in a look that saw something. A metric of which it does not speak stays as it is."""
    settled = dict(known.settled)
    for metric, trouble in verdict.troubles.items():
        settled[metric] = _settle_one(
            settled.get(metric, Settled()),
            trouble,
            verdict.certain if metric == LOOK else None,
            observation=observation,
            plan=plan,
            planned=planned,
        )
        past = verdict.past.get(metric, {})
        if past != settled[metric].past:
            settled[metric] = replace(settled[metric], past=past)
    return replace(
        known, settled=settled, last=observation, seen_at=observation.ended, blind_since=None, blind_reason=None
    )


def _settle_one(
    before: Settled,
    trouble: Trouble | None,
    certain: Trouble | None,
    *,
    observation: Observation,
    plan: CheckPlan,
    planned: Planned,
) -> Settled:
    began = observation.began
    if began < planned.until(certain):
        certain = None
    hidden = began < planned.until(trouble)
    after = _with_run(before, trouble, began, planned=hidden)
    if hidden and trouble and not certain and before.status.failing:
        return replace(after, looked_at=began)  # what a plan hides is not worse than before, but not mended either
    counted = _past_grace(after, trouble, certain, began=began, hidden=hidden)
    recent = (*before.recent, counted.status)[-max(plan.confirm, plan.recover) :]
    status = _believe(before.status, recent, plan, at_once=observation.exhausted or counted.lasting)
    kept = (counted.trouble or before.trouble) if status.failing else None
    return replace(
        after,
        status=status,
        since=before.since if status is before.status else observation.ended,
        recent=recent,
        trouble=kept,
        looked_at=began,
        dismissed_at=before.dismissed_at if status.failing else None,
        dismissed_from=before.dismissed_from if status.failing else None,
    )


def _with_run(before: Settled, trouble: Trouble | None, began: float, *, planned: bool) -> Settled:
    """A run that was planned is no episode: three deployments in ten minutes are no trouble."""
    if trouble is None:
        return replace(before, failing_since=None)
    if before.failing_since is not None:
        return before
    episodes = before.episodes if planned else (*before.episodes, began)[-EPISODES:]
    return replace(before, failing_since=began, episodes=episodes)


def _past_grace(
    run: Settled, trouble: Trouble | None, certain: Trouble | None, *, began: float, hidden: bool
) -> _Counted:
    """What somebody is mending counts once it has lasted or keeps coming back; a planned restart hides everything of
    its own service, and of others what tells of that service."""
    if trouble is None or hidden:
        return _Counted(certain)
    if not trouble.grace_seconds:
        return _Counted(trouble, lasting=trouble.lasted)
    lasted = run.failing_since is not None and began - run.failing_since >= trouble.grace_seconds
    repeated = len(run.episodes) == EPISODES and began - run.episodes[0] <= EPISODES_WINDOW
    return _Counted(trouble, lasting=True) if lasted or repeated else _Counted(certain)


def _believe(before: Status, recent: tuple[Status, ...], plan: CheckPlan, *, at_once: bool) -> Status:
    """Worse: as bad as the mildest of the last `confirm` looks. Better: as good as the worst of the last `recover`,
    or of as many as there are."""
    confirming = recent[-1:] if at_once else recent[-plan.confirm :]
    mildest = min(confirming, key=_rank)
    if mildest.rank > before.rank and (at_once or len(confirming) == plan.confirm):
        return mildest
    worst = max(recent[-plan.recover :], key=_rank)
    return worst if worst.rank < before.rank else before


def _rank(status: Status) -> int:
    return status.rank


def unconfirmed(known: CheckState) -> bool:
    """Whether the newest look says worse than we believe: one more look decides."""
    return any(worsening(each) for each in known.settled.values())


def worsening(each: Settled) -> bool:
    """Whether the newest look says worse than we believe."""
    return bool(each.recent) and each.recent[-1].rank > max(each.status.rank, 1)


def improving(each: Settled) -> bool:
    """Whether the newest look says better than we believe."""
    return bool(each.recent) and each.recent[-1].rank < each.status.rank


def next_look(
    known: CheckState, verdict: Verdict, *, plan: CheckPlan, planned: Planned, now: float, gaps: Gaps
) -> float | None:
    """When this check is wanted again before its time: to confirm, to see a recovery through, or as a grace ends."""
    wishes = []
    if unconfirmed(known):
        wishes.append(now + gaps.confirm)
    if any(improving(each) for each in known.settled.values()):
        wishes.append(now + min(plan.every, gaps.recover))
    for metric, trouble in verdict.troubles.items():
        since = known.settled[metric].failing_since
        if trouble and since is not None:
            end = max(since + trouble.grace_seconds, planned.until(trouble))
            wishes.extend([end] if now < end < now + plan.every else [])
    if verdict.due is not None and now < verdict.due < now + plan.every:
        wishes.append(verdict.due)
    return min(wishes, default=None)


def blind(known: CheckState, observation: Observation, reason: str) -> CheckState:
    """Losing sight of a broken service does not mend it, and of a healthy one does not break it."""
    since = observation.ended if known.blind_since is None else known.blind_since
    return replace(known, last=observation, blind_since=since, blind_reason=reason)


def stale(known: CheckState, *, plan: CheckPlan, now: float) -> CheckState:
    """What was healthy is unknown once nothing was seen for `stale_after`; what was failing stays failing."""
    if known.seen_at is None or now - known.seen_at <= plan.stale_after:
        return known
    healthy = [metric for metric, each in known.settled.items() if each.status is Status.HEALTHY]
    if not healthy:
        return known
    left = {metric: each for metric, each in known.settled.items() if metric not in healthy}
    if LOOK in healthy:
        old = known.settled[LOOK]
        left[LOOK] = replace(old, status=Status.UNKNOWN, since=now, recent=(), trouble=None)
    return replace(known, settled=left)


def excused(known: CheckState, since: float) -> CheckState:
    """Take back what began to fail since then: it was a planned restart, found out after the fact."""
    taken = {
        metric: replace(
            each,
            status=Status.HEALTHY,
            recent=(Status.HEALTHY,),
            trouble=None,
            episodes=tuple(began for began in each.episodes if began < since),
            dismissed_at=None,
            dismissed_from=None,
            past={},
        )
        for metric, each in known.settled.items()
        if each.failing_since is not None and each.failing_since >= since
    }
    return replace(known, settled={**known.settled, **taken}) if taken else known


def worst(checks: Iterable[CheckState]) -> Status:
    """What the checks together say of their service; one that has shown nothing yet is unknown."""
    statuses = [each.status for known in checks for each in known.settled.values()]
    statuses.extend(Status.UNKNOWN for known in checks if LOOK not in known.settled)
    return max(statuses, key=_rank, default=Status.UNKNOWN)
