"""What the monitor publishes of itself: its loop, its memory, its channels, its configuration."""

from dataclasses import dataclass

import pytest

from monitor.heartbeat import Sent
from monitor.metrics import Metrics
from monitor.standings import Standing, Try
from monitor.store import Backlog
from tests.test_metrics import labels, of


@dataclass
class Counted:
    """What failed so often."""

    errors: int
    dropped: int = 0


@pytest.fixture
def metrics() -> Metrics:
    return Metrics({}, "1.2.3")


def test_a_reload_that_failed_shows_until_one_succeeds(metrics: Metrics) -> None:
    newest = [(True, 1.0), (False, 1.0), (True, 9.0)]
    metrics.watch_reloads(lambda: newest[0])
    for successful, taken_at in tuple(newest):
        assert of("infra_config_last_reload_successful", metrics) == {frozenset(): float(successful)}
        assert of("infra_config_last_reload_success_timestamp_seconds", metrics) == {frozenset(): taken_at}
        newest.pop(0) if len(newest) > 1 else None


def test_what_the_monitor_says_of_its_own_life(metrics: Metrics) -> None:
    heartbeat: list[Sent | None] = [None]
    metrics.watch_upkeep(store=Counted(2), history=Counted(4, dropped=7), heartbeat=lambda: heartbeat[0])
    assert of("infra_history_errors_total", metrics) == {frozenset(): 4.0}
    assert of("infra_history_dropped_samples_total", metrics) == {frozenset(): 7.0}
    assert of("infra_store_errors_total", metrics) == {frozenset(): 2.0}
    assert of("infra_heartbeat_failures_total", metrics) == {}
    heartbeat[0] = Sent(3, None, "no answer")
    assert of("infra_heartbeat_failures_total", metrics) == {frozenset(): 3.0}
    assert of("infra_heartbeat_last_success_timestamp_seconds", metrics) == {}
    heartbeat[0] = Sent(3, 7.0, None)
    assert of("infra_heartbeat_last_success_timestamp_seconds", metrics) == {frozenset(): 7.0}


def test_the_daemons_own_counts_are_published(metrics: Metrics) -> None:
    metrics.skipped("overrun")
    metrics.skipped("overrun")
    for seconds in (0.0, 0.25, 0.0):
        metrics.lag(seconds)
    metrics.notice("webhook", "opened", "delivered")
    assert of("infra_looks_skipped_total", metrics) == {labels(reason="overrun"): 2.0}
    assert of("infra_scheduler_lag_seconds", metrics) == {frozenset(): 0.25}
    assert of("infra_notices_total", metrics) == {labels(channel="webhook", kind="opened", outcome="delivered"): 1.0}
    assert {dict(key)["version"] for key in of("infra_build_info", metrics)} == {"1.2.3"}


def test_a_loop_that_stood_still_is_seen_by_whoever_scrapes_within_a_minute(metrics: Metrics) -> None:
    for seconds in (3.0, *[0.0] * 59):
        metrics.lag(seconds)
    assert of("infra_scheduler_lag_seconds", metrics) == {frozenset(): 3.0}
    metrics.lag(0.0)
    assert of("infra_scheduler_lag_seconds", metrics) == {frozenset(): 0.0}


def test_every_channel_says_whether_it_is_up_and_whether_it_was_stopped(metrics: Metrics) -> None:
    refused = Try(5.0, "stopped", "HTTP 410")
    standings = (
        Standing(channel="new", kind="slack"),
        Standing(channel="good", kind="slack", owed=Backlog(1, 0, 9.0), newest=Try(5.0, "delivered")),
        Standing(channel="gone", kind="webhook", owed=Backlog(2, 0, 9.0), newest=refused, stopped=refused),
        Standing(channel="left", kind=None, owed=Backlog(4, 0, 9.0), newest=refused),
    )
    metrics.watch_channels(lambda: standings, refresh_failures=lambda: {"good": 3}, now=lambda: 100.0)

    def by_channel(name: str) -> dict[str, float]:
        return {dict(key)["channel"]: value for key, value in of(name, metrics).items()}

    assert by_channel("infra_channel_pending") == {"new": 0.0, "good": 1.0, "gone": 2.0, "left": 4.0}
    assert by_channel("infra_channel_up") == {"good": 1.0, "gone": 0.0}
    assert by_channel("infra_channel_stopped") == {"new": 0.0, "good": 0.0, "gone": 1.0}
    assert by_channel("infra_channel_refresh_failures_total") == {"good": 3.0}


def test_what_is_owed_to_configured_channels_is_counted_together_with_the_age_of_the_oldest(metrics: Metrics) -> None:
    standings = [
        Standing(channel=name, kind="slack", owed=owed)
        for name, owed in (("a", Backlog(2, 1, 90.0)), ("b", Backlog(1, 0, 87.5)), ("c", Backlog(0, 4, None)))
    ]
    left = Standing(channel="left", kind=None, owed=Backlog(7, 0, 1.0))
    metrics.watch_channels(lambda: (*standings, left), refresh_failures=dict, now=lambda: 100.0)
    assert of("infra_outbox_pending", metrics) == {frozenset(): 3.0}
    assert of("infra_outbox_oldest_seconds", metrics) == {frozenset(): 12.5}
    standings[:] = [Standing(channel="a", kind="slack", owed=Backlog(0, 3, None))]
    assert of("infra_outbox_pending", metrics) == {frozenset(): 0.0}
    assert of("infra_outbox_oldest_seconds", metrics) == {}
