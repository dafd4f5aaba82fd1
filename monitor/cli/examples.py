"""What people type: examples under the help of each command."""

from __future__ import annotations

import argparse
from typing import Final

EXAMPLES: Final = {
    "init": (
        "infra-monitor init /srv/signalcraft",
        "infra-monitor init /srv/signalcraft --config /etc/infra-monitor/config.yaml",
        "infra-monitor init /srv/signalcraft --language ko --yes",
    ),
    "run": ("infra-monitor run", "infra-monitor run --config /etc/infra-monitor/config.yaml"),
    "check": ("infra-monitor check", "infra-monitor check rds nginx", "infra-monitor check --json"),
    "explain": ("infra-monitor explain", "infra-monitor explain rds --json"),
    "status": ("infra-monitor status", "infra-monitor status rds"),
    "watch": ("infra-monitor watch", "infra-monitor watch rds nginx --every 5s"),
    "summary": ("infra-monitor summary", "infra-monitor summary --json"),
    "alerts": ("infra-monitor alerts --severity critical", "infra-monitor alerts --all --hours 24"),
    "incidents": ("infra-monitor incidents", "infra-monitor incidents --all --hours 24"),
    "ack": ("infra-monitor ack ID --note 'rotating the password'",),
    "resolve": ("infra-monitor resolve ID --note 'rule added again'",),
    "silence": (
        "infra-monitor silence add service=rds --for 2h --reason 'moving it'",
        "infra-monitor silence list",
        "infra-monitor silence end ID",
    ),
    "maintenance": (
        "infra-monitor maintenance add nginx --for 30m",
        "infra-monitor maintenance add rds --cron '0 3 * * 0' --for 1h --time-zone Asia/Seoul",
        "infra-monitor maintenance end ID",
    ),
    "look": ("infra-monitor look rds",),
    "history": ("infra-monitor history rds", "infra-monitor history rds response_time --last 7d"),
    "topology": ("infra-monitor topology",),
    "monitoring": ("infra-monitor monitoring",),
    "config": ("infra-monitor config check", "infra-monitor config show", "infra-monitor config schema"),
    "notify": ("infra-monitor notify test", "infra-monitor notify status"),
    "rules": ("infra-monitor rules", "infra-monitor rules alertmanager.yml"),
    "dashboard": (
        "infra-monitor dashboard",
        "infra-monitor dashboard overview",
        "infra-monitor dashboard --out dashboards --page https://monitor.example.com",
    ),
}
"""By command; a test holds each against the command line."""

_TITLE: Final = "examples:"


class Help(argparse.HelpFormatter):
    """Folds all texts but examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith(_TITLE) else super()._fill_text(text, width, indent)


def add_examples(parser: argparse.ArgumentParser, name: str) -> None:
    """Under its help, each on a line to be copied."""
    parser.formatter_class = Help
    parser.epilog = "\n  ".join((_TITLE, *EXAMPLES[name]))
