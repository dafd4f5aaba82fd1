"""What is only info or error is shown and pages nobody, in any story; the other laws hold beside it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from monitor.core.model import QUIET, NoticeKind, Plan, Threshold
from tests.core.random_stories import Tale, open_incidents, tales, tell

LOUD_OR_QUIET = Threshold("cpu", None, None, "ratio", info=0.5, error=0.9)
law = settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def quiet(plan: Plan) -> Plan:
    """The same, but heat is nothing to be woken for."""
    services = {
        name: replace(each, checks=tuple(replace(check, thresholds=(LOUD_OR_QUIET,)) for check in each.checks))
        for name, each in plan.services.items()
    }
    return replace(plan, services=services)


@law
@given(tales())
def test_law_quiet_nobody_is_told_of_what_never_pages_and_everybody_of_what_does(tale: Tale) -> None:
    """Whoever is told is told of something loud, and that it is over; whatever fails is in an open incident."""
    told: set[str] = set()
    for each in tell(replace(tale, plan=quiet(tale.plan)), mutes=False, by_hand=False, healed=True):
        for notice in each.notices:
            identity = notice.incident.id
            if notice.kind in (NoticeKind.OPENED, NoticeKind.FLAPPING) and identity not in told:
                assert any(alert.severity not in QUIET for alert in notice.incident.alerts)
                told.add(identity)
            elif notice.kind is NoticeKind.RESOLVED:
                told.remove(identity)
        failing = {name for name, known in each.after.services.items() if known.status.failing}
        concerned = {alert.service for incident in open_incidents(each.after) for alert in incident.alerts}
        assert failing <= concerned
    assert not told
    assert not open_incidents(each.after)
