"""What is committed is there again: after a restart, beside a second daemon, with a full disk, with a damaged file."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor import store as store_module
from monitor.core.model import (
    CheckState,
    Incident,
    ServiceState,
    Severity,
    Silence,
    State,
    Status,
)
from monitor.store import KEEP_DEAD_SECONDS, KEEP_DONE_SECONDS, Backlog, Outgoing, Store
from tests.delivery.busy import held
from tests.store.rooms import execute, first, notice, reopened, rows

INCIDENT = Incident("inc-1", "rds", Severity.CRITICAL, 100.0)
STATE = State({"rds": ServiceState(Status.DOWN, 100.0)}, (INCIDENT,), sequence=3)


class TestState:
    async def test_the_first_start_remembers_nothing(self, store: Store) -> None:
        assert await store.load() is None

    async def test_what_was_committed_is_there_after_a_restart(self, tmp_path: Path) -> None:
        store = Store.open(tmp_path)
        await store.commit(None, STATE, ())
        store = await reopened(store, tmp_path)
        assert await store.load() == STATE
        await store.close()

    async def test_pieces_that_left_are_forgotten(self, store: Store) -> None:
        await store.commit(None, STATE, ())
        without = State({"pm2": ServiceState()}, sequence=4)
        await store.commit(STATE, without, ())
        assert await store.load() == without

    async def test_only_what_changed_is_written(self, tmp_path: Path) -> None:
        """Seen from outside: a row that was altered on the disk stays so as long as its piece does not change."""
        silence = Silence("s1", {"service": "rds"}, 0.0, 9.0, "kim")
        before = replace(STATE, silences=(silence,))
        store = Store.open(tmp_path)
        await store.commit(None, before, ())
        await store.close()
        with sqlite3.connect(tmp_path / "state.db") as connection:
            connection.execute("""UPDATE pieces SET body = replace(body, 'kim', 'lee') WHERE kind = 'silence'""")
        connection.close()
        store = Store.open(tmp_path)
        after = replace(before, services={"rds": ServiceState(Status.HEALTHY, 200.0)})
        await store.commit(before, after, ())
        assert await store.load() == replace(after, silences=(replace(silence, by="lee"),))
        await store.close()

    async def test_a_quiet_change_waits_but_is_kept_by_an_orderly_end(self, tmp_path: Path) -> None:
        looked = replace(STATE, services={"rds": replace(STATE.services["rds"], checks={"rds": CheckState(seen_at=5)})})
        store = Store.open(tmp_path)
        await store.commit(None, STATE, ())
        await store.commit(STATE, looked, ())
        assert await store.load() == STATE
        store = await reopened(store, tmp_path)
        assert await store.load() == looked
        await store.close()

    async def test_a_quiet_change_goes_along_with_the_next_commit(self, store: Store) -> None:
        looked = replace(STATE, services={"rds": replace(STATE.services["rds"], checks={"rds": CheckState(seen_at=5)})})
        await store.commit(None, STATE, ())
        await store.commit(STATE, looked, ())
        counted = replace(looked, sequence=9)
        await store.commit(looked, counted, ())
        assert await store.load() == counted

    async def test_a_quiet_change_is_written_by_itself_after_a_while(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store_module, "QUIET_SECONDS", 0.05)
        looked = replace(STATE, services={"rds": replace(STATE.services["rds"], checks={"rds": CheckState(seen_at=5)})})
        await store.commit(None, STATE, ())
        await store.commit(STATE, looked, ())
        async with asyncio.timeout(10):
            while await store.load() != looked:
                await asyncio.sleep(0.02)

    async def test_a_caller_that_is_cancelled_leaves_no_half_commit(self, tmp_path: Path) -> None:
        store = Store.open(tmp_path)
        commit = asyncio.create_task(store.commit(None, STATE, [Outgoing(notice(), ("a",))]))
        await asyncio.sleep(0)
        commit.cancel()
        store = await reopened(store, tmp_path)
        assert (await store.load(), (await store.backlog()).get("a", Backlog()).pending) in [(STATE, 1), (None, 0)]
        await store.close()

    async def test_a_cancelled_commit_that_fails_owes_the_quiet_changes_as_before(self, tmp_path: Path) -> None:
        """Whoever waits for a commit may go away; what it was to take along is not forgotten for that."""
        looked = replace(STATE, services={"rds": replace(STATE.services["rds"], checks={"rds": CheckState(seen_at=5)})})
        store = Store.open(tmp_path)
        await store.commit(None, STATE, ())
        await store.commit(STATE, looked, ())
        with capture_logs() as logs:
            with held(store):
                refusing = asyncio.create_task(execute(store, "PRAGMA query_only = 1"))
                await asyncio.sleep(0)
                commit = asyncio.create_task(store.commit(looked, replace(looked, sequence=9), ()))
                await asyncio.sleep(0.05)
                commit.cancel()
                await asyncio.gather(commit, return_exceptions=True)
            await refusing
            async with asyncio.timeout(10):
                while not logs:
                    await asyncio.sleep(0.01)
        assert [line["event"] for line in logs] == ["store.failed"]
        await execute(store, "PRAGMA query_only = 0")
        store = await reopened(store, tmp_path)
        assert await store.load() == looked
        await store.close()

    async def test_a_row_that_makes_no_sense_costs_only_itself(self, tmp_path: Path) -> None:
        store = Store.open(tmp_path)
        await store.commit(None, STATE, [Outgoing(notice(1), ("a",)), Outgoing(notice(2), ("a",))])
        await store.close()
        with sqlite3.connect(tmp_path / "state.db") as connection:
            connection.execute("UPDATE pieces SET body = '{}' WHERE kind = 'incident'")
            connection.execute("UPDATE outbox SET notice = '{}' WHERE number = 1")
        connection.close()
        store = Store.open(tmp_path)
        assert await store.load() == replace(STATE, incidents=())
        assert (await first(store, "a")).notice == notice(2)
        assert (await store.backlog())["a"] == Backlog(pending=1, dead=1, oldest_created_at=102.0)
        await store.close()


class TestNotices:
    async def test_a_notice_is_committed_once_for_each_channel_with_an_id_of_its_own(self, store: Store) -> None:
        await store.commit(None, STATE, [Outgoing(notice(), ("a", "b"))])
        a, b = await first(store, "a"), await first(store, "b")
        assert (a.notice, a.channel, a.attempts, a.created_at) == (notice(), "a", 0, 100.0)
        assert a.id.startswith("msg_")
        assert a.id != b.id

    async def test_a_channel_gets_the_oldest_until_it_is_taken(self, store: Store) -> None:
        await store.commit(None, STATE, [Outgoing(notice(number), ("a",)) for number in (3, 1, 2)])
        seen = []
        while waiting := await store.next("a"):
            assert (await first(store, "a")).id == waiting.id
            await store.taken(waiting, 200.0)
            seen.append(waiting.notice)
        assert seen == [notice(3), notice(1), notice(2)]

    async def test_a_postponed_notice_keeps_its_place_and_its_id(self, tmp_path: Path) -> None:
        store = Store.open(tmp_path)
        await store.commit(None, STATE, [Outgoing(notice(1), ("a",)), Outgoing(notice(2), ("a",))])
        waiting = await first(store, "a")
        await store.postpone(waiting, 500.0, "HTTP 503")
        store = await reopened(store, tmp_path)
        assert await store.next("a") == replace(waiting, attempts=1, next_attempt_at=500.0)
        await store.hasten(300.0)
        assert await store.next("a") == replace(waiting, attempts=1, next_attempt_at=300.0)
        await store.close()

    async def test_the_dead_are_counted_and_out_of_the_way(self, store: Store) -> None:
        await store.commit(None, STATE, [Outgoing(notice(1), ("a",)), Outgoing(notice(2), ("a", "b"))])
        await store.bury(await first(store, "a"), 200.0, "HTTP 404")
        assert (await first(store, "a")).notice == notice(2)
        assert await store.backlog() == {"a": Backlog(1, 1, 102.0), "b": Backlog(1, 0, 102.0)}

    async def test_what_ended_long_ago_is_forgotten_and_nothing_else(self, store: Store) -> None:
        await store.commit(None, STATE, [Outgoing(notice(number), ("a",)) for number in range(3)])
        await store.taken(await first(store, "a"), 1000.0)
        await store.bury(await first(store, "a"), 1000.0, "HTTP 404")
        assert await rows(store) == ["done", "dead", "pending"]
        await store.prune(1000.0 + KEEP_DONE_SECONDS + 1)
        assert await rows(store) == ["dead", "pending"]
        await store.prune(1000.0 + KEEP_DEAD_SECONDS + 1)
        assert await rows(store) == ["pending"]
