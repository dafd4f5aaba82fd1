"""The check and a real PM2 with a Node cluster and Gunicorn, healthy and broken in each way that PM2 can be."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil
import pytest

from monitor.checks.base import CheckBlind, CheckFailed, Env
from monitor.checks.pm2 import Pm2Check
from monitor.clock import SystemClock
from monitor.core.model import Finding, Seen, Status, Supervisor, Worker
from monitor.database import Databases
from monitor.sources.pm2 import Pm2Sources
from monitor.sources.resolver import Resolver
from tests.sources.real_pm2 import SECRET, RealPm2, eventually


class Watch:
    """Looks at one PM2 as the daemon would, with the check's own timeout."""

    def __init__(self, pm2: RealPm2, sources: Pm2Sources, resolver: Resolver) -> None:
        self._pm2 = pm2
        self._sources = sources
        self._resolver = resolver

    async def look(self, app: str | None = None, **settings: object) -> Seen:
        check = Pm2Check.model_validate({"kind": "pm2", "home": self._pm2.home, "app": app, **settings})
        env = Env(
            service="some",
            deadline=asyncio.get_running_loop().time() + check.timeout,
            clock=SystemClock(),
            databases=Databases({}, resolver=self._resolver),
            pm2=self._sources,
            resolver=self._resolver,
        )
        seen = await check.look(env)
        assert SECRET not in repr(seen)
        return seen

    async def verdict(self, app: str, **settings: object) -> tuple[Status, str, float] | None:
        """The look's finding in short."""
        found = [each for each in (await self.look(app, **settings)).facts if isinstance(each, Finding)]
        assert len(found) <= 1
        return (found[0].status, found[0].reason, found[0].grace_seconds) if found else None

    async def until(self, app: str, true: Callable[[tuple[Status, str, float] | None], bool]) -> float:
        """Look until the verdict is so; how long it took."""
        start = time.monotonic()
        while not true(await self.verdict(app)):
            assert time.monotonic() - start < 30, await self.look(app)
            await asyncio.sleep(0.02)
        return time.monotonic() - start


@pytest.fixture
async def watch(pm2: RealPm2) -> AsyncIterator[Watch]:
    """With the connection closed at the end."""
    sources, resolver = Pm2Sources({}), Resolver()
    try:
        yield Watch(pm2, sources, resolver)
    finally:
        await sources.close()
        resolver.close()


def workers(seen: Seen) -> list[Worker]:
    return [each for each in seen.facts if isinstance(each, Worker)]


def number(seen: Seen, name: str, worker: int = 0) -> float:
    [value] = [each.value for each in seen.readings if each.name == name and each.labels["worker"] == str(worker)]
    return value


async def test_a_healthy_cluster_and_a_healthy_gunicorn(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node(), pm2.gunicorn(workers=3))
    assert [each.pid for each in (await watch.look()).facts if isinstance(each, Supervisor)] == [pm2.daemon.pid]
    web = await watch.look("web")
    assert [(each.worker, each.alive, each.pm2_status) for each in workers(web)] == [
        (0, True, "online"),
        (1, True, "online"),
    ]
    for each in workers(web):
        process = psutil.Process(each.pid)
        assert each.started_at == pytest.approx(process.create_time(), abs=1.5)
        assert number(web, "process_memory", each.worker) == pytest.approx(process.memory_info().rss, rel=0.3)
        assert 0 < number(web, "process_cpu", each.worker) < 20
    assert await watch.verdict("web") is None


async def test_gunicorns_workers_count_in_memory_time_and_number(pm2: RealPm2, watch: Watch) -> None:
    """PM2 itself sees the master alone."""
    pm2.start(pm2.gunicorn(workers=3))
    [master] = workers(await watch.look("api"))
    below = psutil.Process(master.pid)
    eventually(lambda: len(below.children(recursive=True)) == 3)
    api = await watch.look("api")
    assert number(api, "process_children") == 3
    tree = [below, *below.children(recursive=True)]
    resident = sum(each.memory_info().rss for each in tree)
    assert number(api, "process_memory") == pytest.approx(resident, rel=0.3)
    assert number(api, "process_memory") > 2 * below.memory_info().rss
    before = number(api, "process_cpu")
    tree[1].kill()
    eventually(lambda: not tree[1].is_running() and len(below.children(recursive=True)) == 3)
    assert number(await watch.look("api"), "process_cpu") >= before, "what an ended worker used stays counted"


async def test_one_killed_worker_of_two_has_grace_and_then_counts_as_a_restart(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node(restart_delay=1000))
    victim = workers(await watch.look("web"))[1]
    psutil.Process(victim.pid).kill()
    await watch.until("web", lambda verdict: verdict == (Status.WARNING, "restarting", 30.0))
    lost = workers(await watch.look("web"))[1]
    assert (lost.alive, lost.gave_up, lost.pid, lost.restarts) == (False, False, 0, 0)
    await watch.until("web", lambda verdict: verdict is None)
    back = workers(await watch.look("web"))[1]
    assert (back.alive, back.restarts) == (True, 1)
    assert back.pid != victim.pid
    assert back.created_at == victim.created_at, "this tells a crash from an operator's restart"


async def test_the_only_process_killed_is_down_at_once_although_pm2_mends_it(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.gunicorn())
    [master] = workers(await watch.look("api"))
    psutil.Process(master.pid).kill()
    assert await watch.until("api", lambda verdict: verdict == (Status.DOWN, "not_alive", 0.0)) < 2
    await watch.until("api", lambda verdict: verdict is None)


