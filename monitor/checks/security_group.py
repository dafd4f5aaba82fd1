"""Do the security groups let this host reach the database, who else may, and is that as it was meant?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress

from monitor.checks.base import Check, CheckBlind, Env, Family, Seconds, WatchedDatabase
from monitor.core.firewall import Host, Judgement, Reason, Situation, Target, evaluate, leaving, path
from monitor.core.firewall_changes import lines_of
from monitor.core.firewall_commands import let_in, let_out, take_away
from monitor.core.firewall_exposure import Exposure
from monitor.core.firewall_rules import Address
from monitor.core.model import Finding, Firewall, Message, Reading, Seen, Status
from monitor.database import DatabaseConfig, NotConfigured
from monitor.sources import aws
from monitor.sources.aws import AwsSilent
from monitor.sources.resolver import LookupFailed

PROBE_SECONDS: Final = 3.0
"""How long the port may be silent until we believe the rules that say it is closed."""

MINIMUM_GAP_SECONDS: Final = 30.0
"""Between looks that a silent database asks for: it goes on being silent at every look."""

SHOWN: Final = 5
"""Sources that are named one by one."""

GroupId = Annotated[str, Field(pattern=r"^sg-[A-Za-z0-9-]{1,60}$")]


class HostIdentity(BaseModel):
    """Which host this is in AWS, where its own metadata does not say all."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    groups: tuple[GroupId, ...] | None = Field(
        default=None, description="Its security groups; `[]`: a machine outside AWS. Default: as its metadata says."
    )
    address: IPvAnyAddress | None = Field(
        default=None, description="The address that the database sees, for example of a NAT gateway."
    )


class SecurityGroupCheck(Check):
    """Look at the security groups around a database, through AWS' API: can this host come in, who else can, who should?

    The service that watches the database depends on the one with this check. A path that the rules close is critical
    once the port is really silent, else a warning: then something lets us in that cannot be seen from here. That the
    world may come in is critical where the database has a public address. Without AWS' own answer nothing is said.
    """

    families: ClassVar[tuple[Family, ...]] = (
        Family(
            "path_open",
            "infra_security_group_path_open",
            "gauge",
            "1 if the rules let this host reach the database's port, 0 if not; absent while that cannot be known.",
        ),
        Family(
            "exposure",
            "infra_security_group_exposure",
            "gauge",
            "1 for how far the port is open besides security groups: none, wide or world; 0 for each other one.",
        ),
        Family(
            "as_intended",
            "infra_security_group_as_intended",
            "gauge",
            "1 if the rules on the port name the intended groups and nobody else.",
        ),
    )

    kind: Literal["security_group"]
    every: Seconds = 300.0
    timeout: Seconds = 15.0
    confirm: int = Field(default=1, ge=1, le=20, description="Bad looks in a row until it is believed.")
    recover: int = Field(default=1, ge=1, le=20, description="Good looks in a row until it is believed.")
    database: WatchedDatabase = Field(default="default", description="The service whose database is behind it.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Default: the one the database is used by.")
    intended: tuple[GroupId, ...] = Field(
        default=(), description="The security groups that alone shall be let in. Default: those of this host."
    )
    endpoint: str | None = Field(
        default=None, min_length=1, description="Its name in the RDS console, where the database is reached by another."
    )
    host: HostIdentity | None = Field(
        default=None, description="`groups` and `address` of this host. Default: as the instance's metadata says."
    )

    @property
    def provides(self) -> tuple[str, ...]:
        """The way to the database, without which its own check cannot be good."""
        return (f"firewall {self.database}",)

    def watch(self, env: Env, look_now: Callable[[], None]) -> Callable[[], None]:
        """Silence on the way to the database, and its end. What the core wants beside that knows no gap."""
        last = -MINIMUM_GAP_SECONDS

        def heard(silent: bool) -> None:  # noqa: FBT001 — it is called with nothing else
            nonlocal last
            now = asyncio.get_running_loop().time()
            if not silent or now - last >= MINIMUM_GAP_SECONDS:
                last = now
                look_now()

        try:
            return env.databases.get(self.database).on_silence(heard)
        except NotConfigured:
            return super().watch(env, look_now)

    async def look(self, env: Env) -> Seen:
        """Raises CheckBlind for anything short of well-formed answers, with the missing permission named."""
        try:
            config = env.databases.get(self.database).config
            addresses = await self._addresses(config, env)
            found = await env.aws.surroundings(
                self.endpoint or config.host,
                addresses,
                groups=None if self.host is None else self.host.groups,
                deadline=env.deadline,
            )
        except (NotConfigured, LookupFailed, AwsSilent) as error:
            raise CheckBlind(str(error)) from None
        situation = self._situation(found, addresses[0], self.port or config.port)
        judged = evaluate(situation)
        if not situation.intended:  # a machine outside AWS has no group that could be meant
            judged = replace(judged, as_intended=None)
        answers = judged.reachable is not False or await _answers(addresses[0], situation.target.port, env)
        findings = tuple(_findings(situation, judged, found.database, answers=answers))
        return Seen(tuple(_readings(judged)), (*findings, _fact(situation, judged, found)))

    async def _addresses(self, config: DatabaseConfig, env: Env) -> tuple[str, ...]:
        if config.is_socket:
            raise CheckBlind("the database is reached through a socket on this machine; no firewall is in between")
        return await env.resolver.resolve(config.host, deadline=env.deadline)

    def _situation(self, found: aws.Surroundings, address: str, port: int) -> Situation:
        own = aws.source_address(address, port)
        seen_as = self.host.address if self.host else None
        groups = self.intended or tuple(group for each in found.interfaces for group in each.groups)
        return Situation(
            _host(found, ip_address(own) if own else None, seen_as),
            Target(ip_address(address), port, found.groups, found.ingress, found.vpc, found.public),
            found.lists,
            frozenset(groups),
        )


