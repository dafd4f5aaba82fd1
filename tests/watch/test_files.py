"""Files that look other than a moment ago concern whoever follows them."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.schedule import Key
from monitor.watch.files import FileSigns, stamps

NGINX, WIRING = Key("nginx", "nginx"), Key("api", "wiring")


class Watched:
    """Asks as the monitor does."""

    def __init__(self, most: int = 100) -> None:
        self.signs = FileSigns(most=most)

    def changed(self) -> tuple[Key, ...]:
        return self.signs.changed(stamps(self.signs.paths))


def test_every_way_in_which_a_file_changes_is_a_sign_once(tmp_path: Path) -> None:
    watched, path = Watched(), tmp_path / ".env"
    watched.signs.follow(WIRING, [str(path)])
    assert watched.changed() == ()
    new = tmp_path / "new"
    for change in (
        lambda: path.write_text("DB_HOST=a\n"),  # it comes
        lambda: path.write_text("DB_HOST=bb\n"),
        lambda: path.write_text("DB_HOST=bb\nmore\n"),
        lambda: os.truncate(path, 3),
        lambda: (new.write_text("DB"), new.replace(path)),  # as editors do
        lambda: path.chmod(0o600),
        path.unlink,
    ):
        change()
        assert watched.changed() == (WIRING,)
        assert watched.changed() == ()


def test_a_new_file_is_a_sign_through_its_directory(tmp_path: Path) -> None:
    watched = Watched()
    watched.signs.follow(NGINX, [str(tmp_path)])
    assert watched.changed() == ()
    (tmp_path / "site.conf").write_text("server {}\n")
    assert watched.changed() == (NGINX,)


def test_only_who_follows_a_file_is_concerned_and_only_while_it_does(tmp_path: Path) -> None:
    watched, ours, theirs = Watched(), tmp_path / "a", tmp_path / "b"
    watched.signs.follow(NGINX, [str(ours), str(theirs)])
    watched.signs.follow(WIRING, [str(theirs)])
    assert watched.changed() == ()
    ours.touch()
    assert watched.changed() == (NGINX,)
    theirs.touch()
    assert set(watched.changed()) == {NGINX, WIRING}
    watched.signs.drop(NGINX)
    watched.signs.drop(NGINX)
    theirs.unlink()
    assert watched.changed() == (WIRING,)


def test_there_are_never_more_files_than_allowed(tmp_path: Path) -> None:
    watched = Watched(most=3)
    watched.signs.follow(NGINX, [str(tmp_path / str(number)) for number in range(10)])
    assert watched.signs.paths == tuple(str(tmp_path / str(number)) for number in range(3))
