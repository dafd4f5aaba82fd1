"""The reference stack as its checks see it, looked at piece by piece: what each kind of look can bring back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from monitor.core.diagnose import diagnose, explanations, scene_of
from monitor.core.model import (
    Blind,
    CheckPlan,
    Confidence,
    DatabaseEndpoint,
    Diagnosis,
    Fact,
    Failed,
    Failure,
    Finding,
    Firewall,
    MemoryKills,
    Message,
    NginxProcesses,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    Status,
    Supervisor,
    Threshold,
    UpstreamPeer,
    Worker,
)
from tests.core.story import World

DAY: Final = 86400.0
HOST: Final = "signalcraft.c1a2b3.ap-northeast-2.rds.amazonaws.com"
AUTHORIZE: Final = (
    "aws ec2 authorize-security-group-ingress --group-id sg-db --protocol tcp --port 5432 --source-group sg-app "
    "--region ap-northeast-2"
)
ENDPOINT: Final = DatabaseEndpoint(HOST, 5432, "signalcraft", "app", "10.0.2.20")
PM2: Final = Supervisor(900, "7.0.4", "/home/ubuntu/.pm2")

Looked = Seen | Failed | Blind
Look = tuple[str, str]
"""A service and one of its checks."""

_BOUNDS: Final = {
    "rds": (
        Threshold("response_time", 2.0, 5.0, "seconds"),
        Threshold("connections_used", 0.80, 0.95, "ratio"),
        Threshold("certificate_remaining", 21 * DAY, 7 * DAY, "seconds", "below"),
    ),
    "http": (Threshold("response_time", 2.0, 5.0, "seconds"),),
    "nginx": (
        Threshold("response_time", 2.0, 5.0, "seconds"),
        Threshold("certificate_remaining", 21 * DAY, 7 * DAY, "seconds", "below"),
    ),
    "host": tuple(Threshold(name, 0.8, 0.95, "ratio") for name in ("cpu", "memory", "disk", "disk_inodes")),
}


def _service(name: str, needs: Iterable[str], *kinds: str) -> ServicePlan:
    checks = (
        CheckPlan(kind, kind, 15.0, 10.0, 1e6, confirm=1, recover=1, thresholds=_BOUNDS.get(kind, ())) for kind in kinds
    )
    return ServicePlan(name, tuple(checks), tuple(needs))


PLAN: Final = Plan(
    {
        each.name: each
        for each in (
            _service("wall", (), "security_group"),
            _service("rds", ("wall",), "rds"),
            _service("pm2", (), "pm2"),
            _service("node", ("rds", "pm2"), "pm2", "http", "wiring"),
            _service("python", ("rds", "pm2"), "pm2", "http"),
            _service("nginx", ("node", "python"), "nginx"),
            _service("host", (), "host"),
        )
    }
)
CHECKS: Final[tuple[Look, ...]] = tuple(
    (name, check.name) for name, service in PLAN.services.items() for check in service.checks
)


def failed(phase: str, reason: str, *facts: Fact, status: Status = Status.DOWN, text: str = "what it said") -> Failed:
    """A look that ended in this phase; those before it took a millisecond each."""
    phases = ("resolve", "tcp", "tls", "auth", "query", "answer")
    reached = phases[: phases.index(phase) + 1] if phase in phases else ()
    took = tuple(Reading("phase_duration", 0.001, "seconds", {"phase": each}) for each in reached)
    return Failed(Failure(phase, reason, text, status), took, facts)


def rds(phase: str, reason: str, *facts: Fact, status: Status = Status.DOWN) -> Failed:
    """A login that failed."""
    return failed(phase, reason, ENDPOINT, *facts, status=status, text=f"{reason} it was")


def rules(*, reachable: bool | None, state: str = "available", found: Finding | None = None) -> Seen:
    """What was read of the security groups and of the instance."""
    fact = Firewall(
        "ap-northeast-2/signalcraft:5432", 5432, "10.0.2.20", "10.0.1.10", ("sg-db",), ("sg-app",), reachable,
        "sg-ref" if reachable else "no-rule", "none", reachable,
        ("in sg-db tcp 5432 from sg-app",) if reachable else (),
        open_with=AUTHORIZE if reachable is False else "", state=state,
    )  # fmt: skip
    return Seen(facts=(fact, *((found,) if found else ())))


def closed(status: Status) -> Finding:
    """The look's own finding that no rule lets this host in; critical when the port was silent, too."""
    values: dict[str, str | int | float] = {
        "database": "signalcraft",
        "port": 5432,
        "source": "10.0.1.10",
        "groups": "sg-app",
    }
    return Finding(status, "path_closed", Message("firewall.closed.no-rule", values))


