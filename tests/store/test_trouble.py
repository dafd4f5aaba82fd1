"""What a store does when the disk refuses, is damaged, or is full."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from monitor.core.model import (
    CheckState,
    Incident,
    ServiceState,
    Severity,
    State,
    Status,
)
from monitor.store import Outgoing, Store, StoreError
from tests.store.rooms import execute, fill, names, notice, reopened, small_disk

INCIDENT = Incident("inc-1", "rds", Severity.CRITICAL, 100.0)
STATE = State({"rds": ServiceState(Status.DOWN, 100.0)}, (INCIDENT,), sequence=3)


class TestFailure:
    async def test_state_and_notices_stand_or_fall_together(self, store: Store) -> None:
        await store.commit(None, STATE, ())
        await execute(store, "ALTER TABLE outbox RENAME TO elsewhere")
        with pytest.raises(StoreError, match="no such table"):
            await store.commit(STATE, replace(STATE, sequence=8), [Outgoing(notice(), ("a",))])
        assert await store.load() == STATE
        await store.commit(STATE, replace(STATE, sequence=9), ())

    async def test_a_full_disk_keeps_nothing_says_so_and_passes(self, tmp_path: Path) -> None:
        store = Store.open(tmp_path)
        await store.commit(None, STATE, ())
        await execute(store, "PRAGMA max_page_count = 1")  # SQLite makes it what there is
        after = replace(STATE, sequence=8)
        large = replace(notice(), incident=replace(INCIDENT, diagnosis=None, impacted=("x" * 6_000_000,)))
        with pytest.raises(StoreError, match="full") as caught:
            await store.commit(STATE, after, [Outgoing(large, ("a",))])
        assert "\n" not in str(caught.value)
        assert await store.load() == STATE
        assert await store.backlog() == {}
        await execute(store, "PRAGMA max_page_count = 1000000")
        await store.commit(STATE, after, [Outgoing(large, ("a",))])
        assert await store.load() == after
        assert (await store.backlog())["a"].pending == 1
        await store.close()

    async def test_a_quiet_change_survives_a_full_disk(self, tmp_path: Path) -> None:
        store = Store.open(tmp_path)
        await store.commit(None, STATE, ())
        checks = {"rds": CheckState(seen_at=5.0, blind_reason="x" * 6_000_000)}
        looked = replace(STATE, services={"rds": replace(STATE.services["rds"], checks=checks)})
        await store.commit(STATE, looked, ())
        await execute(store, "PRAGMA max_page_count = 1")  # SQLite makes it what there is
        await store._flush()  # as the timer does
        with pytest.raises(StoreError):
            await store.commit(looked, replace(looked, sequence=8), ())
        assert await store.load() == STATE
        await execute(store, "PRAGMA max_page_count = 1000000")
        store = await reopened(store, tmp_path)
        assert await store.load() == looked
        await store.close()

    async def test_a_second_daemon_is_told_the_pid_of_the_first(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=rf"in use by another infra-monitor \(pid {os.getpid()}\)"):
            Store.open(tmp_path / "state")
        await store.commit(None, STATE, ())

    async def test_the_directory_is_free_again_after_the_end(self, tmp_path: Path) -> None:
        for _ in range(3):
            await Store.open(tmp_path).close()

    async def test_closing_twice_is_harmless(self, tmp_path: Path) -> None:
        store = Store.open(tmp_path)
        await store.close()
        await store.close()

    async def test_directory_and_files_are_for_us_alone(self, store: Store, tmp_path: Path) -> None:
        await store.commit(None, STATE, ())
        directory = tmp_path / "state"
        assert directory.stat().st_mode & 0o777 == 0o700
        assert names(directory) == ["lock", "state.db", "state.db-wal"]
        assert {(directory / name).stat().st_mode & 0o777 for name in names(directory)} == {0o600}

    async def test_a_path_through_a_file_is_one_clear_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"^the state directory .* cannot be written: Not a directory; .*$"):
            Store.open(tmp_path / "file" / "state")

    async def test_a_database_of_a_newer_version_is_left_alone(self, tmp_path: Path) -> None:
        await Store.open(tmp_path).close()
        with sqlite3.connect(tmp_path / "state.db") as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(StoreError, match="written by a newer infra-monitor"):
            Store.open(tmp_path)
        assert names(tmp_path) == ["lock", "state.db"]

    async def test_a_database_that_somebody_else_holds_is_not_called_damaged(self, tmp_path: Path) -> None:
        await Store.open(tmp_path).close()
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            Store.open(tmp_path)
        other.close()
        await Store.open(tmp_path).close()
        assert names(tmp_path) == ["lock", "state.db"]


class TestDamage:
    @pytest.mark.parametrize("damage", ["overwritten", "not a database", "torn page"])
    async def test_a_damaged_database_is_set_aside_and_the_monitor_starts_empty(
        self, tmp_path: Path, damage: str
    ) -> None:
        store = Store.open(tmp_path)
        many = State({f"service-{number}": ServiceState(since=number) for number in range(500)})
        await store.commit(None, many, ())
        await store.close()
        path = tmp_path / "state.db"
        whole = path.read_bytes()
        path.write_bytes(
            {
                "overwritten": whole[:8192] + b"\xff" * (len(whole) - 8192),
                "not a database": b"hello " * 3000,
                "torn page": whole[: len(whole) - 4096 * 3],
            }[damage]
        )
        damaged = path.read_bytes()
        store = Store.open(tmp_path)
        assert await store.load() is None
        await store.commit(None, STATE, ())
        assert (tmp_path / "state.db.damaged-1").read_bytes() == damaged
        store = await reopened(store, tmp_path)
        assert await store.load() == STATE
        await store.close()

    async def test_a_second_damaged_database_does_not_replace_the_first(self, tmp_path: Path) -> None:
        for number in (1, 2):
            (tmp_path / "state.db").write_bytes(f"{number} ".encode() * 5000)
            await Store.open(tmp_path).close()
            assert (tmp_path / f"state.db.damaged-{number}").read_bytes().startswith(str(number).encode())


OPEN = """
import os, pwd, sys
from pathlib import Path
from monitor.store import Store, StoreError
os.setuid(pwd.getpwnam("nobody").pw_uid)
try:
    Store.open(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk and fill it")
async def test_500_notices_are_kept_and_ended_on_a_disk_that_is_full() -> None:
    """A full disk is a thing to tell of: the room for it was taken at the start."""
    with small_disk() as disk:
        store = Store.open(disk / "state")
        before = STATE
        await store.commit(None, before, ())
        fill(disk)
        for number in range(500):
            after = replace(before, sequence=number + 10)
            await store.commit(before, after, [Outgoing(notice(number), ("a",))])
            before = after
        while waiting := await store.next("a"):
            await store.taken(waiting, 1000.0)
        assert await store.load() == before
        await store.close()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk and fill it")
async def test_a_start_on_a_full_disk_is_one_clear_line() -> None:
    with small_disk() as disk:
        fill(disk)
        with pytest.raises(StoreError, match=r"^\S+/state/state.db cannot be used: database or disk is full$"):
            Store.open(disk / "state")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody who may not write there")
def test_a_directory_that_cannot_be_written_is_one_clear_line() -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", OPEN, name], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout == (
            f"the state directory {directory} cannot be written: Permission denied; "
            "make it belong to the user that runs infra-monitor, or set state.directory in config.yaml\n"
        )
        assert not list(directory.iterdir())
