"""The truth table, row by row, with a real Nginx and real peers: what it looks like and what it is called."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from monitor.checks.nginx import NginxCheck
from monitor.core.model import Failed, Seen, UpstreamPeer
from tests.checks.real_nginx import (
    App,
    Looking,
    RealNginx,
    app,
    free_port,
    looking,
    reading,
    readings,
    real_nginx,
    told,
)

TIMES = "proxy_connect_timeout 1s; proxy_read_timeout 2s;"


class Stage:
    """Nginx, and looks at it."""

    def __init__(self, nginx: RealNginx, looks: Looking, stack: AsyncExitStack) -> None:
        self.nginx = nginx
        self._looks = looks
        self._stack = stack

    async def app(self, where: int | Path | None = None) -> App:
        return await self._stack.enter_async_context(app(where))

    def serve(self, inside: str, *, http: str = "", log_level: str = "error", status: bool = True) -> None:
        """One server for app.test, started."""
        server = f"server {{ listen 127.0.0.1:{self.nginx.port}; server_name app.test; {TIMES}\n{inside} }}"
        self.nginx.configure(f"{http}\n{server}", log_level=log_level, status=status)
        self.nginx.start()

    async def look(self, **settings: object) -> Seen | Failed:
        check = NginxCheck.model_validate({"kind": "nginx", "config": self.nginx.config, **settings})
        return await self._looks.look(check)

    async def user(self, path: str = "/") -> int:
        """The status that a user gets."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.nginx.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return int(answer.split()[1])


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    with real_nginx() as nginx:
        async with looking() as looks, AsyncExitStack() as stack:
            yield Stage(nginx, looks, stack)


def through(result: Seen | Failed) -> list[float]:
    return [each.value for each in readings(result, "route_up")]


async def test_all_is_well(stage: Stage) -> None:
    peer = await stage.app()
    stage.serve(f"location / {{ proxy_pass http://127.0.0.1:{peer.where}; }}")
    result = await stage.look()
    assert told(result) == []
    assert (through(result), reading(result, "up"), reading(result, "upstream_up")) == ([1.0], 1.0, 1.0)
    assert len(peer.asked) == 2, "directly, and through Nginx"
    assert all("Host: app.test" in each for each in peer.asked[:1])


async def test_nginx_is_down(stage: Stage) -> None:
    peer = await stage.app()
    stage.serve(f"location / {{ proxy_pass http://127.0.0.1:{peer.where}; }}")
    stage.nginx.stop()
    result = await stage.look()
    assert told(result) == [("down", "process/not_running")]
    assert (reading(result, "up"), reading(result, "upstream_up")) == (0.0, 1.0)


@pytest.mark.parametrize("status_page", [True, False])
async def test_the_workers_are_frozen(stage: Stage, status_page: bool) -> None:  # noqa: FBT001 — a parameter
    """They take connections all the same."""
    peer = await stage.app()
    stage.serve(f"location / {{ proxy_pass http://127.0.0.1:{peer.where}; }}", status=status_page)
    for pid in stage.nginx.workers():
        os.kill(pid, signal.SIGSTOP)
    result = await stage.look(timeout="3s")
    assert told(result) == [("down", "answer/frozen")]
    assert (reading(result, "upstream_up"), reading(result, "workers", state="stopped")) == (1.0, 2.0)


async def test_one_of_two_workers_is_frozen(stage: Stage) -> None:
    stage.serve("return 200;")
    os.kill(stage.nginx.workers()[0], signal.SIGSTOP)
    await asyncio.sleep(0.5)  # until the kernel has obeyed
    assert ("warning", "workers_stopped") in told(await stage.look(timeout="2s"))


async def test_the_only_peer_is_down(stage: Stage) -> None:
    stage.serve(f"location / {{ proxy_pass http://127.0.0.1:{free_port()}; }}")
    result = await stage.look()
    assert told(result) == [("critical", "upstream_down")]
    assert (through(result), reading(result, "upstream_up"), reading(result, "up")) == ([0.0], 0.0, 1.0)
    result = await stage.look()
    assert reading(result, "upstream_errors") == 1.0, "and Nginx wrote down that it was refused"
    assert readings(result, "upstream_errors")[0].labels["class"] == "refused"


