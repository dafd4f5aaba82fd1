"""The stream of events: complete, in order, bounded, and gone when the monitor goes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from monitor.core.model import AcknowledgeAlert, Plan, Reading
from monitor.questions import Questions
from monitor.web.events import MOST_LISTENERS, Events
from monitor.web.security import Security
from tests.web.conftest import BEARER, Served
from tests.web.test_security import ANN, users

PATH = "/api/v1/events"


@dataclass(frozen=True)
class Heard:
    id: str
    kind: str
    data: dict[str, Any]


@dataclass
class Listener:
    """One stream, read event by event."""

    answer: ClientResponse

    async def block(self) -> str:
        """The next block of lines; empty at the end."""
        lines: list[str] = []
        async with asyncio.timeout(30):
            while (line := (await self.answer.content.readline()).decode()) not in ("", "\n"):
                lines.append(line)
        return "".join(lines)

    async def next(self) -> Heard:
        while (block := await self.block()).startswith((":", "retry:")):
            pass
        found = re.fullmatch(r"id: (.+)\nevent: (.+)\ndata: (.+)\n", block)
        assert found, block
        return Heard(found[1], found[2], json.loads(found[3]))

    async def until(self, kind: str) -> Heard:
        while (heard := await self.next()).kind != kind:
            pass
        return heard

    async def ended(self) -> None:
        while await self.block():
            pass


@asynccontextmanager
async def listening(served: Served, **headers: str) -> AsyncIterator[Listener]:
    async with served.client.get(PATH, headers=headers) as answer:
        assert answer.status == 200
        yield Listener(answer)


@asynccontextmanager
async def apart(served: Served, **settings: float) -> AsyncIterator[tuple[Events, TestClient[Any, Any]]]:
    """The stream on a server of its own, so that one can look at how it is."""
    events = Events(served.monitoring, Questions(served.monitoring), **settings)
    app = web.Application()
    app.router.add_get(PATH, events.answer)
    app.on_shutdown.append(events.close)
    async with TestClient(TestServer(app)) as client:
        yield events, client


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def test_it_begins_with_how_things_stand(broken: Served) -> None:
    async with listening(broken) as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        assert await stream.block() == "retry: 2000\n"
        first = await stream.next()
    (incident,) = await broken.data("/api/v1/incidents")
    assert (first.kind, first.data["overall_status"], first.data["incidents"]) == ("state", "down", [incident])
    statuses = {each["name"]: each["status"] for each in first.data["services"]}
    assert statuses == {"rds": "down", "nodejs": "down", "python": "healthy", "<b>odd</b>": "healthy"}


async def test_an_incident_is_heard_from_its_beginning_to_its_end(served: Served) -> None:
    async with listening(served) as stream:
        await stream.until("state")
        await served.down("rds")
        status = await stream.until("status")
        assert (status.data["service"], status.data["before"], status.data["after"]) == ("rds", "healthy", "down")
        opened = await stream.until("incident.opened")
        assert (opened.data["root"], opened.data["resolved_at"]) == ("rds", None)
        await served.order(f"/api/v1/alerts/{opened.data['alerts'][0]['id']}/acknowledge")
        updated = await stream.until("incident.updated")
        assert (updated.data["id"], updated.data["alerts"][0]["acknowledged_by"]) == (opened.data["id"], "ann")
        for _ in range(2):
            served.clock.at += 1
            await served.healthy("rds")
        resolved = await stream.until("incident.resolved")
        assert resolved.data["id"] == opened.data["id"]
        assert resolved.data["resolved_at"]


async def test_looks_that_ended_are_told_together_when_time_passes(served: Served) -> None:
    async with listening(served) as stream:
        await stream.until("state")
        for service in ("rds", "nodejs", "rds"):
            await served.healthy(service, Reading("load", 1.0))
        await served.pass_time(1.0)
        await served.pass_time(1.0)
        await served.healthy("python")
        await served.pass_time(1.0)
        assert (await stream.next()).data["services"] == ["rds", "nodejs"]
        assert (await stream.next()).data["services"] == ["python"]


async def test_maintenance_is_told_when_it_begins_and_ends_by_the_clock_alone(served: Served) -> None:
    body = {"by": "ann", "service": "python", "for": "10s"}
    async with listening(served) as stream:
        await stream.until("state")
        await served.order("/api/v1/maintenance", json=body)
        status = await stream.until("status")
        assert (status.data["service"], status.data["after"]) == ("python", "maintenance")
        assert (await stream.until("mutes")).data["maintenance"] == 1
        await served.pass_time(11.0)
        assert (await stream.until("status")).data["after"] == "healthy"


async def test_ids_grow_and_whoever_comes_again_hears_first_how_things_stand_now(served: Served) -> None:
    async with listening(served) as stream:
        first = await stream.until("state")
        await served.down("rds")
        last = await stream.until("incident.opened")
    assert int(last.id.split("-")[1]) > int(first.id.split("-")[1])
    assert last.id.split("-")[0] == first.id.split("-")[0]
    for given in (last.id, first.id, "of another daemon"):
        async with listening(served, **{"Last-Event-ID": given}) as stream:
            again = await stream.next()
            assert (again.kind, again.data["incidents"][0]["id"]) == ("state", last.data["id"])


async def test_two_listeners_hear_the_same_and_the_first_misses_nothing_by_the_second(served: Served) -> None:
    async with listening(served) as one:
        await one.until("state")
        await served.healthy("rds")
        async with listening(served) as other:
            await other.until("state")
            await served.down("nodejs")
            assert await one.until("incident.opened") == await other.until("incident.opened")


async def test_when_nobody_listens_nothing_is_compared(served: Served) -> None:
    before = len(served.monitoring._listeners)
    async with apart(served) as (events, client), client.get(PATH) as answer:
        await Listener(answer).until("state")
        assert len(served.monitoring._listeners) == before + 1
        answer.close()
        await until(lambda: _disconnected(events))
        await served.down("rds")  # the next event finds that nobody is there
        await until(lambda: events.listeners == 0)
        assert len(served.monitoring._listeners) == before


def _disconnected(events: Events) -> bool:
    return all(each.is_dead for each in events._streams)


async def test_silence_is_broken_by_a_comment(served: Served) -> None:
    async with apart(served, keep_alive_seconds=0.02) as (_, client), client.get(PATH) as answer:
        stream = Listener(answer)
        await stream.until("state")
        assert await stream.block() == ": still here\n"
        assert await stream.block() == ": still here\n"


async def test_one_too_many_is_refused_and_those_who_went_make_room(served: Served) -> None:
    answers = [await served.client.get(PATH) for _ in range(MOST_LISTENERS)]
    refused = await served.client.get(PATH)
    assert refused.headers["Retry-After"] == "10"
    assert "32 listen already" in await served.refused(refused, 503, "unavailable")
    for answer in answers:
        answer.close()
    async with asyncio.timeout(30):
        while (answer := await served.client.get(PATH)).status != 200:
            await asyncio.sleep(0.01)
    answer.close()


async def test_who_does_not_read_is_cut_off_and_nobody_else_hears_less(broken: Served) -> None:
    """What waits for one listener is bounded: by our queue, by the transport's and by the kernel's buffer."""
    async with apart(broken) as (events, client), client.get(PATH) as answer:
        stream = Listener(answer)
        alert = (await stream.until("state")).data["incidents"][0]["alerts"][0]["id"]
        with _silent(client.host, client.port) as silent:
            await until(lambda: events.listeners == 2)
            count = 0
            while events.listeners == 2:
                count += 1
                await _note(broken, alert, count)
                heard = await stream.until("incident.updated")
                assert heard.data["alerts"][0]["note"].startswith(f"{count} ")
                assert count < 5_000, "it was never cut off"
            assert await asyncio.to_thread(_all_that_came, silent) < 1024 * 1024


def _silent(host: str, port: int | None) -> socket.socket:
    """A listener that asks and never reads."""
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect((host, port))
    silent.settimeout(30)
    silent.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return silent


def _all_that_came(silent: socket.socket) -> int:
    """Bytes until it is cut off."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while part := silent.recv(65536):
            count += len(part)
    return count