async def test_giving_up_is_seen_although_pm2_says_otherwise(pm2: RealPm2, watch: Watch) -> None:
    """With restart_delay set PM2 shows `waiting restart` for ever."""
    pm2.start(pm2.node(instances=1), pm2.crashing())
    await watch.until("broken", lambda verdict: verdict == (Status.DOWN, "gave_up", 0.0))
    [dead] = workers(await watch.look("broken"))
    assert (dead.pm2_status, dead.gave_up, dead.alive, dead.created_at) == ("waiting restart", True, False, None)
    await asyncio.sleep(0.5)
    assert await watch.verdict("broken") == (Status.DOWN, "gave_up", 0.0), "it stays so"
    assert await watch.verdict("web") is None, "others are not concerned"


async def test_an_operators_stop_has_grace(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node(), pm2.node("idle", autorestart=False, instances=1))
    pm2.command("stop", "web")
    assert await watch.verdict("web") == (Status.DOWN, "stopped", 30.0)
    psutil.Process(workers(await watch.look("idle"))[0].pid).send_signal(signal.SIGINT)
    await watch.until("idle", lambda verdict: verdict == (Status.DOWN, "stopped", 0.0))


async def test_a_deleted_app_is_missing_and_the_dump_says_how_many_there_were(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node(), pm2.node("other", instances=1))
    pm2.command("save")
    pm2.command("delete", "web")
    seen = await watch.look("web")
    assert {each.labels["state"]: each.value for each in seen.readings} == {"alive": 0, "expected": 2}
    assert await watch.verdict("web") == (Status.DOWN, "missing", 0.0)


async def test_more_are_expected_than_pm2_was_told_to_run(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node())
    assert await watch.verdict("web", instances=3) == (Status.WARNING, "fewer_than_expected", 30.0)
    assert await watch.verdict("web", instances=5) == (Status.CRITICAL, "fewer_than_expected", 0.0)


async def test_a_name_in_two_namespaces_counts_twice(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node(instances=1, namespace="blue"), pm2.node(instances=1, namespace="green"))
    assert [(each.worker, each.alive) for each in workers(await watch.look("web"))] == [(0, True), (1, True)]


@asynccontextmanager
async def looking(watch: Watch, app: str) -> AsyncIterator[list[tuple[float, str | None]]]:
    """Look every 20 ms while the block runs: when, and for what reason the look was bad."""
    seen, over = list[tuple[float, str | None]](), asyncio.Event()

    async def look_on() -> None:
        while not over.is_set():
            verdict = await watch.verdict(app)
            seen.append((time.monotonic(), verdict[1] if verdict else None))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(look_on())
    try:
        yield seen
    finally:
        over.set()
        await task


async def test_a_reload_never_shows_fewer_than_expected_for_as_long_as_a_confirmation_takes(
    pm2: RealPm2, watch: Watch
) -> None:
    """Three looks 0.3 s apart confirm; a reload leaves no gap of that length, nor does it look like a crash."""
    pm2.start(pm2.node())
    before = workers(await watch.look("web"))
    async with looking(watch, "web") as seen:
        for _ in range(2):
            await asyncio.to_thread(pm2.command, "reload", "web")
    bad = [at for at, reason in seen if reason]
    good = [at for at, reason in seen if not reason]
    assert len(good) > 20
    for at in bad:
        assert min(each for each in [*good, time.monotonic()] if each > at) - at < 0.6, seen
    after = workers(await watch.look("web"))
    assert {each.pid for each in before}.isdisjoint(each.pid for each in after)
    assert all(new.created_at != old.created_at for new, old in zip(after, before, strict=True))


async def test_a_killed_daemon_takes_the_cluster_along_and_leaves_orphans(pm2: RealPm2, watch: Watch) -> None:
    """The daemon fails; the cluster, whose processes died too, is down; of Gunicorn, still alive, nothing is said."""
    pm2.start(pm2.node(), pm2.gunicorn())
    for app in ("web", "api"):
        assert await watch.verdict(app) is None
    cluster = [psutil.Process(each.pid) for each in workers(await watch.look("web"))]
    pm2.kill_daemon()
    with pytest.raises(CheckFailed) as caught:
        await watch.look()
    assert (caught.value.failure.phase, caught.value.failure.reason) == ("connect", "refused")
    eventually(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in cluster))
    assert await watch.verdict("web") == (Status.DOWN, "not_alive", 0.0)
    with pytest.raises(CheckBlind, match=r"PM2 does not answer \(refused\)"):
        await watch.look("api")


async def test_a_stopped_daemon_fails_within_its_timeout_and_blinds_its_apps(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node())
    assert await watch.verdict("web") is None
    pm2.daemon.send_signal(signal.SIGSTOP)
    start = time.monotonic()
    outcomes = await asyncio.gather(watch.look(), watch.look("web"), return_exceptions=True)
    assert time.monotonic() - start < 2.5, "they wait side by side"
    assert isinstance(outcomes[0], CheckFailed)
    assert (outcomes[0].failure.phase, outcomes[0].failure.reason) == ("reply", "timeout")
    assert isinstance(outcomes[1], CheckBlind)
    pm2.daemon.send_signal(signal.SIGCONT)
    await watch.until("web", lambda verdict: verdict is None)


async def test_a_daemon_that_left_cleanly_is_missing_with_its_apps(pm2: RealPm2, watch: Watch) -> None:
    pm2.start(pm2.node())
    assert await watch.verdict("web") is None
    pm2.command("kill")
    with pytest.raises(CheckFailed) as caught:
        await watch.look()
    assert (caught.value.failure.phase, caught.value.failure.reason) == ("connect", "missing_socket")
    assert await watch.verdict("web") == (Status.DOWN, "not_alive", 0.0)
