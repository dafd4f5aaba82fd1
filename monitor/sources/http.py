"""The one HTTP client, whose lookups go through our own resolver: a dead one delays nobody else."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from monitor.sources.resolver import LookupFailed, Resolver

LOOKUP_SECONDS: Final = 10.0


class _Names(AbstractResolver):
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        deadline = asyncio.get_running_loop().time() + LOOKUP_SECONDS
        try:
            addresses = await self._resolver.resolve(host, deadline=deadline)
        except LookupFailed as failed:
            raise OSError(None, str(failed)) from failed  # what aiohttp asks of a resolver
        found = [
            ResolveResult(hostname=host, host=address, port=port, family=_family(address), proto=0, flags=0)
            for address in addresses
        ]
        return [each for each in found if family in (socket.AF_UNSPEC, each["family"])]

    async def close(self) -> None:
        """The resolver belongs to the daemon."""


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def client(resolver: Resolver) -> aiohttp.ClientSession:
    """A session without cookies or kept connections. Must be made within a running loop and closed."""
    connector = aiohttp.TCPConnector(resolver=_Names(resolver), force_close=True, limit=0, use_dns_cache=False)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=15),
        headers={"User-Agent": "infra-monitor"},
        auto_decompress=False,
    )
