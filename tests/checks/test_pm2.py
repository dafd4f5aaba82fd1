"""The verdict on an app, the check's configuration, and its look at recorded and made-up daemons."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.checks.base import CheckBlind, CheckFailed, Env
from monitor.checks.pm2 import Pm2Check, judge
from monitor.clock import SystemClock
from monitor.core.model import Finding, Seen, Status, Supervisor, Worker
from monitor.database import Databases
from monitor.locale import speak
from monitor.sources.pm2 import Pm2Sources, Standing
from monitor.sources.resolver import Resolver
from tests.sources.fake_pm2 import answering, entry, fake_pm2, frame, sample, silent

A, R, S, E, G = Standing.ALIVE, Standing.RESTARTING, Standing.STOPPED, Standing.ENDED, Standing.GAVE_UP


@pytest.mark.parametrize(
    ("standings", "expected", "verdict"),
    [
        ([A, A], 2, None),
        ([A, A, A], 2, None),
        ([A, A, S], 2, None),
        ([A], 0, None),
        # nobody alive
        ([], 2, (Status.DOWN, "missing", 0.0)),
        ([], 0, (Status.DOWN, "missing", 0.0)),
        ([G], 1, (Status.DOWN, "gave_up", 0.0)),
        ([G, R], 2, (Status.DOWN, "gave_up", 0.0)),
        ([S, G], 2, (Status.DOWN, "gave_up", 0.0)),
        ([R], 1, (Status.DOWN, "not_alive", 0.0)),
        ([R, S], 2, (Status.DOWN, "not_alive", 0.0)),
        ([S, S], 2, (Status.DOWN, "stopped", 30.0)),
        ([E], 1, (Status.DOWN, "stopped", 0.0)),
        ([S, E], 2, (Status.DOWN, "stopped", 0.0)),
        # one has given up
        ([A, G], 2, (Status.CRITICAL, "gave_up", 0.0)),
        ([A, A, A, G], 3, (Status.CRITICAL, "gave_up", 0.0)),
        # exactly half is not fewer than half
        ([A, R], 2, (Status.WARNING, "restarting", 30.0)),
        ([A, A, R, R], 4, (Status.WARNING, "restarting", 30.0)),
        ([A, S], 2, (Status.WARNING, "fewer_than_expected", 30.0)),
        ([A, E], 2, (Status.WARNING, "fewer_than_expected", 30.0)),
        ([A], 2, (Status.WARNING, "fewer_than_expected", 30.0)),
        ([A, A, R], 4, (Status.WARNING, "fewer_than_expected", 30.0)),
        # fewer than half: at once, unless an operator is at work
        ([A, R, R], 3, (Status.CRITICAL, "restarting", 0.0)),
        ([A], 3, (Status.CRITICAL, "fewer_than_expected", 0.0)),
        ([A, S, S], 3, (Status.CRITICAL, "fewer_than_expected", 30.0)),
        ([A, S, R], 3, (Status.CRITICAL, "fewer_than_expected", 0.0)),
        ([A, S], 3, (Status.CRITICAL, "fewer_than_expected", 0.0)),
    ],
)
def test_the_verdict(standings: list[Standing], expected: int, verdict: tuple[Status, str, float] | None) -> None:
    found = judge("web", standings, expected)
    assert (found and (found.status, found.reason, found.grace_seconds)) == verdict
    for language in ("en", "ko"):
        assert found is None or "web" in speak(found.message, language)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"instances": 2}, "needs app"),
        ({"app": "web", "instances": 0}, "greater than or equal to 1"),
        ({"app": "web", "instances": "all"}, "max"),
        ({"app": ""}, "at least 1 character"),
        ({"home": "relative/.pm2"}, "write the whole path"),
        ({"app": "web", "pid": 7}, "Extra inputs"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(settings: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Pm2Check.model_validate({"kind": "pm2", **settings})


def test_the_defaults_are_those_of_a_local_daemon() -> None:
    check = Pm2Check(kind="pm2")
    assert (check.every, check.timeout, check.app, check.instances, check.home) == (5.0, 2.0, None, None, None)


def test_a_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ubuntu")
    assert Pm2Check.model_validate({"kind": "pm2", "home": "~/.pm2"}).home == Path("/home/ubuntu/.pm2")


@pytest.mark.parametrize("home", [None, Path("/srv/pm2")])
def test_an_app_needs_what_the_check_of_the_same_daemon_provides(home: Path | None) -> None:
    daemon, app = Pm2Check(kind="pm2", home=home), Pm2Check(kind="pm2", app="web", home=home)
    elsewhere = Pm2Check(kind="pm2", home=Path("/elsewhere"))
    assert app.needs == daemon.provides != ()
    assert set(app.needs).isdisjoint(elsewhere.provides)
    assert daemon.needs == app.provides == ()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@asynccontextmanager
async def surroundings() -> AsyncIterator[Pm2Sources]:
    sources = Pm2Sources({})
    try:
        yield sources
    finally:
        await sources.close()


async def look(sources: Pm2Sources, home: Path, *, seconds: float = 5.0, **settings: Any) -> Seen:
    resolver = Resolver()
    try:
        env = Env(
            service="web",
            deadline=asyncio.get_running_loop().time() + seconds,
            clock=SystemClock(),
            databases=Databases({}, resolver=resolver),
            pm2=sources,
            resolver=resolver,
        )
        return await Pm2Check(kind="pm2", home=home, **settings).look(env)
    finally:
        resolver.close()


def numbers(seen: Seen) -> dict[tuple[str, ...], float]:
    """Readings by name and label values."""
    return {(each.name, *each.labels.values()): each.value for each in seen.readings}


def findings(seen: Seen) -> list[tuple[Status, str]]:
    return [(each.status, each.reason) for each in seen.facts if isinstance(each, Finding)]


async def test_an_app_is_shown_in_numbers_and_facts(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    now = time.time()
    listed = [
        entry(child.pid, now, restart_time=3),
        entry(0, now, status="waiting restart", created_at=None, NODE_APP_INSTANCE=1, restart_time=4),
        entry(child.pid, now, name="other"),
    ]
    async with fake_pm2(tmp_path / "h", answering(listed)) as fake, surroundings() as sources:
        seen = await look(sources, fake.home, app="web", instances=4)
    found = numbers(seen)
    assert found.pop(("process_cpu", "web", "0")) >= 0
    assert found.pop(("process_memory", "web", "0")) > 100_000
    started = found.pop(("process_start", "web", "0"))
    assert started == pytest.approx(now, abs=3)
    assert found == {
        ("app_instances", "web", "alive"): 1,
        ("app_instances", "web", "expected"): 4,
        ("process_up", "web", "0"): 1,
        ("process_up", "web", "1"): 0,
        ("process_gave_up", "web", "0"): 0,
        ("process_gave_up", "web", "1"): 1,
        ("process_restarts", "web", "0"): 3,
        ("process_restarts", "web", "1"): 4,
        ("process_children", "web", "0"): 0,
    }
    begun = round(now * 1000) / 1000
    assert seen.facts[:3] == (
        Supervisor(os.getpid(), "7.0.4", str(fake.home)),
        Worker(
            "web", 0, child.pid, "online", alive=True, gave_up=False, restarts=3, created_at=begun, started_at=started
        ),
        Worker("web", 1, 0, "waiting restart", alive=False, gave_up=True, restarts=4, created_at=None, started_at=None),
    )
    assert findings(seen) == [(Status.CRITICAL, "gave_up")]


async def test_every_reading_has_a_family_and_every_family_its_reading(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    async with fake_pm2(tmp_path / "h", answering([entry(child.pid, time.time())])) as fake, surroundings() as sources:
        readings = (await look(sources, fake.home, app="web")).readings + (await look(sources, fake.home)).readings
    assert {each.name for each in readings} == {each.reading for each in Pm2Check.families}


@pytest.mark.parametrize(
    ("settings", "expected"), [({"instances": 3}, 3), ({"instances": "max"}, os.cpu_count()), ({}, 1)]
)
async def test_expected_is_what_is_configured_else_what_is_listed(
    tmp_path: Path, child: subprocess.Popen[bytes], settings: dict[str, Any], expected: int
) -> None:
    async with fake_pm2(tmp_path / "h", answering([entry(child.pid, time.time(), instances=7)])) as fake:
        (fake.home / "dump.pm2").write_text(json.dumps([{"name": "web"}] * 9))
        async with surroundings() as sources:
            seen = await look(sources, fake.home, app="web", **settings)
    assert numbers(seen)["app_instances", "web", "expected"] == expected


@pytest.mark.parametrize("saved", [0, 2])
async def test_an_app_that_is_not_listed_is_missing_and_the_dump_says_how_many(tmp_path: Path, saved: int) -> None:
    async with fake_pm2(tmp_path / "h", answering([])) as fake, surroundings() as sources:
        (fake.home / "dump.pm2").write_text(json.dumps([{"name": "web"}] * saved))
        seen = await look(sources, fake.home, app="web")
    assert findings(seen) == [(Status.DOWN, "missing")]
    expected = {("app_instances", "web", "expected"): 2.0} if saved else {}
    assert numbers(seen) == {("app_instances", "web", "alive"): 0, **expected}


@pytest.mark.parametrize(
    ("app", "verdict"),
    [
        ("crash-delay", "gave_up"),
        ("crash-nodelay", "gave_up"),
        ("crash-backoff", "gave_up"),
        ("exit0-noauto", "stopped"),
    ],
)
async def test_the_recorded_dead_are_down_whatever_pm2_calls_them(tmp_path: Path, app: str, verdict: str) -> None:
    async with fake_pm2(tmp_path / "h", answering(sample("7.0.4-states"))) as fake, surroundings() as sources:
        seen = await look(sources, fake.home, app=app)
    assert findings(seen) == [(Status.DOWN, verdict)]
    assert "<redacted>" not in repr(seen)


async def test_recorded_processes_that_do_not_run_here_are_not_alive(tmp_path: Path) -> None:
    """The list says `online`; this machine's kernel has no such processes."""
    async with fake_pm2(tmp_path / "h", answering(sample("5.4.3"))) as fake, surroundings() as sources:
        seen = await look(sources, fake.home, app="signalcraft-nodejs")
    assert findings(seen) == [(Status.DOWN, "not_alive")]
    assert {(each.pid, each.alive) for each in seen.facts if isinstance(each, Worker)} == {(0, False)}


