"""What a `.env` and an environment say of a database, and what nobody may learn from having read them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.wiring import ENVIRONMENT, Target
from monitor.sources.dotenv import LARGEST_BYTES, EnvFile, Unreadable, of_environment, read_env_file

SECRET = "canary-4711-password"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def read(path: Path, content: str | bytes) -> EnvFile:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_env_file(str(path), shown="/srv/.env")
    assert found
    return found


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        ("DB_HOST=prod.rds\nDB_PORT=5432\nDB_NAME=signalcraft\n", Target("prod.rds", 5432, "signalcraft")),
        ("export DB_HOST='PROD.rds.'  # ours\nDB_PORT = 6432\n", Target("prod.rds", 6432)),
        ('DB_HOST="a"\nDB_HOST=b\n', Target("b")),
        ("\ufeffDB_HOST=a\r\nDB_NAME=n\r\n", Target("a", None, "n")),
        ("DB_HOST=/run/postgresql\n", Target("/run/postgresql")),
        ("DB_HOST=${RDS_HOST}\nDB_NAME=$NAME\n", Target()),
        ("DB_HOST=a,b\n", Target()),
        (f"DB_HOST=postgresql://app:{SECRET}@prod.rds/x\n", Target()),
        ("DB_PORT=five\n", Target()),
        ("DB_PORT=0\n", Target()),
        ("DB_PORT=65536\n", Target()),
        ("DB_PORT=999999999999\n", Target()),
        ("DB_HOST\nPORT=3000\n= =\n", Target()),
        ("", Target()),
        (b"DB_HOST=\xff\xfe\nDB_NAME=n\n", Target("", None, "n")),
        ("DB_NAME='a\x07b'\n", Target("", None, "a�b")),
    ],
)
def test_a_file_says_where_and_which(path: Path, content: str | bytes, plain: Target) -> None:
    settings = read(path, content).settings
    assert (settings.plain, settings.url, settings.source) == (plain, None, "/srv/.env")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (f"postgresql://app:{SECRET}@prod.rds:5432/signalcraft", Target("prod.rds", 5432, "signalcraft")),
        (f"postgres://app:{SECRET}@PROD.rds/signal%20craft?sslmode=require", Target("prod.rds", None, "signal craft")),
        (f"postgresql+psycopg2://app:{SECRET}@[::1]:5433/x", Target("::1", 5433, "x")),
        (f"postgresql:///x?host=/run/pg&port=5433&password={SECRET}", Target("/run/pg", 5433, "x")),
        ("postgresql://u@a,b/x", Target("", None, "x")),
        ("sqlite:///instance/app.db", Target(sqlite=True)),
        ("sqlite+aiosqlite:///app.db", Target(sqlite=True)),
        ("file:./dev.db", Target(sqlite=True)),
        (f"mysql://app:{SECRET}@m/x", None),
        (f"postgresql://app:{SECRET}@host:notaport/x", None),
        (f"postgresql://app:{SECRET}@[::1/x", None),
        (f"postgresql://app:12/{SECRET}@prod.rds/x", None),
        (f"postgresql://app:12?{SECRET}@prod.rds/x", None),
        (f"postgresql://app:12#{SECRET}@prod.rds/x", None),
        (SECRET, None),
        ("sqlite", None),
        ("", None),
    ],
)
def test_a_url_says_where_and_which(path: Path, url: str, target: Target | None) -> None:
    found = read(path, f"DATABASE_URL={url}\n")
    assert found.settings.url == target
    assert SECRET not in repr(found)
    environment = of_environment(f"DATABASE_URL={url}\0".encode())
    assert environment
    assert environment.url == target
    assert SECRET not in repr(environment)


def test_a_mark_tells_values_apart_and_says_nothing_of_them(path: Path) -> None:
    one = read(path, f"DB_HOST=a\nDB_PASSWORD={SECRET}\nSECRET_KEY=x\nDATABASE_URL=sqlite:x\nDB_POOL_MAX=20\n").settings
    two = read(
        path, f'# moved\nSECRET_KEY=y\nDB_PASSWORD="{SECRET}"\nDB_HOST=b\nDATABASE_URL=sqlite:x\nDB_POOL_MAX=20\n'
    )
    assert set(one.marks) == {"DB_HOST", "DB_PASSWORD", "DATABASE_URL", "DB_POOL_MAX"}
    assert {name for name in one.marks if one.marks[name] != two.settings.marks[name]} == {"DB_HOST"}
    assert all(len(mark) == 4 for mark in one.marks.values()), (
        "one in 65,536 passwords fits: it cannot be guessed by it"
    )


def test_the_same_value_under_another_name_has_another_mark(path: Path) -> None:
    marks = read(path, "DB_USER=admin\nDB_PASSWORD=admin\n").settings.marks
    assert marks["DB_USER"] != marks["DB_PASSWORD"]


def test_a_file_with_no_end_of_names_is_kept_short(path: Path) -> None:
    assert len(read(path, "".join(f"DB_{number}=1\n" for number in range(500))).settings.marks) == 40


def test_when_it_was_written_is_told(path: Path) -> None:
    before = time.time()
    assert before - 1 <= read(path, "DB_HOST=a\n").written_at <= time.time() + 1


def test_no_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "file/.env", "directory", "pipe"):
        assert read_env_file(str(tmp_path / name), shown=name) is None


def test_a_file_that_is_too_large_is_not_guessed_at(path: Path) -> None:
    path.write_bytes(b"DB_HOST=a\n" + b"#" * LARGEST_BYTES)
    with pytest.raises(Unreadable, match=r"^/srv/\.env is larger than 64 KiB$"):
        read_env_file(str(path), shown="/srv/.env")


def test_a_file_in_a_circle_says_why(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(Unreadable, match="cannot be read: Too many levels of symbolic links"):
        read_env_file(str(path), shown="/srv/.env")


def test_an_environment_says_something_only_where_the_names_stand() -> None:
    assert of_environment(b"PATH=/bin\0MY_DB_HOST=x\0DB_HOST\0xDATABASE_URL=y\0") is None
    assert of_environment(b"") is None
    found = of_environment(b"PATH=/bin\0DB_HOST=a\0DB_PORT=5433\0DB_HOST=second\0DB_PASSWORD=" + SECRET.encode())
    assert found
    assert (found.plain, found.source, found.marks) == (Target("a", 5433), ENVIRONMENT, {})
    assert SECRET not in repr(found)


@given(st.binary(max_size=400))
def test_any_bytes_are_an_environment(content: bytes) -> None:
    of_environment(content)
    of_environment(b"DB_HOST=" + content)
    of_environment(b"DATABASE_URL=postgresql://" + content)


@given(st.lists(st.sampled_from([b"DB_HOST", b"=", b"'", b'"', b"\\", b"\n", b"#", b"$", b"\xff", b"\0", b"a", b" "])))
def test_any_bytes_are_a_file(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes]) -> None:
    read(tmp_path_factory.getbasetemp() / "any.env", b"".join(parts))


@pytest.mark.parametrize("line", [b"A='\\\n", b"'\n", b'A="\\"\n', b"export export\n", b"=\n", b"A='\n\n"])
def test_the_largest_file_of_nonsense_is_read_in_a_moment(path: Path, line: bytes) -> None:
    """Measured in processor time of this thread; a parser that backtracks would need minutes."""
    began = time.thread_time()
    read(path, line * (LARGEST_BYTES // len(line)))
    assert time.thread_time() - began < 10
    assert threading.active_count() < 50
