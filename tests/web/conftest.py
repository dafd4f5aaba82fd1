"""A served application on a real core and a real store, with a clock that tests move by hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from monitor.core.model import CheckPlan, Failed, Failure, Observation, Plan, Reading, Seen, ServicePlan
from monitor.history import History
from monitor.metrics import Metrics
from monitor.reloading import NotReloaded, Reloads
from monitor.service_monitoring import ServiceMonitoring
from monitor.standings import Condition
from monitor.store import Store
from monitor.web.app import create_app
from monitor.web.security import Security

TOKEN = "t0ken-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
START = 1_700_000_000.0


@dataclass
class HandClock:
    """Time passes when a test says so."""

    at: float = START

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


NEVER_RELOADED = Reloads(path=Path("config.yaml"), taken_at=START, tried_at=START)


@dataclass
class HandUpkeep:
    """A daemon that is as a test says."""

    reloads: Reloads = NEVER_RELOADED
    stands_still: str | None = None
    condition: Condition = field(default_factory=Condition)
    count: int = 0

    def unwell(self) -> str | None:
        return self.stands_still

    async def reload(self) -> None:
        self.count += 1
        if self.reloads.lines:
            raise NotReloaded(self.reloads.lines)


def _plan() -> Plan:
    check = CheckPlan("probe", "probe", every=15.0, timeout=5.0, stale_after=45.0)
    return Plan(
        {
            "rds": ServicePlan("rds", (check,), metadata={"team": "db"}),
            "nodejs": ServicePlan("nodejs", (check,), depends_on=("rds",)),
            "python": ServicePlan("python", (check,), depends_on=("rds",)),
            "<b>odd</b>": ServicePlan("<b>odd</b>", (check,)),
        }
    )


@dataclass
class Served:
    """The application with everything behind it."""

    client: TestClient[Any, Any]
    monitoring: ServiceMonitoring
    metrics: Metrics
    clock: HandClock
    missing: list[str] = field(default_factory=list)
    upkeep: HandUpkeep = field(default_factory=HandUpkeep)
    security: list[Security] = field(default_factory=list)

    async def data(self, path: str) -> Any:
        """The data of a successful answer."""
        answer = await self.client.get(path)
        body = await answer.json()
        assert (answer.status, body["status"]) == (200, "success"), body
        return body["data"]

    async def refused(self, answer: ClientResponse, status: int, kind: str) -> str:
        """The message of an answer that says why it is none."""
        body = await answer.json()
        assert (answer.status, body["status"], body["error"]["type"]) == (status, "error", kind), body
        assert set(body) == {"status", "error"}
        assert set(body["error"]) == {"type", "message"}
        return str(body["error"]["message"])

    async def order(self, path: str, **request: Any) -> ClientResponse:
        """A request that would change something, as the command line sends it."""
        return await self.client.post(path, **{"headers": BEARER, "json": {"by": "ann"}, **request})

    async def healthy(self, service: str, *readings: Reading) -> None:
        await self.take(Observation(service, "probe", self.clock.at, 0.1, Seen(readings)))

    async def down(self, service: str) -> None:
        failure = Failure("tcp", "timeout", "no answer within 5 s")
        await self.take(Observation(service, "probe", self.clock.at, 5.0, Failed(failure), exhausted=True))

    async def take(self, observation: Observation) -> None:
        self.clock.at = observation.ended
        await self.monitoring.take(observation)

    async def pass_time(self, seconds: float) -> None:
        self.clock.at += seconds
        await self.monitoring.take(None)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Everything healthy; two services that depend on rds, and one with a name that has to be escaped."""
    clock = HandClock()
    store = Store.open(tmp_path / "state")
    history = History(tmp_path / "state", clock)
    monitoring = await ServiceMonitoring.open(plan=_plan(), store=store, clock=clock, history=history)
    metrics = Metrics({}, "1.2.3")
    monitoring.subscribe(lambda change: metrics.changed(monitoring.plan, change.state, change.events, change.at))
    missing: list[str] = []
    upkeep = HandUpkeep()
    security = [Security()]
    app = create_app(
        monitoring=monitoring,
        metrics=metrics,
        ready=lambda: missing[0] if missing else None,
        token=TOKEN,
        language=lambda: "en",
        timezone=lambda: "Asia/Seoul",
        url="http://monitor.example:10142/",
        upkeep=upkeep,
        security=lambda: security[0],
    )
    async with TestClient(TestServer(app)) as client:
        served = Served(client, monitoring, metrics, clock, missing, upkeep, security)
        for service in monitoring.plan.services:
            await served.healthy(service)
        yield served
    await history.close()
    await store.close()


@pytest.fixture
async def broken(served: Served) -> Served:
    """As `served`, with rds down for long enough that people were told, and nodejs down because of it."""
    for service in ("rds", "nodejs"):
        await served.down(service)
    await served.pass_time(13.0)
    return served
