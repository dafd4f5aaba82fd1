"""A file is news when something new stands in it, and only once it has stood still."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.reloading import FileWatch


def test_what_is_written_is_told_once_after_it_has_stood_still(tmp_path: Path) -> None:
    file, other = tmp_path / "config.yaml", tmp_path / ".env"
    file.write_text("a")
    watch = FileWatch(lambda: (file, other))
    assert not watch.has_changed()
    file.write_text("ab")
    assert not watch.has_changed()
    file.write_text("abc")
    assert not watch.has_changed(), "it is still being written"
    assert watch.has_changed()
    assert not watch.has_changed()


def test_a_file_that_comes_goes_or_is_replaced_is_news(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    watch = FileWatch(lambda: (file,))
    file.write_text("a")
    assert [watch.has_changed(), watch.has_changed()] == [False, True]
    beside = tmp_path / "new"
    beside.write_text("b")
    beside.replace(file)
    assert [watch.has_changed(), watch.has_changed()] == [False, True]
    file.unlink()
    assert [watch.has_changed(), watch.has_changed()] == [False, True]


def test_a_touch_and_what_is_known_are_no_news(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a")
    watch = FileWatch(lambda: (file,))
    os.utime(file, (1, 1))
    assert [watch.has_changed(), watch.has_changed(), watch.has_changed()] == [False] * 3
    file.write_text("b")
    watch.remember()
    assert [watch.has_changed(), watch.has_changed()] == [False] * 2
