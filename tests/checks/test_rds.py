"""The rds check on a real PostgreSQL: readings, facts, failures, and what it does not say."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, cast

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.checks import KINDS, CheckConfig
from monitor.checks.base import Check, CheckBlind, CheckFailed, Env
from monitor.checks.rds import RdsCheck
from monitor.clock import SystemClock
from monitor.core.model import DatabaseEndpoint, DatabaseServer, Finding, Message, Reading, Seen, SessionHolder, Status
from monitor.database import DatabaseConfig, Databases, NotConfigured
from monitor.locale import LANGUAGES, speak
from monitor.sources.resolver import Resolver
from tests.database import servers
from tests.postgres import HOST_NAME, Cluster, free_port, running

CANARY = "canary p@ss'w\\ord/#%? 비밀"
DAY = 86400.0
MakeEnv = Callable[..., Env]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(settings={"superuser_reserved_connections": "4"}) as server:
        server.add_role("app", CANARY, database="app")
        yield server


@pytest.fixture
async def make_env(cluster: Cluster) -> AsyncIterator[MakeEnv]:
    """An Env whose one database is the cluster's, unless settings say otherwise."""
    resolver = Resolver(lambda host: {HOST_NAME: ("127.0.0.1",)}.get(host, ()))
    opened: list[Databases] = []

    def make(limit: float = 10, *, config: DatabaseConfig | NotConfigured | None = None, **settings: Any) -> Env:
        base = {"host": HOST_NAME, "port": cluster.port, "name": "app", "user": "app", "password": CANARY}
        databases = Databases({"default": config or DatabaseConfig(**{**base, **settings})}, resolver)
        opened.append(databases)
        return Env(
            service="rds",
            deadline=asyncio.get_running_loop().time() + limit,
            clock=SystemClock(),
            databases=databases,
            pm2=cast("Any", None),  # not this check's
            resolver=resolver,
        )

    yield make
    for databases in opened:
        await databases.close()
    resolver.close()


async def failed(check: Check, env: Env) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        await check.look(env)
    return caught.value


def named(readings: tuple[Reading, ...], name: str) -> dict[str, float]:
    """The values of one name, by their only label."""
    return {next(iter(r.labels.values()), ""): r.value for r in readings if r.name == name}


async def test_a_healthy_database(make_env: MakeEnv) -> None:
    env = make_env()
    seen = await RdsCheck(kind="rds").look(env)
    values = {r.name: r.value for r in seen.readings if not r.labels}
    assert values["up"] == 1.0
    assert set(named(seen.readings, "phase_duration")) == {"resolve", "tcp", "tls", "auth", "query"}
    total = sum(named(seen.readings, "phase_duration").values())
    assert values["response_time"] == pytest.approx(total)
    assert values["connect_duration"] == pytest.approx(total - named(seen.readings, "phase_duration")["query"])
    assert values["usable_connections"] == 16
    assert values["connections_used"] == pytest.approx(1 / 16)
    assert named(seen.readings, "connections") == {"active": 1}
    assert named(seen.readings, "application_connections") == {"infra-monitor": 1}
    assert (values["in_recovery"], values["read_only"]) == (0.0, 0.0)
    assert values["certificate_remaining"] == pytest.approx(30 * DAY, abs=300)
    assert values["certificate_expiry"] == pytest.approx(env.clock.wall() + 30 * DAY, abs=300)
    assert values["database_size"] > 1_000_000
    assert "replication_lag" not in values
    server, endpoint, holder = seen.facts
    config = env.databases.get().config
    assert endpoint == DatabaseEndpoint(config.host, config.port, config.name, config.user, "127.0.0.1")
    assert isinstance(server, DatabaseServer)
    assert (server.address, server.in_recovery, server.version[:3]) == ("127.0.0.1", False, "15.")
    assert values["start"] == server.started_at
    assert holder == SessionHolder("infra-monitor", "127.0.0.1", "active", 1)


async def test_the_certificate_is_known_from_the_first_look_and_asked_for_once(
    make_env: MakeEnv, cluster: Cluster
) -> None:
    env = make_env()
    log_before = len(cluster.log.read_text())
    first = await RdsCheck(kind="rds").look(env)
    for _ in range(5):
        again = await RdsCheck(kind="rds").look(env)
        assert named(again.readings, "certificate_expiry") == named(first.readings, "certificate_expiry")
    assert cluster.log.read_text()[log_before:] == "", "looks leave no lines in the server's log"


