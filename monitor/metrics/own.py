"""The monitor's numbers about itself, collected when somebody asks."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from monitor.core.model import Severity
from monitor.metrics.exposition import Format


class OwnNumbers(Collector):
    """Plain numbers that others count up or set. None = not known, and then it is not published."""

    def __init__(self, version: str) -> None:
        self.incidents: Mapping[Severity, int] | None = None
        self.notices = Counter[tuple[str, str, str]]()
        self.skipped = Counter[str]()
        self.lag_seconds: float | None = None
        self.store_errors: Callable[[], int] | None = None
        self.history_errors: Callable[[], int] | None = None
        self.heartbeat: Callable[[], tuple[int, float | None] | None] | None = None
        self.reloads: Callable[[], tuple[bool, float]] | None = None
        self.outbox: Callable[[], tuple[int, float | None]] | None = None
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
        yield from self._owed()

    def _owed(self) -> Iterator[Metric]:
        if self.outbox is None:
            return
        pending, oldest_seconds = self.outbox()
        yield GaugeMetricFamily(
            "infra_outbox_pending", "Notices on disk that their channel has not taken yet.", pending
        )
        if oldest_seconds is not None:
            yield GaugeMetricFamily(
                "infra_outbox_oldest_seconds", "Age of the oldest of them; absent when there is none.", oldest_seconds
            )

    def _kept_alive(self) -> Iterator[Metric]:
        if self.store_errors is not None:
            yield CounterMetricFamily(
                "infra_store_errors_total",
                "Reads and writes of the monitor's own memory that failed.",
                self.store_errors(),
            )
        if self.history_errors is not None:
            yield CounterMetricFamily(
                "infra_history_errors_total",
                "Reads and writes of the history that failed; what pages anybody does not depend on it.",
                self.history_errors(),
            )
        sent = self.heartbeat() if self.heartbeat else None
        if sent is None:
            return
        failures, arrived_at = sent
        yield CounterMetricFamily(
            "infra_heartbeat_failures_total",
            "Signs of life that were due and did not arrive, or were held back because a part stood still.",
            failures,
        )
        if arrived_at is not None:
            yield GaugeMetricFamily(
                "infra_heartbeat_last_success_timestamp_seconds", "When a sign of life arrived last.", arrived_at
            )

    def _scheduled(self) -> Iterator[Metric]:
        if self.lag_seconds is not None:
            yield GaugeMetricFamily(
                "infra_scheduler_lag_seconds", "How late the event loop woke at its last pulse.", self.lag_seconds
            )
        skipped = CounterMetricFamily(
            "infra_looks_skipped_total", "Looks that were due but not begun, by reason.", labels=("reason",)
        )
        for reason, count in self.skipped.items():
            skipped.add_metric((reason,), count)
        yield skipped
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
