"""What a running monitor is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.heartbeat import Heartbeat
from monitor.history import History
from monitor.keep_alive import KeepAlive
from monitor.look import Surroundings
from monitor.metrics import Metrics
from monitor.outbox import Outbox
from monitor.schedule import Schedule
from monitor.service_monitoring import ServiceMonitoring
from monitor.standings import Condition
from monitor.store import Store
from monitor.watch import Watch
from monitor.web.serving import Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A reload tells each of them what is new."""

    around: Surroundings
    store: Store
    history: History
    monitoring: ServiceMonitoring
    metrics: Metrics
    outbox: Outbox
    keep_alive: KeepAlive
    schedule: Schedule
    watch: Watch
    serving: Serving
    heartbeat: Heartbeat

    def condition(self) -> Condition:
        """How the monitor itself is."""
        troubles = self.keep_alive.troubles
        return Condition(
            channels=tuple(replace(each, unrefreshed=troubles.get(each.channel, "")) for each in self.outbox.standings),
            heartbeat=self.heartbeat.sent,
            store_error=self.store.trouble,
        )
