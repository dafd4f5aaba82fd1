"""One owner of the state: on disk first, believed next, told last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.core.model import (
    AcknowledgeAlert,
    AddRecurring,
    ChannelPlan,
    CheckPlan,
    Failed,
    Failure,
    Notice,
    NoticeDue,
    Observation,
    Plan,
    Seen,
    ServicePlan,
    Status,
    StatusChanged,
)
from monitor.core.step import UnknownId
from monitor.service_monitoring import Change, ServiceMonitoring
from monitor.store import Store, StoreError

PLAN = Plan(
    {"redis": ServicePlan("redis", (CheckPlan("tcp", "tcp", every=15, timeout=5, stale_after=45, confirm=1),))},
    channels=(ChannelPlan("webhook"),),
)


@dataclass
class House:
    """A service monitoring with a real store, and all that it told."""

    directory: Path
    clock: SystemClock = field(default_factory=SystemClock)
    changes: list[Change] = field(default_factory=list)

    async def open(self) -> None:
        self.store = Store.open(self.directory)
        self.monitoring = await ServiceMonitoring.open(plan=PLAN, store=self.store, clock=self.clock)
        self.monitoring.subscribe(self.changes.append)

    def observation(self, *, good: bool) -> Observation:
        result = Seen() if good else Failed(Failure("tcp", "refused", "Connection refused"))
        return Observation("redis", "tcp", self.clock.now(), 0.001, result)

    @property
    def status(self) -> Status:
        return self.monitoring.state.services["redis"].status


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    await made.open()
    yield made
    await made.store.close()


async def test_what_is_told_is_on_disk_and_in_the_outbox(house: House) -> None:
    events = await house.monitoring.take(house.observation(good=False))
    (notice,) = [event.notice for event in events if isinstance(event, NoticeDue)]
    assert notice.incident.root == "redis"
    waiting = await house.store.next("webhook")
    assert waiting is not None
    assert waiting.notice.incident.id == notice.incident.id
    assert (await house.store.backlog())["webhook"].pending == 1


async def test_listeners_hear_of_commits_in_their_order_until_they_leave(house: House) -> None:
    await asyncio.gather(*(house.monitoring.take(house.observation(good=n % 2 == 0)) for n in range(6)))
    assert all(after.before is before.state for before, after in zip(house.changes, house.changes[1:], strict=False))
    assert len(house.changes) == 6
    house.monitoring.unsubscribe(house.changes.append)
    await house.monitoring.take(house.observation(good=True))
    assert len(house.changes) == 6


async def test_what_cannot_be_kept_is_neither_believed_nor_told(house: House) -> None:
    await house.monitoring.take(house.observation(good=True))
    await house.store._run(lambda: house.store._connection.execute("PRAGMA query_only = 1"))
    told = len(house.changes)
    with pytest.raises(StoreError):
        await house.monitoring.take(house.observation(good=False))
    assert house.status is Status.HEALTHY
    assert len(house.changes) == told
    await house.store._run(lambda: house.store._connection.execute("PRAGMA query_only = 0"))
    events = await house.monitoring.take(house.observation(good=False))
    assert [type(event) for event in events if isinstance(event, StatusChanged | NoticeDue)] == [
        StatusChanged,
        NoticeDue,
    ]


async def test_an_order_about_nothing_is_refused_and_changes_nothing(house: House) -> None:
    before = house.monitoring.state
    with pytest.raises(UnknownId):
        await house.monitoring.take(AcknowledgeAlert("alert-0", "me"))
    assert house.monitoring.state is before


async def test_an_acknowledgement_is_remembered_over_a_restart(house: House) -> None:
    await house.monitoring.take(house.observation(good=False))
    ((alert,),) = [incident.alerts for incident in house.monitoring.state.incidents]
    await house.monitoring.take(AcknowledgeAlert(alert.id, "kim"))
    await house.store.close()
    await house.open()
    ((alert,),) = [incident.alerts for incident in house.monitoring.state.incidents]
    assert alert.acknowledged_by == "kim"


async def test_time_that_passes_without_news_writes_nothing(house: House) -> None:
    await house.monitoring.take(house.observation(good=True))
    before = house.monitoring.state
    await house.monitoring.take(None)
    assert house.monitoring.state is before


async def test_a_restart_goes_on_with_the_open_incident_and_tells_it_no_second_time(house: House) -> None:
    await house.monitoring.take(house.observation(good=False))
    (incident,) = house.monitoring.state.incidents
    await house.store.close()
    await house.open()
    house.changes.clear()
    await house.monitoring.take(house.observation(good=False))
    await house.monitoring.take(None)
    notices: list[Notice] = [e.notice for change in house.changes for e in change.events if isinstance(e, NoticeDue)]
    assert notices == []
    assert [each.id for each in house.monitoring.state.incidents] == [incident.id]
    for _ in range(2):
        await house.monitoring.take(house.observation(good=True))
    notices = [e.notice for change in house.changes for e in change.events if isinstance(e, NoticeDue)]
    assert [(each.kind.value, each.incident.id) for each in notices] == [("resolved", incident.id)]


async def test_registered_functions_hear_what_happens_and_one_that_raises_harms_nothing(house: House) -> None:
    heard = list[object]()

    def raises(event: object) -> None:
        heard.append(event)
        raise RuntimeError("of the embedding program")

    house.monitoring.register(raises)
    events = await house.monitoring.take(house.observation(good=False))
    async with asyncio.timeout(10):
        while tuple(heard) != events:
            await asyncio.sleep(0.01)
    house.monitoring.remove(raises)
    with pytest.raises(ValueError, match="not registered"):
        house.monitoring.remove(raises)
    house.monitoring.close()


async def test_recurring_maintenance_has_its_window_at_once_and_over_a_restart(house: House) -> None:
    await house.monitoring.take(AddRecurring("redis", "0 3 * * 0", "Asia/Seoul", 3600.0, "kim"))
    (window,) = house.monitoring.state.maintenance
    (rule,) = house.monitoring.state.recurring
    assert (window.recurring, window.ends_at - window.starts_at, rule.last_start) == (rule.id, 3600.0, window.starts_at)
    assert house.clock.now() < window.ends_at
    await house.store.close()
    await house.open()
    await house.monitoring.take(None)
    assert (house.monitoring.state.maintenance, house.monitoring.state.recurring) == ((window,), (rule,))


async def test_a_rule_that_is_no_longer_understood_makes_no_window_and_harms_nothing(house: House) -> None:
    for _ in range(2):
        await house.monitoring.take(AddRecurring("redis", "0 3 * * 0", "Mars/Olympus", 3600.0, "kim"))
    events = await house.monitoring.take(house.observation(good=False))
    assert events
    assert house.monitoring.state.maintenance == ()
