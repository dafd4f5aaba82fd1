"""A connection is made phase by phase, and whatever stalls is named at the deadline."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from monitor.sources.connect import (
    Address,
    Connection,
    Hindered,
    Stopwatch,
    Unanswered,
    connection,
    parse_address,
    printable,
    tls_context,
)
from monitor.sources.resolver import Resolver
from tests.sources.talkers import (
    Authority,
    closed_port,
    dropping_packets,
    make_authority,
    saying,
    talking,
)

OPEN = Path("/proc/self/fd")
NAMES = {"here": ("127.0.0.1",), "two": ("127.0.0.2", "127.0.0.1")}
HOLDING = saying(then_hold=True, ask_first=None)


@pytest.fixture
async def resolver() -> AsyncIterator[Resolver]:
    made = Resolver(lambda host: NAMES.get(host, ()))
    yield made
    made.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


async def connect(
    address: Address, resolver: Resolver, watch: Stopwatch, *, seconds: float = 5.0, ca_file: Path | None = None
) -> Connection:
    deadline = asyncio.get_running_loop().time() + seconds
    tls = tls_context(ca_file) if ca_file else None
    async with connection(address, resolver=resolver, deadline=deadline, watch=watch, tls=tls) as opened:
        return opened


async def unanswered(
    address: Address, resolver: Resolver, *, seconds: float = 5.0, ca_file: Path | None = None
) -> Unanswered:
    with pytest.raises(Unanswered) as caught:
        await connect(address, resolver, Stopwatch(), seconds=seconds, ca_file=ca_file)
    return caught.value


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("redis:6379", Address("redis", 6379)),
        ("127.0.0.1:80", Address("127.0.0.1", 80)),
        ("[::1]:6379", Address("::1", 6379)),
        ("unix:/run/redis.sock", Address(path="/run/redis.sock")),
    ],
)
def test_an_address_is_read_and_written_the_same(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "redis", ":6379", "redis:", "redis:0", "redis:65536", "redis:six", "::1:6379", "[]:1", "unix:run.sock"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|the port|whole path"):
        parse_address(text)


async def test_the_phases_of_a_plain_connection(resolver: Resolver) -> None:
    watch = Stopwatch()
    async with talking(HOLDING) as server:
        opened = await connect(Address("here", server.port), resolver, watch)
    assert list(watch.phases) == ["resolve", "tcp"]
    assert opened.certificate is None
    assert watch.total == pytest.approx(sum(watch.phases.values()))


async def test_the_phases_of_a_connection_over_tls(resolver: Resolver, authority: Authority) -> None:
    watch = Stopwatch()
    async with talking(HOLDING, tls=authority.context("here")) as server:
        opened = await connect(Address("here", server.port), resolver, watch, ca_file=authority.file)
    assert list(watch.phases) == ["resolve", "tcp", "tls"]
    assert opened.certificate


async def test_a_unix_socket(resolver: Resolver, tmp_path: Path) -> None:
    watch = Stopwatch()
    async with talking(HOLDING, path=tmp_path / "socket"):
        await connect(Address(path=str(tmp_path / "socket")), resolver, watch)
    assert list(watch.phases) == ["connect"]


async def test_a_name_that_nobody_knows(resolver: Resolver) -> None:
    error = await unanswered(Address("nowhere", 1), resolver)
    assert (error.phase, error.reason) == ("resolve", "dns")
    assert "nowhere" in error.message


async def test_a_port_where_nobody_listens(resolver: Resolver) -> None:
    with closed_port() as port:
        error = await unanswered(Address("here", port), resolver)
    assert (error.phase, error.reason, error.message) == ("tcp", "refused", "Connection refused")


async def test_a_socket_that_is_not_there(resolver: Resolver, tmp_path: Path) -> None:
    error = await unanswered(Address(path=str(tmp_path / "socket")), resolver)
    assert (error.phase, error.reason) == ("connect", "missing")


@pytest.fixture
def not_ours() -> Iterator[Path]:
    """A socket that may not be opened. Root may open everything, so for a moment this process is nobody."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as listener:
        path = Path(directory, "socket")
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o000)
        yield path
    os.seteuid(before)


async def test_a_socket_that_is_not_ours_to_open_is_our_problem(resolver: Resolver, not_ours: Path) -> None:
    with pytest.raises(Hindered, match="no permission to open"):
        await connect(Address(path=str(not_ours)), resolver, Stopwatch())


