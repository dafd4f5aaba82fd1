"""What two looks at the same thing differ in: who was restarted, reloaded, edited or moved between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from monitor.core import workers
from monitor.core.model import (
    Change,
    ChangeKind,
    CheckState,
    DatabaseServer,
    Environment,
    Fact,
    Failed,
    Firewall,
    Message,
    NginxProcesses,
    NginxRoute,
    Observation,
    Seen,
    Sockets,
    Supervisor,
    Worker,
)

RULES_SHOWN: Final = 3
SERVES: Final = "online"
_SAME_SECONDS: Final = 1.0
"""Who asks twice when something began may be told a little differently."""

_LANDMARKS: Final = (DatabaseServer, NginxProcesses, Environment, Supervisor, NginxRoute, Sockets)

_F = TypeVar("_F", DatabaseServer, NginxProcesses, Supervisor)


@dataclass(frozen=True, slots=True)
class _Between:
    """Something changed between `since` and this look."""

    look: Observation
    since: float

    def change(
        self,
        kind: ChangeKind,
        *,
        exactly: Iterable[float | None] = (),
        not_before: float | None = None,
        **values: str | float,
    ) -> Change:
        """At the moment that the kernel or a server tells, if it lies where it must (between the looks, or from
        `not_before` on): their clocks are not ours."""
        service, since, at = self.look.service, self.since, self.look.began
        first = since if not_before is None else not_before
        told = [each for each in exactly if each is not None and first <= each <= self.look.ended]
        if told:
            since = at = min(told)
        return Change(kind, service, Message(f"change.{kind.value}", {"service": service, **values}), at, since)


def remembered(known: CheckState, look: Observation) -> CheckState:
    """With the landmarks of this look; one without any leaves those there are. Of a worker it is the newest process
    that served: between two of them PM2 shows all kinds of things."""
    facts = _facts(look)
    landmarks = tuple(fact for fact in facts if isinstance(fact, _LANDMARKS))
    if not landmarks and not any(isinstance(fact, Firewall | Worker) for fact in facts):
        return known
    serving = _workers(known.landmarks)
    for key, worker in _workers(facts).items():
        if worker.alive and worker.pm2_status == SERVES:
            serving[key] = worker
    return replace(known, landmarks=(*landmarks, *serving.values()), landmarks_at=look.began)


def found(look: Observation, before: CheckState, after: CheckState, *, planned: bool) -> Iterator[Change]:
    """What a look has shown to be other than it was; `after` is what is known with it. What was never seen before has
    not changed. `planned`: somebody has just had PM2 stop or restart the service."""
    if before.landmarks_at is not None and after.landmarks_at == look.began:
        between = _Between(look, before.landmarks_at)
        yield from _of_rules(between, before, after)
        yield from _of_landmarks(between, before.landmarks, after.landmarks)
        yield from _of_workers(between, before, after, planned=planned)


def _facts(look: Observation) -> tuple[Fact, ...]:
    return look.result.facts if isinstance(look.result, Seen | Failed) else ()


def _of_rules(between: _Between, before: CheckState, after: CheckState) -> Iterator[Change]:
    if after.rule_changes and after.rule_changes[-1:] != before.rule_changes[-1:]:
        rules = after.rule_changes[-1]
        yield between.change(ChangeKind.RULES, removed=_listed(rules.removed), added=_listed(rules.added))


def _listed(lines: tuple[str, ...]) -> str:
    more = f" (+{len(lines) - RULES_SHOWN})" if len(lines) > RULES_SHOWN else ""
    return ("; ".join(lines[:RULES_SHOWN]) + more) or "–"


def _of_landmarks(between: _Between, before: Iterable[Fact], after: Iterable[Fact]) -> Iterator[Change]:
    old, new = tuple(before), tuple(after)
    for database in _pairs(old, new, DatabaseServer):
        yield from _of_database(between, *database)
    for nginx in _pairs(old, new, NginxProcesses):
        yield from _of_nginx(between, *nginx)
    for was, now in _pairs(old, new, Supervisor):
        if was.pid != now.pid and was.home == now.home:
            yield between.change(ChangeKind.SUPERVISOR_RESTARTED, version=now.version)
    yield from _of_files(between, _marks(old), _marks(new))


def _pairs(old: Iterable[Fact], new: Iterable[Fact], kind: type[_F]) -> Iterator[tuple[_F, _F]]:
    was = next((fact for fact in old if isinstance(fact, kind)), None)
    now = next((fact for fact in new if isinstance(fact, kind)), None)
    if was is not None and now is not None:
        yield was, now


def _of_database(between: _Between, was: DatabaseServer, now: DatabaseServer) -> Iterator[Change]:
    """One server after another, or the same one in another role. Another database is no change of the first."""
    if was.database != now.database:
        return
    if was.address != now.address:
        yield between.change(ChangeKind.DATABASE_MOVED, before=was.address, after=now.address)
    elif abs(was.started_at - now.started_at) > _SAME_SECONDS:
        yield between.change(ChangeKind.DATABASE_RESTARTED, exactly=(now.started_at,))
    if was.in_recovery and not now.in_recovery:
        yield between.change(ChangeKind.DATABASE_PROMOTED)
    if now.in_recovery and not was.in_recovery:
        yield between.change(ChangeKind.DATABASE_DEMOTED)


def _of_nginx(between: _Between, was: NginxProcesses, now: NginxProcesses) -> Iterator[Change]:
    """A new generation of workers is a reload; if only some of them are new, others have died."""
    if was.digest and now.digest and was.digest != now.digest:
        yield between.change(ChangeKind.NGINX_EDITED, exactly=(now.edited_at,), file=now.edited_file)
    if was.master != now.master:
        yield between.change(ChangeKind.NGINX_RESTARTED, exactly=(now.loaded_at,))
    elif _is_another_generation(was, now):
        yield between.change(ChangeKind.NGINX_RELOADED, exactly=(now.loaded_at,), not_before=was.loaded_at)


def _is_another_generation(was: NginxProcesses, now: NginxProcesses) -> bool:
    """All are younger than every earlier one; or the last look was in the middle of it: since then the old ones have
    left, and none has come."""
    if was.loaded_at is None or was.newest_at is None or now.loaded_at is None:
        return False
    if now.loaded_at > was.newest_at:
        return True
    left = now.workers < was.workers and now.newest_at == was.newest_at
    return left and now.loaded_at - was.loaded_at > _SAME_SECONDS


def _marks(facts: Iterable[Fact]) -> dict[str, Mapping[str, str]]:
    """What each `.env` says, however many workers read it."""
    return {fact.file: fact.marks for fact in facts if isinstance(fact, Environment)}


def _of_files(
    between: _Between, was: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> Iterator[Change]:
    for file, marks in now.items():
        old = was.get(file, marks)
        names = sorted(name for name in old.keys() | marks.keys() if old.get(name) != marks.get(name))
        if names:
            yield between.change(ChangeKind.ENVIRONMENT_EDITED, file=file, names=", ".join(names))


def _workers(facts: Iterable[Fact]) -> dict[tuple[str, int], Worker]:
    return {(each.app, each.worker): each for each in workers.workers_of(facts)}


def _of_workers(between: _Between, before: CheckState, after: CheckState, *, planned: bool) -> Iterator[Change]:
    """One process after another: by somebody's order, or because the first one had ended by itself."""
    old, new = _workers(before.landmarks), _workers(after.landmarks)
    pairs = [(old[key], each) for key, each in new.items() if key in old and each.started_at != old[key].started_at]
    asked = [(was, now) for was, now in pairs if planned or workers.created_anew(was, now)]
    died = [(was, now) for was, now in pairs if not planned and not workers.created_anew(was, now)]
    if asked:
        yield _ordered(between, asked)
    if died:
        count = max(len(died), sum(now.restarts - was.restarts for was, now in died))
        yield _begun(between, ChangeKind.DIED, died, count=count)
    facts = _facts(between.look)
    if _all_stopped(facts) and not _all_stopped(before.workers) and workers.stopped(old.values(), facts):
        yield between.change(ChangeKind.STOPPED, app=before.workers[0].app)


def _all_stopped(facts: Iterable[Fact]) -> bool:
    """Not only about to: a restart begins like that, too."""
    return {each.pm2_status for each in workers.workers_of(facts)} <= {"stopped"}


def _ordered(between: _Between, pairs: list[tuple[Worker, Worker]]) -> Change:
    """A restart; with something else in it, a deployment."""
    for was, now in pairs:
        other = [f"{a} → {b}" for a, b in zip(was.release, now.release, strict=False) if a != b and a and b]
        if other:
            return _begun(between, ChangeKind.DEPLOYED, pairs, what=", ".join(other))
    return _begun(between, ChangeKind.RESTARTED, pairs, count=len(pairs))


def _begun(between: _Between, kind: ChangeKind, pairs: list[tuple[Worker, Worker]], **values: str | float) -> Change:
    """When the first of the new processes began, by the kernel."""
    first = min((was.started_at for was, _ in pairs if was.started_at is not None), default=None)
    begun = [now.started_at for _, now in pairs]
    return between.change(kind, exactly=begun, not_before=first, app=pairs[0][1].app, **values)
