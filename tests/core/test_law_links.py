"""What is found out can neither close a circle nor undo what is configured, whatever it is."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.core.model import Link, Message
from monitor.core.topology import linked
from tests.core.random_stories import NAMES, Tale, tales
from tests.core.story import START

law = settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
LINKS = st.lists(
    st.builds(
        lambda service, needs, since: Link(service, needs, "x:1", Message("link.socket"), START + since, START),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.integers(0, 3),
    ),
    max_size=12,
)


@law
@given(tales(), LINKS, st.randoms(use_true_random=False))
def test_law_13_what_is_found_out_adds_to_the_configuration_and_contradicts_it_nowhere(
    tale: Tale, links: list[Link], random: Random
) -> None:
    """Nobody depends on itself, nothing that is configured is lost, and the order in which links are listed is the
    same to everybody."""
    found = linked(tale.plan, links)
    assert not _has_circle({name: set(each.depends_on) for name, each in found.services.items()})
    for name, each in tale.plan.services.items():
        more = found.services[name].depends_on
        assert more[: len(each.depends_on)] == each.depends_on
        assert len(set(more)) == len(more)
        assert set(more[len(each.depends_on) :]) <= {link.needs for link in links if link.service == name}
    shuffled = list(links)
    random.shuffle(shuffled)
    assert linked(tale.plan, shuffled) == found


def _has_circle(needs: dict[str, set[str]]) -> bool:
    """Whoever needs nobody is taken away, until nobody is left or nobody can be."""
    while free := {name for name, others in needs.items() if not others}:
        needs = {name: others - free for name, others in needs.items() if name not in free}
    return bool(needs)
