"""PM2's bus: process events come out whatever else is said, nothing goes in, and nothing piles up."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sources.pm2_bus import LARGEST_EVENT_BYTES, BusEvent, BusReader, Exit, event_of, listen
from monitor.sources.pm2_link import Pm2Unanswered
from monitor.sources.pm2_wire import ProtocolBroken
from tests.sources.fake_pm2 import frame

TOPIC, LOG, KILL = WORTH = (b"s:process:event", b"s:log:PM2", b"s:pm2:kill")
TOPICS = st.sampled_from([*WORTH, b"s:log:out", b"s:log:err", b"s:process:msg", b"s:process:evenT", b""])
SIGNAL = "App [web:0] exited with code [0] via signal [SIGKILL]\n"


def body(event: str, name: str = "web", **process: object) -> bytes:
    """As PM2 sends it, with what an environment adds."""
    said = {"event": event, "manually": False, "at": 1, "process": {"name": name, "DB_PASSWORD": "x", **process}}
    return b"j:" + json.dumps(said).encode()


def log(line: str, **process: object) -> bytes:
    """A line of PM2's own log."""
    return (
        b"j:" + json.dumps({"process": {"pm_id": "PM2", "name": "PM2", "rev": None, **process}, "data": line}).encode()
    )


@given(st.lists(st.tuples(TOPICS, st.lists(st.binary(max_size=40), max_size=3)), max_size=8), st.data())
def test_the_bodies_of_what_is_worth_it_come_out_whole_however_the_stream_is_cut(
    said: list[tuple[bytes, list[bytes]]], data: st.DataObject
) -> None:
    stream = b"".join(frame(topic, *arguments) for topic, arguments in said)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    edges = [0, *sorted(cuts), len(stream)]
    reader, seen = BusReader(), list[bytes]()
    for start, end in pairwise(edges):
        seen += reader.feed(stream[start:end])
    assert seen == [each for topic, arguments in said if topic in WORTH for each in arguments]
    assert not reader._rest  # nothing may pile up


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_junk_ends_in_one_typed_error_and_never_in_another(chunks: list[bytes]) -> None:
    reader = BusReader()
    with suppress(ProtocolBroken):
        for chunk in chunks:
            reader.feed(chunk)


def test_log_lines_of_any_size_are_held_by_nobody() -> None:
    reader = BusReader()
    assert (reader.feed(b"\x12" + (9).to_bytes(4, "big") + b"s:log:out" + (2**31).to_bytes(4, "big"))) == []
    for _ in range(100):
        assert (reader.feed(bytes(100_000))) == []
        assert len(reader._rest) == 0


def test_an_event_beyond_all_measure_is_passed_over() -> None:
    reader = BusReader()
    large = frame(TOPIC, b"j:" + bytes(LARGEST_EVENT_BYTES))
    assert (reader.feed(large + frame(TOPIC, b"j:1"))) == [b"j:1"]


@pytest.mark.parametrize(
    ("said", "event"),
    [
        (body("exit", status="stopping", pm_id=0), BusEvent("web", planned=True)),
        (body("exit", status="online", pm_id="_old_0"), BusEvent("web", planned=True)),
        (body("exit", status="stopped", pm_id=0), BusEvent("web", planned=False)),
        (body("restart overlimit", status="errored", pm_id=0), BusEvent("web", planned=False)),
        (body("online", status="stopping"), BusEvent("web", planned=False)),
        (body("exit", name="a\nb", status="stopping"), None),
        (body("exit", name=""), None),
        (b'j:{"event":"exit","process":{"name":7}}', None),
        (b'j:{"data":{"event":"exit","process":{"name":"web"}},"process":{"name":"web"}}', None),
        (b'j:{"event":["exit"],"process":{"name":"web"}}', None),
        (b'j:["exit"]', None),
        (log(SIGNAL), Exit("web", 0, "SIGKILL")),
        (log("App [a [b:1]:12] exited with code [0] via signal [SIGSEGV]\n"), Exit("a [b:1]", 12, "SIGSEGV")),
        (log("App [web:0] exited with code [1] via signal [SIGINT]\n"), Exit("web", 0, "")),
        (log("App [web:_old_0] exited with code [0] via signal [SIGKILL]\n"), None),
        (log(f"he said: {SIGNAL}"), None),
        (log("App [a\u0007:0] exited with code [0] via signal [SIGKILL]\n"), None),
        (log("App [web:0] online\n"), None),
        (log(SIGNAL, pm_id=3), None),
        (log(SIGNAL, name="web"), None),
        (b'j:{"status":"killed","msg":"pm2 has been killed via CLI"}', BusEvent("", planned=True)),
        (b'j:{"status":"killed","msg":"so it says","process":{"name":"web"}}', None),
        (b'j:{"data":{"status":"killed","msg":"x"},"process":{"name":"web"}}', None),
        (b"j:{", None),
        (b"j:" + b"[" * 100_000, None),
        (b"exit", None),
    ],
)
def test_what_an_event_says(said: bytes, event: BusEvent | Exit | None) -> None:
    """An app that sends something under a topic of PM2's has it wrapped in `data` beside its own `process`, and so
    plans nothing and kills nobody."""
    assert event_of(said) == event


async def _heard(home: Path, *sent: bytes) -> tuple[list[BusEvent | Exit], bytes]:
    """What is heard of a server that sends this and then ends; and every byte that it was sent itself."""
    heard, received, over, served = list[BusEvent | Exit](), bytearray(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in sent:
            writer.write(each)
            await asyncio.sleep(0.01)
        if sent:
            writer.write_eof()
        received.extend(await reader.read())
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        served.set()

    server = await asyncio.start_unix_server(serve, home / "pub.sock")
    async with server:
        bus = await listen(home, heard=heard.append, lost=over.set)
        if not sent:
            bus.cut()
        await asyncio.wait_for(over.wait(), 5)
        await asyncio.wait_for(served.wait(), 5)
    return heard, bytes(received)


async def test_a_listener_hears_what_is_said_and_says_nothing(tmp_path: Path) -> None:
    whole = frame(b"s:log:out", b"j:{}") + frame(TOPIC, body("exit", status="stopping"))
    heard, received = await _heard(tmp_path, whole[:20], whole[20:], frame(KILL, b"j:{}"), frame(LOG, log(SIGNAL)))
    assert heard == [BusEvent("web", planned=True), Exit("web", 0, "SIGKILL")]
    assert received == b""


async def test_a_bus_that_speaks_something_else_is_left(tmp_path: Path) -> None:
    heard, received = await _heard(tmp_path, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert (heard, received) == ([], b"")


async def test_a_bus_can_be_cut(tmp_path: Path) -> None:
    assert await _heard(tmp_path) == ([], b"")


async def test_nobody_at_the_bus_is_said_as_of_pm2_itself(tmp_path: Path) -> None:
    def nothing(*_: Any) -> None:
        raise AssertionError

    with pytest.raises(Pm2Unanswered, match="no socket at"):
        await listen(tmp_path, heard=nothing, lost=nothing)
