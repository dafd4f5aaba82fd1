"""What we believe of services: looks are taken in, sight grows stale, changes are noted, flapping is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from monitor.core import changes, differences, discovery, environments, firewall_changes, hold, pools, settle, workers
from monitor.core.judge import Verdict, judge
from monitor.core.model import (
    CheckPlan,
    CheckState,
    Firewall,
    Observation,
    Plan,
    RulesChanged,
    Seen,
    ServiceState,
    Status,
    StatusChanged,
)
from monitor.core.topology import dependencies
from monitor.core.turn import Turn

CHANGES_KEPT: Final = 50

_NEVER_LOOKED: Final = CheckState()
RULE_CHANGES_KEPT: Final = 10


def take_look(turn: Turn, look: Observation) -> None:
    """Take one observation in. One of a check that is not planned, or older than the last, tells nothing."""
    plan = _check_plan(turn.plan, look)
    known = turn.check(look.service, look.check)
    if plan is None or (known.last is not None and look.began < known.last.began):
        return
    turn.observed = look.service
    verdict = judge(look, plan.thresholds, known.settled)
    if verdict.blind_reason is not None:
        turn.put_check(look.service, look.check, settle.blind(known, look, verdict.blind_reason))
        return
    before = known
    _take_dismissal(turn, look)
    known = turn.check(look.service, look.check)
    known, verdict = _take_workers(turn, look, known, verdict)
    known = _take_rules(turn, look, differences.remembered(known, look))
    known, verdict = _take_wiring(look, known, verdict)
    turn.put_check(look.service, look.check, known)
    discovery.discover(turn, known)
    planned = _planned(turn, look.service)
    for change in differences.found(look, before, known, planned=look.began < planned.own):
        changes.note(turn, change)
    verdict = _weigh_pools(turn, look, known, verdict)
    known = settle.settle(known, verdict, look, plan=plan, planned=planned)
    turn.put_check(look.service, look.check, known)
    if turn.service(look.service).first_seen_at is None:
        turn.put_service(look.service, replace(turn.service(look.service), first_seen_at=turn.now))
    gaps = settle.Gaps(turn.plan.confirm_gap, turn.plan.recover_gap)
    at = settle.next_look(known, verdict, plan=plan, planned=planned, now=turn.now, gaps=gaps)
    if at is not None:
        turn.want(look.service, look.check, at)
    if settle.unconfirmed(known):
        hold.look_ahead(turn, look.service, look.check)


def _check_plan(plan: Plan, look: Observation) -> CheckPlan | None:
    service = plan.services.get(look.service)
    return next((each for each in service.checks if each.name == look.check), None) if service else None


def _take_workers(turn: Turn, look: Observation, known: CheckState, verdict: Verdict) -> tuple[CheckState, Verdict]:
    """What PM2's workers add: unplanned restarts are counted, and a planned one excuses the whole service."""
    facts = look.result.facts if isinstance(look.result, Seen) else ()
    found = workers.workers_of(facts)
    ordered = workers.ordered(known, look, facts)
    if not found and not ordered:
        return known, verdict
    if ordered or workers.planned(known.workers, found) or workers.stopped(known.workers, facts):
        since = look.began if known.workers_at is None else known.workers_at
        _excuse(turn, look.service, since=since, until=look.began + workers.PLANNED_GRACE)
        known = turn.check(look.service, look.check)
    if not found:  # somebody took the app out of PM2: its workers stay as they were, but that order is spent
        return replace(known, workers_at=look.began), verdict
    history = workers.restarts(known, found, look.began, was_ordered=ordered)
    known = replace(known, workers=found, workers_at=look.began, restarts=history)
    known = workers.take_memory_kills(known, facts, look.began)
    loop = workers.crash_loop(found[0].app, history)
    return known, replace(verdict, troubles={**verdict.troubles, workers.RESTARTS: loop})


def _take_dismissal(turn: Turn, look: Observation) -> None:
    """Who told the supervisor to end has as long for what he is about as one who restarts an app, and no longer: an
    update has it back in seconds. Its apps end with it; they have a moment more, so that it is looked at before."""
    at = workers.dismissed(look)
    if at is None or look.began >= at + workers.PLANNED_GRACE:
        return
    since, until = at - workers.MOMENT_SECONDS, at + workers.PLANNED_GRACE
    _excuse(turn, look.service, since=since, until=until)
    for name, plan in turn.plan.services.items():
        if look.service in plan.depends_on and any(known.workers for _, known in turn.checks(name)):
            _excuse(turn, name, since=since, until=until + workers.MOMENT_SECONDS)


def _take_rules(turn: Turn, look: Observation, known: CheckState) -> CheckState:
    """What somebody changed of the firewall rules since they were last read. Those of another port or database are no
    change but a new beginning."""
    facts = look.result.facts if isinstance(look.result, Seen) else ()
    found = next((fact for fact in facts if isinstance(fact, Firewall)), None)
    if found is None:
        return known
    if known.rules_of != found.subject:
        return replace(known, rules_of=found.subject, rules=found.lines, rule_changes=())
    change = firewall_changes.change(known.rules, found.lines, at=look.began)
    known = replace(known, rules=firewall_changes.remembered(known.rules, found.lines))
    if change is None:
        return known
    turn.events.append(RulesChanged(look.service, look.check, change))
    return replace(known, rule_changes=(*known.rule_changes, change)[-RULE_CHANGES_KEPT:])


