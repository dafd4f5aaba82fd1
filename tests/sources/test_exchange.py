"""One request and its answer, however the answer is framed, and nothing beyond a bound."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from monitor.sources.connect import Address, Stopwatch, Unanswered, connection
from monitor.sources.exchange import LONGEST_BODY, Answer, Request, exchange
from monitor.sources.resolver import Resolver
from tests.sources.talkers import Act, saying, talking

ASKED = Request("GET", "here:80", "/health?deep=1", {})


@pytest.fixture
async def resolver() -> AsyncIterator[Resolver]:
    made = Resolver()
    yield made
    made.close()


async def asked(
    port: int,
    resolver: Resolver,
    request: Request = ASKED,
    *,
    watch: Stopwatch | None = None,
    enough: bytes | None = None,
    seconds: float = 5.0,
) -> Answer:
    watch = watch or Stopwatch()
    deadline = asyncio.get_running_loop().time() + seconds
    where = Address("127.0.0.1", port)
    async with connection(where, resolver=resolver, deadline=deadline, watch=watch) as opened:
        return await exchange(opened, request, watch, enough=enough)


async def answered(resolver: Resolver, *pieces: bytes, request: Request = ASKED, gap: float = 0.0) -> Answer:
    async with talking(saying(*pieces, gap=gap)) as server:
        return await asked(server.port, resolver, request)


async def unanswered(resolver: Resolver, act: Act, *, seconds: float = 5.0) -> Unanswered:
    async with talking(act) as server:
        with pytest.raises(Unanswered) as caught:
            await asked(server.port, resolver, seconds=seconds)
    return caught.value


async def test_a_real_server_is_asked_as_it_expects(resolver: Resolver) -> None:
    heard: list[web.Request] = []

    async def health(request: web.Request) -> web.Response:
        heard.append(request)
        return web.json_response({"status": "ok"}, headers={"X-Own": "yes"})

    app = web.Application()
    app.router.add_route("*", "/health", health)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        watch = Stopwatch()
        answer = await asked(
            port, resolver, Request("GET", "signalcraft.test", "/health?deep=1", {"X-Key": "geheim"}), watch=watch
        )
        posted = await asked(port, resolver, Request("POST", "signalcraft.test", "/health", {}))
    finally:
        await runner.cleanup()
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b'{"status": "ok"}')
    assert answer.headers["x-own"] == "yes"
    assert posted.status == 200
    (get, post) = heard
    assert (get.method, get.path_qs, get.headers["Host"]) == ("GET", "/health?deep=1", "signalcraft.test")
    assert (get.headers["X-Key"], get.headers["User-Agent"]) == ("geheim", "infra-monitor")
    assert get.headers["Connection"] == "close"
    assert (post.method, post.headers["Content-Length"]) == ("POST", "0")
    assert list(watch.phases) == ["resolve", "tcp", "answer", "body"]


async def test_headers_of_the_configuration_win_over_our_own(resolver: Resolver) -> None:
    async with talking(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        await asked(server.port, resolver, Request("GET", "here", "/", {"host": "other.test", "User-Agent": "theirs"}))
    (said,) = server.heard
    assert said.count(b"ost: ") == 1
    assert b"host: other.test\r\n" in said
    assert b"User-Agent: theirs\r\n" in said


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",), b"ok"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n4;x=y\r\n and\r\n0\r\n\r\n",), b"ok and"),
        ((b"HTTP/1.0 200 OK\r\n\r\nok", b" to the end"), b"ok to the end"),
        ((b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",), b""),
        ((b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",), b"ok"),
        ((b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",), b"ok"),
        ((b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), b"ok"),
        ((b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",), b""),
    ],
    ids=["length", "chunked", "until-the-end", "empty", "bare-newlines", "continue", "early-hints", "no-content"],
)
async def test_every_framing(resolver: Resolver, pieces: tuple[bytes, ...], body: bytes) -> None:
    whole = await answered(resolver, *pieces)
    assert whole.body == body
    in_bits = [bytes([byte]) for byte in b"".join(pieces)]
    assert await answered(resolver, *in_bits) == whole, "one byte at a time"


async def test_an_answer_to_head_has_no_body(resolver: Resolver) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"
    assert (await answered(resolver, head, request=Request("HEAD", "here", "/", {}))).body == b""


@pytest.mark.parametrize(
    "framing", [b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", b"Content-Length: 9999999999\r\n\r\n", b"\r\n"]
)
async def test_an_endless_body_is_read_to_the_bound(resolver: Resolver, framing: bytes) -> None:
    async with talking(saying(b"HTTP/1.1 200 OK\r\n" + framing, b"x" * (LONGEST_BODY + 99), then_hold=True)) as server:
        answer = await asked(server.port, resolver)
    assert LONGEST_BODY <= len(answer.body) < LONGEST_BODY + 16 * 1024


async def test_reading_ends_as_soon_as_there_is_enough(resolver: Resolver) -> None:
    """Also when what is wanted comes in two pieces, and in a body that never ends."""
    act = saying(b"HTTP/1.1 200 OK\r\n\r\nall is we", b"ll here", gap=0.05, then_hold=True)
    async with talking(act) as server:
        answer = await asked(server.port, resolver, enough=b"well")
    assert answer.body == b"all is well here"


@pytest.mark.parametrize(
    ("said", "phase", "reason"),
    [
        (b"", "answer", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-", "answer", "closed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "answer", "protocol"),
        (b"-ERR unknown command 'GET'\r\n", "answer", "protocol"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "answer", "protocol"),
        (b"HTTP/1.1 999 Strange\r\n\r\n", "answer", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "answer", "protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, "answer", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "body", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nshort", "body", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nshort", "body", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnumber\r\nshort", "body", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "body", "closed"),
    ],
)
async def test_what_is_no_whole_answer_is_told_with_its_phase(
    resolver: Resolver, said: bytes, phase: str, reason: str
) -> None:
    error = await unanswered(resolver, saying(said))
    assert (error.phase, error.reason) == (phase, reason), error.message


@pytest.mark.parametrize(
    ("said", "phase"),
    [
        ((), "answer"),
        ((b"HTTP/1.1 200 OK\r\n",), "answer"),
        ((b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 100), "answer"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"short"), "body"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"x"] * 100), "body"),
    ],
    ids=["silent", "no-more-headers", "dribbling-headers", "half-a-body", "dribbling-body"],
)
async def test_whatever_stalls_is_told_at_the_deadline(resolver: Resolver, said: tuple[bytes, ...], phase: str) -> None:
    began = asyncio.get_running_loop().time()
    async with talking(saying(*said, gap=0.05, then_hold=True)) as server:
        with pytest.raises(Unanswered) as caught:
            await asked(server.port, resolver, seconds=0.8)
        assert 0.8 <= asyncio.get_running_loop().time() - began < 1.3
    assert (caught.value.phase, caught.value.reason) == (phase, "timeout")


async def test_two_thousand_mutilated_answers_crash_nothing(resolver: Resolver) -> None:
    """Each is an answer, or told to be none."""
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n2\r\nok\r\n4\r\n and\r\n0\r\n\r\n"
    dice = random.Random(42)
    mutants: list[bytes] = []

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(mutants[-1])
        await writer.drain()

    outcomes = set()
    async with talking(act) as server:
        for _ in range(2000):
            mutant = bytearray(whole)
            for _ in range(dice.randint(1, 4)):
                at = dice.randrange(len(mutant))
                mutant[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 2))
            mutants.append(bytes(mutant))
            try:
                outcomes.add(str((await asked(server.port, resolver)).status))
            except Unanswered as error:
                outcomes.add(error.reason)
    assert {"200", "protocol", "closed"} <= outcomes
