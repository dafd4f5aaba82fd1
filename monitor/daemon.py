"""Builds everything from the configuration, runs it, and takes it apart: the only file that knows everyone."""

from __future__ import annotations

import asyncio
import errno
import math
import signal
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import structlog
from aiohttp import web

from monitor import __version__, systemd
from monitor.checks.base import Check
from monitor.clock import Clock, SystemClock
from monitor.config.load import Loaded
from monitor.config.model import Config, state_directory
from monitor.config.plan import plan
from monitor.core.model import Input, LookWanted, Notice, NoticeDue, RulesChanged, StatusChanged
from monitor.history import History
from monitor.logs import hide
from monitor.look import Surroundings, look, surroundings
from monitor.metrics import Metrics
from monitor.notify.base import Post
from monitor.outbox import Outbox
from monitor.schedule import Key, Schedule
from monitor.service_monitoring import Change, ServiceMonitoring
from monitor.sources.http import client
from monitor.store import Store, StoreError
from monitor.web.app import create_app
from monitor.web.auth import token_of

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 5.0


class CannotStart(Exception):  # noqa: N818 — it is an answer for the operator
    """One clear line: what is in the way and how to mend it."""


class Daemon:
    """One running monitor. `run` returns when it was asked to stop and everything is put away."""

    def __init__(self, loaded: Loaded, *, environ: Mapping[str, str], clock: Clock | None = None) -> None:
        self._loaded = loaded
        self._config: Config = loaded.config
        self._environ = environ
        self._clock = clock or SystemClock()
        self._checks: dict[Key, Check] = {
            Key(name, check.label): check for name, each in self._config.services.items() for check in each.checks
        }
        self._stopping = asyncio.Event()
        self._not_ready: str | None = "starting"

    def stop(self) -> None:
        """Ask it to drain and end."""
        self._stopping.set()

    async def run(self) -> int:
        """0 after an orderly end. Raises CannotStart with nothing half-started."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_task_crashed)
        async with AsyncExitStack() as stack:
            try:
                await self._build(stack)
            except StoreError as error:
                raise CannotStart(str(error)) from error
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            self._not_ready = None
            systemd.notify("READY=1")
            await self._stopping.wait()
            self._not_ready = "stopping"
            systemd.notify("STOPPING=1")
            log.info("daemon.stopping")
        log.info("daemon.stopped")
        return 0

    async def _build(self, stack: AsyncExitStack) -> None:
        """From the bottom up; the stack takes it apart in the opposite order."""
        for warning in self._loaded.warnings:
            log.warning("config.warning", text=warning)
        directory = state_directory(self._config, self._environ)
        listener = stack.enter_context(_listen(self._config.web.host, self._config.web.port))
        store = Store.open(directory)
        stack.push_async_callback(store.close)
        history = History(directory, self._clock)
        stack.push_async_callback(history.close)
        around = await stack.enter_async_context(
            surroundings(
                self._loaded.databases,
                environ=self._loaded.environment,
                clock=self._clock,
                aws=self._config.aws,
            )
        )
        monitoring = await ServiceMonitoring.open(
            plan=plan(self._config), store=store, clock=self._clock, route=self._route, history=history
        )
        stack.callback(monitoring.close)
        metrics = Metrics({name: each.checks for name, each in self._config.services.items()}, version=__version__)
        address = _address(listener)
        outbox = await self._deliver(stack, store, around, metrics, address)
        schedule = self._watch(monitoring, metrics, around)
        metrics.changed(monitoring.plan, monitoring.state, (), self._clock.now())
        monitoring.subscribe(lambda change: _told(change, monitoring, metrics, outbox, schedule))
        token = token_of(directory)
        hide(token)
        await self._serve(stack, listener, monitoring, metrics, token)
        await outbox.start()
        history.start()
        schedule.start({key: check.every for key, check in self._checks.items()})
        self._be_told(schedule, around)
        stack.push_async_callback(schedule.close, within_seconds=DRAIN_SECONDS)
        ticking = asyncio.create_task(_tick(monitoring))
        stack.callback(ticking.cancel)
        log.info("daemon.ready", version=__version__, services=len(self._config.services), address=address)

    async def _deliver(
        self, stack: AsyncExitStack, store: Store, around: Surroundings, metrics: Metrics, address: str
    ) -> Outbox:
        http = await stack.enter_async_context(client(around.resolver))
        outbox = Outbox(
            store=store,
            channels=self._config.notify,
            post=Post(http=http, clock=self._clock),
            language=self._config.language,
            url=address,
            outcome=metrics.notice,
        )
        metrics.watch_outbox(lambda: outbox.backlog, self._clock.now)
        stack.push_async_callback(outbox.close)
        return outbox

    def _route(self, _notice: Notice) -> tuple[str, ...]:
        return tuple(channel.label for channel in self._config.notify)

    def _watch(self, monitoring: ServiceMonitoring, metrics: Metrics, around: Surroundings) -> Schedule:
        async def run(service: str, check: str) -> None:
            observation = await look(service, self._checks[Key(service, check)], around)
            metrics.looked(observation)
            await _take(monitoring, observation)

        return Schedule(clock=self._clock, run=run, skipped=metrics.skipped, lagged=metrics.lag)

    def _be_told(self, schedule: Schedule, around: Surroundings) -> None:
        """Checks that can be told of a change have themselves looked at when it comes."""
        for key, check in self._checks.items():
            look_now = partial(_want_now, schedule, key, self._clock)
            check.watch(around.env(key.service, math.inf), look_now)

    async def _serve(
        self,
        stack: AsyncExitStack,
        listener: socket.socket,
        monitoring: ServiceMonitoring,
        metrics: Metrics,
        token: str,
    ) -> None:
        app = create_app(
            monitoring=monitoring,
            metrics=metrics,
            ready=lambda: self._not_ready,
            token=token,
            language=self._config.language,
            url=_address(listener),
        )
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=DRAIN_SECONDS)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener).start()


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises CannotStart with what is in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "the port is taken, perhaps by another infra-monitor; stop that or change web.listen in config.yaml"
        elif error.errno == errno.EACCES:
            why = "this user may not use the port; choose one above 1023 as web.listen in config.yaml"
        else:
            why = f"{error.strerror or error}; correct web.listen in config.yaml"
        raise CannotStart(f"cannot listen on {host}:{port}: {why}") from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _want_now(schedule: Schedule, key: Key, clock: Clock) -> None:
    schedule.want(key.service, key.check, clock.now())


async def _tick(monitoring: ServiceMonitoring) -> None:
    """Let time pass in the core: holds end, sight grows stale, graces run out."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        await _take(monitoring, None)
        systemd.notify("WATCHDOG=1")


