"""How the channels stand, as metrics: what each owes, whether it takes notices, and whether it has stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from monitor.standings import Standing


def channel_metrics(standings: Iterable[Standing], now: float) -> Iterator[Metric]:
    """Of every channel, and of all that are configured together. What waits for one that has left is nobody's fault
    that could be mended by waiting, and does not count as late."""
    channels = tuple(standings)
    configured = [each for each in channels if each.kind is not None]
    yield GaugeMetricFamily(
        "infra_outbox_pending",
        "Notices on disk that a configured channel has not taken yet.",
        sum(each.owed.pending for each in configured),
    )
    since = [each.owed.oldest_created_at for each in configured if each.owed.oldest_created_at is not None]
    if since:
        yield GaugeMetricFamily(
            "infra_outbox_oldest_seconds",
            "Age of the oldest of them; absent when there is none.",
            max(0.0, now - min(since)),
        )
    yield from _each(channels)


def _each(channels: Iterable[Standing]) -> Iterator[Metric]:
    pending = GaugeMetricFamily(
        "infra_channel_pending", "Notices on disk that this channel has not taken yet.", labels=("channel",)
    )
    up = GaugeMetricFamily(
        "infra_channel_up",
        "1 if the newest try to hand this channel a notice was taken, 0 if not; absent before the first.",
        labels=("channel",),
    )
    stopped = GaugeMetricFamily(
        "infra_channel_stopped",
        "1 if the receiver wants nothing more (410), so that nothing is sent to it until that is mended, else 0.",
        labels=("channel",),
    )
    for each in channels:
        pending.add_metric((each.channel,), each.owed.pending)
        if each.kind is not None:
            stopped.add_metric((each.channel,), float(each.stopped is not None))
            if each.newest is not None:
                up.add_metric((each.channel,), float(not each.newest.error))
    yield from (pending, up, stopped)