@pytest.fixture
def no_descriptor_left() -> Iterator[Callable[[], None]]:
    """Call it, and this process can open nothing more until the test is over."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []

    def take() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64 + max(int(each.name) for each in OPEN.iterdir()), hard))
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))

    yield take
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_no_descriptor_left_is_our_problem(resolver: Resolver, no_descriptor_left: Callable[[], None]) -> None:
    async with talking(HOLDING) as server:
        no_descriptor_left()
        with pytest.raises(Hindered, match="Too many open files"):
            await connect(Address("127.0.0.1", server.port), resolver, Stopwatch())


async def test_dropped_packets_are_told_at_the_deadline(resolver: Resolver) -> None:
    watch = Stopwatch()
    began = asyncio.get_running_loop().time()
    with dropping_packets() as port, pytest.raises(Unanswered) as caught:
        await connect(Address("here", port), resolver, watch, seconds=1.0)
    took = asyncio.get_running_loop().time() - began
    assert (caught.value.phase, caught.value.reason) == ("tcp", "timeout")
    assert 1.0 <= took < 1.5
    assert watch.phases["tcp"] == pytest.approx(1.0, abs=0.4)


async def test_a_dead_name_server_is_told_at_the_deadline() -> None:
    held = threading.Event()
    resolver = Resolver(lambda _: (held.wait(30), ())[1])
    began = asyncio.get_running_loop().time()
    try:
        error = await unanswered(Address("here", 1), resolver, seconds=0.5)
    finally:
        held.set()
        resolver.close()
    assert (error.phase, error.reason) == ("resolve", "timeout")
    assert asyncio.get_running_loop().time() - began < 1.0


async def test_silence_instead_of_tls_is_told_at_the_deadline(resolver: Resolver, authority: Authority) -> None:
    began = asyncio.get_running_loop().time()
    async with talking(HOLDING) as server:
        error = await unanswered(Address("here", server.port), resolver, seconds=0.5, ca_file=authority.file)
        assert (error.phase, error.reason) == ("tls", "timeout")
        assert asyncio.get_running_loop().time() - began < 1.0


@pytest.mark.parametrize(
    ("shown", "reason", "text"),
    [
        (("elsewhere", 30), "certificate", "here"),
        (("here", -2), "certificate_expired", "certificate has expired"),
    ],
    ids=["another-name", "expired"],
)
async def test_a_certificate_that_is_not_good(
    resolver: Resolver, authority: Authority, shown: tuple[str, int], reason: str, text: str
) -> None:
    name, days = shown
    async with talking(HOLDING, tls=authority.context(name, days=days)) as server:
        error = await unanswered(Address("here", server.port), resolver, ca_file=authority.file)
    assert (error.phase, error.reason) == ("tls", reason)
    assert text in error.message


async def test_an_authority_that_nobody_trusts(resolver: Resolver, authority: Authority, tmp_path: Path) -> None:
    async with talking(HOLDING, tls=authority.context("here")) as server:
        error = await unanswered(Address("here", server.port), resolver, ca_file=make_authority(tmp_path).file)
    assert (error.phase, error.reason) == ("tls", "certificate")


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28"])
async def test_something_else_than_tls(resolver: Resolver, authority: Authority, said: bytes) -> None:
    async with talking(saying(said, ask_first=None)) as server:
        error = await unanswered(Address("here", server.port), resolver, ca_file=authority.file)
    assert (error.phase, error.reason) == ("tls", "tls")


async def test_a_connection_that_ends_where_tls_should_begin(resolver: Resolver, authority: Authority) -> None:
    async with talking(saying(ask_first=None)) as server:
        error = await unanswered(Address("here", server.port), resolver, ca_file=authority.file)
    assert (error.phase, error.reason) in {("tls", "reset"), ("tls", "tls")}


async def test_the_second_address_is_tried_when_the_first_refuses(resolver: Resolver) -> None:
    async with talking(HOLDING) as server:
        await connect(Address("two", server.port), resolver, Stopwatch())


async def test_of_several_addresses_silence_tells_more_than_refusal(resolver: Resolver) -> None:
    with dropping_packets() as port:
        began = asyncio.get_running_loop().time()
        error = await unanswered(Address("two", port), resolver, seconds=1.0)
    assert (error.phase, error.reason) == ("tcp", "timeout")
    assert asyncio.get_running_loop().time() - began < 1.5


async def test_what_goes_wrong_on_the_connection_belongs_to_its_phase(resolver: Resolver) -> None:
    watch = Stopwatch()

    async def ask(port: int) -> None:
        deadline = asyncio.get_running_loop().time() + 5
        async with connection(Address("here", port), resolver=resolver, deadline=deadline, watch=watch) as opened:
            watch.begin("answer")
            await opened.reader.readexactly(100)

    async with talking(saying(b"half", ask_first=None)) as server:
        with pytest.raises(Unanswered) as caught:
            await ask(server.port)
    assert (caught.value.phase, caught.value.reason) == ("answer", "closed")
    assert list(watch.phases) == ["resolve", "tcp", "answer"]


def test_a_trust_file_is_read_again_only_when_it_has_changed(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "trusted.crt"
    file.write_bytes(authority.file.read_bytes())
    first = tls_context(file)
    assert tls_context(file) is first
    os.utime(file, (1, 1))
    assert tls_context(file) is not first


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_trust_file_that_cannot_be_used_is_our_problem(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "trusted.crt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Hindered, match=r"trusted\.crt"):
        tls_context(file)


@pytest.mark.parametrize(
    ("data", "shown"),
    [(b"-ERR no\r\nmore", "-ERR no more"), (b"\xff\x00", "\ufffd?"), (b"x" * 500, "x" * 119 + "…"), (b"", "")],
)
def test_what_somebody_said_is_one_short_line(data: bytes, shown: str) -> None:
    assert printable(data) == shown
