"""kill -9 at any moment loses nothing that was committed, and tells nothing under two ids."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from pathlib import Path

import pytest
from aiohttp import web

from monitor.store import Store
from tests.delivery import program
from tests.delivery.receiver import Receiver, Request, receiving

ROUNDS = 20
ROOT = Path(__file__).parents[2]


async def start(directory: Path, url: str, count: int) -> Process:
    arguments = ["-m", program.__name__, str(directory), url, str(count)]
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, cwd=ROOT)


async def committed(process: Process) -> int:
    """The number of the next commit that the program says is on the disk."""
    assert process.stdout
    return int(await asyncio.wait_for(process.stdout.readline(), timeout=60))


async def kill(process: Process) -> list[int]:
    """What it had said until it died."""
    if process.returncode is None:
        process.kill()
    assert process.stdout
    rest = await process.stdout.read()
    await process.wait()
    return [int(line) for line in rest.split(b"\n")[:-1]]


def incidents_in(directory: Path) -> set[int]:
    connection = sqlite3.connect(directory / "state.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    rows = connection.execute("SELECT notice FROM outbox").fetchall()
    connection.close()
    return {int(json.loads(row[0])["incident"]["id"].removeprefix("inc-")) for row in rows}


@pytest.mark.timeout(300)
async def test_20_kills_in_a_loop_of_commits_lose_none_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: set[int] = set()
    for _ in range(ROUNDS):
        process = await start(tmp_path, "", 1_000_000)
        acknowledged.add(await committed(process))
        await asyncio.sleep(random.uniform(0, 0.1))
        acknowledged.update(await kill(process))
        assert acknowledged <= incidents_in(tmp_path)
    store = Store.open(tmp_path)
    state = await store.load()
    await store.close()
    assert state
    assert state.sequence == len(incidents_in(tmp_path)) >= max(acknowledged)
    assert len(acknowledged) > ROUNDS


class Killer:
    """A receiver that notes what arrives, slowly, and in odd rounds kills the sender before it answers."""

    def __init__(self, receiver: Receiver) -> None:
        self.victim: Process | None = None
        receiver.answer = self.answer

    async def answer(self, _request: Request) -> web.Response:
        if self.victim:
            self.victim.kill()
            self.victim = None
        await asyncio.sleep(random.uniform(0, 0.01))
        return web.Response()


@pytest.mark.timeout(300)
async def test_20_kills_between_commit_and_send_and_every_notice_arrives(tmp_path: Path) -> None:
    acknowledged: set[int] = set()
    async with receiving() as receiver:
        killer = Killer(receiver)
        for number in range(ROUNDS):
            process = await start(tmp_path, receiver.url, 5)
            if number % 2:
                killer.victim = process  # in the middle of a delivery: it must come again
                await process.wait()
            else:
                acknowledged.add(await committed(process))
                await asyncio.sleep(random.uniform(0, 0.03))
            acknowledged.update(await kill(process))
        last = await start(tmp_path, receiver.url, 0)
        await kill_if_stuck(last)
        arrived = [(json.loads(request.body)["data"]["incident"]["id"], request) for request in receiver.requests]

    ids: dict[str, set[str]] = defaultdict(set)
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for incident, request in arrived:
        ids[incident].add(request.id)
        bodies[incident].add(request.body)
    assert {f"inc-{number}" for number in acknowledged} <= ids.keys()
    assert {len(names) for names in ids.values()} == {len(each) for each in bodies.values()} == {1}
    assert len({name for names in ids.values() for name in names}) == len(ids)
    assert len(arrived) - len(ids) >= ROUNDS // 2  # the ones that were on their way when the sender died
    first_seen = list(dict.fromkeys(incident for incident, _ in arrived))
    assert first_seen == sorted(first_seen, key=lambda incident: int(incident.removeprefix("inc-")))


async def kill_if_stuck(process: Process) -> None:
    try:
        assert await asyncio.wait_for(process.wait(), timeout=60) == 0
    finally:
        await kill(process)
