"""The ten laws of the core, each over random stories.

The stories are the same in every run, so that a red build is the fault of the change; to look for new ones, run
`python -m tests.core.explore`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings

from monitor.core.model import (
    AddMaintenance,
    AddSilence,
    AlertOpened,
    AlertResolved,
    Blind,
    EndMaintenance,
    EndSilence,
    Incident,
    NoticeKind,
    Observation,
    ResolveAlert,
    Settled,
    Status,
    StatusChanged,
)
from monitor.core.step import begin, step
from tests.core.random_stories import Step, Tale, above, failing_metrics, open_incidents, tales, tell

EXAMPLES = 1000
law = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

OPENING = (NoticeKind.OPENED, NoticeKind.FLAPPING)


def _is_told(incident: Incident) -> bool:
    return any(told.kind in OPENING for told in incident.told)


def _is_excused(settled: Settled) -> bool:
    """Resolved by hand, and no look that began later has failed."""
    if settled.dismissed_at is None:
        return False
    return settled.looked_at <= settled.dismissed_at or not settled.recent[-1].failing


# 1 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_1_an_incident_opens_once_and_resolves_once(tale: Tale) -> None:
    """Resolved by hand and still failing: the next failing look opens a new one that says what it reopens."""
    said: Counter[tuple[str, NoticeKind, str]] = Counter()
    alerts: Counter[tuple[type, str]] = Counter()
    ended: set[str] = set()
    for each in tell(tale, healed=True):
        for notice, channels in each.told:
            assert notice.incident.id not in ended, "nothing is said after the end"
            for channel in channels:
                said[notice.incident.id, notice.kind, channel] += 1
            if notice.kind is NoticeKind.RESOLVED:
                assert _is_told(notice.incident)
                ended.add(notice.incident.id)
        for event in each.events:
            if isinstance(event, AlertOpened | AlertResolved):
                alerts[type(event), event.alert.id] += 1
        _reopens(each)
        ids = [incident.id for incident in each.after.incidents]
        assert len(ids) == len(set(ids))
    assert all(n == 1 for (_, kind, _), n in said.items() if kind in (NoticeKind.OPENED, NoticeKind.RESOLVED))
    assert all(n == 1 for n in alerts.values())
    assert all((AlertResolved, alert) in alerts for _, alert in alerts)


def _reopens(each: Step) -> None:
    """A new incident that the failing look of something resolved by hand opens says which one that was in."""
    known = {incident.id for incident in each.before.incidents}
    opened = [event for event in each.events if isinstance(event, AlertOpened)]
    for event in opened[:1]:
        before = each.before.services[event.alert.service].checks[event.alert.check].settled
        dismissed = before.get(event.alert.metric or "", Settled()).dismissed_from
        incident = next(i for i in each.after.incidents if any(a.id == event.alert.id for a in i.alerts))
        if incident.id not in known:
            assert incident.reopens == dismissed


# 3 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_3_silence_is_always_somebody_elses_page(tale: Tale) -> None:
    """Whatever fails is in an open incident; and an incident is silent only for a reason."""
    for each in tell(tale):
        homes = {
            (alert.service, alert.check, alert.metric or ""): incident
            for incident in open_incidents(each.after)
            for alert in incident.alerts
            if alert.resolved_at is None and incident.adopted_by is None
        }
        failing = {(name, check, metric): s for name, check, metric, s in failing_metrics(each.plan, each.after)}
        assert homes.keys() == {key for key, settled in failing.items() if key in homes or not _is_excused(settled)}
        for incident in open_incidents(each.after):
            assert _is_told(incident) or any(_reasons_for_silence(each, incident))


def _reasons_for_silence(each: Step, incident: Incident) -> Iterator[bool]:
    root = each.after.services[incident.root]
    yield each.now < incident.hold_until
    yield _is_muted(each, incident)
    yield not root.status.failing and (incident.settling_until is not None or root.flapping)
    yield all(  # its newest looks were good, so the next one decides
        not settled.recent[-1].failing and each.after.services[name].checks[check].blind_since is None
        for name, check, _, settled in failing_metrics(each.plan, each.after)
        if name == incident.root
    )
    yield incident.adopted_by is not None
    if incident.settling_until is not None:
        yield each.now < incident.settling_until


def _is_muted(each: Step, incident: Incident) -> bool:
    said = {"service": incident.root, "severity": incident.severity.value}
    worked_on = any(m.service == incident.root and m.starts_at <= each.now < m.ends_at for m in each.after.maintenance)
    return worked_on or any(
        s.starts_at <= each.now < s.ends_at and all(said.get(key) == value for key, value in s.matchers.items())
        for s in each.after.silences
    )


# 4 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_4_time_standing_still_changes_nothing(tale: Tale) -> None:
    for each in tell(tale):
        state, events = step(each.plan, each.after, each.now, None)
        assert state is each.after
        assert events == ()


# 5 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_5_same_story_same_ending(tale: Tale) -> None:
    """Also when the monitor is restarted before every single step: all it needs to know is in the state."""
    told = list(tell(tale))
    again = tell(tale)
    state = None
    for each in told:
        state, events = step(each.plan, begin(each.plan, state or each.before, each.now), each.now, each.input)
        assert events == each.events == next(again).events
    assert state == told[-1].after


# 6 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_6_blind_neither_breaks_nor_heals(tale: Tale) -> None:
    """Unknown replaces only healthy; a broken service keeps its status and says why we are blind; unknown opens
    nothing."""
    for each in tell(tale):
        look = each.input if isinstance(each.input, Observation) else None
        for name, known in each.after.services.items():
            before, after = each.before.services[name].checks["look"], known.checks["look"]
            for metric, settled in before.settled.items():
                if settled.status.failing and metric in after.settled:
                    assert after.settled[metric].status is not Status.UNKNOWN
            if look is None or look.service != name or isinstance(look.result, Blind):
                _stays(each, name)
        if look and isinstance(look.result, Blind):
            assert each.after.services[look.service].checks["look"].blind_reason == look.result.reason


def _stays(each: Step, name: str) -> None:
    """Without a look that saw it, nothing of a service changes but that what was healthy becomes unknown."""
    before, after = each.before.services[name], each.after.services[name]
    assert after.status is before.status or (before.status, after.status) == (Status.HEALTHY, Status.UNKNOWN)
    for metric, settled in before.checks["look"].settled.items():
        if settled.status.failing:
            assert after.checks["look"].settled[metric].status is settled.status
    for event in each.events:
        assert not isinstance(event, AlertOpened) or event.alert.service != name
        by_hand = isinstance(each.input, ResolveAlert)
        assert by_hand or not isinstance(event, AlertResolved) or event.alert.service != name


# 7 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_7_what_was_told_is_never_untold(tale: Tale) -> None:
    """Whoever was told that it opened is told that it is over, whatever is muted at that moment."""
    opened: set[str] = set()
    resolved: set[str] = set()
    for each in tell(tale, healed=True):
        for notice in each.notices:
            (resolved if notice.kind is NoticeKind.RESOLVED else opened).add(notice.incident.id)
    assert opened == resolved


# 8 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_8_a_mute_mutes_notices_not_state(tale: Tale) -> None:
    """With and without silences and maintenance the same is believed; and a muted root is not spoken of, but for the
    end of what was told. (That it is told when the mute ends, still broken, is law 3.)"""
    orders = AddSilence | AddMaintenance | EndSilence | EndMaintenance
    muted = [each for each in tell(tale, by_hand=False) if not isinstance(each.input, orders)]
    loud = [each for each in tell(tale, by_hand=False, mutes=False) if not isinstance(each.input, orders)]
    for quiet, other in zip(muted, loud, strict=True):
        assert quiet.input == other.input
        assert _believed(quiet) == _believed(other)
    for each in muted:
        for notice in each.notices:
            assert notice.kind is NoticeKind.RESOLVED or not _is_muted(each, notice.incident)


def _believed(each: Step) -> object:
    alerts = {
        (alert.service, alert.check, alert.metric, alert.status, incident.root)
        for incident in open_incidents(each.after)
        for alert in incident.alerts
        if alert.resolved_at is None
    }
    changes = [event for event in each.events if isinstance(event, StatusChanged)]
    return {name: known.status for name, known in each.after.services.items()}, alerts, changes


# 9 ------------------------------------------------------------------------------------------------------------------


@law
@given(tales(flapping=True, longest=40))
def test_law_9_flapping_is_told_once_and_the_next_notice_comes_when_it_has_settled(tale: Tale) -> None:
    told: Counter[str] = Counter()
    for each in tell(tale):
        (name,) = each.plan.services
        was, now = each.before.services[name].flapping, each.after.services[name].flapping
        if not was:
            told.clear()
        if now:
            kinds = {notice.kind for notice in each.notices}
            by_hand = isinstance(each.input, ResolveAlert)
            assert by_hand or kinds <= {NoticeKind.FLAPPING}
            told.update(channel for _, channels in each.told for channel in channels)
            if by_hand:
                told.clear()
            assert all(times == 1 for times in told.values())
            _flapping_is_told(each)
        elif was:
            for incident in open_incidents(each.after):
                assert not incident.flapping or _is_muted(each, incident), "it has settled, and people are told"


def _flapping_is_told(each: Step) -> None:
    for incident in open_incidents(each.after):
        if _is_told(incident) and not _is_muted(each, incident):
            assert incident.flapping


# 10 -----------------------------------------------------------------------------------------------------------------


@law
@given(tales())
def test_law_10_what_an_opened_notice_names_is_failing_at_that_instant(tale: Tale) -> None:
    """The root and every alert are failing; impacted are the root's transitive dependants, each with its status."""
    for each in tell(tale):
        failing = {(name, check, metric) for name, check, metric, _ in failing_metrics(each.plan, each.after)}
        for notice in each.notices:
            root, impacted = notice.incident.root, set(notice.incident.impacted)
            assert impacted == {name for name in each.plan.services if root in above(each.plan, name)}
            assert {root, *impacted} <= notice.statuses.keys()
            for name, status in notice.statuses.items():
                assert status in (each.after.services[name].status, Status.MAINTENANCE)
            if notice.kind is NoticeKind.OPENED:
                assert notice.statuses[root].failing
                assert notice.incident.alerts
                for alert in notice.incident.alerts:
                    assert alert.resolved_at is None
                    assert (alert.service, alert.check, alert.metric or "") in failing
                    assert alert.service in {root, *impacted}
