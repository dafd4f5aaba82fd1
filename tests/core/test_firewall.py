"""The judgement of security-group rules, held to cases that everybody can add to: `--sg-cases FILE`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monitor.core.firewall import evaluate
from monitor.core.firewall_changes import change as change_of
from monitor.core.firewall_changes import lines_of_rules
from monitor.core.firewall_exposure import Exposure
from monitor.core.firewall_rules import rules_of
from tests.core.firewall_cases import SG_CASES, situation_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument, section in (("case", "cases"), ("diff", "diff_cases")):
        if argument in metafunc.fixturenames:
            told = json.loads(metafunc.config.getoption("--sg-cases", default=SG_CASES).read_text())
            cases = [{"defaults": told["defaults"], **case} for case in told.get(section, ())]
            metafunc.parametrize(argument, cases, ids=lambda case: case["id"])


def test_a_case_is_judged_as_it_is_written(case: dict[str, Any]) -> None:
    situation = situation_of(case, case["defaults"])
    judged = evaluate(situation)
    expected = dict(case["expect"])
    internet = expected.pop("internet_reachable", None)
    assert {
        "reachable_from_host": judged.reachable,
        "exposed": judged.exposure.value,
        "reason": judged.reason.value,
        "policy_ok": judged.as_intended,
        "unexpected_sources": len(judged.unexpected_sources),
    } == expected
    if internet is not None:
        assert (judged.exposure is Exposure.WORLD and situation.target.public) is internet


def test_only_what_the_rules_mean_for_the_port_is_a_change(diff: dict[str, Any]) -> None:
    port = diff["defaults"]["target"]["port"]
    before, after = (
        lines_of_rules(rules_of("sg-db", _permissions(diff[key])), port, {}) for key in ("before", "after")
    )
    change = change_of(before, after, at=7.0)
    assert (change is not None) is diff["semantic_change"]
    if change:
        assert set(change.added) == set(after) - set(before)
        assert set(change.removed) == set(before) - set(after)


def _permissions(told: list[Any] | str) -> list[Any]:
    """One case is told in words only: the same rule under another id."""
    if isinstance(told, list):
        return told
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "SecurityGroupRuleId": str(hash(told))}
    return [{**rule, "IpRanges": [{"CidrIp": "10.0.0.0/24"}]}]
