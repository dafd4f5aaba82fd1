"""The tcp check on servers that answer, refuse, stall and say something else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.checks.tcp import TcpCheck
from monitor.clock import SystemClock
from monitor.core.model import Blind, Failed, Observation, Seen, Status
from monitor.look import Surroundings, look, surroundings
from tests.sources.talkers import FOREVER, Act, closed_port, dropping_packets, saying, talking

PING = {"send": "PING\r\n", "expect": "+PONG"}
PASSWORD = "geheim & lang"


async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As Redis answers the little that a check says."""
    while True:
        words = (await reader.readuntil(b"\r\n")).split()
        known = {b"PING": b"+PONG\r\n", b"AUTH": b"+OK\r\n"}
        writer.write(known.get(words[0], b"-ERR unknown command '%b'\r\n" % words[0]))
        await writer.drain()


@pytest.fixture
async def around() -> AsyncIterator[Surroundings]:
    async with surroundings({}, environ={}, clock=SystemClock()) as made:
        yield made


async def looked(around: Surroundings, address: str | int, **settings: Any) -> Observation:
    where = f"127.0.0.1:{address}" if isinstance(address, int) else address
    return await look("redis", TcpCheck.model_validate({"kind": "tcp", "address": where, **settings}), around)


async def failed(around: Surroundings, address: str | int, **settings: Any) -> Failed:
    observation = await looked(around, address, **settings)
    assert isinstance(observation.result, Failed), observation.result
    return observation.result


def values(result: Seen | Failed | Blind) -> dict[str, float]:
    """The values by name, with the only label's value if there is one."""
    assert not isinstance(result, Blind)
    return {" ".join((each.name, *each.labels.values())): each.value for each in result.readings}


async def test_a_port_that_accepts_is_well(around: Surroundings) -> None:
    async with talking(saying(then_hold=True, ask_first=None)) as server:
        result = (await looked(around, server.port)).result
    found = values(result)
    assert found["up"] == 1.0
    assert set(found) == {"up", "phase_duration resolve", "phase_duration tcp", "response_time"}
    assert found["response_time"] == pytest.approx(found["phase_duration resolve"] + found["phase_duration tcp"])


async def test_redis_is_well_when_it_answers_a_ping(around: Surroundings) -> None:
    async with talking(redis) as server:
        result = (await looked(around, server.port, **PING)).result
    assert values(result)["up"] == 1.0
    assert "phase_duration answer" in values(result)
    assert server.heard == [b"PING\r\n"]


async def test_the_shipped_redis_entry_is_what_this_tests() -> None:
    """What config.yaml says of Redis is what the tests above ask a server that speaks its language."""
    text = (Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8")
    assert f"send: {json.dumps(PING['send'])}" in text
    assert f'expect: "{PING["expect"]}"' in text


async def test_a_password_is_sent_and_never_shown(around: Surroundings) -> None:
    asks = {"send": f"AUTH {PASSWORD}\r\nPING\r\n", "expect": "+OK\r\n+PONG"}
    async with talking(redis) as server:
        assert isinstance((await looked(around, server.port, **asks)).result, Seen)
    assert PASSWORD not in repr(TcpCheck.model_validate({"kind": "tcp", "address": "redis:6379", **asks}))


@pytest.mark.parametrize("echo", [f"-ERR AUTH {PASSWORD}\r\n", f"-ERR {PASSWORD}\r\n"])
async def test_a_server_that_echoes_the_password_does_not_spread_it(around: Surroundings, echo: str) -> None:
    async with talking(saying(echo.encode(), ask_first=b"\r\n")) as server:
        result = await failed(around, server.port, send=f"AUTH {PASSWORD}\r\n", expect="+OK")
    assert PASSWORD not in result.failure.message
    assert "-ERR" in result.failure.message


async def test_a_greeting_needs_no_question(around: Surroundings) -> None:
    async with talking(saying(b"220 mail.test ESMTP\r\n", ask_first=None, then_hold=True)) as server:
        assert isinstance((await looked(around, server.port, expect="220 ")).result, Seen)


async def test_an_answer_in_bits_is_one_answer(around: Surroundings) -> None:
    async with talking(saying(b"+", b"PO", b"NG\r\n", ask_first=b"\r\n", gap=0.02)) as server:
        assert isinstance((await looked(around, server.port, **PING)).result, Seen)


@pytest.mark.parametrize(
    "said",
    [
        b"-NOAUTH Authentication required.\r\n",
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\xff",
    ],
    ids=["no-auth", "loading", "http", "binary"],
)
async def test_another_answer_is_critical_and_quoted_at_once(around: Surroundings, said: bytes) -> None:
    """It is there and refuses us. Nobody waits for the deadline to see that it is another answer."""
    async with talking(saying(said, ask_first=b"\r\n", then_hold=True)) as server:
        observation = await looked(around, server.port, **PING)
    assert isinstance(observation.result, Failed)
    failure = observation.result.failure
    assert (failure.phase, failure.reason, failure.status) == ("answer", "unexpected", Status.CRITICAL)
    assert failure.message.startswith("it answered ")
    assert observation.took_seconds < 4
    assert values(observation.result)["up"] == 0.0
    assert values(observation.result)["failures answer unexpected"] == 1.0


async def test_refused_is_down(around: Surroundings) -> None:
    with closed_port() as port:
        result = await failed(around, port, **PING)
    assert (result.failure.phase, result.failure.reason, result.failure.status) == ("tcp", "refused", Status.DOWN)
    assert "phase_duration answer" not in values(result)
    assert "response_time" not in values(result)


async def test_a_socket_that_nobody_made_is_down(around: Surroundings, tmp_path: Path) -> None:
    result = await failed(around, f"unix:{tmp_path}/redis.sock", **PING)
    assert (result.failure.phase, result.failure.reason, result.failure.status) == ("connect", "missing", Status.DOWN)


async def test_a_unix_socket_is_asked_like_a_port(around: Surroundings, tmp_path: Path) -> None:
    async with talking(redis, path=tmp_path / "redis.sock"):
        assert isinstance((await looked(around, f"unix:{tmp_path}/redis.sock", **PING)).result, Seen)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 — its part
    await asyncio.sleep(FOREVER)


@pytest.mark.parametrize(
    ("act", "reason"),
    [(_silent, "timeout"), (saying(b"+P", ask_first=b"\r\n", then_hold=True), "timeout"), (saying(), "closed")],
    ids=["silent", "half-an-answer", "closes"],
)
async def test_no_whole_answer_is_down(around: Surroundings, act: Act, reason: str) -> None:
    asked = {**PING, "send": "PING\r\n\r\n"}
    async with talking(act) as server:
        observation = await looked(around, server.port, timeout=0.6, **asked)
    assert isinstance(observation.result, Failed)
    failure = observation.result.failure
    assert (failure.phase, failure.reason, failure.status) == ("answer", reason, Status.DOWN)
    assert observation.took_seconds < 1.1
    assert observation.exhausted is (reason == "timeout"), "what stalled needs no confirmation"


async def test_dropped_packets_are_down_at_the_deadline(around: Surroundings) -> None:
    with dropping_packets() as port:
        observation = await looked(around, port, timeout=0.6, **PING)
    assert isinstance(observation.result, Failed)
    assert (observation.result.failure.phase, observation.result.failure.reason) == ("tcp", "timeout")
    assert 0.6 <= observation.took_seconds < 1.1


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "redis"},
        {"address": "redis:0"},
        {"send": "PING\r\n", "expect": None},
        {"expect": ""},
        {"port": 6379},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TcpCheck.model_validate({"kind": "tcp", "address": "redis:6379", **wrong})
