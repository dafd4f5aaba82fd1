"""What tests of channels share: somebody to send to, and the means to send."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from monitor.notify.base import Post
from tests.delivery.receiver import Receiver, posting, receiving


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    async with posting() as post:
        yield post
