"""Does PM2 answer, and are an app's instances really alive?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from monitor.checks.base import Check, CheckBlind, CheckFailed, Env, Family, Seconds, Signs
from monitor.core.model import (
    Fact,
    Failure,
    Finding,
    MemoryKills,
    Message,
    PlannedExit,
    Reading,
    Seen,
    Sockets,
    Status,
    Supervisor,
    Worker,
)
from monitor.sources.pm2 import Daemon, Instance, Pm2Snapshot, Pm2Source, Pm2Unanswered, Pm2Unreadable, Standing
from monitor.sources.pm2_bus import ITSELF
from monitor.sources.processes import Processes, memory_kills

GRACE_SECONDS: Final = 30.0
"""What PM2 is already mending, and what an operator has begun, becomes trouble when it lasts longer."""


def _absolute(path: Path) -> Path:
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError("there is no home directory for ~") from None
    if not path.is_absolute():
        raise ValueError("write the whole path, for example /home/ubuntu/.pm2")
    return path


Pm2Home = Annotated[Path, AfterValidator(_absolute)]
"""A home of PM2 in configuration: a whole path; `~` is the home directory."""


class Pm2Check(Check):
    """With `app`, that app's instances; without, PM2's daemon itself. `home` is PM2_HOME.

    A dead, hung or missing daemon fails the check without `app` only. Checks of apps depend on the service that
    has that check for the same `home`; by themselves they say what the kernel still shows: down if no process of the
    app lives, else nothing (CheckBlind), because orphans may go on serving. So one page names PM2 and lists the apps.
    """

    families: ClassVar[tuple[Family, ...]] = (
        Family("up", "infra_pm2_up", "gauge", "1 if PM2's daemon answers."),
        Family("app_instances", "infra_pm2_app_instances", "gauge", "Instances of the app, expected and really alive."),
        Family("process_up", "infra_pm2_process_up", "gauge", "1 if the kernel has the process that PM2 lists."),
        Family(
            "process_gave_up",
            "infra_pm2_process_gave_up",
            "gauge",
            "1 if PM2 will not start it again, whatever it says.",
        ),
        Family(
            "process_restarts", "infra_pm2_process_restarts_total", "counter", "Restarts since PM2 last reset them."
        ),
        Family(
            "process_cpu", "infra_pm2_process_cpu_seconds_total", "counter", "CPU time of the process and all below it."
        ),
        Family(
            "process_memory",
            "infra_pm2_process_resident_memory_bytes",
            "gauge",
            "Resident memory of the process and all below it.",
        ),
        Family(
            "process_start",
            "infra_pm2_process_start_timestamp_seconds",
            "gauge",
            "When the process began, by the kernel.",
        ),
        Family(
            "process_children", "infra_pm2_process_children", "gauge", "Processes below it; with Gunicorn, its workers."
        ),
    )

    kind: Literal["pm2"]
    every: Seconds = 5.0
    timeout: Seconds = 2.0
    app: str | None = Field(
        default=None, min_length=1, max_length=200, description="The app by its name in PM2. Default: PM2's daemon."
    )
    instances: Annotated[int, Field(ge=1)] | Literal["max"] | None = Field(
        default=None,
        description="How many there should be; `max`: one a processor. Default: as many as PM2 lists or has saved.",
    )
    home: Pm2Home | None = Field(
        default=None, description="Default: `$PM2_HOME`, else `~/.pm2`, else that of the only PM2 that runs here."
    )

    @model_validator(mode="after")
    def _instances_are_of_an_app(self) -> Pm2Check:
        if self.instances is not None and self.app is None:
            raise ValueError("instances: needs app")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """An app cannot do without the daemon of its home."""
        return (self._daemon,) if self.app is not None else ()

    @property
    def provides(self) -> tuple[str, ...]:
        """What checks of apps with the same home need."""
        return (self._daemon,) if self.app is None else ()

    @property
    def _daemon(self) -> str:
        return f"pm2 {self.home}" if self.home else "pm2"

    def watch(self, env: Env, look_now: Callable[[], None]) -> Callable[[], None]:
        """The end of PM2's connection is the end of PM2, or of this daemon of its; its bus tells of the app."""
        source = env.pm2.get(self.home)
        ends = [source.on_gone(look_now)]
        ends.append(source.on_event(self.app or ITSELF, look_now))
        return partial(_end, ends)

    def signs(self, env: Env, facts: Iterable[Fact]) -> Signs:  # noqa: ARG002 — its source knows more than the facts
        """The end of the daemon, or of any process of the app: PM2's own children, and those below them."""
        return Signs(env.pm2.get(self.home).processes(self.app))

    async def look(self, env: Env) -> Seen:
        """Without `app`, raises CheckFailed in phase connect (missing_socket, refused, timeout) or reply (timeout,
        protocol). Raises CheckBlind when the home is missing or not ours to open."""
        source = env.pm2.get(self.home)
        try:
            snapshot = await source.snapshot(env.deadline)
        except Pm2Unreadable as unreadable:
            raise CheckBlind(str(unreadable)) from unreadable
        except Pm2Unanswered as unanswered:
            if self.app is None:
                failure = Failure(unanswered.phase, unanswered.reason, str(unanswered))
                told = tuple(_ordered(ITSELF, source.planned_exit(ITSELF)))
                raise CheckFailed(failure, readings=(Reading("up", 0.0),), facts=told) from unanswered
            if source.survivors(self.app) != 0:
                raise CheckBlind(f"PM2 does not answer ({unanswered.reason})") from unanswered
            with_it: tuple[Fact, ...] = (*_ordered(self.app, source.planned_exit(ITSELF)), _died_with_daemon(self.app))
            return Seen((_instances(self.app, "alive", 0),), with_it)
        supervisor = _supervisor(snapshot.daemon)
        if self.app is None:
            return Seen((Reading("up", 1.0),), (supervisor,))
        ordered = _ordered(self.app, source.planned_exit(self.app))
        seen = self._seen(self.app, snapshot, (supervisor, *ordered), source=source)
        return replace(seen, facts=(*seen.facts, *await self._sockets(self.app, env, source, snapshot)))

    async def _sockets(self, app: str, env: Env, source: Pm2Source, snapshot: Pm2Snapshot) -> tuple[Sockets, ...]:
        """Where the app listens and to whom it has connected, as far as that may be seen; by what was found last, if
        the processes are the same."""
        found = source.networks(snapshot, env.clock.now())
        if found is None:
            work = partial(source.find_networks, snapshot, env.clock.now())
            try:
                found = await env.aside.run(f"pm2 sockets {snapshot.daemon.home} {app}", work, deadline=env.deadline)
            except TimeoutError:
                return ()
        network = found.get(app)
        return (Sockets(app, tuple(sorted(network.ports)), network.connected),) if network else ()

    def _seen(self, app: str, snapshot: Pm2Snapshot, known: Iterable[Fact], *, source: Pm2Source) -> Seen:
        listed = snapshot.of(app)
        expected = self._expected(len(listed)) or source.dumped(app)
        standings = [each.standing for each in listed]
        readings = [_instances(app, "alive", standings.count(Standing.ALIVE))]
        if expected is not None:
            readings.append(_instances(app, "expected", expected))
        facts = list(known)
        for each in listed:
            readings += _readings(each, snapshot.processes)
            facts.append(_worker(each, ended_by=source.ended_by(each)))
        if (killed := memory_kills()) is not None:
            facts.append(MemoryKills(killed))
        if (finding := judge(app, standings, expected or 0)) is not None:
            facts.append(finding)
        return Seen(tuple(readings), tuple(facts))

    def _expected(self, listed: int) -> int | None:
        """As configured, else as many as PM2 lists."""
        if self.instances == "max":
            return os.cpu_count()
        return self.instances or listed or None


