"""The history on disk: samples at full resolution, their five-minute rollups, stays and past incidents.

Everything here blocks, and runs in the one thread of `monitor.history`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.core.model import Status
from monitor.core.uptime import Stay
from monitor.state_directory import Kind, connect, transaction

BUCKET_SECONDS: Final = 300
FULL_SECONDS: Final = 86_400.0
LONGEST_SECONDS: Final = 90 * 86_400.0
STAYS_KEPT: Final = 5_000
INCIDENTS_KEPT: Final = 5_000
MOST_BYTES: Final = 512 * 1024 * 1024
SLICE_SECONDS: Final = 3_600.0
AHEAD_SECONDS: Final = 2.0

_MILLI: Final = 1000

# One script for each version, see `state_directory.MIGRATIONS`. Times of samples are in milliseconds, since small
# integers take less room than floating-point numbers; buckets are numbered from 1970. All of these times are later by
# what stands in `moved`: so a step of the machine's clock moves a million rows by writing one.
MIGRATIONS: Final = (
    """
    CREATE TABLE series (
        number INTEGER PRIMARY KEY,
        service TEXT NOT NULL,
        "check" TEXT NOT NULL,
        metric TEXT NOT NULL,
        unit TEXT NOT NULL,
        seen_at REAL NOT NULL,
        UNIQUE (service, "check", metric)
    ) STRICT;
    CREATE TABLE samples (
        series INTEGER NOT NULL,
        at INTEGER NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (series, at)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rollups (
        series INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        n INTEGER NOT NULL,
        low REAL NOT NULL,
        average REAL NOT NULL,
        high REAL NOT NULL,
        PRIMARY KEY (series, bucket)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rolled (until INTEGER NOT NULL) STRICT;
    INSERT INTO rolled VALUES (0);
    CREATE TABLE stays (
        service TEXT NOT NULL,
        began REAL NOT NULL,
        ended REAL NOT NULL,
        status TEXT NOT NULL,
        PRIMARY KEY (service, began)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE incidents (
        id TEXT PRIMARY KEY,
        opened_at REAL NOT NULL,
        resolved_at REAL NOT NULL,
        body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX incidents_by_end ON incidents (resolved_at);
    """,
    """
    CREATE TABLE moved (milliseconds INTEGER NOT NULL) STRICT;
    INSERT INTO moved VALUES (0);
    """,
)

KIND: Final = Kind(
    name="history.db", migrations=MIGRATIONS, synchronous="NORMAL", most_bytes=MOST_BYTES, damaged_kept=1
)


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """What a number is of. `metric` is the reading's name with its labels, as in the answer about a service."""

    service: str
    check: str
    metric: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number of a series."""

    series: Series
    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Point:
    """What a series was at a moment, or, with `n` above one, in the five minutes that began then."""

    at: float
    value: float
    low: float
    high: float
    n: int = 1


@dataclass(frozen=True, slots=True)
class Past:
    """An incident that is over, as `monitor.pieces` writes it."""

    id: str
    opened_at: float
    resolved_at: float
    body: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written at once."""

    samples: tuple[Sample, ...] = ()
    stays: tuple[Stay, ...] = ()
    incidents: tuple[Past, ...] = ()


@dataclass(frozen=True, slots=True)
class Size:
    """How much is kept."""

    samples: int
    rollups: int
    series: int
    bytes: int
    oldest: float | None


class HistoryFile:
    """One connection to the file; nobody else has it open. Times are by the clock as it was at the start."""

    def __init__(self, directory: Path) -> None:
        """Raises StoreError. `aside` is where a damaged file was put, if there was one."""
        self._connection, self.aside = connect(directory, KIND)
        rows = self._connection.execute('SELECT number, service, "check", metric, unit FROM series')
        self._numbers: dict[Series, int] = {Series(*names): number for number, *names in rows}
        self._moved = int(self._connection.execute("SELECT milliseconds FROM moved").fetchone()[0])

    def end_by(self, now: float) -> float:
        """What is of a later moment was written before the clock was put back: all that is there ends now. By how many
        seconds it was moved."""
        newest = "SELECT max(at) FROM (SELECT max(seen_at) AS at FROM series UNION ALL SELECT max(ended) FROM stays)"
        (at,) = self._connection.execute(newest).fetchone()
        ahead = 0.0 if at is None else self._out(at) - now
        if ahead <= AHEAD_SECONDS:
            return 0.0
        self._moved -= round(ahead * _MILLI)
        return -ahead

    def write(self, batch: Batch, now: float, stepped: float = 0.0) -> None:
        """All of it or nothing. A file that has reached its bound forgets its oldest samples, and takes it then.
        `stepped`: by how much the clock was stepped since the start; who opens it next gets times by the new one."""
        try:
            self._write(batch, now, stepped)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL or not self._make_room():
                raise
            self._write(batch, now, stepped)

    def forget(self, now: float) -> None:
        """What is past its time."""
        now = self._in(now)
        with transaction(self._connection):
            for number in tuple(self._numbers.values()):
                until = (number, int((now - FULL_SECONDS) * _MILLI))
                self._connection.execute("DELETE FROM samples WHERE series = ? AND at < ?", until)
                ended = (number, int((now - LONGEST_SECONDS) // BUCKET_SECONDS))
                self._connection.execute("DELETE FROM rollups WHERE series = ? AND bucket < ?", ended)
            self._connection.execute("DELETE FROM series WHERE seen_at < ?", (now - LONGEST_SECONDS,))
            self._connection.execute("DELETE FROM stays WHERE ended < ?", (now - LONGEST_SECONDS,))
            self._connection.execute(
                "DELETE FROM stays AS old WHERE began < (SELECT began FROM stays WHERE service = old.service "
                "ORDER BY began DESC LIMIT 1 OFFSET ?)",
                (STAYS_KEPT - 1,),
            )
            self._connection.execute("DELETE FROM incidents WHERE resolved_at < ?", (now - LONGEST_SECONDS,))
            self._connection.execute(
                "DELETE FROM incidents WHERE resolved_at < "
                "(SELECT resolved_at FROM incidents ORDER BY resolved_at DESC LIMIT 1 OFFSET ?)",
                (INCIDENTS_KEPT - 1,),
            )
        known = {number for (number,) in self._connection.execute("SELECT number FROM series")}
        self._numbers = {series: number for series, number in self._numbers.items() if number in known}

    def series(self, service: str) -> tuple[Series, ...]:
        """All that is known of a service, in the order of their names."""
        return tuple(sorted(each for each in self._numbers if each.service == service))

    def full(self, series: Series, since: float) -> tuple[Point, ...]:
        """The samples from `since`, oldest first."""
        rows = self._connection.execute(
            "SELECT at, value FROM samples WHERE series = ? AND at >= ? ORDER BY at",
            (self._numbers.get(series), self._sampled(since)),
        )
        return tuple(Point((at + self._moved) / _MILLI, value, value, value) for at, value in rows)

    def rolled(self, series: Series, since: float, *, buckets: int = 1) -> tuple[Point, ...]:
        """By five minutes from `since`, or so many of them together, oldest first; the last ones are made of the
        samples that are there so far."""
        number, first = self._numbers.get(series), int(self._in(since) // BUCKET_SECONDS)
        each = (
            "SELECT bucket, average, low, high, n FROM rollups WHERE series = ?1 AND bucket >= ?2 UNION ALL "
            "SELECT at / ?3, avg(value), min(value), max(value), count(*) FROM samples "
            "WHERE series = ?1 AND at >= max(?2, (SELECT until FROM rolled)) * ?3 GROUP BY 1 ORDER BY 1"
        )
        together = (
            "SELECT bucket / ?4 * ?4, sum(average * n) / sum(n), min(low), max(high), sum(n) "  # noqa: S608 — no text of others
            f"FROM ({each}) GROUP BY 1 ORDER BY 1"
        )
        asked = (number, first, BUCKET_SECONDS * _MILLI)
        rows = self._connection.execute(
            each if buckets == 1 else together, asked if buckets == 1 else (*asked, buckets)
        )
        return tuple(Point(self._out(bucket * BUCKET_SECONDS), *rest) for bucket, *rest in rows)

    def stays(self, since: float) -> tuple[Stay, ...]:
        """Of every service, those that ended after `since`, oldest first."""
        rows = self._connection.execute(
            "SELECT service, status, began, ended FROM stays WHERE ended > ? ORDER BY began", (self._in(since),)
        )
        return tuple(
            Stay(service, Status(status), self._out(began), self._out(ended)) for service, status, began, ended in rows
        )

    def incidents(self, since: float) -> tuple[Past, ...]:
        """Those that ended after `since`, newest first."""
        rows = self._connection.execute(
            "SELECT id, opened_at, resolved_at, body FROM incidents WHERE resolved_at >= ? ORDER BY opened_at DESC",
            (self._in(since),),
        )
        return tuple(map(self._past, rows))

    def incident(self, name: str) -> Past | None:
        """The one with that id."""
        rows = self._connection.execute("SELECT id, opened_at, resolved_at, body FROM incidents WHERE id = ?", (name,))
        return next(map(self._past, rows), None)

    def size(self) -> Size:
        """How much is kept, counted."""
        samples, first = self._connection.execute("SELECT count(*), min(at) FROM samples").fetchone()
        rollups, bucket = self._connection.execute("SELECT count(*), min(bucket) FROM rollups").fetchone()
        pages, page = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        moments = [
            moment
            for moment in (
                None if first is None else self._out(first / _MILLI),
                None if bucket is None else self._out(bucket * BUCKET_SECONDS),
            )
            if moment is not None
        ]
        return Size(samples, rollups, len(self._numbers), pages * page, min(moments, default=None))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _in(self, at: float) -> float:
        return round(at - self._moved / _MILLI, 3)

    def _out(self, at: float) -> float:
        return round(at + self._moved / _MILLI, 3)

    def _sampled(self, at: float) -> int:
        return round(at * _MILLI) - self._moved

    def _past(self, row: tuple[str, float, float, str]) -> Past:
        name, opened_at, resolved_at, body = row
        return Past(name, self._out(opened_at), self._out(resolved_at), body)

    def _write(self, batch: Batch, now: float, stepped: float) -> None:
        known = dict(self._numbers)
        try:
            with transaction(self._connection):
                self._put(batch, self._in(now))
                self._roll_up(int(self._in(now) // BUCKET_SECONDS))
                moved = self._moved + round(stepped * _MILLI)
                self._connection.execute("UPDATE moved SET milliseconds = ?1 WHERE milliseconds <> ?1", (moved,))
        except BaseException:
            self._numbers = known
            raise

    def _put(self, batch: Batch, now: float) -> None:
        execute = self._connection.executemany
        execute(
            "INSERT OR REPLACE INTO samples VALUES (?, ?, ?)",
            [(self._number(each.series, now), self._sampled(each.at), each.value) for each in batch.samples],
        )
        seen = {self._numbers[each.series] for each in batch.samples}
        execute("UPDATE series SET seen_at = ? WHERE number = ?", [(now, number) for number in seen])
        execute(
            "INSERT OR REPLACE INTO stays VALUES (?, ?, ?, ?)",
            [(each.service, self._in(each.began), self._in(each.ended), each.status.value) for each in batch.stays],
        )
        execute(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?)",
            [(each.id, self._in(each.opened_at), self._in(each.resolved_at), each.body) for each in batch.incidents],
        )

    def _number(self, series: Series, now: float) -> int:
        if series not in self._numbers:
            cursor = self._connection.execute(
                'INSERT INTO series (service, "check", metric, unit, seen_at) VALUES (?, ?, ?, ?, ?) '
                "ON CONFLICT DO UPDATE SET unit = excluded.unit RETURNING number",
                (series.service, series.check, series.metric, series.unit, now),
            )
            (number,) = cursor.fetchone()
            self._numbers[series] = int(number)
        return self._numbers[series]

    def _roll_up(self, until: int) -> None:
        """Every bucket that is over, once. Samples come in the order of their time, so that none comes after it."""
        (since,) = self._connection.execute("SELECT until FROM rolled").fetchone()
        if until <= since:
            return
        width = BUCKET_SECONDS * _MILLI  # of a bucket
        self._connection.executemany(
            "INSERT OR REPLACE INTO rollups SELECT series, at / ?1, count(*), min(value), avg(value), max(value) "
            "FROM samples WHERE series = ?2 AND at >= ?3 AND at < ?4 GROUP BY 2",
            [(width, number, since * width, until * width) for number in self._numbers.values()],
        )
        self._connection.execute("UPDATE rolled SET until = ?", (until,))

    def _make_room(self) -> bool:
        """Forget the oldest hour of samples; with none left, the oldest day of rollups. Whether there was anything."""
        (first,) = self._connection.execute("SELECT min(at) FROM samples").fetchone()
        (bucket,) = self._connection.execute("SELECT min(bucket) FROM rollups").fetchone()
        (until,) = self._connection.execute("SELECT until FROM rolled").fetchone()
        with transaction(self._connection):
            if first is not None and first < until * BUCKET_SECONDS * _MILLI:
                an_hour_on = first + int(SLICE_SECONDS * _MILLI)
                return self._delete("DELETE FROM samples WHERE series = ? AND at < ?", an_hour_on)
            if bucket is not None:
                a_day_on = bucket + 86_400 // BUCKET_SECONDS
                return self._delete("DELETE FROM rollups WHERE series = ? AND bucket < ?", a_day_on)
        return False

    def _delete(self, statement: str, until: int) -> bool:
        numbers = [(number, until) for number in self._numbers.values()]
        return self._connection.executemany(statement, numbers).rowcount > 0
