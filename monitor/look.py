"""One look: run a check under its deadline and say what came of it, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from monitor.checks.base import Check, CheckBlind, CheckFailed, Env
from monitor.clock import Clock
from monitor.config.model import AwsConfig
from monitor.core.model import Blind, Failed, Observation, Seen
from monitor.database import DatabaseConfig, Databases, NotConfigured
from monitor.sources.aside import Aside
from monitor.sources.aws import Aws
from monitor.sources.host import HostSource
from monitor.sources.nginx import NginxSources
from monitor.sources.pm2 import Pm2Sources
from monitor.sources.resolver import Resolver

log = structlog.get_logger(__name__)

BACKSTOP_SECONDS: Final = 0.4
"""A check ends its look itself, since only it knows the phase; this much later it is ended from outside."""

EXHAUSTED: Final = 0.95
"""A failed look that used this share of the time for its questions stalled; it is not a quick failure that could be a
hiccup."""


@dataclass(slots=True)
class Surroundings:
    """The shared things looks need; see `surroundings`."""

    clock: Clock
    resolver: Resolver
    databases: Databases
    pm2: Pm2Sources
    aside: Aside
    aws: Aws
    host: HostSource
    nginx: NginxSources

    async def reload(
        self, databases: Mapping[str, DatabaseConfig | NotConfigured], environ: Mapping[str, str], aws: AwsConfig
    ) -> None:
        """From now on with these settings. What they do not change is kept."""
        if not self.reaches_alike(environ, aws):
            before, self.pm2, self.aws = self.pm2, Pm2Sources(environ), _cloud(environ, aws)
            await before.close()
        await self.databases.reload(databases, self.aws)

    async def rest(self) -> None:
        """Let go of what nobody watches any more."""
        await self.pm2.rest()
        await self.nginx.rest()
        await self.databases.rest()

    def reaches_alike(self, environ: Mapping[str, str], aws: AwsConfig) -> bool:
        """Whether PM2 and AWS would be reached as they are now; if not, that concerns any check."""
        return self.pm2.is_asked_alike(environ) and self.aws.is_reached_alike(_cloud(environ, aws))

    def env(self, service: str, deadline: float) -> Env:
        """What one look may use."""
        return Env(
            service=service,
            deadline=deadline,
            clock=self.clock,
            databases=self.databases,
            pm2=self.pm2,
            resolver=self.resolver,
            aside=self.aside,
            aws=self.aws,
            host=self.host,
            nginx=self.nginx,
        )


async def look(service: str, check: Check, around: Surroundings) -> Observation:
    """Look once. Never raises for anything the check does, and is over `check.timeout` + 0.5 s later."""
    clock = around.clock
    start = clock.monotonic()
    deadline = start + check.timeout
    result = await _result(service, check, around.env(service, deadline), deadline)
    took = clock.monotonic() - start
    for_questions = check.timeout - min(check.reserve_seconds, check.timeout / 2)
    exhausted = isinstance(result, Failed) and took >= for_questions * EXHAUSTED
    began = clock.now() - took  # told at its end, so that a correction of the clock meanwhile is in it
    return Observation(service, check.label, began, took, result, exhausted)


@asynccontextmanager
async def surroundings(
    databases: Mapping[str, DatabaseConfig | NotConfigured],
    *,
    environ: Mapping[str, str],
    clock: Clock,
    aws: AwsConfig | None = None,
) -> AsyncIterator[Surroundings]:
    """The shared things looks need, taken apart at the end."""
    async with AsyncExitStack() as stack:
        resolver = Resolver()
        stack.callback(resolver.close)
        cloud = _cloud(environ, aws or AwsConfig())
        shared = Databases(databases, resolver=resolver, aws=cloud)
        stack.push_async_callback(shared.close)
        around = Surroundings(
            clock, resolver, shared, Pm2Sources(environ), Aside(), cloud, HostSource(), NginxSources()
        )
        stack.push_async_callback(_hang_up, around)
        yield around


async def _hang_up(around: Surroundings) -> None:
    """A reload may have put another one there."""
    await around.nginx.close()
    await around.pm2.close()


def _cloud(environ: Mapping[str, str], aws: AwsConfig) -> Aws:
    return Aws(environ, region=aws.region, endpoint_url=aws.endpoint_url)


async def _result(service: str, check: Check, env: Env, deadline: float) -> Seen | Failed | Blind:
    try:
        async with asyncio.timeout_at(deadline + BACKSTOP_SECONDS):
            return await check.look(env)
    except CheckFailed as failed:
        return Failed(failed.failure, failed.readings, failed.facts)
    except CheckBlind as blind:
        return Blind(blind.reason)
    except TimeoutError:
        log.error(  # noqa: TRY400 — the trace would only show where it waited, and cost a tenth of a second
            "look.overran", service=service, check=check.label, timeout_seconds=check.timeout
        )
        return Blind("the look did not keep its deadline; this is a bug of the monitor")
    except Exception as error:  # the edge where a bug of ours may land: it blinds one check, no more
        log.exception("look.crashed", service=service, check=check.label)
        return Blind(f"the look crashed with {type(error).__name__}; this is a bug of the monitor")