def _take_wiring(look: Observation, known: CheckState, verdict: Verdict) -> tuple[CheckState, Verdict]:
    """What workers read when they began is held against what stands there now; what their pools may ask is kept."""
    if not isinstance(look.result, Seen):
        return known, verdict
    facts = look.result.facts
    known = replace(known, pools=pools.pools_of(facts))
    found = environments.environments_of(facts)
    if not found:
        return known, verdict
    before = environments.remembered(known.environments, found)
    stale = environments.stale(before, found)
    known = replace(known, environments=before)
    return known, replace(verdict, troubles={**verdict.troubles, environments.STALE: stale})


def _weigh_pools(turn: Turn, look: Observation, known: CheckState, verdict: Verdict) -> Verdict:
    """A look at a database weighs what it has against what the pools of all apps may ask of it."""
    offer = pools.offer_of(look.result)
    if offer is None:
        return verdict
    checks = (check for name in turn.plan.services for _, check in turn.checks(name))
    asked = [each for check in checks for each in check.pools if each.database == offer.database]
    if not asked and pools.BUDGET not in known.settled:
        return verdict
    return replace(verdict, troubles={**verdict.troubles, pools.BUDGET: pools.budget(look.service, offer, asked)})


def _excuse(turn: Turn, service: str, *, since: float, until: float) -> None:
    """Somebody stopped or restarted this service between `since` and now: what began to fail since then is forgiven,
    and until `until` nothing counts."""
    before = turn.service(service)
    checks = {name: settle.excused(known, since) for name, known in before.checks.items()}
    turn.put_service(service, replace(before, checks=checks, planned_until=until))


def _planned(turn: Turn, service: str) -> settle.Planned:
    """Until when a planned restart excuses it, of its own or of one that it depends on."""
    around = (turn.service(name).planned_until or 0.0 for name in dependencies(turn.plan, service))
    return settle.Planned(own=turn.service(service).planned_until or 0.0, around=max(around, default=0.0))


def forgive_restarts(turn: Turn, service: str) -> None:
    """What a worker did while the thing it needs was broken is not held against it."""
    for name, known in turn.checks(service):
        if known.restarts:
            turn.put_check(service, name, replace(known, restarts=()))


def let_time_pass(turn: Turn) -> None:
    """Bring every service up to this moment: stale sight, the status over its checks, flapping."""
    services = {}
    for name in turn.plan.services:
        before = turn.service(name)
        after = _up_to_now(turn, name, before)
        if after is not before:
            services[name] = after
    if services:
        turn.state = replace(turn.state, services={**turn.state.services, **services})


def _up_to_now(turn: Turn, name: str, before: ServiceState) -> ServiceState:
    known = _grown_stale(turn, name, before)
    status = settle.worst(check for _, check in _checks(turn, name, known))
    if status is not known.status:
        known = _changed(turn, name, known, status)
    flapping = _flaps(known, turn.plan, turn.now)
    if flapping is not known.flapping:
        known = replace(known, flapping=flapping, steady_at=known.steady_at if flapping else turn.now)
    return known


def _checks(turn: Turn, name: str, known: ServiceState) -> list[tuple[CheckPlan, CheckState]]:
    return [(plan, known.checks.get(plan.name, _NEVER_LOOKED)) for plan in turn.plan.services[name].checks]


def _grown_stale(turn: Turn, name: str, before: ServiceState) -> ServiceState:
    grown = {}
    for plan, known in _checks(turn, name, before):
        after = settle.stale(known, plan=plan, now=turn.now)
        if after is not known:
            grown[plan.name] = after
    return replace(before, checks={**before.checks, **grown}) if grown else before


def _changed(turn: Turn, name: str, known: ServiceState, status: Status) -> ServiceState:
    turn.events.append(StatusChanged(name, known.status, status, turn.now))
    down = Status.DOWN in (known.status, status)
    return replace(
        known,
        status=status,
        since=turn.now,
        changes=(*known.changes, (turn.now, status))[-max(CHANGES_KEPT, turn.plan.flap_changes + 2) :],
        last_down_at=turn.now if down else known.last_down_at,
    )


def _flaps(known: ServiceState, plan: Plan, now: float) -> bool:
    """More than `flap_changes` into or out of trouble within the window; over after half a window without any."""
    if not known.flapping and len(known.changes) <= plan.flap_changes:
        return False
    if known.flapping:
        return now - known.changes[-1][0] < plan.flap_window / 2
    since = max(now - plan.flap_window, known.steady_at)
    count = sum(
        at > since and (before.failing or after.failing)
        for (_, before), (at, after) in zip(((0.0, Status.UNKNOWN), *known.changes), known.changes, strict=False)
    )
    return count > plan.flap_changes
