"""PM2 gives up and does not say so; the monitor does."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from monitor.sources.pm2 import Pm2Sources
from tests.daemon.conftest import Watched
from tests.daemon.running import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]


def test_an_application_that_pm2_gave_up_on_is_seen_within_three_seconds(watched: Watched) -> None:
    """Under SignalCraft's own settings (min_uptime 30 s, max_restarts 5, restart_delay 10 s), every: 2s."""
    wait_for(lambda: watched.daemon.statuses()["signalcraft-nodejs"] == "healthy")
    watched.lab.break_("node-gave-up")
    given_up_at = time.time()
    wait_for(lambda: _reason(watched) == "gave_up", seconds=30, every=0.02)
    assert time.time() - given_up_at <= 3.0
    assert "errored" not in asyncio.run(_what_pm2_says(watched)), "PM2 itself still shows it as if it would come back"
    opened = wait_for(lambda: [each for each in watched.notices() if each.incident["root"] == "signalcraft-nodejs"])
    assert opened[0].kind == "opened"
    last = wait_for(lambda: _caused_by(watched, "process_gave_up"), seconds=30)
    assert last["status"] == "open"
    watched.lab.heal("node-gave-up")
    wait_for(lambda: watched.told()[-1] == "resolved signalcraft-nodejs", seconds=60)
    assert watched.told().count("opened signalcraft-nodejs") == 1


def _reason(watched: Watched) -> str | None:
    checks = watched.daemon.get("/api/v1/services/signalcraft-nodejs")["checks"]
    check = next(each for each in checks if each["check"] == "pm2")
    reason: str | None = check["reason"]
    return reason


def _caused_by(watched: Watched, cause: str) -> dict[str, str] | None:
    return next(
        (each for each in watched.daemon.get("/api/v1/incidents") if each["cause"] and each["cause"]["id"] == cause),
        None,
    )


async def _what_pm2_says(watched: Watched) -> set[str]:
    sources = Pm2Sources(os.environ)
    try:
        snapshot = await sources.get(watched.lab.places.pm2_home).snapshot(asyncio.get_running_loop().time() + 5)
        return {instance.entry.status for instance in snapshot.of("signalcraft-nodejs")}
    finally:
        await sources.close()