async def test_the_only_peer_is_frozen(stage: Stage) -> None:
    """It takes connections all the same; and users are not made to wait longer by us."""
    peer = await stage.app()
    peer.frozen = True
    stage.serve(f"location / {{ proxy_pass http://127.0.0.1:{peer.where}; }}")
    result = await stage.look(timeout="3s")
    assert told(result) == [("critical", "upstream_unresponsive")]
    assert (through(result), reading(result, "upstream_up")) == ([], 0.0)
    assert len(peer.asked) == 1, "not through Nginx"


async def test_a_slow_peer_within_what_nginx_waits(stage: Stage) -> None:
    peer = await stage.app()
    peer.delay = 1.2
    stage.serve(f"location / {{ proxy_read_timeout 4s; proxy_pass http://127.0.0.1:{peer.where}; }}")
    result = await stage.look(timeout="6s")
    assert told(result) == []
    assert through(result) == [1.0]
    assert 1.2 <= reading(result, "response_time") < 1.9


async def test_a_peer_slower_than_nginx_waits(stage: Stage) -> None:
    """Not asked through Nginx, which would give up; what it would do is known."""
    peer = await stage.app()
    peer.delay = 1.3
    stage.serve(f"location / {{ proxy_read_timeout 1s; proxy_pass http://127.0.0.1:{peer.where}; }}")
    result = await stage.look()
    assert told(result) == [("critical", "upstream_timeout_mismatch")]
    assert (through(result), reading(result, "upstream_up")) == ([], 1.0)
    assert await stage.user() == 504


async def test_all_peers_are_back_and_nginx_has_marked_them_as_failed(stage: Stage) -> None:
    stage.nginx.processes = 1  # each remembers for itself
    one, two = await stage.app(), await stage.app()
    group = " ".join(f"server 127.0.0.1:{each.where} max_fails=1 fail_timeout=60s;" for each in (one, two))
    stage.serve("location / { proxy_pass http://back; }", http=f"upstream back {{ {group} }}")
    await stage.look()
    await one.stop()
    await two.stop()
    assert await stage.user() == 502
    await one.start()
    await two.start()
    result = await stage.look()
    assert told(result) == [("critical", "upstream_marked_failed")]
    assert [each.value for each in readings(result, "upstream_up")] == [1.0, 1.0]


async def test_one_of_two_peers_is_down_and_the_other_hides_it(stage: Stage) -> None:
    peer, gone = await stage.app(), free_port()
    http = f"upstream back {{ server 127.0.0.1:{peer.where}; server 127.0.0.1:{gone}; }}"
    stage.serve("location / { proxy_pass http://back; }", http=http)
    result = await stage.look()
    assert told(result) == [("warning", "redundancy_lost")]
    assert through(result) == [1.0]
    assert reading(result, "upstream_up", peer=f"127.0.0.1:{gone}") == 0.0
    facts = {each.peer: each.answer for each in result.facts if isinstance(each, UpstreamPeer)}
    assert facts == {f"127.0.0.1:{peer.where}": "ok", f"127.0.0.1:{gone}": "refused"}


@pytest.mark.parametrize("status", [500, 502])
async def test_the_application_itself_answers_with_an_error(stage: Stage, status: int) -> None:
    peer = await stage.app()
    peer.status = status
    stage.serve(f"location / {{ proxy_pass http://127.0.0.1:{peer.where}; }}")
    result = await stage.look()
    assert told(result) == [("warning", "app_errors")]
    assert (through(result), reading(result, "upstream_up")) == ([0.0], 1.0)


async def test_another_server_of_nginx_answers(stage: Stage) -> None:
    """What is loaded knows the name no more; what is on disk does."""
    peer = await stage.app()
    other = f"server {{ listen 127.0.0.1:{stage.nginx.port} default_server; server_name other.test; }}"
    stage.nginx.configure(other)
    stage.nginx.start()
    await asyncio.sleep(0.1)  # the kernel's clocks have a grain
    location = f"location /a/ {{ proxy_pass http://127.0.0.1:{peer.where}; }}"
    stage.nginx.configure(f"{other} server {{ listen 127.0.0.1:{stage.nginx.port}; server_name app.test; {location} }}")
    result = await stage.look()
    assert set(told(result)) == {("warning", "wrong_server"), ("warning", "nginx_config_not_loaded")}


async def test_a_redirect_is_an_answer_and_is_not_followed(stage: Stage) -> None:
    stage.serve("return 301 https://elsewhere.invalid$request_uri;")
    result = await stage.look()
    assert (told(result), through(result)) == ([], [1.0])


