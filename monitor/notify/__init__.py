"""Where notices go; one file per channel and one line here."""

from __future__ import annotations

from typing import Final, TypeAlias

from monitor.notify.base import Channel
from monitor.notify.webhook import WebhookChannel

ChannelConfig: TypeAlias = WebhookChannel
"""Every kind of channel as `notify:` in config.yaml may hold it; a union over `kind` once there are two."""

CHANNELS: Final[tuple[type[Channel], ...]] = (WebhookChannel,)
