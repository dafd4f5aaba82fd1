"""Who depends on whom."""

from __future__ import annotations

import pytest

from monitor.core.topology import CyclicDependency, check_acyclic, dependants, dependencies
from tests.core.story import plan_of

CHAIN = plan_of({"nginx": ("nodejs", "python"), "nodejs": ("rds", "pm2"), "python": ("rds",), "rds": (), "pm2": ()})


def test_dependencies_are_transitive_and_the_nearest_come_first() -> None:
    assert dependencies(CHAIN, "nginx") == ("nodejs", "python", "rds", "pm2")
    assert dependencies(CHAIN, "rds") == ()


def test_dependants_are_the_other_way_round() -> None:
    assert dependants(CHAIN, "rds") == ("nodejs", "python", "nginx")
    assert dependants(CHAIN, "nginx") == ()


def test_what_is_not_planned_depends_on_nothing_and_nothing_on_it() -> None:
    assert dependencies(CHAIN, "redis") == dependants(CHAIN, "redis") == ()
    assert dependencies(plan_of({"nodejs": ("redis",)}), "nodejs") == ()


def test_a_plan_without_a_circle_is_accepted() -> None:
    check_acyclic(CHAIN)
    check_acyclic(plan_of({"nodejs": ("redis",)}))


@pytest.mark.parametrize(
    ("needs", "path"),
    [
        ({"a": ("a",)}, ("a", "a")),
        ({"a": ("b",), "b": ("c",), "c": ("b",)}, ("b", "c", "b")),
        ({"x": (), "a": ("x", "b"), "b": ("a",)}, ("a", "b", "a")),
    ],
)
def test_a_circle_is_refused_and_shown(needs: dict[str, tuple[str, ...]], path: tuple[str, ...]) -> None:
    with pytest.raises(CyclicDependency) as caught:
        check_acyclic(plan_of(needs))
    assert caught.value.path == path
    assert str(caught.value) == " → ".join(path)
