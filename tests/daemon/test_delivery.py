"""On a running daemon: what is owed survives its end and the absence of the receiver, and arrives in order."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import free_port, wait_for
from tests.daemon.small import Small, small

pytestmark = pytest.mark.timeout(240)
HOUR = 3600


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as running:
        yield running


def _age(here: Small, hours: int) -> None:
    """As if the daemon had been trying for so long; it does not run."""
    connection = sqlite3.connect(here.state / "state.db")
    with connection:
        connection.execute("UPDATE outbox SET created_at = created_at - ?, attempts = 40", (hours * HOUR,))
    connection.close()


def test_sigterm_lets_arrive_what_is_on_its_way_and_keeps_what_cannot(here: Small) -> None:
    here.hears.gate.clear()
    here.reload(here.another("gone", free_port()))
    wait_for(lambda: here.hears.told() == ["opened gone"], seconds=30)
    count = here.peer.connections
    wait_for(lambda: here.peer.connections >= count + 3, seconds=15)  # a receiver that hangs delays no check
    threading.Timer(1.0, here.hears.gate.set).start()
    assert here.daemon.stop() == 0
    here.daemon.start()
    wait_for(lambda: here.channels()["webhook"]["outcome"] == "delivered", seconds=10)
    here.hears.gate.clear()
    here.reload(here.text)
    wait_for(lambda: here.hears.told() == ["opened gone", "resolved gone"], seconds=30)
    began = time.monotonic()
    assert here.daemon.stop() == 0
    assert time.monotonic() - began < 20, "a receiver that never answers does not hold up the end"
    here.hears.gate.set()
    here.daemon.start()
    wait_for(lambda: here.hears.told() == ["opened gone", "resolved gone", "resolved gone"], seconds=30)
    first, second, again = here.hears.ids
    assert first != second == again, "the repeat says that it is one"


def test_a_receiver_that_is_away_for_30_hours_gets_everything_in_order_and_one_for_4_days_nothing_old(
    here: Small,
) -> None:
    here.hears.status = 503
    here.reload(here.another("gone", free_port()))
    wait_for(lambda: here.channels()["webhook"]["outcome"] == "retried", seconds=30)
    here.reload(here.text)
    wait_for(lambda: here.channels()["webhook"]["pending"] == 2, seconds=30)
    here.daemon.stop()
    _age(here, 30)
    here.daemon.start()
    assert here.metric("infra_outbox_oldest_seconds") > 30 * HOUR
    wait_for(lambda: here.channels()["webhook"]["outcome"] == "retried", seconds=30)
    assert here.channels()["webhook"]["dead"] == 0
    here.hears.status = 200
    here.daemon.stop()
    before = len(here.hears.told())
    here.daemon.start()
    wait_for(lambda: here.channels()["webhook"]["pending"] == 0, seconds=30)
    assert here.hears.told()[before:] == ["opened gone", "resolved gone"]

    here.hears.status = 503
    here.reload(here.another("old", free_port()))
    wait_for(lambda: here.channels()["webhook"]["outcome"] == "retried", seconds=30)
    here.daemon.stop()
    _age(here, 4 * 24)
    here.daemon.start()
    given_up = wait_for(lambda: (one := here.channels()["webhook"])["dead"] == 1 and one, seconds=30)
    assert (given_up["pending"], given_up["outcome"], given_up["error"]) == (0, "dead", "HTTP 503")
