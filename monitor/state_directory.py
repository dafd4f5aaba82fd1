"""One daemon's hold on its state directory: made, locked, and its databases opened, or set aside when damaged."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DATABASE: Final = "state.db"
LOCK: Final = "lock"
RESERVE_BYTES: Final = 4 * 1024 * 1024
_FILES: Final = ("-wal", "-shm", "")
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# One script for each version, run in one transaction with the step of `user_version`. Never edited once released.
MIGRATIONS: Final = (
    """
    CREATE TABLE pieces (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        channel TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'dead')),
        attempts INTEGER NOT NULL DEFAULT 0,
        created_at REAL NOT NULL,
        next_attempt_at REAL NOT NULL,
        ended_at REAL,
        last_error TEXT,
        notice TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_in_order ON outbox (state, channel, number);
    CREATE TABLE reserve (body BLOB NOT NULL) STRICT;
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One database in the directory. `synchronous`: FULL, a commit is on the disk when it returns, or NORMAL: a loss of
    power takes the last ones. `most_bytes`: it never grows beyond. `damaged_kept`: how many are kept."""

    name: str
    migrations: tuple[str, ...]
    synchronous: str = "FULL"
    reserve_bytes: int = 0
    most_bytes: int | None = None
    damaged_kept: int | None = None


STATE: Final = Kind(name=DATABASE, migrations=MIGRATIONS, reserve_bytes=RESERVE_BYTES)


class StoreError(Exception):
    """The state cannot be kept. One line for the operator: what is in the way, and what to do."""


class Damaged(Exception):  # noqa: N818 — it is the finding, not our error
    """What is in the database file is not a sound database."""


def prepare(directory: Path) -> None:
    """Make the directory, for us alone. Raises StoreError when it is not there afterwards or cannot be written."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise unwritable(directory, error) from error


def unwritable(directory: Path, error: OSError) -> StoreError:
    """The one line about a directory that we cannot use."""
    return StoreError(
        f"the state directory {directory} cannot be written: {error.strerror or error}; "
        "make it belong to the user that runs infra-monitor, or set state.directory in config.yaml"
    )


def lock(directory: Path) -> int:
    """The descriptor that holds the directory until it is closed. Raises StoreError naming the pid of who has it."""
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unwritable(directory, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(
            f"the state directory {directory} is in use by another infra-monitor (pid {holder}); stop that one first"
        ) from None
    with suppress(OSError):  # a courtesy to the next one; a full disk is told of by the database
        os.pwrite(descriptor, f"{os.getpid():<20}\n".encode(), 0)
    return descriptor


def connect(directory: Path, kind: Kind = STATE) -> tuple[sqlite3.Connection, Path | None]:
    """The database at the newest schema, and where a damaged one was put if there was one. Raises StoreError."""
    try:
        return _open(directory, kind), None
    except Damaged:
        aside = _set_aside(directory, kind)
    try:
        return _open(directory, kind), aside
    except Damaged as error:  # a fresh file that is damaged: the disk itself
        raise StoreError(f"the state directory {directory} does not keep what is written to it: {error}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _open(directory: Path, kind: Kind) -> sqlite3.Connection:
    path = directory / kind.name
    try:
        # SQLite gives its side files the mode of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise unwritable(directory, error) from error
    connection = sqlite3.connect(path, isolation_level=None, timeout=1)
    try:
        _set_up(connection, kind)
        _check(connection)
        _migrate(connection, path, kind.migrations)
        if kind.reserve_bytes:
            _reserve(connection, kind.reserve_bytes)
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF in _DAMAGE:
            raise Damaged(str(error)) from error
        raise StoreError(f"{path} cannot be used: {error}") from error
    except (Damaged, StoreError):
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, kind: Kind) -> None:
    # Exclusive: no second connection, not even a curious `sqlite3`, can meet the WAL-reset bug of SQLite < 3.51.3.
    # No mmap: it makes that bug worse and saves nothing here.
    pragmas = ["locking_mode=EXCLUSIVE", "mmap_size=0", "journal_mode=WAL", f"synchronous={kind.synchronous}"]
    if kind.most_bytes is not None:
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        pragmas.append(f"max_page_count={kind.most_bytes // page_size}")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _check(connection: sqlite3.Connection) -> None:
    findings = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    if findings != ["ok"]:
        raise Damaged("; ".join(map(str, findings)))


def _migrate(connection: sqlite3.Connection, path: Path, migrations: tuple[str, ...]) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StoreError(
            f"{path} was written by a newer infra-monitor (schema {version}, this one knows {len(migrations)}); "
            "use that version, or another state.directory"
        )
    for number, script in enumerate(migrations[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _reserve(connection: sqlite3.Connection, size: int) -> None:
    """Room for hundreds of notices: a full disk is a thing to tell of, and must not mute us. It is kept as free pages
    of the database and as the length of the WAL, which does not shrink while it is open."""
    connection.execute("DELETE FROM reserve")
    with suppress(sqlite3.OperationalError):  # no room for it any more: then without
        connection.execute("INSERT INTO reserve VALUES (zeroblob(?))", (size,))
        connection.execute("DELETE FROM reserve")


def _set_aside(directory: Path, kind: Kind) -> Path:
    """Keep the damaged files for whoever wants to look into them. The side files go first: should we die in between, a
    WAL without its database must not be there for the next one to take as its own."""
    number = 1
    while (aside := directory / f"{kind.name}.damaged-{number}").exists() and number != kind.damaged_kept:
        number += 1
    for suffix in _FILES:
        side = directory / f"{kind.name}{suffix}"
        if side.exists():
            side.rename(directory / f"{aside.name}{suffix}")
    return aside
