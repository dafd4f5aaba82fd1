"""Does Nginx serve, do its routes lead to applications that answer, and is it ready for its next start?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeVar

from pydantic import AfterValidator, Field

from monitor.checks import nginx_certificates
from monitor.checks.base import Check, CheckBlind, CheckFailed, Env, Family, Signs
from monitor.checks.nginx_elsewhere import elsewhere, refused_here
from monitor.checks.nginx_plan import names_of, plan_routes
from monitor.checks.nginx_readings import FAMILIES, facts_of, readings_of, written_readings
from monitor.checks.nginx_survey import RESERVE_SECONDS, Survey, survey
from monitor.checks.nginx_verdicts import Clues, judge
from monitor.core.model import Fact, Failure, Finding, Message, Reading, Seen, Status, Threshold
from monitor.sources.nginx import NginxSource, OnDisk, Written
from monitor.sources.nginx_conf import Configuration
from monitor.sources.nginx_conf.shadow import Trial
from monitor.sources.nginx_processes import NginxMaster

T = TypeVar("T")

_DAY: Final = 86400.0
EDITING_SECONDS: Final = 10.0
"""Whoever edits the configuration saves it half-done, too."""

RELOAD_SECONDS: Final = 120.0
"""Between editing and reloading there is time to think."""

TRIAL_PATIENCE: Final = 0.3


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("write the whole path, for example /etc/nginx/nginx.conf")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class NginxCheck(Check):
    """Reads Nginx's configuration and asks each peer directly and each route through Nginx.

    Nobody answers, or there is no master: down. A route that users cannot take: critical. A lost peer that others stand
    in for, an application's own errors, a configuration or certificate that will fail later: warning.
    """

    families: ClassVar[tuple[Family, ...]] = FAMILIES
    default_thresholds: ClassVar[tuple[Threshold, ...]] = (
        Threshold("response_time", 2.0, 5.0, "seconds"),
        Threshold("error_rate", 5.0, 10.0, "percent"),
        Threshold("certificate_remaining", 21 * _DAY, 7 * _DAY, "seconds", "below"),
    )

    reserve_seconds: ClassVar[float] = RESERVE_SECONDS

    kind: Literal["nginx"]
    config: AbsolutePath = Field(default=Path("/etc/nginx/nginx.conf"), description="Nginx's main configuration file.")
    prefix: AbsolutePath | None = Field(
        default=None, description="Nginx's `-p`. Default: that of the Nginx that runs, else where `config` is."
    )
    pid: AbsolutePath | None = Field(
        default=None, description="The pid file. Default: as the configuration says, else `/run/nginx.pid`."
    )
    paths: dict[str, Annotated[str, Field(pattern=r"^/[!-~]*$")]] = Field(
        default_factory=dict,
        description="What to ask for instead of a location's prefix: `/api/: /api/health`. Keys are as in Nginx.",
    )

    def watch(self, env: Env, look_now: Callable[[], None]) -> Callable[[], None]:  # noqa: ARG002 — nobody tells of Nginx
        """Its logs are followed for as long as it is watched."""
        return env.nginx.use(self.config, prefix=self.prefix, pid_file=self.pid)

    def signs(self, env: Env, facts: Iterable[Fact]) -> Signs:  # noqa: ARG002 — its source knows more than the facts
        """A master or worker that ends; whatever of the configuration, the certificates and the error logs changes."""
        source = env.nginx.get(self.config, prefix=self.prefix, pid_file=self.pid)
        return Signs(source.processes, source.files)

    async def look(self, env: Env) -> Seen:
        """Raises CheckFailed in phase process (not_running), connect (refused) or answer (frozen, timeout), CheckBlind
        when the configuration cannot be read."""
        source = env.nginx.get(self.config, prefix=self.prefix, pid_file=self.pid)
        disk = await self._on_disk(env, source)
        self._must_be_there(disk)
        configuration = disk.configuration
        await source.trial(patience=0.0)  # begun now, so that it is over when all have answered
        seen = await survey(
            configuration, plan_routes(configuration, self.paths), resolver=env.resolver, deadline=env.deadline
        )
        if any(each.stalled for each in seen.through):  # what made them silent may have come after the first glance
            disk = await self._on_disk(env, source)
        written = await self._written(env, source, configuration)
        trial = await source.trial(patience=min(TRIAL_PATIENCE, env.remaining() / 4))
        files = await self._aside(env, "certificates", lambda: nginx_certificates.on_disk(configuration.certificates))
        readings = (
            *readings_of(disk, seen, trial),
            *written_readings(written),
            *nginx_certificates.readings(seen.certificates, env.clock.wall()),
        )
        facts = facts_of(disk, seen)
        if (failure := _of_nginx(disk, seen)) is not None:
            raise CheckFailed(failure, readings=(*readings, Reading("up", 0.0)), facts=facts)
        findings = [
            *judge(seen.routes, await self._clues(env, configuration, seen, written)),
            *_of_workers(disk),
            *_of_configuration(disk, trial),
            *nginx_certificates.findings(configuration.certificates, seen.certificates, files or {}),
        ]
        return Seen((*readings, *_up(seen, disk)), (*findings, *facts))

    async def _on_disk(self, env: Env, source: NginxSource) -> OnDisk:
        found = await self._aside(env, "configuration", source.on_disk)
        if found is None:
            raise CheckBlind(f"{self.config} cannot be read: its disk does not answer")
        return found

    async def _aside(self, env: Env, what: str, work: Callable[[], T]) -> T | None:
        """Files may lie on a disk that does not answer; None when that is so."""
        try:
            return await env.aside.run(f"nginx {what} {self.config}", work, deadline=env.deadline)
        except TimeoutError:
            return None

    async def _written(self, env: Env, source: NginxSource, configuration: Configuration) -> Written:
        names, now = names_of(configuration), env.clock.now()
        found = await self._aside(env, "logs", lambda: source.written(configuration, names, now))
        return found or Written()

    async def _clues(self, env: Env, configuration: Configuration, seen: Survey, written: Written) -> Clues:
        logged = frozenset((each.upstream, each.kind) for each in written.errors)
        refused = refused_here(peer for route in seen.routes for peer in route.peers)
        if not refused:
            return Clues(logged)
        try:
            return Clues(logged, await elsewhere(configuration, refused, pm2=env.pm2, deadline=env.deadline))
        except OSError:
            return Clues(logged)

    def _must_be_there(self, disk: OnDisk) -> None:
        """Without a configuration there is nothing to look at, and one that leads nowhere is nobody's front."""
        configuration = disk.configuration
        problem = next(iter(configuration.problems), None)
        if not configuration.files:
            if problem is not None and problem.unreadable:
                raise CheckBlind(f"{problem.text}; let this user read it, for example with setfacl -m u:USER:r")
            raise CheckBlind(f"not configured: there is no Nginx configuration at {self.config}")
        asks = any(route.targets or route.dynamic for route in configuration.routes)
        if disk.master is None and not disk.seen and not asks:
            raise CheckBlind(f"not configured: no Nginx runs here, and {self.config} leads to no application")