async def _failure(sources: Pm2Sources, home: Path, *, seconds: float = 5.0) -> tuple[str, str, Status]:
    with pytest.raises(CheckFailed) as caught:
        await look(sources, home, seconds=seconds)
    assert [(each.name, each.value) for each in caught.value.readings] == [("up", 0.0)]
    return caught.value.failure.phase, caught.value.failure.reason, caught.value.failure.status


async def test_the_daemons_check_fails_and_an_apps_is_blind_when_nothing_is_known(tmp_path: Path) -> None:
    async with surroundings() as sources:
        assert await _failure(sources, tmp_path) == ("connect", "missing_socket", Status.DOWN)
        with pytest.raises(CheckBlind, match=r"PM2 does not answer \(missing_socket\)"):
            await look(sources, tmp_path, app="web")


async def test_silence_fails_within_the_checks_timeout(tmp_path: Path) -> None:
    async with fake_pm2(tmp_path / "h", silent) as fake, surroundings() as sources:
        start = time.monotonic()
        assert await _failure(sources, fake.home, seconds=1.0) == ("reply", "timeout", Status.DOWN)
        assert 1.0 <= time.monotonic() - start < 1.5


async def test_nonsense_fails(tmp_path: Path) -> None:
    async def nonsense(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"s:topic", b"j:{}"))

    async with fake_pm2(tmp_path / "h", nonsense) as fake, surroundings() as sources:
        assert await _failure(sources, fake.home) == ("reply", "protocol", Status.DOWN)


@pytest.mark.parametrize("app", [None, "web"])
async def test_no_home_is_blindness_for_both(tmp_path: Path, app: str | None) -> None:
    async with surroundings() as sources:
        with pytest.raises(CheckBlind, match="there is no PM2 home at"):
            await look(sources, tmp_path / "nowhere", app=app)


async def test_without_pm2_the_kernel_alone_decides_about_an_app(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    """An orphan that may still serve is not down; an app of which no process lives is."""
    async with fake_pm2(tmp_path / "h", answering([entry(child.pid, time.time())])) as fake, surroundings() as sources:
        assert findings(await look(sources, fake.home, app="web")) == []
        fake.behave = silent
        with pytest.raises(CheckBlind, match=r"PM2 does not answer \(timeout\)"):
            await look(sources, fake.home, seconds=0.2, app="web")
        child.kill()
        child.wait()
        seen = await look(sources, fake.home, seconds=0.2, app="web")
    assert findings(seen) == [(Status.DOWN, "not_alive")]
    assert numbers(seen) == {("app_instances", "web", "alive"): 0}
