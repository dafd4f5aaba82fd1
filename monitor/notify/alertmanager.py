"""Incidents as alerts in a Prometheus Alertmanager, kept alive there by its own rules."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from monitor import answers
from monitor.notify.alerts import alerts_of, watchdog_of
from monitor.notify.base import Channel, Delivery, Post, TryTime
from monitor.notify.posting import WebAddress, post_body

REFRESH_SECONDS: Final = 60.0
LASTING_SECONDS: Final = 4 * REFRESH_SECONDS
"""How long an alert that we tell of no more stays open there, as with Prometheus: three rounds may be lost."""

LabelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class AlertmanagerChannel(Channel):
    """POST to `/api/v2/alerts` below `url`: one alert for each incident (`alertname="InfraMonitorIncident"`, `service`,
    `severity`). An open one is told again each minute, one that is over for five minutes. Several monitors that see
    the same trouble mean the same alert. With `watchdog`, an alert of that name is open for as long as the monitor is
    well. Of a cluster of Alertmanagers, each is a channel with a name of its own."""

    keeps_open: ClassVar[bool] = True

    kind: Literal["alertmanager"]
    url: WebAddress = Field(description="Where Alertmanager is: `http://127.0.0.1:9093`.")
    labels: dict[LabelName, str] = Field(
        default_factory=dict, description="More labels for every alert, for example `environment: production`."
    )
    watchdog: bool = Field(
        default=False,
        description='Keep an alert `Watchdog` (`severity="none"`, `host`) open for as long as the monitor is well: to '
        "be routed to somebody who wakes people when it is gone.",
    )
    timeout: TryTime = Field(default=10.0, description="How long one try may take.")

    @property
    def refreshed_every(self) -> float | None:
        """An alert that nobody repeats is over."""
        return REFRESH_SECONDS

    async def send(self, delivery: Delivery, post: Post) -> str:
        """See `post_body`."""
        return await self._post([delivery], post)

    async def refresh(self, deliveries: Sequence[Delivery], post: Post) -> None:
        """All of them in one request."""
        await self._post(deliveries, post)

    @property
    def is_watchdog(self) -> bool:
        """As configured."""
        return self.watchdog

    async def live(self, post: Post, *, language: str, url: str) -> None:
        """The one alert that should never end. Each machine has its own: that one of them lives says nothing of the
        others."""
        now = post.clock.wall()
        labels = {"host": socket.gethostname(), **self.labels}
        alert = watchdog_of(labels, begun=now, until=now + LASTING_SECONDS, language=language, url=url)
        await self._put([alert], post)

    async def _post(self, deliveries: Sequence[Delivery], post: Post) -> str:
        until = post.clock.wall() + LASTING_SECONDS
        return await self._put(
            [alert for each in deliveries for alert in alerts_of(each, self.labels, until=until)], post
        )

    async def _put(self, alerts: list[answers.Json], post: Post) -> str:
        url = f"{self.url.get_secret_value().rstrip('/')}/api/v2/alerts"
        body = json.dumps(alerts, ensure_ascii=False).encode("utf-8", "replace")
        return await post_body(post, url, body, seconds=self.timeout)
