"""Samples, rollups, stays and incidents on disk: what is kept, for how long, and what a full disk does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.core.model import Status
from monitor.core.uptime import Stay
from monitor.history_file import (
    BUCKET_SECONDS,
    INCIDENTS_KEPT,
    STAYS_KEPT,
    Batch,
    HistoryFile,
    Past,
    Point,
    Sample,
    Series,
)

T = 1_780_000_200.0  # the beginning of a bucket
SERIES = Series("rds", "rds", "response_time", "seconds")
HOUR, DAY = 3_600.0, 86_400.0


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HistoryFile]:
    made = HistoryFile(tmp_path)
    yield made
    made.close()


def samples(*values: float, every: float = 15.0, since: float = T) -> Batch:
    return Batch(tuple(Sample(SERIES, since + n * every, value) for n, value in enumerate(values)))


def test_samples_come_back_at_full_resolution(file: HistoryFile) -> None:
    file.write(samples(1.0, 2.5), T + 30)
    assert file.full(SERIES, T) == (Point(T, 1.0, 1.0, 1.0), Point(T + 15, 2.5, 2.5, 2.5))
    assert file.full(SERIES, T + 1) == (Point(T + 15, 2.5, 2.5, 2.5),)
    assert file.series("rds") == (SERIES,)
    assert file.full(Series("rds", "rds", "nothing"), T) == ()


@pytest.mark.parametrize("later", [0.0, BUCKET_SECONDS, 10 * BUCKET_SECONDS])
def test_five_minutes_are_the_same_before_and_after_they_are_rolled_up(file: HistoryFile, later: float) -> None:
    file.write(samples(1.0, 2.0, 6.0, since=T), T + 45)
    file.write(samples(8.0, since=T + BUCKET_SECONDS), T + BUCKET_SECONDS + 1)
    file.write(Batch(), T + BUCKET_SECONDS + 1 + later)
    assert file.rolled(SERIES, T) == (Point(T, 3.0, 1.0, 6.0, 3), Point(T + BUCKET_SECONDS, 8.0, 8.0, 8.0, 1))


def test_several_five_minutes_can_be_read_as_one(file: HistoryFile) -> None:
    begins = T - T % (4 * BUCKET_SECONDS)
    file.write(samples(1.0, 2.0, 6.0, since=begins), begins + 45)
    file.write(samples(7.0, since=begins + BUCKET_SECONDS), begins + BUCKET_SECONDS + 1)
    file.write(samples(8.0, since=begins + 5 * BUCKET_SECONDS), begins + 5 * BUCKET_SECONDS + 1)
    assert file.rolled(SERIES, begins, buckets=4) == (
        Point(begins, 4.0, 1.0, 7.0, 4),
        Point(begins + 4 * BUCKET_SECONDS, 8.0, 8.0, 8.0, 1),
    )


def test_a_bucket_that_was_cut_by_a_restart_is_whole(tmp_path: Path) -> None:
    first = HistoryFile(tmp_path)
    first.write(samples(1.0), T + 5)
    first.close()
    second = HistoryFile(tmp_path)
    second.write(samples(3.0, since=T + 100), T + 105)
    second.write(Batch(), T + 2 * BUCKET_SECONDS)
    assert second.rolled(SERIES, T) == (Point(T, 2.0, 1.0, 3.0, 2),)
    assert (second.size().samples, second.size().rollups) == (2, 1)
    second.close()


def test_full_resolution_is_kept_a_day_and_rollups_ninety(file: HistoryFile) -> None:
    file.write(samples(1.0), T)
    file.forget(T + DAY - 1)
    assert file.size().samples == 1
    file.write(Batch(), T + DAY + 1)
    file.forget(T + DAY + 1)
    assert file.size().samples == 0
    assert len(file.rolled(SERIES, T)) == 1
    file.forget(T + 90 * DAY + 2 * BUCKET_SECONDS)
    assert file.rolled(SERIES, T) == ()
    assert file.series("rds") == ()


def test_stays_and_incidents_are_kept_ninety_days_and_no_more_than_so_many(file: HistoryFile) -> None:
    stays = tuple(Stay("rds", Status.DOWN, T + n, T + n + 1) for n in range(STAYS_KEPT + 10))
    past = tuple(Past(f"i{n}", T + n, T + n + 1, "{}") for n in range(INCIDENTS_KEPT + 10))
    file.write(Batch(stays=(Stay("web", Status.HEALTHY, T, T + 1), *stays), incidents=past), T)
    file.forget(T + 100)
    kept = file.stays(T)
    assert kept[0] == Stay("web", Status.HEALTHY, T, T + 1)
    assert [stay.began for stay in kept if stay.service == "rds"] == [stay.began for stay in stays[10:]]
    assert (len(file.incidents(T)), file.incident("i9"), file.incident("i10")) == (INCIDENTS_KEPT, None, past[10])
    assert file.incidents(T)[0].id == f"i{INCIDENTS_KEPT + 9}"
    file.forget(T + 91 * DAY)
    assert (file.stays(0), file.incidents(0)) == ((), ())


def test_a_stay_that_goes_on_is_one_row(file: HistoryFile) -> None:
    for ended in (T + 10, T + 20):
        file.write(Batch(stays=(Stay("rds", Status.HEALTHY, T, ended),)), ended)
    assert file.stays(T) == (Stay("rds", Status.HEALTHY, T, T + 20),)


def test_a_file_at_its_bound_forgets_the_oldest_and_takes_what_is_new(file: HistoryFile) -> None:
    file.write(samples(*range(20_000), every=1.0), T + 20_000)
    (pages,) = file._connection.execute("PRAGMA page_count").fetchone()
    file._connection.execute(f"PRAGMA max_page_count={pages + 5}")
    for n in range(20):
        since = T + 20_000 + n * 1_000
        file.write(samples(*range(1_000), every=1.0, since=since), since + 1_000)
    assert file.size().bytes <= (pages + 5) * 4096
    assert file.full(SERIES, T)[-1].at == T + 39_999
    assert file.full(SERIES, T)[0].at > T


def test_a_write_that_fails_leaves_nothing_behind_and_can_be_done_again(file: HistoryFile) -> None:
    file._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(sqlite3.OperationalError):
        file.write(samples(1.0), T)
    file._connection.execute("PRAGMA query_only = 0")
    assert file.series("rds") == ()
    file.write(samples(1.0), T)
    assert len(file.full(SERIES, T)) == 1


def test_a_damaged_file_is_set_aside_and_only_the_last_of_them_is_kept(tmp_path: Path) -> None:
    for _ in range(3):
        (tmp_path / "history.db").write_bytes(b"this is no database" * 500)
        file = HistoryFile(tmp_path)
        assert file.aside == tmp_path / "history.db.damaged-1"
        file.write(samples(1.0), T)
        assert len(file.full(SERIES, T)) == 1
        file.close()
    assert [path.name for path in tmp_path.glob("*damaged*")] == ["history.db.damaged-1"]