async def test_without_tls_there_is_no_certificate(make_env: MakeEnv) -> None:
    seen = await RdsCheck(kind="rds").look(make_env(sslmode="disable"))
    assert "certificate_expiry" not in {r.name for r in seen.readings}
    assert "tls" not in named(seen.readings, "phase_duration")


async def test_verify_full(make_env: MakeEnv, cluster: Cluster) -> None:
    seen = await RdsCheck(kind="rds").look(make_env(sslmode="verify-full", ca_file=cluster.ca_file))
    assert named(seen.readings, "up") == {"": 1.0}


async def test_a_failure_says_where_and_why_and_keeps_what_was_learnt(make_env: MakeEnv) -> None:
    error = await failed(RdsCheck(kind="rds"), make_env(password="canary of yesterday"))
    assert (error.failure.phase, error.failure.reason) == ("auth", "credentials")
    assert error.failure.status is Status.CRITICAL
    assert named(error.readings, "up") == {"": 0.0}
    assert [r.labels for r in error.readings if r.name == "failures"] == [{"phase": "auth", "reason": "credentials"}]
    assert set(named(error.readings, "phase_duration")) == {"resolve", "tcp", "tls", "auth"}
    assert not {"response_time", "connect_duration", "connections"} & {r.name for r in error.readings}


async def test_nobody_there(make_env: MakeEnv) -> None:
    error = await failed(RdsCheck(kind="rds"), make_env(port=free_port()))
    assert (error.failure.phase, error.failure.reason, error.failure.status) == ("tcp", "refused", Status.DOWN)
    (endpoint,) = error.facts
    assert isinstance(endpoint, DatabaseEndpoint)
    assert (endpoint.host, endpoint.address) == (HOST_NAME, "127.0.0.1")


async def test_the_deadline_is_the_envs(make_env: MakeEnv) -> None:
    async with servers.serving(servers.say_nothing) as port:
        env = make_env(1.5, port=port)
        error = await failed(RdsCheck(kind="rds"), env)
        late = asyncio.get_running_loop().time() - env.deadline
    assert (error.failure.phase, error.failure.reason) == ("tls", "timeout")
    assert -0.1 < late < 0.5


async def test_read_only_is_critical_where_writing_is_expected(make_env: MakeEnv, cluster: Cluster) -> None:
    cluster.execute("alter database app set default_transaction_read_only = on")
    try:
        error = await failed(RdsCheck(kind="rds"), make_env())
        replica = await RdsCheck(kind="rds", writable=False).look(make_env())
    finally:
        cluster.execute("alter database app reset default_transaction_read_only")
    assert (error.failure.phase, error.failure.reason) == ("query", "read_only")
    assert error.failure.status is Status.CRITICAL
    assert named(error.readings, "up") == {"": 0.0}
    assert named(error.readings, "read_only") == {"": 1.0}
    assert "connections_used" in {r.name for r in error.readings}
    assert any(isinstance(fact, DatabaseServer) for fact in error.facts)
    assert named(replica.readings, "up") == {"": 1.0}
    assert named(replica.readings, "read_only") == {"": 1.0}


async def test_a_latent_outage_is_critical_and_explained(make_env: MakeEnv, cluster: Cluster) -> None:
    async with servers.Proxy(cluster.port) as proxy:
        env = make_env(port=proxy.port)
        database = env.databases.get()
        database.watch(lambda _state: None)
        while not database.sentinel.state.alive:
            await asyncio.sleep(0.02)
        proxy.refuse()
        error = await failed(RdsCheck(kind="rds"), env)
    assert (error.failure.phase, error.failure.reason) == ("tcp", "refused")
    assert error.failure.status is Status.CRITICAL
    (finding,) = (fact for fact in error.facts if isinstance(fact, Finding))
    assert (finding.status, finding.reason) == (Status.CRITICAL, "latent_outage")
    for language in LANGUAGES:
        assert HOST_NAME in speak(finding.message, language)


async def test_it_wants_to_be_looked_at_when_its_session_ends(make_env: MakeEnv, cluster: Cluster) -> None:
    env = make_env()
    told: list[asyncio.Event] = [asyncio.Event(), asyncio.Event()]
    for event in told:
        RdsCheck(kind="rds").watch(env, event.set)
    state = env.databases.get().sentinel
    while not state.state.alive:
        await asyncio.sleep(0.02)
    assert not any(event.is_set() for event in told)
    cluster.execute(f"select pg_terminate_backend({state.state.backend_pid})")
    async with asyncio.timeout(5):
        await asyncio.gather(*(event.wait() for event in told))