async def _note(broken: Served, alert: str, count: int) -> None:
    """Something that changes the incident, and is long."""
    await broken.monitoring.take(AcknowledgeAlert(alert, "ann", f"{count} {'x' * 5000}"))


async def test_head_has_no_stream(served: Served) -> None:
    answer = await served.client.head(PATH)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert await answer.read() == b""


async def test_unknown_parameters_are_refused(served: Served) -> None:
    await served.refused(await served.client.get(PATH, params={"since": "1"}), 400, "bad_request")


async def test_with_users_it_is_theirs(served: Served) -> None:
    served.security[0] = Security(users=users())
    assert (await served.client.get(PATH)).status == 401
    for headers in (ANN, BEARER):
        async with served.client.get(PATH, headers=headers) as answer:
            assert (await Listener(answer).until("state")).data["overall_status"] == "healthy"


async def test_a_reload_ends_it_so_that_whoever_listens_is_let_in_anew(served: Served) -> None:
    async with listening(served) as stream:
        await stream.until("state")
        services = served.monitoring.plan.services
        await served.monitoring.reload(Plan({"rds": services["rds"]}))
        await stream.ended()
    async with listening(served) as stream:
        assert [each["name"] for each in (await stream.until("state")).data["services"]] == ["rds"]


async def test_the_end_of_the_monitor_waits_for_no_listener(broken: Served) -> None:
    """The server would wait 60 s for answers under way; neither who listens nor who reads nothing makes it."""
    events = Events(broken.monitoring, Questions(broken.monitoring))
    app = web.Application()
    app.router.add_get(PATH, events.answer)
    app.on_shutdown.append(events.close)
    runner = web.AppRunner(app, shutdown_timeout=60)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    async with asyncio.timeout(40):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"event: state")
        with _silent(host, port):
            await _fill(broken, events)
            await runner.cleanup()
        assert (await reader.read()).endswith(b"0\r\n\r\n"), "it ends as a whole answer does"
    writer.close()
    await writer.wait_closed()
    assert events.listeners == 0


async def _fill(broken: Served, events: Events) -> None:
    """Until a stream cannot go on because nobody reads it."""
    (incident,) = await broken.data("/api/v1/incidents")
    for count in itertools.count():
        if any(each._is_writing for each in events._streams):
            return
        await _note(broken, incident["alerts"][0]["id"], count)
        await asyncio.sleep(0.01)