def _host(found: aws.Surroundings, own: Address | None, seen_as: Address | None) -> Host:
    """This host by the interface that packets leave from. `own` is the kernel's word for their address; where no
    interface holds it we are in a container, behind the interface's own. `seen_as` is configured, and wins."""
    interface = leaving(Host(found.account, found.interfaces, found.egress, own))
    assert interface is not None  # noqa: S101 — AWS' answer names one, or it is none
    addresses = interface.addresses or ((own,) if own else ())
    public = (seen_as,) if seen_as else interface.public
    source = seen_as or (own if own in addresses else None)
    here = replace(interface, addresses=addresses, public=public)
    return Host(found.account, (here,), found.egress, source, unguarded=not found.egress)


async def _answers(address: str, port: int, env: Env) -> bool:
    """Whether packets get there and back; a refusal is an answer, too."""
    try:
        async with asyncio.timeout(min(PROBE_SECONDS, env.remaining())):
            _, writer = await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        return True
    except OSError:  # a timeout is one
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


def _findings(situation: Situation, judged: Judgement, database: str, *, answers: bool) -> Iterator[Finding]:
    """The worst first; what only others could do wrong harms nobody who depends on the path."""
    target = situation.target
    values: dict[str, str | int | float] = {"database": database, "port": target.port}
    if judged.reachable is False:
        way = path(situation.host, target)
        values |= {"source": str(way.source or "?"), "groups": _named(way.groups)}
        key = "firewall.closed_but_answers" if answers else f"firewall.closed.{judged.reason.value}"
        status = Status.WARNING if answers else Status.CRITICAL
        yield Finding(status, "path_closed", Message(key, values | {"why": judged.reason.value}))
    values |= {"sources": _named(judged.unexpected_sources), "intended": _named(sorted(situation.intended))}
    if judged.exposure is Exposure.WORLD:
        key = "firewall.exposed_world_public" if target.public else "firewall.exposed_world"
        status = Status.CRITICAL if target.public else Status.WARNING
        yield Finding(status, "exposed_world", Message(key, values), harmless=True)
    elif judged.exposure is Exposure.WIDE:
        yield Finding(Status.WARNING, "exposed_wide", Message("firewall.exposed_wide", values), harmless=True)
    if judged.as_intended is False:
        key = "firewall.not_as_intended" if judged.unexpected else "firewall.intended_missing"
        yield Finding(Status.WARNING, "not_as_intended", Message(key, values), harmless=True)


def _readings(judged: Judgement) -> Iterator[Reading]:
    if judged.reachable is not None:
        yield Reading("path_open", float(judged.reachable))
    if judged.exposure is not Exposure.UNKNOWN:
        for level in (Exposure.NONE, Exposure.WIDE, Exposure.WORLD):
            yield Reading("exposure", float(level is judged.exposure), labels={"level": level.value})
    if judged.as_intended is not None:
        yield Reading("as_intended", float(judged.as_intended))


def _fact(situation: Situation, judged: Judgement, found: aws.Surroundings) -> Firewall:
    target, way = situation.target, path(situation.host, situation.target)
    mend = let_out if judged.reason is Reason.EGRESS_BLOCKED else let_in
    return Firewall(
        subject=f"{found.region}/{found.database}:{target.port}",
        port=target.port,
        address=str(target.address),
        source=str(way.source or ""),
        groups=target.groups,
        host_groups=way.groups,
        reachable=judged.reachable,
        reason=judged.reason.value,
        exposure=judged.exposure.value,
        as_intended=judged.as_intended,
        lines=lines_of(situation),
        unexpected=judged.unexpected_sources,
        open_with=mend(situation, found.region) if judged.reachable is False else "",
        close_with=tuple(dict.fromkeys(take_away(rule, found.region) for rule in judged.unexpected)),
        state=found.state or "",
        admitted_by=tuple(dict.fromkeys(map(str, judged.admitting))),
    )


def _named(names: Iterable[str]) -> str:
    """All of a few; of many the first ones, and how many more there are."""
    every = list(names)
    more = [f"+{len(every) - SHOWN}"] if len(every) > SHOWN else []
    return ", ".join([*every[:SHOWN], *more]) or "–"
