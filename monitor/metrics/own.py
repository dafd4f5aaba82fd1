"""The monitor's numbers about itself, collected when somebody asks."""

from __future__ import annotations

import platform
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from monitor.core.model import Severity
from monitor.heartbeat import Sent
from monitor.metrics.exposition import Format


class Failing(Protocol):
    """What counts its own failures."""

    errors: int


class Recording(Failing, Protocol):
    """What drops samples that find no place."""

    dropped: int


class OwnNumbers(Collector):
    """Plain numbers that others count up or set. None = not known, and then it is not published."""

    def __init__(self, version: str) -> None:
        self.incidents: Mapping[Severity, int] | None = None
        self.notices = Counter[tuple[str, str, str]]()
        self.skipped = Counter[str]()
        self.lags: deque[float] = deque(maxlen=60)
        self.store: Failing | None = None
        self.history: Recording | None = None
        self.heartbeat: Callable[[], Sent | None] | None = None
        self.reloads: Callable[[], tuple[bool, float]] | None = None
        self.watchers: Callable[[], tuple[Mapping[str, int], Mapping[str, int]]] | None = None
        self.channels: Callable[[], Iterator[Metric]] | None = None
        self.refresh_failures: Callable[[], Mapping[str, int]] | None = None
        self._version = version
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self, form: Format) -> bytes:
        """These metrics and `process_*` in that format, with its end."""
        encode, _ = choose_encoder(form.value)
        return encode(self._registry)

    def collect(self) -> Iterator[Metric]:
        """In the manner of prometheus_client."""
        info = GaugeMetricFamily(
            "infra_build_info", "1, with what is running here.", labels=("version", "pythonversion")
        )
        info.add_metric((self._version, platform.python_version()), 1)
        yield info
        yield from self._told()
        yield from self._scheduled()

    def _told(self) -> Iterator[Metric]:
        if self.incidents is not None:
            open_now = GaugeMetricFamily("infra_incidents", "Open incidents, by severity.", labels=("severity",))
            for severity, count in self.incidents.items():
                open_now.add_metric((severity.value,), count)
            yield open_now
        notices = CounterMetricFamily(
            "infra_notices_total",
            "Tries to hand a notice to a channel, by the notice's kind and what came of it.",
            labels=("channel", "kind", "outcome"),
        )
        for key, count in self.notices.items():
            notices.add_metric(key, count)
        yield notices
        yield from self._stand()

    def _watched(self) -> Iterator[Metric]:
        if self.watchers is None:
            return
        watched, events = self.watchers()
        now = GaugeMetricFamily(
            "infra_watched", "What is watched at this moment for a reason to look at once.", labels=("sign",)
        )
        for sign, count in watched.items():
            now.add_metric((sign,), count)
        yield now
        signs = CounterMetricFamily(
            "infra_watch_signs_total", "Signs that something changed, each of which asked for a look.", labels=("sign",)
        )
        for sign, count in events.items():
            signs.add_metric((sign,), count)
        yield signs

    def _stand(self) -> Iterator[Metric]:
        if self.channels is not None:
            yield from self.channels()
        if self.refresh_failures is not None:
            failures = CounterMetricFamily(
                "infra_channel_refresh_failures_total",
                "Rounds in which a receiver could not be told again of what is open (alertmanager: or that we live).",
                labels=("channel",),
            )
            for label, count in self.refresh_failures().items():
                failures.add_metric((label,), count)
            yield failures

    def _kept_alive(self) -> Iterator[Metric]:
        if self.store is not None:
            yield CounterMetricFamily(
                "infra_store_errors_total",
                "Reads and writes of the monitor's own memory that failed.",
                self.store.errors,
            )
        if self.history is not None:
            yield CounterMetricFamily(
                "infra_history_errors_total",
                "Reads and writes of the history that failed; what pages anybody does not depend on it.",
                self.history.errors,
            )
            yield CounterMetricFamily(
                "infra_history_dropped_samples_total",
                "Samples that never reached the history: its disk took nothing for so long that too many waited.",
                self.history.dropped,
            )
        sent = self.heartbeat() if self.heartbeat else None
        if sent is None:
            return
        yield CounterMetricFamily(
            "infra_heartbeat_failures_total",
            "Signs of life that were due and did not arrive, or were held back because a part stood still.",
            sent.failures,
        )
        if sent.arrived_at is not None:
            yield GaugeMetricFamily(
                "infra_heartbeat_last_success_timestamp_seconds", "When a sign of life arrived last.", sent.arrived_at
            )

    def _scheduled(self) -> Iterator[Metric]:
        if self.lags:
            yield GaugeMetricFamily(
                "infra_scheduler_lag_seconds",
                "How late the event loop woke, the worst of its last 60 pulses (one a second).",
                max(self.lags),
            )
        skipped = CounterMetricFamily(
            "infra_looks_skipped_total", "Looks that were due but not begun, by reason.", labels=("reason",)
        )
        for reason, count in self.skipped.items():
            skipped.add_metric((reason,), count)
        yield skipped
        yield from self._watched()
        yield from self._kept_alive()
        if self.reloads is not None:
            successful, taken_at = self.reloads()
            yield GaugeMetricFamily(
                "infra_config_last_reload_successful",
                "1 if the configuration was taken at the last start or reload, 0 if the one before it is still used.",
                float(successful),
            )
            yield GaugeMetricFamily(
                "infra_config_last_reload_success_timestamp_seconds",
                "When a configuration was taken last, at the start or by a reload.",
                taken_at,
            )
