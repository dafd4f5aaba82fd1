"""A look ends in time and says what came of it, whatever a check does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import ClassVar, Literal

import pytest

from monitor.checks.base import Check, CheckBlind, CheckFailed, Env
from monitor.clock import SystemClock
from monitor.core.model import Blind, Failed, Failure, Reading, Seen
from monitor.look import Surroundings, look, surroundings

ANSWER = Seen((Reading("up", 1.0),))


class ScriptedCheck(Check):
    """A kind of check that does as the test says."""

    kind: Literal["scripted"] = "scripted"
    act: Callable[[Env], Seen]
    takes: float = 0.0

    async def look(self, env: Env) -> Seen:
        await asyncio.sleep(self.takes)
        return self.act(env)


@pytest.fixture
async def around() -> AsyncIterator[Surroundings]:
    async with surroundings({}, environ={}, clock=SystemClock()) as made:
        yield made


def _raising(error: Exception) -> Callable[[Env], Seen]:
    def act(_: Env) -> Seen:
        raise error

    return act


async def test_what_was_seen_comes_back_with_times(around: Surroundings) -> None:
    before = around.clock.now()
    observation = await look("redis", ScriptedCheck(act=lambda _: ANSWER, takes=0.05), around)
    assert (observation.service, observation.check, observation.result) == ("redis", "scripted", ANSWER)
    assert observation.began >= before
    assert 0.05 <= observation.took_seconds < 5
    assert not observation.exhausted


async def test_a_failure_brings_what_was_learnt_until_then(around: Surroundings) -> None:
    failure = Failure("tcp", "refused", "Connection refused")
    act = _raising(CheckFailed(failure, readings=ANSWER.readings))
    observation = await look("redis", ScriptedCheck(act=act), around)
    assert observation.result == Failed(failure, ANSWER.readings)
    assert not observation.exhausted, "a quick failure is to be confirmed"


async def test_a_failure_that_took_the_whole_deadline_is_confirmed_by_itself(around: Surroundings) -> None:
    act = _raising(CheckFailed(Failure("tcp", "timeout", "silence")))
    observation = await look("redis", ScriptedCheck(act=act, takes=0.3, timeout=0.3), around)
    assert observation.exhausted


async def test_what_a_check_keeps_for_later_does_not_count_as_time_for_its_questions(around: Surroundings) -> None:
    class Keeping(ScriptedCheck):
        reserve_seconds: ClassVar[float] = 0.2

    act = _raising(CheckFailed(Failure("answer", "frozen", "silence")))
    for timeout, exhausted in ((0.5, True), (0.6, False), (0.3, True)):
        observation = await look("nginx", Keeping(act=act, takes=0.3, timeout=timeout), around)
        assert observation.exhausted is exhausted, timeout


async def test_blind_says_why(around: Surroundings) -> None:
    observation = await look("redis", ScriptedCheck(act=_raising(CheckBlind("not configured: X"))), around)
    assert observation.result == Blind("not configured: X")


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("x"), RecursionError()])
async def test_a_bug_blinds_one_check_and_breaks_nothing(around: Surroundings, error: Exception) -> None:
    observation = await look("redis", ScriptedCheck(act=_raising(error)), around)
    assert isinstance(observation.result, Blind)
    assert type(error).__name__ in observation.result.reason


async def test_a_check_that_does_not_end_is_ended_half_a_second_after_its_deadline(around: Surroundings) -> None:
    began = time.monotonic()
    observation = await look("redis", ScriptedCheck(act=lambda _: ANSWER, takes=60, timeout=0.5), around)
    assert isinstance(observation.result, Blind)
    assert observation.took_seconds <= 1.0
    assert time.monotonic() - began < 10


async def test_the_deadline_that_a_check_is_given_is_its_timeout_from_now(around: Surroundings) -> None:
    left: list[float] = []

    def act(env: Env) -> Seen:
        left.append(env.remaining())
        return ANSWER

    await look("redis", ScriptedCheck(act=act, timeout=5), around)
    assert 4 < left[0] <= 5


async def test_who_ends_the_daemon_ends_the_look(around: Surroundings) -> None:
    task = asyncio.create_task(look("redis", ScriptedCheck(act=lambda _: ANSWER, takes=60, timeout=60), around))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
