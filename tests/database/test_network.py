"""Packets that are really dropped, in a network namespace: the deadline holds, and the phase is the right one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SLACK = 0.5

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace of its own"),
    pytest.mark.skipif(shutil.which("nft") is None, reason="needs nft to drop packets"),
]


async def told_by(case: str, *, limit: float) -> dict[str, Any]:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        "unshare", "--net", "--mount", sys.executable, "-m", "tests.database.in_namespace", case, str(limit),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    if b"Operation not permitted" in errors:
        pytest.skip("this root may not make namespaces or rules")
    assert process.returncode == 0, errors.decode()
    told: dict[str, Any] = json.loads(out)
    assert told["threads_that_hold_the_process"] == []
    assert time.monotonic() - began < limit + 30
    return told


@pytest.mark.parametrize(
    ("case", "phase", "reason"),
    [
        ("syn_dropped", "tcp", "timeout"),
        ("syn_ack_dropped", "tcp", "timeout"),
        ("three_addresses_drop", "tcp", "timeout"),
        ("data_dropped", "tls", "timeout"),
        ("name_server_dead", "resolve", "timeout"),
        ("everything_dropped", "tcp", "timeout"),
    ],
)
async def test_dropped(case: str, phase: str, reason: str) -> None:
    told = await told_by(case, limit=2.0)
    assert (told["phase"], told["reason"], told["status"]) == (phase, reason, "down"), told
    assert 1.9 <= told["took"] <= 2.0 + SLACK
    assert not told["latent"]
    assert told.get("others_delayed", 0) < SLACK
    assert told.get("back_after", 0) < 5, "the sentinel notices that packets pass again"


async def test_three_addresses_that_drop_hold_the_deadline_of_ten_seconds() -> None:
    told = await told_by("three_addresses_drop", limit=10.0)
    assert 9.9 <= told["took"] <= 10.0 + SLACK
    assert [address in told["message"] for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3")] == [True] * 3


async def test_silence_takes_the_whole_deadline_so_that_it_needs_no_second_look() -> None:
    """Found by the fault matrix: the kernel gave up after five seconds, and each look of that was confirmed twice."""
    told = await told_by("syn_dropped", limit=7.0)
    assert 6.9 <= told["took"] <= 7.0 + SLACK


async def test_an_address_that_drops_gets_half_of_the_time() -> None:
    told = await told_by("first_address_drops", limit=3.0)
    assert told["address"] == "127.0.0.1"
    assert 1.4 <= told["took"] <= 2.5


async def test_a_rejected_connection_is_unreachable_at_once() -> None:
    told = await told_by("rejected", limit=5.0)
    assert (told["phase"], told["reason"]) == ("tcp", "unreachable")
    assert told["took"] < 1


async def test_new_connections_dropped_while_old_ones_live_is_a_latent_outage() -> None:
    told = await told_by("latent_outage", limit=3.0)
    assert (told["phase"], told["reason"], told["status"]) == ("tcp", "timeout", "critical")
    assert told["latent"]
    assert told["took"] <= 3.0 + SLACK
