"""plan(): what the core is told of the configuration."""

from __future__ import annotations

import pytest

from monitor.config.plan import plan
from monitor.core.model import CheckPlan, Severity, Threshold
from tests.config.conftest import Load, Mistakes


def test_a_check_is_planned_with_its_pace_and_its_bounds(loaded: Load) -> None:
    text = """\
        services:
          rds:
            metadata: {team: platform}
            checks:
              - kind: rds
                name: login
                every: 20s
                timeout: 1m
                confirm: 2
                recover: 4
                thresholds: {response_time: {warning: 500ms, critical: 1s}, certificate_remaining: {warning: 30d}}
        """
    service = plan(loaded(text).config).services["rds"]
    assert service.metadata == {"team": "platform"}
    assert service.checks == (
        CheckPlan(
            name="login",
            kind="rds",
            every=20.0,
            timeout=60.0,
            stale_after=81.0,
            confirm=2,
            recover=4,
            thresholds=(
                Threshold("response_time", 0.5, 1.0, "seconds"),
                Threshold("connections_used", 0.8, 0.95, "ratio"),
                Threshold("certificate_remaining", 30 * 86400.0, 7 * 86400.0, "seconds", "below"),
            ),
        ),
    )


def test_a_service_is_stale_when_its_check_says_so_or_after_three_intervals_and_a_whole_look(loaded: Load) -> None:
    text = "services: {a: {checks: [{kind: rds, every: 2s}, {kind: pm2, stale_after: 1m}]}}"
    assert [check.stale_after for check in plan(loaded(text).config).services["a"].checks] == [13.0, 60.0]


def test_an_app_of_pm2_depends_on_the_daemon_of_its_home(loaded: Load) -> None:
    text = """\
        services:
          pm2: {checks: [{kind: pm2}]}
          pm2-of-others: {checks: [{kind: pm2, home: /home/other/.pm2}]}
          rds: {checks: [{kind: rds}]}
          node: {depends_on: [rds], checks: [{kind: pm2, app: node}]}
          worker: {depends_on: [pm2-of-others], checks: [{kind: pm2, app: w, home: /home/other/.pm2}]}
          lone: {checks: [{kind: pm2, app: l, home: /home/third/.pm2}]}
          both: {checks: [{kind: pm2, home: /b}, {kind: pm2, name: app, app: x, home: /b}]}
        """
    services = plan(loaded(text).config).services
    assert {name: service.depends_on for name, service in services.items() if service.depends_on} == {
        "node": ("rds", "pm2"),
        "worker": ("pm2-of-others",),
    }


def test_a_bound_that_is_null_is_none(loaded: Load) -> None:
    text = "services: {a: {checks: [{kind: rds, thresholds: {response_time: {warning: null, critical: 9s}}}]}}"
    assert plan(loaded(text).config).services["a"].checks[0].thresholds[0] == Threshold(
        "response_time", None, 9.0, "seconds"
    )


def test_a_bound_may_have_a_recovery_value_and_a_time_it_must_last(loaded: Load) -> None:
    text = """\
        services:
          a:
            checks:
              - kind: rds
                thresholds:
                  connections_used: {info: 50%, warning: {at: 70%, recover: 65%, for: 2m}, critical: {for: 30s}}
        """
    assert plan(loaded(text).config).services["a"].checks[0].thresholds[1] == Threshold(
        "connections_used",
        0.7,
        0.95,
        "ratio",
        info=0.5,
        recover={Severity.WARNING: 0.65},
        lasts={Severity.WARNING: 120.0, Severity.CRITICAL: 30.0},
    )


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ("response_time: {warning: {recover: 3s}}", "warning begins at 2, so it cannot be well again at 3"),
        ("certificate_remaining: {critical: {recover: 6d}}", "critical begins at 604800, so it cannot be well again"),
        ("response_time: {info: {for: 2m}}", "on response_time, info has no bound; say where it begins with at"),
        ("response_time: {warning: {form: 2m}}", "unknown key, did you mean for?"),
        ("response_time: {warning: {for: soon}}", "thresholds.response_time.warning.for"),
        ("response_time: {warning: 6s}", "on response_time, warning (6) is beyond critical (5)"),
        ("certificate_remaining: {critical: 30d}", "on certificate_remaining, warning (1.8144e+06) is beyond critical"),
        ("connections_used: {critical: 95}", "a bound on connections_used is a share; write for example 80% or 0.8"),
    ],
)
def test_bounds_that_make_no_sense_are_mistakes(mistakes: Mistakes, bounds: str, said: str) -> None:
    (line,) = mistakes(f"services: {{a: {{checks: [{{kind: rds, thresholds: {{{bounds}}}}}]}}}}")
    assert said in line
