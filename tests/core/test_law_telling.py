"""The laws of telling: to whom each notice goes, and when people are reminded."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.model import Alert, ChannelPlan, Incident, NoticeKind
from tests.core.random_stories import CHANNELS, Step, Tale, open_incidents, tales, tell
from tests.core.test_laws import OPENING, _is_muted, _is_told, law


@law
@given(tales(), st.none() | st.integers(0, 2 ** len(CHANNELS) - 1))
def test_law_7_a_channel_that_was_told_that_it_began_is_told_that_it_is_over_and_no_other_is(
    tale: Tale, staying: int | None
) -> None:
    """For each channel: first that it began (opened or flapping), in the end that it is over, then nothing. One that
    leaves the configuration hears nothing more but the end: should it come back, that is there for it."""
    said: dict[tuple[str, str], list[NoticeKind]] = {}
    for each in tell(tale, healed=True, staying=staying):
        configured = {channel.label for channel in each.plan.channels}
        for notice, channels in each.told:
            assert len(set(channels)) == len(channels)
            assert configured.issuperset(channels) or notice.kind is NoticeKind.RESOLVED
            for channel in channels:
                said.setdefault((channel, notice.incident.id), []).append(notice.kind)
    for kinds in said.values():
        assert kinds[0] in OPENING
        assert kinds[-1] is NoticeKind.RESOLVED
        assert kinds.count(NoticeKind.OPENED) <= 1
        assert kinds.count(NoticeKind.RESOLVED) == 1


@law
@given(tales())
def test_law_12_a_channel_hears_of_what_concerns_it_as_soon_as_it_does_and_of_nothing_else(tale: Tale) -> None:
    for each in tell(tale):
        for notice, channels in each.told:
            if notice.kind in OPENING:
                before = next((i for i in each.before.incidents if i.id == notice.incident.id), None)
                knew = _heard(before) if before else set()
                for channel in each.plan.channels:
                    if channel.label in channels and channel.label not in knew:
                        assert _concerns(channel, notice.incident, each.now)
        for incident in open_incidents(each.after):
            if _speaks(each, incident):
                unheard = {channel.label for channel in each.plan.channels if _concerns(channel, incident, each.now)}
                assert unheard <= _heard(incident)


def _heard(incident: Incident) -> set[str]:
    return {label for told in incident.told if told.kind in OPENING for label in told.channels}


def _concerns(channel: ChannelPlan, incident: Incident, now: float) -> bool:
    open_alerts = [alert for alert in incident.alerts if alert.resolved_at is None]
    services = {incident.root, *(alert.service for alert in open_alerts)}
    at_root = [alert for alert in open_alerts if alert.service == incident.root] or open_alerts
    answered = at_root and all(alert.acknowledged_by for alert in at_root)
    since = min((told.at for told in incident.told if told.kind in OPENING), default=now)
    return (
        incident.severity in channel.severities
        and (not channel.services or bool(services & set(channel.services)))
        and (channel.after == 0 or (now - since >= channel.after and not answered))
    )


def _speaks(each: Step, incident: Incident) -> bool:
    """People know of it, it is failing, and nothing mutes it."""
    return (
        _is_told(incident)
        and incident.adopted_by is None
        and not _is_muted(each, incident)
        and each.after.services[incident.root].status.failing
        and any(alert.resolved_at is None for alert in incident.alerts)
    )


@law
@given(tales())
def test_law_11_nobody_forgets_and_nobody_is_nagged(tale: Tale) -> None:
    """Told, open, failing, not muted, not flapping and nobody on it: there is never a longer silence than the reminder
    allows, and it doubles with each. Otherwise there is no reminder."""
    for each in tell(tale):
        reminded = {n.incident.id for n in each.notices if n.kind is NoticeKind.REMINDER}
        for notice in each.notices:
            if notice.kind is NoticeKind.REMINDER:
                assert _speaks_unanswered(each, notice.incident)
                assert each.plan.remind is not None
                reminder = notice.incident.told[-1]
                assert reminder.at - notice.incident.told[-2].at >= _patience(each, notice.incident) / 2
        for incident in open_incidents(each.after):
            if each.plan.remind is None:
                assert incident.id not in reminded
            elif _speaks_unanswered(each, incident):
                assert each.now - incident.told[-1].at < _patience(each, incident)


def _patience(each: Step, incident: Incident) -> float:
    assert each.plan.remind is not None
    reminders = [told for told in incident.told if told.kind is NoticeKind.REMINDER]
    return min(each.plan.remind * float(2 ** len(reminders)), 86400.0)


def _speaks_unanswered(each: Step, incident: Incident) -> bool:
    at_root = [alert for alert in _open_alerts(incident) if alert.service == incident.root]
    answered = all(alert.acknowledged_by for alert in at_root or list(_open_alerts(incident)))
    return _speaks(each, incident) and not answered and not each.after.services[incident.root].flapping


def _open_alerts(incident: Incident) -> Iterator[Alert]:
    yield from (alert for alert in incident.alerts if alert.resolved_at is None)
