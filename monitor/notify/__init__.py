"""Where notices go; one file per channel and one line here."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from pydantic import Field

from monitor.notify.alertmanager import AlertmanagerChannel
from monitor.notify.apprise import AppriseChannel
from monitor.notify.base import Channel
from monitor.notify.email import EmailChannel
from monitor.notify.pagerduty import PagerDutyChannel
from monitor.notify.slack import SlackChannel
from monitor.notify.webhook import WebhookChannel

ChannelConfig: TypeAlias = Annotated[
    WebhookChannel | AlertmanagerChannel | SlackChannel | PagerDutyChannel | EmailChannel | AppriseChannel,
    Field(discriminator="kind"),
]
"""Every kind of channel as `notify:` in config.yaml may hold it."""

CHANNELS: Final[tuple[type[Channel], ...]] = (
    WebhookChannel,
    AlertmanagerChannel,
    SlackChannel,
    PagerDutyChannel,
    EmailChannel,
    AppriseChannel,
)
