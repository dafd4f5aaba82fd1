"""A page that named the cause is not followed by one that tells less: whatever looks follow, at random."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.causes import RULES
from monitor.core.diagnose import scene_of
from monitor.core.model import Diagnosis, Observation
from tests.core.scenes import PLAN, WELL, Look, Looked
from tests.core.story import World
from tests.core.test_law_causes import POOL, WRONG, law, near

__all__ = ["law"]

ORDER: Final = [rule.__name__ for rule in RULES]
FAULTS: Final = ("process_crash_loop", "process_gave_up", "process_killed")
MENDING: Final = ("process_stopped", "process_missing")


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[Look, Looked]]:
    """Something goes wrong, and then it and what is around it is looked at again and again."""
    first, bad = draw(st.sampled_from(WRONG))
    around = [look for look in near(first[0]) if look in POOL]
    seen = [(look, result) for look in around for result in (WELL[look], *POOL[look])]
    own = [each for each in seen if each[0][0] == first[0]]
    return [(first, bad), *draw(st.lists(st.sampled_from([*seen, *own, *own]), min_size=1, max_size=7))]


@law
@given(courses())
def test_law_14_what_was_told_is_not_replaced_by_what_tells_less(course: list[tuple[Look, Looked]]) -> None:
    """A cause is replaced by a surer one; or by one as sure that stands higher, or once what led to it has ended. What
    people do to mend an app replaces nothing."""
    world = World(PLAN)
    for look, result in WELL.items():
        world.take(Observation(*look, world.now, 0.0, result))
    for look, result in course:
        world.now += 20.0
        before = {each.id: (each.root, each.diagnosis) for each in world.open}
        world.take(Observation(*look, world.now, 0.0, result))
        for each in world.open:
            root, old = before.get(each.id, ("", None))
            if root == each.root and old and each.diagnosis and old.cause != each.diagnosis.cause:
                assert _may_replace(world, root, old, each.diagnosis), (old, each.diagnosis)


def _may_replace(world: World, root: str, old: Diagnosis, new: Diagnosis) -> bool:
    if old.cause in FAULTS and new.cause in MENDING:
        return False
    if new.confidence.rank != old.confidence.rank:
        return new.confidence.rank > old.confidence.rank
    check, metric, *way = old.rests_on
    led_to_it = (
        sign
        for sign in scene_of(PLAN, world.state, root).signs
        if (sign.check, sign.metric) == (check, metric) and way in ([], [sign.trouble.phase, sign.trouble.reason])
    )
    return ORDER.index(new.cause) < ORDER.index(old.cause) or next(led_to_it, None) is None
