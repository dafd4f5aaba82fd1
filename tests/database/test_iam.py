"""Logging in with tokens: made by AWS' own library in the child process, checked by a real server over TLS."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from monitor.core.model import Status
from monitor.database import Database, DatabaseConfig, DatabaseFailed, NoSession, NoToken
from monitor.database.tokens import PAUSE_SECONDS, RENEW_SECONDS, USABLE_SECONDS, IamTokens
from monitor.sources.aws import Aws
from monitor.sources.resolver import Resolver
from tests.postgres import Cluster

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
QUIET = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "PATH": os.environ["PATH"],
}


def soon(seconds: float = 10.0) -> float:
    return asyncio.get_running_loop().time() + seconds


def settings(port: int, **more: str) -> DatabaseConfig:
    base = {"host": "127.0.0.1", "port": port, "name": "app", "user": "app", "auth": "iam", **more}
    return DatabaseConfig.model_validate(base)


@pytest.fixture
def environ() -> dict[str, str]:
    return {**QUIET, **KEYS}


@pytest.fixture
async def database(cluster: Cluster, environ: dict[str, str]) -> AsyncIterator[Database]:
    resolver = Resolver()
    made = Database(settings(cluster.port), resolver, Aws(environ, region="ap-northeast-2"))
    yield made
    await made.close()
    resolver.close()


def token_of(database: Database) -> str:
    """What was sent; nothing else keeps it."""
    token = database._tokens._token
    assert token is not None
    return token.get_secret_value()


async def test_a_token_opens_the_door_over_tls_and_is_used_again(cluster: Cluster, database: Database) -> None:
    with pytest.raises(DatabaseFailed) as refused:
        await database.look(deadline=soon())
    assert (refused.value.failure.reason, refused.value.failure.status) == ("credentials", Status.CRITICAL)
    token = token_of(database)
    assert token.startswith(f"127.0.0.1:{cluster.port}/?Action=connect&DBUser=app")
    assert "X-Amz-Signature" not in str(refused.value)
    before = cluster.execute("select rolpassword from pg_authid where rolname = 'app'")[0][0]
    cluster.execute(f"alter role app password '{token}'")
    try:
        answer = await database.look(deadline=soon())
        assert answer.tls
        assert token_of(database) == token
        assert await database.ask("select 1", deadline=soon()) == ["1"]
    finally:
        cluster.execute(f"alter role app password '{before}'")


@pytest.mark.parametrize(
    ("mode", "asked"),
    [
        ("disable", "require"),
        ("allow", "require"),
        ("prefer", "require"),
        ("require", "require"),
        ("verify-full", "verify-full"),
    ],
)
def test_a_token_never_travels_in_the_clear(mode: str, asked: str) -> None:
    assert settings(5432, sslmode=mode).tls == asked
    assert settings(5432, sslmode=mode, auth="password").tls == mode


async def test_without_credentials_it_says_so_and_the_server_is_not_blamed(
    database: Database, environ: dict[str, str]
) -> None:
    environ.update(dict.fromkeys(KEYS, ""))
    with pytest.raises(NoToken, match="no IAM token: not configured: AWS credentials"):
        await database.look(deadline=soon())
    with pytest.raises(NoSession):
        await database.ask("select 1", deadline=soon())


async def test_a_token_is_renewed_in_time_and_the_old_one_serves_while_that_fails(environ: dict[str, str]) -> None:
    tokens, config = IamTokens(Aws(environ, region="ap-northeast-2")), settings(5432)
    first = await tokens.with_token(config, deadline=soon())
    tokens._made_at -= RENEW_SECONDS - 30
    made_at = tokens._made_at
    assert await tokens.with_token(config, deadline=soon()) == first
    assert tokens._made_at == made_at
    tokens._made_at -= 31
    await tokens.with_token(config, deadline=soon())
    assert tokens._made_at > made_at
    environ.update(dict.fromkeys(KEYS, ""))
    tokens._made_at -= RENEW_SECONDS + 1
    kept = await tokens.with_token(config, deadline=soon())
    assert kept.password == tokens._token
    tokens._made_at -= USABLE_SECONDS - RENEW_SECONDS
    with pytest.raises(NoToken):
        await tokens.with_token(config, deadline=soon())


async def test_a_failure_is_not_repeated_at_every_ping_and_mends_itself(environ: dict[str, str]) -> None:
    environ.update(dict.fromkeys(KEYS, ""))
    tokens, config = IamTokens(Aws(environ, region="ap-northeast-2")), settings(5432)
    with pytest.raises(NoToken):
        await tokens.with_token(config, deadline=soon())
    environ.update(KEYS)
    began = asyncio.get_running_loop().time()
    with pytest.raises(NoToken):
        await tokens.with_token(config, deadline=soon())
    assert asyncio.get_running_loop().time() - began < 0.1
    tokens._failed_at -= PAUSE_SECONDS
    assert (await tokens.with_token(config, deadline=soon())).password is not None
