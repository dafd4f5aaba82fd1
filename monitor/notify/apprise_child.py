"""Hands one notice to Apprise and ends: a program of its own, because Apprise stays big and cannot be interrupted.

The notice comes as JSON on stdin (`url`, `title`, `body`, `type`), what came of it goes as JSON to stdout: `outcome` is
`taken`, `not taken` or `not an address`, `service` what Apprise calls the service, `log` what it said.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import apprise


class _Kept(logging.Handler):
    """What Apprise says while it sends."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def send(question: dict[str, Any]) -> dict[str, Any]:
    """Try once."""
    kept = _Kept()
    apprise.logger.addHandler(kept)
    apprise.logger.propagate = False
    # Nothing of a notice may be taken for something else: no file attached, no template or emoji filled in.
    asset = apprise.AppriseAsset(app_id="infra-monitor", interpret_emojis=False, interpret_escapes=False)
    sender = apprise.Apprise(asset=asset)
    if not sender.add(question["url"]):
        return {"outcome": "not an address", "service": "", "log": kept.lines}
    taken = sender.notify(
        title=question["title"],
        body=question["body"],
        notify_type=apprise.NotifyType(question["type"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return {"outcome": "taken" if taken else "not taken", "service": str(sender[0].service_name), "log": kept.lines}


def main() -> int:
    """Always 0 when an answer was written."""
    json.dump(send(json.load(sys.stdin)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
