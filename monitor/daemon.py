"""Builds everything from the configuration, runs it, and takes it apart: the only file that knows everyone."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import structlog

from monitor import __version__, systemd
from monitor.clock import SystemClock
from monitor.config.load import ConfigError, Loaded, load
from monitor.core.model import Input
from monitor.heartbeat import Heartbeat
from monitor.history import History
from monitor.keep_alive import KeepAlive
from monitor.logs import configure, hide
from monitor.look import Surroundings, look, surroundings
from monitor.metrics import Metrics
from monitor.notify.base import Post
from monitor.outbox import Outbox, Patience
from monitor.parts import Parts
from monitor.reloading import FileWatch, NotReloaded, Reloads
from monitor.schedule import Key, Schedule
from monitor.service_monitoring import ServiceMonitoring
from monitor.sources.http import client
from monitor.standings import Condition
from monitor.store import Store, StoreError
from monitor.telling import told
from monitor.vitals import Vitals
from monitor.watch import Watch
from monitor.watching import Watching, files_of
from monitor.web.app import create_app
from monitor.web.auth import token_of
from monitor.web.security import NotSecure, Security
from monitor.web.serving import CannotListen, Serving, address_of, listen

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 5.0
FILES_SECONDS: Final = 2.0
READ_SECONDS: Final = 30.0


class CannotStart(Exception):  # noqa: N818 — it is an answer for the operator
    """One clear line: what is in the way and how to mend it."""


class Daemon:
    """One running monitor. `run` returns when it was asked to stop and everything is put away."""

    def __init__(self, loaded: Loaded, *, environ: Mapping[str, str], clock: SystemClock | None = None) -> None:
        self._environ = environ
        self._clock = clock or SystemClock()
        self._watching = Watching.of(loaded, environ)
        self._files = FileWatch(lambda: files_of(self._watching.loaded))
        self._security = Security()
        self._vitals = Vitals(self._clock)
        self._parts: Parts | None = None
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._not_ready: str | None = "starting"
        now = self._clock.wall()
        self.reloads = Reloads(path=loaded.path, taken_at=now, tried_at=now, warnings=loaded.warnings)

    def stop(self) -> None:
        """Ask it to drain and end."""
        self._stopping.set()

    def unwell(self) -> str | None:
        """What stands still, of all that must not; None when nothing does."""
        if self._parts and not self._parts.serving.is_listening:
            return "nobody listens on the port"
        return self._vitals.unwell()

    @property
    def condition(self) -> Condition:
        """How it is, as far as it stands already."""
        return self._parts.condition() if self._parts else Condition()

    async def run(self) -> int:
        """0 after an orderly end. The process is the monitor's alone: signals and systemd are spoken to. Raises
        CannotStart with nothing half-started."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_task_crashed)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        async with self.running():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            systemd.notify("READY=1")
            await self._stopping.wait()
            systemd.notify("STOPPING=1")
        return 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ServiceMonitoring]:
        """At work until the block ends, for programs that embed it. Raises CannotStart with nothing half-started."""
        async with AsyncExitStack() as stack:
            try:
                self._parts = parts = await self._build(stack)
            except (StoreError, CannotListen, NotSecure) as error:
                raise CannotStart(str(error)) from error
            self._not_ready = None
            self._vitals.expect("core", "store", "schedule", "watch")
            for work in (self._tick(parts), self._watch_files(parts)):
                task = asyncio.create_task(work)
                stack.callback(task.cancel)
            try:
                yield parts.monitoring
            finally:
                self._not_ready = "stopping"
                log.info("daemon.stopping")
                async with self._turn:
                    pass  # a reload under way comes to its end first
        log.info("daemon.stopped")

    # Building ----------------------------------------------------------------------------------------------------

    async def _build(self, stack: AsyncExitStack) -> Parts:
        """From the bottom up; the stack takes it apart in the opposite order."""
        watching = self._watching
        loaded, config = watching.loaded, watching.loaded.config
        _warn(loaded)
        self._security = Security.of(loaded.web.settings)
        listener = stack.enter_context(listen(config.web.host, config.web.port))
        store = Store.open(watching.directory)
        stack.push_async_callback(store.close)
        history = History(watching.directory, self._clock)
        stack.push_async_callback(history.close)
        around = await stack.enter_async_context(
            surroundings(loaded.databases, environ=loaded.environment, clock=self._clock, aws=config.aws)
        )
        monitoring = await ServiceMonitoring.open(plan=watching.plan, store=store, clock=self._clock, history=history)
        stack.callback(monitoring.close)
        metrics = Metrics(watching.by_service, version=__version__)
        http = await stack.enter_async_context(client(around.resolver))
        address = address_of(listener, tls=self._security.context is not None)
        post = Post(http=http, clock=self._clock)
        outbox = self._outbox(store, post, metrics, address)
        stack.push_async_callback(outbox.close)
        keep_alive = KeepAlive(state=lambda: monitoring.state, post=post, url=address, unwell=self.unwell)
        stack.push_async_callback(keep_alive.close)
        heartbeat = Heartbeat(http=http, clock=self._clock, unwell=self.unwell)
        stack.push_async_callback(heartbeat.close)
        schedule = Schedule(
            clock=self._clock,
            run=self._look,
            skipped=metrics.skipped,
            lagged=metrics.lag,
            pulse=partial(self._vitals.beat, "schedule"),
            stepped=self._correct,
        )
        token = token_of(watching.directory)
        hide(token)
        app = create_app(
            monitoring=monitoring,
            metrics=metrics,
            ready=lambda: self._not_ready,
            token=token,
            language=lambda: self._watching.loaded.config.language,
            timezone=lambda: self._watching.loaded.config.timezone,
            url=address,
            upkeep=self,
            security=lambda: self._security,
        )
        serving = Serving(app, listener, drain_seconds=DRAIN_SECONDS)
        stack.push_async_callback(serving.close)
        self._parts = parts = Parts(
            around=around,
            store=store,
            history=history,
            monitoring=monitoring,
            metrics=metrics,
            outbox=outbox,
            keep_alive=keep_alive,
            schedule=schedule,
            watch=Watch(around=around, schedule=schedule, clock=self._clock, pulse=partial(self._vitals.beat, "watch")),
            serving=serving,
            heartbeat=heartbeat,
        )
        await self._start(parts)
        stack.push_async_callback(schedule.close, within_seconds=DRAIN_SECONDS)
        stack.push_async_callback(parts.watch.close)
        log.info("daemon.ready", version=__version__, services=len(config.services), address=address)
        return parts

    def _outbox(self, store: Store, post: Post, metrics: Metrics, address: str) -> Outbox:
        config = self._watching.loaded.config
        return Outbox(
            store=store,
            channels=config.notify,
            post=post,
            language=config.language,
            url=address,
            outcome=metrics.notice,
            timezone=config.timezone,
            patience=Patience(give_up_after=config.give_up),
        )

    async def _start(self, parts: Parts) -> None:
        monitoring, metrics = parts.monitoring, parts.metrics
        metrics.watch_watchers(watched=lambda: parts.watch.watched, events=lambda: parts.watch.events)
        metrics.watch_channels(
            lambda: parts.condition().channels,
            refresh_failures=lambda: parts.keep_alive.failures,
            now=self._clock.now,
        )
        metrics.watch_reloads(lambda: (self.reloads.successful, self.reloads.taken_at))
        metrics.watch_upkeep(store=parts.store, history=parts.history, heartbeat=lambda: parts.heartbeat.sent)
        metrics.changed(monitoring.plan, monitoring.state, (), self._clock.now())
        monitoring.subscribe(lambda change: told(change, monitoring, metrics, parts.outbox, parts.schedule))
        await parts.serving.use(self._security.context)
        await parts.outbox.start()
        parts.history.start()
        parts.schedule.start({key: check.every for key, check in self._watching.checks.items()})
        parts.watch.start(self._watching.checks)
        config = self._watching.loaded.config
        parts.keep_alive.use(config.notify, language=config.language, timezone=config.timezone)
        await parts.heartbeat.use(config.heartbeat)

    async def _look(self, service: str, check: str) -> None:
        """One look, from the schedule. Cut off by a reload, it tells nothing; what it has told is taken to the end."""
        parts = self._parts
        assert parts is not None  # noqa: S101 — the schedule is one of them
        observation = await look(service, self._watching.checks[Key(service, check)], parts.around)
        parts.metrics.looked(observation)
        parts.watch.looked(observation)
        await asyncio.shield(_take(parts.monitoring, observation))

    # While it runs -----------------------------------------------------------------------------------------------

    async def _tick(self, parts: Parts) -> None:
        """Let time pass in the core: holds end, sight grows stale, graces run out. systemd hears that all is well."""
        pinging: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await _take(parts.monitoring, None)
            self._vitals.beat("core")
            if pinging is None or pinging.done():
                pinging = asyncio.create_task(self._ping(parts.store))
            if self.unwell() is None:
                systemd.notify("WATCHDOG=1")

    async def _correct(self, by: float) -> None:
        """The machine's clock was stepped. Follow it together with all that is remembered."""
        if parts := self._parts:

            def correct(by: float) -> None:
                self._clock.correct(by)
                parts.schedule.move(by)

            try:
                await parts.monitoring.correct(by, correct)
            except StoreError as error:
                log.error("store.failed", error=str(error))  # noqa: TRY400 — the text is for the operator

    async def _ping(self, store: Store) -> None:
        """A disk that is full fails; that its thread still answers is what counts here."""
        with suppress(StoreError):
            await store.ping()
        self._vitals.beat("store")

    async def _watch_files(self, parts: Parts) -> None:
        """Take a file that was written anew."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(FILES_SECONDS)
            with suppress(TimeoutError):  # the disk hangs; it will have changed later, too
                if await parts.around.aside.run("files", self._files.has_changed, deadline=loop.time() + READ_SECONDS):
                    self._reload_soon()

    # Reloading ---------------------------------------------------------------------------------------------------

    def _reload_soon(self) -> None:
        """By a signal, or because a file is new. Before everything stands there is nothing to tell the news to."""
        if self._parts:
            self._reloading = asyncio.create_task(self._reload_for_nobody())

    async def _reload_for_nobody(self) -> None:
        with suppress(NotReloaded):  # it is in the log
            await self.reload()

    async def reload(self) -> None:
        """Take the configuration anew, as a whole or not at all. Raises NotReloaded: the old one goes on."""
        async with self._turn:
            systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={round(self._clock.monotonic() * 1e6)}")
            now = self._clock.wall()
            try:
                await self._reload()
            except NotReloaded as error:
                self.reloads = replace(self.reloads, tried_at=now, lines=error.lines)
                for line in error.lines:
                    log.error("config.refused", text=line)  # noqa: TRY400 — the text is for the operator
                raise
            finally:
                systemd.notify("READY=1")
            warnings = self._watching.loaded.warnings
            self.reloads = replace(self.reloads, taken_at=now, tried_at=now, lines=(), warnings=warnings)
            log.info("config.reloaded", services=len(self._watching.loaded.config.services))

    async def _reload(self) -> None:
        parts = self._parts
        if parts is None or self._not_ready:
            raise NotReloaded((f"the monitor is {self._not_ready or 'starting'}",))
        new = Watching.of(await self._read(parts.around), self._environ)
        refused = self._watching.needs_a_restart(new)
        if refused:
            raise NotReloaded(refused)
        try:
            security = Security.of(new.loaded.web.settings)
            if security.context:  # first, since it may fail; a newer certificate beside the old rest harms nobody
                await parts.serving.use(security.context)
            await parts.monitoring.reload(new.plan)
        except (StoreError, NotSecure, OSError) as error:
            raise NotReloaded((str(error),)) from error
        self._security = security
        await self._apply(parts, new)

    async def _read(self, around: Surroundings) -> Loaded:
        path, deadline = self._watching.loaded.path, asyncio.get_running_loop().time() + READ_SECONDS

        def read() -> Loaded:
            self._files.remember()  # first: what is written while we read is news
            return load(path, self._environ)

        try:
            return await around.aside.run("config", read, deadline=deadline)
        except ConfigError as error:
            raise NotReloaded(map(str, error.mistakes)) from error
        except TimeoutError as error:
            raise NotReloaded((f"{path}: could not be read within {READ_SECONDS:g} s",)) from error

    async def _apply(self, parts: Parts, new: Watching) -> None:
        """Nothing here may fail. Looks of checks that stay as they are go on; no other look outlives the change."""
        old, self._watching = self._watching, new
        loaded, config = new.loaded, new.loaded.config
        configure(loaded)
        _warn(loaded)
        anew = old.differing(new)
        if not parts.around.reaches_alike(loaded.environment, config.aws):
            anew = frozenset(new.checks)
        leaving = anew | (old.checks.keys() - new.checks.keys())
        await parts.schedule.drop(leaving)
        for key in leaving:
            parts.watch.drop(key)
        await parts.around.reload(loaded.databases, loaded.environment, config.aws)
        parts.metrics.reload(new.by_service)
        parts.schedule.add({key: new.checks[key].every for key in new.checks if key in anew})
        parts.watch.add(new.checks)
        await parts.around.rest()
        patience = Patience(give_up_after=config.give_up)
        parts.outbox.reload(config.notify, language=config.language, timezone=config.timezone, patience=patience)
        parts.keep_alive.use(config.notify, language=config.language, timezone=config.timezone)
        await parts.heartbeat.use(config.heartbeat)
        if set(files_of(loaded)) != set(files_of(old.loaded)):
            self._files.remember()


def _warn(loaded: Loaded) -> None:
    for warning in loaded.warnings:
        log.warning("config.warning", text=warning)


async def _take(monitoring: ServiceMonitoring, news: Input) -> None:
    """What cannot be kept is not believed; the next look tries again."""
    try:
        await monitoring.take(news)
    except StoreError as error:
        log.error("store.failed", error=str(error))  # noqa: TRY400 — the text is for the operator, not the trace


def _task_crashed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    log.error("task.crashed", what=context.get("message"), exc_info=error)