async def test_where_nothing_is_configured_there_is_nothing_to_watch(make_env: MakeEnv) -> None:
    RdsCheck(kind="rds").watch(make_env(config=NotConfigured(("DB_HOST",))), lambda: None)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (NotConfigured(("DB_HOST", "DB_NAME")), "not configured: DB_HOST, DB_NAME"),
        (NotConfigured(why="DATABASE_URL is sqlite:, not postgresql:"), "not configured: DATABASE_URL is sqlite:"),
    ],
)
async def test_unset_settings_make_it_blind(make_env: MakeEnv, missing: NotConfigured, reason: str) -> None:
    with pytest.raises(CheckBlind) as caught:
        await RdsCheck(kind="rds").look(make_env(config=missing))
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize(
    ("settings", "check", "reason"),
    [
        ({"password": None}, {}, "not configured: DB_PASSWORD"),
        (
            {"sslmode": "verify-full", "ca_file": "/nonexistent"},
            {},
            "not configured: the CA file /nonexistent cannot be",
        ),
        ({}, {"database": "second"}, "not configured: databases.second"),
    ],
)
async def test_what_is_our_own_fault_makes_it_blind(
    make_env: MakeEnv, settings: Mapping[str, Any], check: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(CheckBlind) as caught:
        await RdsCheck(kind="rds", **check).look(make_env(**settings))
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize(
    "settings",
    [
        {"password": CANARY + "x"},
        {"name": "absent"},
        {"user": "absent"},
        {"sslmode": "verify-full"},
        {"port": 1},
        {"host": "absent.invalid"},
    ],
    ids=str,
)
async def test_the_password_is_nowhere(make_env: MakeEnv, settings: dict[str, Any], cluster: Cluster) -> None:
    """Not in the failure, its representation or its chain of exceptions."""
    if "sslmode" in settings:
        settings["ca_file"] = cluster.data / "PG_VERSION"
    env = make_env(**settings)
    error = await failed(RdsCheck(kind="rds"), env)
    shown = f"{error} {error!r} {error.failure} {error.facts} {error.readings}"
    shown += "".join(traceback.format_exception(error))
    shown += "".join(
        traceback.TracebackException.from_exception(error.__context__ or error, capture_locals=False).format()
    )
    assert "canary" not in shown
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "canary" not in repr(env.databases.get().config)


def test_the_kind_is_registered_and_its_keys_are_checked() -> None:
    adapter: TypeAdapter[Check] = TypeAdapter(CheckConfig)
    check = adapter.validate_python(
        {"kind": "rds", "every": "15s", "thresholds": {"connections_used": {"warning": "70%"}}}
    )
    assert isinstance(check, RdsCheck)
    assert RdsCheck in KINDS
    assert (check.every, check.timeout, check.database, check.label) == (15.0, 10.0, "default", "rds")
    with pytest.raises(ValidationError, match="timeoutt"):
        adapter.validate_python({"kind": "rds", "timeoutt": "10s"})


def test_default_thresholds() -> None:
    bounds = {t.metric: (t.warning, t.critical, t.worse) for t in RdsCheck(kind="rds").judged_by()}
    assert bounds == {
        "response_time": (2.0, 5.0, "above"),
        "connections_used": (0.80, 0.95, "above"),
        "certificate_remaining": (21 * DAY, 7 * DAY, "below"),
    }


async def test_every_reading_but_one_has_its_metric(make_env: MakeEnv) -> None:
    """`certificate_remaining` is for the threshold; the metric is the moment of the end, as Prometheus wants it."""
    seen = await RdsCheck(kind="rds").look(make_env())
    error = await failed(RdsCheck(kind="rds"), make_env(port=1))
    families = {family.reading for family in RdsCheck.families}
    assert {r.name for r in (*seen.readings, *error.readings)} - families == {"certificate_remaining"}
    assert families - {r.name for r in (*seen.readings, *error.readings)} == {"replication_lag"}


async def test_a_look_is_repeatable(make_env: MakeEnv) -> None:
    """The check keeps no memory: the same check may look twice at once."""
    env = make_env()
    check = RdsCheck(kind="rds")
    both = await asyncio.gather(check.look(env), check.look(env))
    assert all(isinstance(seen, Seen) for seen in both)


def test_messages_are_in_both_catalogues() -> None:
    values = {"host": "h", "phase": "tcp", "reason": "timeout"}
    texts = {speak(Message("rds.latent_outage", values), language) for language in LANGUAGES}
    assert len(texts) == 2