def worker(
    number: int = 0, *, app: str = "node", status: str = "online", code: int | None = None, **more: object
) -> Worker:
    """One PM2 entry: alive unless its status or `alive` says otherwise."""
    living = bool(more.pop("alive", status == "online"))
    pid, began = (1000 + number, 1.0) if living else (0, None)
    made = Worker(app, number, pid, status, living, False, 0, 1.0, began, exit_code=code)
    return replace(made, **more)  # type: ignore[arg-type]  # fields of Worker, by name


def app(*workers: Worker, found: Finding | None = None, kills: int | None = None) -> Seen:
    """What PM2 and the kernel say of an app."""
    killed = (MemoryKills(kills),) if kills is not None else ()
    return Seen(facts=(PM2, *workers, *killed, *((found,) if found else ())))


def of_app(reason: str, status: Status = Status.DOWN, *, key: str = "", **values: str | float) -> Finding:
    """A finding of the look at an app."""
    return Finding(status, reason, Message(key or f"pm2.{reason}", {"app": "node", **values}))


def nginx(
    reason: str,
    key: str = "",
    *facts: Fact,
    status: Status = Status.CRITICAL,
    readings: tuple[Reading, ...] = (),
    **values: str | float,
) -> Seen:
    """A look at Nginx that found something."""
    words = {"upstream": "node", "route": "shop.test/", "peers": "127.0.0.1:3000", **values}
    found = Finding(status, reason, Message(f"nginx.{key or reason}", words))
    return Seen(readings, (NginxProcesses(700, 2, 0, 1.0), *facts, found))


def peer(answer: str = "ok", status: int | None = 200) -> UpstreamPeer:
    """One peer that was asked directly."""
    return UpstreamPeer("node", "127.0.0.1:3000", answer, status, 0.01)


WELL: Final[Mapping[Look, Looked]] = {
    ("wall", "security_group"): rules(reachable=True),
    ("rds", "rds"): Seen(facts=(ENDPOINT,)),
    ("pm2", "pm2"): Seen(facts=(PM2,)),
    ("node", "pm2"): app(worker(0), worker(1)),
    ("node", "http"): Seen(),
    ("node", "wiring"): Seen(
        tuple(
            Reading("connections", n, labels={"app": "node", "to": to})
            for n, to in ((4.0, "endpoint"), (1.0, "elsewhere"))
        )
    ),
    ("python", "pm2"): app(worker(0, app="python")),
    ("python", "http"): Seen(),
    ("nginx", "nginx"): Seen(facts=(NginxProcesses(700, 2, 0, 1.0), peer())),
    ("host", "host"): Seen((Reading("cpu", 0.2, "ratio"), Reading("memory", 0.3, "ratio"))),
}
"""Everything as it should be."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of looking: the world with its incidents, and what is found at a root."""

    world: World

    def at(self, root: str) -> Diagnosis:
        """The diagnosis."""
        return diagnose(PLAN, self.world.state, root, self.world.now)

    def all_at(self, root: str) -> dict[str, Confidence]:
        """Every cause that a rule finds."""
        found = explanations(scene_of(PLAN, self.world.state, root))
        return {each.cause: each.confidence for each in found}

    @property
    def roots(self) -> list[str]:
        """The roots of all open incidents."""
        return sorted(incident.root for incident in self.world.open)


def looked(looks: Mapping[Look, Looked], *, earlier: Mapping[Look, float] | None = None) -> Told:
    """The world after these looks, all of this moment but those that are so many seconds older."""
    world, ages = World(PLAN), earlier or {}
    now = world.now + 10_000
    for look in sorted(looks, key=lambda each: -ages.get(each, 0.0)):
        world.now = now - ages.get(look, 0.0)
        world.take(Observation(*look, world.now, 0.0, looks[look]))
    world.now = now
    return Told(world)


def stack(**changed: Looked) -> dict[Look, Looked]:
    """The healthy stack with these looks instead: `rds=`, or `node_http=` where a service has several checks."""
    named = {
        f"{service}_{check}" if service in ("node", "python") else service: (service, check) for service, check in WELL
    }
    return {**WELL, **{named[name]: look for name, look in changed.items()}}