def judge(app: str, standings: Sequence[Standing], expected: int) -> Finding | None:
    """None alive is down; fewer than half alive, or one given up, is critical; fewer than expected is a warning."""
    alive = standings.count(Standing.ALIVE)
    lost = [each for each in standings if each is not Standing.ALIVE]
    if not alive:
        return _nobody(app, lost)
    values: dict[str, str | int | float] = {"app": app, "alive": alive, "expected": max(alive, expected)}
    if given_up := lost.count(Standing.GAVE_UP):
        return Finding(Status.CRITICAL, "gave_up", Message("pm2.gave_up", {**values, "given_up": given_up}))
    if alive >= expected:
        return None
    all_listed = len(standings) >= expected
    reason = "restarting" if all_listed and set(lost) == {Standing.RESTARTING} else "fewer_than_expected"
    message = Message(f"pm2.{reason}", values)
    if alive * 2 >= expected:
        return Finding(Status.WARNING, reason, message, GRACE_SECONDS)
    planned = all_listed and set(lost) == {Standing.STOPPED}
    return Finding(Status.CRITICAL, reason, message, GRACE_SECONDS if planned else 0.0)


def _nobody(app: str, lost: Sequence[Standing]) -> Finding:
    """What an operator has begun has its grace; everything else that leaves nobody alive is down at once."""
    if not lost:
        return _down(app, "missing", "pm2.missing")
    if Standing.GAVE_UP in lost:
        return _down(app, "gave_up", "pm2.all_gave_up")
    if set(lost) == {Standing.STOPPED}:
        return _down(app, "stopped", "pm2.stopped", grace_seconds=GRACE_SECONDS)
    if Standing.RESTARTING in lost:
        return _down(app, "not_alive", "pm2.not_alive")
    return _down(app, "stopped", "pm2.ended")


