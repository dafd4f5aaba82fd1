"""The second law: one cause, one page, in a simulated world."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.model import NoticeKind
from tests.core.test_laws import law
from tests.core.world import late_world, world

SEEDS = st.integers(0, 2**32 - 1)
EDGES = st.integers(0, 2**15 - 1)
SIZES = st.integers(1, 6)


@law
@given(SEEDS, EDGES, SIZES)
def test_law_2_one_cause_one_page(seed: int, edges: int, size: int) -> None:
    """The root's failing look always ends in time here, because the hold is longer than a look. So whatever the order
    of events: one notice that it opened, naming the root, and one that it is over."""
    sim = world(seed, edges, size)
    sim.run(sim.fault.ended + 75)
    assert [incident.root for incident in sim.told(NoticeKind.OPENED)] == [sim.fault.root]
    assert [incident.root for incident in sim.told(NoticeKind.RESOLVED)] == [sim.fault.root]
    assert len(sim.notices) == 2
    assert all(incident.resolved_at is not None for incident in sim.state.incidents)


@law
@given(SEEDS, EDGES, SIZES)
def test_law_2_a_root_that_shows_too_late_adopts_what_was_told(seed: int, edges: int, size: int) -> None:
    """The hold is shorter than the root's look. In the end there is one incident all the same, and whoever was told
    that something opened is told that it is over."""
    sim = late_world(seed, edges, size)
    sim.run(sim.fault.ended - 1)
    told = {incident.id for incident in sim.told(NoticeKind.OPENED)}
    unadopted = [each for each in sim.state.incidents if each.resolved_at is None and each.adopted_by is None]
    assert [each.root for each in unadopted] == [sim.fault.root]
    others = {each.id for each in sim.state.incidents if each.resolved_at is None} - {unadopted[0].id}
    assert others <= told
    assert others <= {incident.id for incident in sim.told(NoticeKind.UPDATED) if incident.adopted_by}
    sim.run(sim.fault.ended + 75)
    assert {each.id for each in sim.told(NoticeKind.OPENED)} == {each.id for each in sim.told(NoticeKind.RESOLVED)}
