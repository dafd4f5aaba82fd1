"""Who is told: which channels an incident concerns, which of them know of it, and whether somebody is on it."""

from __future__ import annotations

from typing import Final

from monitor.core.model import ChannelPlan, Incident, NoticeKind
from monitor.core.roots import members
from monitor.core.turn import Turn

OPENING: Final = (NoticeKind.OPENED, NoticeKind.FLAPPING)


def is_told(incident: Incident) -> bool:
    """Whether people know of it."""
    return any(each.kind in OPENING for each in incident.told)


def heard(turn: Turn, incident: Incident) -> tuple[str, ...]:
    """The channels that know of it. They hear whatever comes later. One that has left the configuration since is told
    no more of how it goes on."""
    known = _known(incident)
    return tuple(each.label for each in turn.plan.channels if each.label in known)


def heard_ever(turn: Turn, incident: Incident) -> tuple[str, ...]:
    """With those that have left the configuration since: that it is over is for everybody who knows of it, and waits
    for one that comes back."""
    return tuple(dict.fromkeys((*heard(turn, incident), *_known(incident))))


def _known(incident: Incident) -> dict[str, None]:
    return dict.fromkeys(label for each in incident.told if each.kind in OPENING for label in each.channels)


def audience(turn: Turn, incident: Incident) -> tuple[str, ...]:
    """The channels that it concerns at this moment."""
    return tuple(
        each.label for each in turn.plan.channels if _concerns(each, incident) and _is_time(turn, each, incident)
    )


def late(turn: Turn, incident: Incident) -> tuple[str, ...]:
    """The channels that it concerns by now, but not yet when people were told: it has grown worse, has taken a service
    of theirs along, or nobody has done anything about it for so long."""
    known = heard(turn, incident)
    return tuple(label for label in audience(turn, incident) if label not in known)


def _concerns(channel: ChannelPlan, incident: Incident) -> bool:
    if incident.severity not in channel.severities:
        return False
    return not channel.services or not {incident.root, *members(incident)}.isdisjoint(channel.services)


def _is_time(turn: Turn, channel: ChannelPlan, incident: Incident) -> bool:
    if not channel.after:
        return True
    known_since = next((each.at for each in incident.told if each.kind in OPENING), turn.now)
    return turn.now >= known_since + channel.after and not is_acknowledged(incident)


def is_acknowledged(incident: Incident) -> bool:
    """Whether somebody is on everything that is wrong with its root; what that takes along is no new question."""
    alerts = [alert for alert in incident.alerts if alert.resolved_at is None]
    asked = [alert for alert in alerts if alert.service == incident.root] or alerts
    return bool(asked) and all(alert.acknowledged_at is not None for alert in asked)
