"""What is remembered of firewall rules is published also while nobody can read them."""

from __future__ import annotations

from monitor.core.model import Blind, CheckPlan, Firewall, Observation, Plan, Seen, ServicePlan
from monitor.core.step import begin, step
from monitor.metrics import Metrics

PLAN = Plan({"wall": ServicePlan("wall", (CheckPlan("rules", "security_group", 300.0, 15.0, 900.0),))})


def fact(*lines: str) -> Firewall:
    return Firewall("it", 5432, "10.0.0.1", "10.0.0.2", (), (), None, "cidr", "none", None, lines)


def test_changes_are_counted_and_the_age_of_the_rules_grows_while_nobody_can_read_them() -> None:
    metrics = Metrics({}, "1")
    state = begin(PLAN, None, 0.0)
    results: tuple[Seen | Blind, ...] = (
        Seen(facts=(fact("a"),)),
        Seen(facts=(fact("b"),)),
        Seen(facts=(fact("b"),)),
        Blind("not permitted"),
    )
    seen = []
    for number, result in enumerate(results):
        at = 300.0 * (number + 1)
        state, events = step(PLAN, state, at, Observation("wall", "rules", at, 1.0, result))
        metrics.changed(PLAN, state, events, at)
        text = metrics.render(None)[0].decode()
        seen.append([line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("infra_security_group_")])
    assert [list(map(float, values)) for values in seen] == [[0, 301], [1, 601], [1, 901], [1, 901]]
    gone = Plan({})
    metrics.changed(gone, begin(gone, state, 1500.0), (), 1500.0)
    assert "infra_security_group_" not in metrics.render(None)[0].decode().replace("# ", "")
