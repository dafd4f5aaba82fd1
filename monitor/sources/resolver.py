"""Names to addresses, without a dead name server ever delaying anything else.

`getaddrinfo` cannot be interrupted: asyncio runs it in a pool of a few threads, where lookups that nobody waits for any
more keep the threads, and every other `to_thread` of the process, waiting. Here each name has a thread of its own.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

Lookup: TypeAlias = Callable[[str], Sequence[str]]


class LookupFailed(Exception):  # noqa: N818 — it is a finding about the name, not an error of ours
    """The name has no address (`dns`), or nobody answered in time (`timeout`)."""

    def __init__(self, reason: Literal["dns", "timeout"], message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def system_lookup(host: str) -> Sequence[str]:
    """The addresses in the order in which the system would try them (RFC 6724). Blocks."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class Resolver:
    """At most one lookup of a name is in flight, in its own thread; whoever asks meanwhile waits for the same answer.

    It belongs to one event loop. Nothing is remembered: a look wants to know what the name means now.
    """

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._in_flight: dict[str, asyncio.Future[tuple[str, ...] | LookupFailed]] = {}
        self._closed = False

    async def resolve(self, host: str, *, deadline: float) -> tuple[str, ...]:
        """The addresses, by `deadline` (on the loop's clock). Raises LookupFailed; an address is its own answer."""
        if _is_address(host):
            return (host,)
        if self._closed:
            raise LookupFailed("timeout", f"{host} was not looked up: the resolver is closed")
        loop = asyncio.get_running_loop()
        answer = self._in_flight.get(host) or self._begin(host, loop)
        await asyncio.wait((answer,), timeout=max(0.0, deadline - loop.time()))
        if not answer.done():
            raise LookupFailed("timeout", f"no name server answered for {host}")
        result = answer.result()
        if isinstance(result, LookupFailed):
            raise LookupFailed(result.reason, result.message)
        return result

    def close(self) -> None:
        """Let everybody who waits go. Threads that hang in a lookup are daemons: they end with it or the process."""
        self._closed = True
        waiting, self._in_flight = self._in_flight, {}
        for host, answer in waiting.items():
            if not answer.done():
                answer.set_result(LookupFailed("timeout", f"no name server answered for {host}"))

    def _begin(self, host: str, loop: asyncio.AbstractEventLoop) -> asyncio.Future[tuple[str, ...] | LookupFailed]:
        answer: asyncio.Future[tuple[str, ...] | LookupFailed] = loop.create_future()
        self._in_flight[host] = answer
        threading.Thread(
            target=self._look_up, args=(host, loop, answer), name=f"resolve {host}"[:80], daemon=True
        ).start()
        return answer

    def _look_up(
        self,
        host: str,
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[tuple[str, ...] | LookupFailed],
    ) -> None:
        result: tuple[str, ...] | LookupFailed
        try:
            found = tuple(self._lookup(host))
            result = found or LookupFailed("dns", f"{host} has no address")
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a valid name"
            result = LookupFailed("dns", f"{host} does not resolve: {why}")
        except Exception as error:  # noqa: BLE001 — in a thread an exception would be lost and leave the waiters waiting
            result = LookupFailed("dns", f"{host} does not resolve: {type(error).__name__}")
        try:
            loop.call_soon_threadsafe(self._finish, host, answer, result)
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits

    def _finish(
        self,
        host: str,
        answer: asyncio.Future[tuple[str, ...] | LookupFailed],
        result: tuple[str, ...] | LookupFailed,
    ) -> None:
        if self._in_flight.get(host) is answer:
            del self._in_flight[host]
        if not answer.done():
            answer.set_result(result)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
