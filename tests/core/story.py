"""Stories: what is seen over time, written as a line per service, and what people are told of it.

    story(rds="..xxx..", nodejs="...xx..", every=30) == ["rds opened", "nodejs impacted", "rds resolved"]

One sign is one interval: `.` good, `w` warning, `c` critical, `x` down and quick to fail, `X` down after the whole
deadline, `?` blind, a space no look at all. Each service depends on the one before it unless `depends_on` says
otherwise. Looks that the core wants are made, and show what the sign of the present interval says.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Mapping
from typing import Final

from monitor.core.model import (
    AlertOpened,
    Blind,
    CheckPlan,
    Event,
    Fact,
    Failed,
    Failure,
    Finding,
    Incident,
    Input,
    LookWanted,
    Message,
    Notice,
    NoticeDue,
    NoticeKind,
    Observation,
    Plan,
    Reading,
    ResolveAlert,
    Seen,
    ServicePlan,
    State,
    Status,
    Threshold,
)
from monitor.core.roots import members
from monitor.core.step import begin, step

START: Final = 1_700_000_000.0
CPU: Final = Threshold("cpu", 0.7, 0.9, "ratio")


def check_plan(name: str = "look", *, kind: str = "http", every: float = 15.0, **more: float) -> CheckPlan:
    """A check with the defaults of most kinds."""
    options: dict[str, object] = {"timeout": 10.0, "stale_after": 3 * every, "thresholds": (CPU,), **more}
    return CheckPlan(name, kind, every, **options)  # type: ignore[arg-type]  # the options of CheckPlan, by name


def plan_of(needs: Mapping[str, Iterable[str]], *, checks: Iterable[CheckPlan] | None = None, **options: float) -> Plan:
    """Services with what they need, all with the same checks."""
    planned = tuple(checks or (check_plan(),))
    services = {name: ServicePlan(name, planned, tuple(above)) for name, above in needs.items()}
    return Plan(services, **options)  # type: ignore[arg-type]  # the options of Plan, by name


def finding(status: Status, reason: str = "bad", *, grace: float = 0.0) -> Finding:
    """A judgement that a check makes itself."""
    return Finding(status, reason, Message("pm2.missing", {"app": "it"}), grace)


def result(sign: str, *facts: Fact, readings: tuple[Reading, ...] = ()) -> Seen | Failed | Blind:
    """What a look brings back that shows this sign."""
    match sign:
        case ".":
            return Seen(readings, facts)
        case "w":
            return Seen(readings, (*facts, finding(Status.WARNING)))
        case "c":
            return Failed(Failure("auth", "credentials", "no", Status.CRITICAL), readings, facts)
        case "x" | "X":
            return Failed(Failure("tcp", "timeout", "no answer"), readings, facts)
        case "?":
            return Blind("not configured: DB_HOST")
        case _:
            raise ValueError(sign)


class World:
    """A state that is fed by hand, and what came out of it."""

    def __init__(self, plan: Plan, *, now: float = START) -> None:
        self.plan = plan
        self.now = now
        self.state: State = begin(plan, None, now)
        self.events: list[Event] = []
        self.words: list[str] = []
        self._named: set[str] = set()

    def take(self, news: Input) -> tuple[Event, ...]:
        """One step at the present moment."""
        self.state, events = step(self.plan, self.state, self.now, news)
        self.events.extend(events)
        for event in sorted(events, key=lambda event: not isinstance(event, NoticeDue)):
            self._say(event)
        return events

    def look(
        self,
        service: str,
        sign: str,
        *facts: Fact,
        check: str = "look",
        began: float | None = None,
        readings: tuple[Reading, ...] = (),
    ) -> tuple[Event, ...]:
        """One look that ends now; it began a moment ago unless told otherwise."""
        start = self.now if began is None else began
        outcome = result(sign, *facts, readings=readings)
        return self.take(Observation(service, check, start, self.now - start, outcome, sign == "X"))

    def after(self, seconds: float) -> World:
        """Let time pass, a second at a time as the daemon does."""
        until = self.now + seconds
        while self.now + 1 < until:
            self.now += 1
            self.take(None)
        self.now = until
        self.take(None)
        return self

    def resolve(self, service: str) -> None:
        """Resolve every alert of a service by hand."""
        alerts = [alert for incident in self.open for alert in incident.alerts if alert.service == service]
        for alert in alerts:
            self.take(ResolveAlert(alert.id, "ann"))

    def status(self, service: str) -> Status:
        """What is believed of a service."""
        return self.state.services[service].status

    @property
    def open(self) -> list[Incident]:
        """The incidents that are not over."""
        return [each for each in self.state.incidents if each.resolved_at is None]

    @property
    def notices(self) -> list[Notice]:
        """All that was told."""
        return [event.notice for event in self.events if isinstance(event, NoticeDue)]

    def wanted(self, events: Iterable[Event]) -> list[tuple[str, float]]:
        """The looks wanted by these events, with the seconds from now."""
        return [(each.service, round(each.at - self.now, 6)) for each in events if isinstance(each, LookWanted)]

    def _say(self, event: Event) -> None:
        if isinstance(event, NoticeDue):
            incident = event.notice.incident
            self.words.append(f"{incident.root} {event.notice.kind.value}")
            if event.notice.kind is NoticeKind.OPENED:
                self.words += [f"{name} impacted" for name in members(incident) if name != incident.root]
                self._named.update(alert.id for alert in incident.alerts)
        if isinstance(event, AlertOpened) and event.alert.id not in self._named:
            home = next(each for each in self.state.incidents if each.id == event.incident_id)
            if home.told and home.root != event.alert.service:
                self.words.append(f"{event.alert.service} impacted")


def story(*, every: float = 30.0, depends_on: Mapping[str, Iterable[str]] | None = None, **lines: str) -> list[str]:
    """What people are told while these lines are seen."""
    chain = {name: () if before is None else (before,) for before, name in itertools.pairwise((None, *lines))}
    needs = chain if depends_on is None else depends_on
    plan = plan_of({name: needs.get(name, ()) for name in lines}, checks=(check_plan(every=every),))
    world = World(plan)
    for signs in zip(*lines.values(), strict=True):
        shown = dict(zip(lines, signs, strict=True))
        _interval(world, shown, every)
    return world.words


def _interval(world: World, shown: Mapping[str, str], every: float) -> None:
    """One look of each service, then whatever looks are wanted until the next interval begins."""
    end = world.now + every
    order = [*shown, ""]
    queue = [(world.now, order.index(name), name) for name, sign in shown.items() if sign != " "]
    queue += [(world.now + second, len(shown), "") for second in range(1, int(every))]
    heapq.heapify(queue)
    while queue:
        world.now, _, name = heapq.heappop(queue)
        for event in world.look(name, shown[name]) if name else world.take(None):
            if isinstance(event, LookWanted) and event.at < end and shown[event.service] != " ":
                wanted = (max(event.at, world.now), order.index(event.service), event.service)
                heapq.heappush(queue, wanted)
    world.now = end