async def _take(monitoring: ServiceMonitoring, news: Input) -> None:
    """What cannot be kept is not believed; the next look tries again."""
    try:
        await monitoring.take(news)
    except StoreError as error:
        log.error("store.failed", error=str(error))  # noqa: TRY400 — the text is for the operator, not the trace


def _told(change: Change, monitoring: ServiceMonitoring, metrics: Metrics, outbox: Outbox, schedule: Schedule) -> None:
    """Carry one change to everybody who lives by it."""
    metrics.changed(monitoring.plan, change.state, change.events, change.at)
    for event in change.events:
        match event:
            case LookWanted(service, check, at):
                schedule.want(service, check, at)
            case NoticeDue(notice):
                outbox.wake()
                incident = notice.incident
                log.warning(
                    "incident.told",
                    kind=notice.kind.value,
                    incident=incident.id,
                    root=incident.root,
                    severity=incident.severity.value,
                    cause=incident.diagnosis.cause if incident.diagnosis else None,
                )
            case StatusChanged(service, before, after):
                log.info("service.status", service=service, before=before.value, after=after.value)
            case RulesChanged(service, _, rules):
                log.warning("firewall.rules_changed", service=service, added=rules.added, removed=rules.removed)
            case _:
                pass


def _task_crashed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    log.error("task.crashed", what=context.get("message"), exc_info=error)