def _of_nginx(disk: OnDisk, seen: Survey) -> Failure | None:
    """Whether Nginx serves at all: one answer of its is enough."""
    asked = seen.through
    if any(each.answered for each in asked):
        return None
    if disk.master is None and all(each.failed for each in asked):
        text = f"no Nginx runs with {disk.configuration.path}"
        return Failure("process", "not_running", text + (", and nothing listens in its place" if asked else ""))
    if not asked:
        return None
    if all(each.failed for each in asked):
        why = ", ".join(dict.fromkeys(each.reason for each in asked))
        return Failure("connect", "refused", f"Nginx runs and takes no connection where it should listen ({why})")
    stopped = sum(worker.stopped for worker in disk.master.workers) if isinstance(disk.master, NginxMaster) else 0
    if stopped:
        return Failure("answer", "frozen", f"Nginx takes connections and is silent: {stopped} worker(s) are stopped")
    return Failure("answer", "timeout", "Nginx takes connections and does not answer")


def _up(seen: Survey, disk: OnDisk) -> Iterator[Reading]:
    if any(each.answered for each in seen.through) or isinstance(disk.master, NginxMaster):
        yield Reading("up", 1.0)


def _of_workers(disk: OnDisk) -> Iterator[Finding]:
    if isinstance(disk.master, NginxMaster):
        stopped = sum(each.stopped for each in disk.master.workers)
        if stopped:
            values = {"stopped": stopped, "all": len(disk.master.workers)}
            yield Finding(Status.WARNING, "workers_stopped", Message("nginx.workers_stopped", values))


def _of_configuration(disk: OnDisk, trial: Trial | None) -> Iterator[Finding]:
    """Whether the next reload or start would fail; else whether one is due."""
    text = next(iter(_mistakes(disk.configuration, trial)), None)
    if text is not None:
        message = Message("nginx.config_broken", {"text": text})
        yield Finding(Status.WARNING, "nginx_config_broken", message, EDITING_SECONDS)
    elif disk.loaded is False:
        message = Message("nginx.config_not_loaded", {"path": disk.configuration.path})
        yield Finding(Status.WARNING, "nginx_config_not_loaded", message, RELOAD_SECONDS)


def _mistakes(configuration: Configuration, trial: Trial | None) -> Iterable[str]:
    """What our reader refuses, Nginx does, too; and the copy on which it is tried has such mistakes mended."""
    own = tuple(f"{each.text} in {each.file}:{each.line}" for each in configuration.mistakes)
    if own or trial is None or trial.valid is not False:
        return own
    return (f"{trial.text} in {trial.file}:{trial.line}" if trial.file else trial.text,)