class TestOneSlowProbeMustNotHurtUsers:
    """A request that Nginx gives up waiting for marks its peer; then users are refused."""

    async def test_what_would_happen(self, stage: Stage) -> None:
        one, two = await stage.app(), await stage.app()
        stage.nginx.processes = 1  # each remembers for itself
        group = " ".join(f"server 127.0.0.1:{each.where} max_fails=1 fail_timeout=60s;" for each in (one, two))
        stage.serve("location / { proxy_read_timeout 1s; proxy_pass http://b; }", http=f"upstream b {{ {group} }}")
        one.delay = two.delay = 2.0
        assert await stage.user() == 504
        one.delay = two.delay = 0.0
        assert await stage.user() == 502, "both are marked"

    async def test_what_does(self, stage: Stage) -> None:
        one, two = await stage.app(), await stage.app()
        stage.nginx.processes = 1  # each remembers for itself
        group = " ".join(f"server 127.0.0.1:{each.where} max_fails=1 fail_timeout=60s;" for each in (one, two))
        stage.serve("location / { proxy_read_timeout 1s; proxy_pass http://b; }", http=f"upstream b {{ {group} }}")
        for delay in (2.0, 0.75, 9.0):
            one.delay = two.delay = delay
            await stage.look(timeout="3s")
        one.delay = two.delay = 0.0
        assert [await stage.user() for _ in range(4)] == [200] * 4

    async def test_a_peer_that_answers_with_errors_is_not_asked_through_nginx_when_that_marks_it(
        self, stage: Stage
    ) -> None:
        one, two = await stage.app(), await stage.app()
        stage.nginx.processes = 1  # each remembers for itself
        group = " ".join(f"server 127.0.0.1:{each.where} max_fails=1 fail_timeout=60s;" for each in (one, two))
        inside = "location / { proxy_next_upstream error http_503; proxy_pass http://b; }"
        stage.serve(inside, http=f"upstream b {{ {group} }}")
        one.status = two.status = 503
        await stage.look()
        one.status = two.status = 200
        assert await stage.user() == 200


class TestPeersOfOtherKinds:
    async def test_a_unix_socket_is_asked_over_http(self, stage: Stage) -> None:
        peer = await stage.app(stage.nginx.directory / "app.sock")
        stage.serve(f"location / {{ proxy_pass http://unix:{peer.where}; }}")
        assert (told(await stage.look()), len(peer.asked)) == ([], 2)
        await peer.stop()
        os.unlink(str(peer.where))  # noqa: PTH108 — beside the async ones
        assert told(await stage.look()) == [("critical", "upstream_down")]

    async def test_where_http_is_not_spoken_a_connection_is_enough(self, stage: Stage) -> None:
        peer = await stage.app()
        stage.serve(f"location / {{ fastcgi_pass 127.0.0.1:{peer.where}; }}")
        result = await stage.look(timeout="2s")
        assert reading(result, "upstream_up") == 1.0
        assert not [each for each in peer.asked if each.startswith("GET")]

    async def test_the_path_behind_is_the_one_that_nginx_would_ask_for(self, stage: Stage) -> None:
        peer = await stage.app()
        stage.serve(f"location /api/flask/ {{ proxy_pass http://127.0.0.1:{peer.where}/v1/; }}")
        await stage.look()
        await stage.look(paths={"/api/flask/": "/api/flask/health"})
        assert [each.split()[1] for each in peer.asked] == ["/v1/", "/v1/", "/v1/health", "/v1/health"]

    async def test_a_peer_marked_down_is_nobodys_trouble(self, stage: Stage) -> None:
        peer = await stage.app()
        http = f"upstream b {{ server 127.0.0.1:{peer.where}; server 127.0.0.1:{free_port()} down; }}"
        stage.serve("location / { proxy_pass http://b; }", http=http)
        assert told(await stage.look()) == []

    async def test_a_route_decided_for_each_request_is_asked_through_nginx_only(self, stage: Stage) -> None:
        peer = await stage.app()
        stage.serve(f"location / {{ proxy_pass http://127.0.0.1:{peer.where}$arg_x; }} resolver 127.0.0.1:1;")
        assert through(await stage.look()) == [1.0]


async def test_accepted_and_handled_connections_are_counted(stage: Stage) -> None:
    stage.serve("return 200;")
    first = await stage.look()
    for _ in range(3):
        await stage.user()
    second = await stage.look()
    for name in ("connections_accepted", "connections_handled", "requests"):
        assert reading(second, name) >= reading(first, name) + 3
    assert reading(second, "connections_dropped") == 0.0
