"""Passwords for IAM logins to RDS: made by AWS' library, used for ten minutes, replaced before they end."""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import SecretStr

from monitor.database.settings import DatabaseConfig
from monitor.sources.aws import Aws, AwsSilent

RENEW_SECONDS: Final = 600.0
USABLE_SECONDS: Final = 840.0
"""A token is good for 900 s, by the clock of AWS."""

PAUSE_SECONDS: Final = 30.0
"""After a failure, until the next try: the program that makes tokens costs half a second of processor time."""

LIMIT_SECONDS: Final = 5.0


class NoToken(Exception):  # noqa: N818 — it says nothing about the database, only that we cannot log in
    """There is none, and the text says why."""


class IamTokens:
    """The tokens of one database. Looks and the sentinel share them."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._turn = asyncio.Lock()
        self._token: SecretStr | None = None
        self._made_at = 0.0
        self._failure: AwsSilent | None = None
        self._failed_at = 0.0

    async def with_token(self, config: DatabaseConfig, *, deadline: float) -> DatabaseConfig:
        """The settings with a token as password, by `deadline` (on the loop's clock). Raises NoToken."""
        async with self._turn:
            token = await self._fresh(config, deadline)
        return config.model_copy(update={"password": token})

    async def _fresh(self, config: DatabaseConfig, deadline: float) -> SecretStr:
        now = asyncio.get_running_loop().time()
        age = now - self._made_at
        if self._token is not None and age < RENEW_SECONDS:
            return self._token
        if self._failure is None or now - self._failed_at >= PAUSE_SECONDS:
            await self._renew(config, min(deadline, now + LIMIT_SECONDS))
        if self._token is not None and (self._failure is None or age < USABLE_SECONDS):
            return self._token
        raise NoToken(f"no IAM token: {self._failure}")

    async def _renew(self, config: DatabaseConfig, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            token = await self._aws.token(config.host, config.port, config.user, deadline=deadline)
        except AwsSilent as silent:
            self._failure, self._failed_at = silent, loop.time()
        else:
            self._token, self._made_at, self._failure = SecretStr(token), began, None