def _down(app: str, reason: str, key: str, *, grace_seconds: float = 0.0) -> Finding:
    return Finding(Status.DOWN, reason, Message(key, {"app": app}), grace_seconds)


def _died_with_daemon(app: str) -> Finding:
    return _down(app, "not_alive", "pm2.died_with_daemon")


def _instances(app: str, state: str, number: int) -> Reading:
    return Reading("app_instances", number, labels={"app": app, "state": state})


def _readings(instance: Instance, processes: Processes) -> list[Reading]:
    """One instance's numbers; those of its processes only while it lives."""
    labels = {"app": instance.entry.name, "worker": str(instance.worker)}
    found = [
        Reading("process_up", float(instance.standing is Standing.ALIVE), labels=labels),
        Reading("process_gave_up", float(instance.standing is Standing.GAVE_UP), labels=labels),
    ]
    if instance.entry.restarts is not None:
        found.append(Reading("process_restarts", instance.entry.restarts, labels=labels))
    if instance.process is not None:
        tree = processes.tree(instance.process)
        found += [
            Reading("process_cpu", sum(each.cpu_seconds for each in tree), "seconds", labels),
            Reading("process_memory", sum(each.resident_bytes for each in tree), "bytes", labels),
            Reading("process_start", instance.process.started_at, "seconds", labels),
            Reading("process_children", len(tree) - 1, labels=labels),
        ]
    return found


def _worker(instance: Instance, *, ended_by: str) -> Worker:
    """A pid that is not known to be alive is nobody's."""
    entry, process = instance.entry, instance.process
    return Worker(
        app=entry.name,
        worker=instance.worker,
        pid=process.pid if process else 0,
        pm2_status=entry.status or "unknown",
        alive=process is not None,
        gave_up=instance.standing is Standing.GAVE_UP,
        restarts=entry.restarts or 0,
        created_at=entry.created_at,
        started_at=process.started_at if process else None,
        exit_code=entry.exit_code,
        clustered=entry.clustered,
        release=entry.release,
        ended_by=ended_by,
    )


def _ordered(app: str, seconds_ago: float | None) -> Iterator[PlannedExit]:
    if seconds_ago is not None:
        yield PlannedExit(app, seconds_ago)


def _end(ends: Iterable[Callable[[], None]]) -> None:
    for end in ends:
        end()


def _supervisor(daemon: Daemon) -> Supervisor:
    return Supervisor(daemon.pid, daemon.version, str(daemon.home))
