from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Sequence

import pytest

from monitor.sources.resolver import LookupFailed, Resolver, system_lookup


def soon(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def threads_ended() -> bool:
    for _ in range(100):
        if not any(thread.name.startswith("resolve ") for thread in threading.enumerate()):
            return True
        await asyncio.sleep(0.02)
    return False


class Hanging:
    """A lookup that answers only when released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host.startswith("dead"):
            self.released.wait(30)
        return ("10.0.0.1", "10.0.0.2")


async def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in await Resolver().resolve("localhost", deadline=soon())
    assert await threads_ended()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "fe80::1%lo"])
async def test_an_address_is_its_own_answer_and_costs_no_thread(address: str) -> None:
    lookup = Hanging()
    assert await Resolver(lookup).resolve(address, deadline=soon()) == (address,)
    assert lookup.asked == []


async def test_the_addresses_keep_their_order() -> None:
    assert await Resolver(lambda _host: ("10.0.0.2", "10.0.0.1")).resolve("x", deadline=soon()) == (
        "10.0.0.2",
        "10.0.0.1",
    )


def test_an_address_is_listed_once() -> None:
    found = system_lookup("localhost")
    assert len(found) == len(set(found))


async def test_a_dead_name_server_delays_nobody_but_its_own_name() -> None:
    """Forty names hang, more than any pool of threads has; another name, and `to_thread`, are served at once."""
    lookup = Hanging()
    resolver = Resolver(lookup)
    hanging = [asyncio.create_task(resolver.resolve(f"dead{n}", deadline=soon(1.0))) for n in range(40)]
    await asyncio.sleep(0.1)
    began = time.monotonic()
    assert await resolver.resolve("alive", deadline=soon()) == ("10.0.0.1", "10.0.0.2")
    await asyncio.to_thread(int)
    assert time.monotonic() - began < 0.5
    results = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(result, LookupFailed) and result.reason == "timeout" for result in results)
    lookup.released.set()
    assert await threads_ended()


async def test_one_lookup_of_a_name_is_in_flight_however_often_it_is_asked() -> None:
    lookup = Hanging()
    resolver = Resolver(lookup)
    for _ in range(3):
        with pytest.raises(LookupFailed) as caught:
            await resolver.resolve("dead", deadline=soon(0.05))
        assert caught.value.reason == "timeout"
    late = [asyncio.create_task(resolver.resolve("dead", deadline=soon())) for _ in range(3)]
    await asyncio.sleep(0.05)
    lookup.released.set()
    assert await asyncio.gather(*late) == [("10.0.0.1", "10.0.0.2")] * 3
    assert lookup.asked == ["dead"]


async def test_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    lookup = Hanging()
    resolver = Resolver(lookup)
    patient = asyncio.create_task(resolver.resolve("dead", deadline=soon()))
    hasty = asyncio.create_task(resolver.resolve("dead", deadline=soon()))
    await asyncio.sleep(0.05)
    hasty.cancel()
    await asyncio.wait((hasty,))
    lookup.released.set()
    assert await patient == ("10.0.0.1", "10.0.0.2")


async def test_a_name_is_looked_up_anew_each_time() -> None:
    lookup = Hanging()
    resolver = Resolver(lookup)
    await resolver.resolve("x", deadline=soon())
    await resolver.resolve("x", deadline=soon())
    assert lookup.asked == ["x", "x"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "x does not resolve: Name or service not known",
        ),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "x does not resolve: Temporary failure"),
        (UnicodeError("label too long"), "x does not resolve: not a valid name"),
        (RuntimeError("can't start"), "x does not resolve: RuntimeError"),
    ],
)
async def test_a_name_without_address(error: Exception, message: str) -> None:
    def lookup(_host: str) -> Sequence[str]:
        raise error

    with pytest.raises(LookupFailed) as caught:
        await Resolver(lookup).resolve("x", deadline=soon())
    assert (caught.value.reason, caught.value.message) == ("dns", message)


async def test_no_address_at_all() -> None:
    with pytest.raises(LookupFailed, match="x has no address"):
        await Resolver(lambda _host: ()).resolve("x", deadline=soon())


async def test_closing_lets_everybody_go() -> None:
    lookup = Hanging()
    resolver = Resolver(lookup)
    waiting = asyncio.create_task(resolver.resolve("dead", deadline=soon()))
    await asyncio.sleep(0.05)
    resolver.close()
    with pytest.raises(LookupFailed):
        await waiting
    with pytest.raises(LookupFailed, match="closed"):
        await resolver.resolve("x", deadline=soon())
    lookup.released.set()
    assert await threads_ended()


def test_a_lookup_that_ends_after_the_loop_is_forgotten() -> None:
    lookup = Hanging()

    async def ask() -> None:
        with pytest.raises(LookupFailed):
            await Resolver(lookup).resolve("dead", deadline=soon(0.05))

    asyncio.run(ask())
    lookup.released.set()
    asyncio.run(asyncio.wait_for(_until_no_threads(), 5))


async def _until_no_threads() -> None:
    assert await threads_ended()
