"""Whether what is found now takes the place of the cause that an incident has: never by one that tells less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.core.causes import RULES
from monitor.core.causes.scene import Scene
from monitor.core.model import Confidence, Diagnosis, Incident

_PROCESS_FAULTS: Final = frozenset({"process_crash_loop", "process_gave_up", "process_killed"})

AFTERMATH: Final[Mapping[str, frozenset[str]]] = {
    "process_stopped": _PROCESS_FAULTS,
    "process_missing": _PROCESS_FAULTS,
}
"""What people do to mend is no cause: whoever mends an app may stop it first, or take it out of PM2."""

_ORDER: Final = {rule.__name__: number for number, rule in enumerate(RULES)}


def better(incident: Incident, new: Diagnosis, scene: Scene) -> Diagnosis:
    """Surer wins. As sure wins if it is the same in other words, if it explains more, standing higher among the rules,
    or if the sign that the old one rests on is gone. And it wins once: two causes that take turns are told once
    each."""
    old = incident.diagnosis
    if old is None:
        return new
    if old.cause in AFTERMATH.get(new.cause, ()):
        return old
    if new.confidence.rank > old.confidence.rank:
        return new
    if new.confidence.rank < old.confidence.rank:
        return old
    if new.cause == old.cause:
        return old if new.summary.key == old.summary.key else new
    explains_more = _ORDER[new.cause] < _ORDER.get(old.cause, len(RULES))
    wins = explains_more or (new.confidence is not Confidence.POSSIBLE and _is_outdated(old, scene))
    return new if wins and all(each.cause != new.cause for each in incident.told) else old


def _is_outdated(diagnosis: Diagnosis, scene: Scene) -> bool:
    """Whether nothing fails any longer in the way that led to it."""
    return all(sign.course != diagnosis.rests_on for sign in scene.signs)
