"""Does the database take a new connection, all the way to an answered query, and how full and how well is it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from monitor.checks.base import Check, CheckBlind, CheckFailed, DatabaseName, Env, Family, Seconds
from monitor.core.model import (
    DatabaseEndpoint,
    DatabaseServer,
    Fact,
    Failure,
    Finding,
    Message,
    Reading,
    Seen,
    Status,
    Threshold,
)
from monitor.database import Answer, DatabaseConfig, DatabaseFailed, NotConfigured, NoToken, Statistics

_DAY = 86400.0
_UP = Reading("up", 1.0)
_NOT_UP = Reading("up", 0.0)


class RdsCheck(Check):
    """Look at a PostgreSQL database (`database`: its name under `databases`) by a fresh login, within `timeout` in all.

    Phases: resolve, tcp, tls, auth, query. No answer is down; an answer that refuses us is critical. `writable: false`
    says that a database is meant to be read only, as a replica is.
    """

    families: ClassVar[tuple[Family, ...]] = (
        Family("up", "infra_rds_up", "gauge", "Whether a fresh login was answered and may write."),
        Family(
            "phase_duration", "infra_rds_phase_duration_seconds", "gauge", "How long each phase of the last look took."
        ),
        Family(
            "connect_duration",
            "infra_rds_connect_duration_seconds",
            "histogram",
            "How long fresh logins took, from the name to the end of authentication.",
            (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
        ),
        Family("response_time", "infra_rds_response_time_seconds", "gauge", "How long the last look took in all."),
        Family("failures", "infra_rds_failures_total", "tally", "Failed looks by phase and reason."),
        Family("connections", "infra_rds_connections", "gauge", "Sessions of clients by state."),
        Family(
            "application_connections",
            "infra_rds_application_connections",
            "gauge",
            "Sessions of clients by application name; all but the 20 largest as other.",
        ),
        Family(
            "usable_connections",
            "infra_rds_usable_connections",
            "gauge",
            "Sessions that clients without special rights can have: the maximum less what is reserved.",
        ),
        Family("connections_used", "infra_rds_connections_used_ratio", "gauge", "Sessions over usable ones (0 to 1)."),
        Family("in_recovery", "infra_rds_in_recovery", "gauge", "Whether the server is a standby."),
        Family("read_only", "infra_rds_read_only", "gauge", "Whether nobody can write."),
        Family(
            "certificate_expiry",
            "infra_rds_server_certificate_expiry_timestamp_seconds",
            "gauge",
            "When the server's certificate ends.",
        ),
        Family("start", "infra_rds_start_timestamp_seconds", "gauge", "When the server was started."),
        Family(
            "longest_transaction",
            "infra_rds_longest_transaction_seconds",
            "gauge",
            "How long the oldest open transaction of anybody else has been open.",
        ),
        Family(
            "replication_lag",
            "infra_rds_replication_lag_seconds",
            "gauge",
            "How far a standby is behind, or the slowest standby of a primary.",
        ),
        Family("database_size", "infra_rds_database_size_bytes", "gauge", "Size of the database on disk."),
    )
    default_thresholds: ClassVar[tuple[Threshold, ...]] = (
        Threshold("response_time", 2.0, 5.0, "seconds"),
        Threshold("connections_used", 0.80, 0.95, "ratio"),
        Threshold("certificate_remaining", 21 * _DAY, 7 * _DAY, "seconds", "below"),
    )

    kind: Literal["rds"]
    timeout: Seconds = 10.0
    database: DatabaseName = Field(default="default", description="Which one of `databases`.")
    auth: Literal["iam"] | None = Field(
        default=None, description="`iam`: log in with a token from AWS, over TLS. Default: as the settings say."
    )
    writable: bool = Field(default=True, description="`false`: it is meant to be read only, as a replica is.")

    @property
    def needs(self) -> tuple[str, ...]:
        """The way there, where somebody watches it."""
        return (f"firewall {self.database}",)

    @property
    def provides(self) -> tuple[str, ...]:
        """Its database: what every app that is wired to it needs."""
        return (f"database {self.database}",)

    async def look(self, env: Env) -> Seen:
        """Raises CheckFailed with `up` 0 and what was learnt, CheckBlind when settings are missing."""
        try:
            database = env.databases.get(self.database)
            answer = await database.look(deadline=env.deadline)
        except (NotConfigured, NoToken) as error:
            raise CheckBlind(str(error)) from None
        except DatabaseFailed as error:
            # `from None`: nothing of the login's innards, where the password is, may hang on to the exception
            raise _failed(error, env.databases.get(self.database).config) from None
        readings = (*_times(answer.phases, whole=True), *_readings(answer, wall=env.clock.wall()))
        facts = _facts(answer, database.config, self.database)
        if self.writable and (why := answer.statistics.read_only):
            failure = Failure("query", "read_only", why, Status.CRITICAL)
            raise CheckFailed(failure, readings=(_NOT_UP, _tally(failure), *readings), facts=facts)
        return Seen((_UP, *readings), facts)

    def watch(self, env: Env, look_now: Callable[[], None]) -> Callable[[], None]:
        """The sentinel session notices a server that goes, stalls or comes back."""
        try:
            return env.databases.get(self.database).watch(lambda _: look_now())
        except NotConfigured:
            return super().watch(env, look_now)


def _failed(error: DatabaseFailed, config: DatabaseConfig) -> CheckFailed:
    failure = error.failure
    if failure.reason == "credentials" and config.password is None and "no password supplied" in failure.message:
        raise CheckBlind("not configured: DB_PASSWORD") from None
    facts: tuple[Fact, ...] = (_endpoint(config, error.address),)
    if error.latent:
        values = {"host": config.host, "phase": failure.phase, "reason": failure.reason}
        facts = (*facts, Finding(Status.CRITICAL, "latent_outage", Message("rds.latent_outage", values)))
    return CheckFailed(failure, readings=(_NOT_UP, _tally(failure), *_times(error.phases, whole=False)), facts=facts)


def _tally(failure: Failure) -> Reading:
    return Reading("failures", 1.0, labels={"phase": failure.phase, "reason": failure.reason})


def _times(phases: Mapping[str, float], *, whole: bool) -> tuple[Reading, ...]:
    """Phases that were reached; totals only of a look that was answered."""
    each = tuple(Reading("phase_duration", took, "seconds", {"phase": phase}) for phase, took in phases.items())
    if not whole:
        return each
    total = sum(phases.values())
    connect = total - phases.get("query", 0.0)
    return (
        *each,
        Reading("connect_duration", connect, "seconds"),
        Reading("response_time", total, "seconds"),
    )


def _readings(answer: Answer, *, wall: float) -> tuple[Reading, ...]:
    seen = answer.statistics
    readings = [
        *(Reading("connections", n, labels={"state": state}) for state, n in seen.by_state.items()),
        *(Reading("application_connections", n, labels={"application": a}) for a, n in seen.by_application.items()),
        Reading("usable_connections", seen.usable_connections),
        Reading("in_recovery", float(seen.in_recovery)),
        Reading("read_only", float(bool(seen.read_only))),
        Reading("start", seen.started_at, "seconds"),
        *_optional(seen),
    ]
    if seen.usable_connections > 0:
        readings.append(Reading("connections_used", seen.used_connections / seen.usable_connections, "ratio"))
    if (expires_at := answer.certificate_expires_at) is not None:
        readings.append(Reading("certificate_expiry", expires_at, "seconds"))
        readings.append(Reading("certificate_remaining", expires_at - wall, "seconds"))
    return tuple(readings)


def _optional(seen: Statistics) -> tuple[Reading, ...]:
    named = (
        ("longest_transaction", seen.longest_transaction, "seconds"),
        ("replication_lag", seen.replication_lag, "seconds"),
        ("database_size", seen.database_size, "bytes"),
    )
    return tuple(Reading(name, value, unit) for name, value, unit in named if value is not None)


def _endpoint(config: DatabaseConfig, address: str) -> DatabaseEndpoint:
    return DatabaseEndpoint(config.host, config.port, config.name, config.user, address)


def _facts(answer: Answer, config: DatabaseConfig, database: str) -> tuple[Fact, ...]:
    seen = answer.statistics
    server = DatabaseServer(answer.address, seen.started_at, seen.in_recovery, seen.version, database, config.port)
    return (server, _endpoint(config, answer.address), *seen.holders)
