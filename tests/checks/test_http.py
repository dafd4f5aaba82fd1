"""The http check on real servers: what is well, what refuses, what stalls, and what it does not say."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from monitor.checks.http import HttpCheck, Target, parse_url
from monitor.clock import SystemClock
from monitor.core.judge import judge
from monitor.core.model import Blind, Failed, Failure, Observation, Seen, Status
from monitor.look import Surroundings, look, surroundings
from monitor.sources.connect import Address
from tests.sources.talkers import Act, Authority, closed_port, dropping_packets, make_authority, saying, talking

DAY = 86400.0
SECRET = "geheim-1234-5678"
Handler = Callable[[web.Request], Awaitable[web.Response]]
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def around() -> AsyncIterator[Surroundings]:
    async with surroundings({}, environ={}, clock=SystemClock()) as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def application() -> AsyncIterator[str]:
    """The address of a web application; what it answers is in the path."""
    app = web.Application()
    app.router.add_route("*", "/answers/{status}", _answers)
    app.router.add_route("*", "/echo", _echo)
    app.router.add_route("*", "/sends-away", _sends_away)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def _answers(request: web.Request) -> web.Response:
    return web.json_response({"said": "all is well"}, status=int(request.match_info["status"]))


async def _echo(request: web.Request) -> web.Response:
    """What servers do that are careless with what they were told."""
    told = [*request.headers.values(), *request.query.values(), request.path_qs]
    return web.Response(text=" | ".join(told), status=500)


async def _sends_away(request: web.Request) -> web.Response:
    goal = f"https://user:{SECRET}@login.test/in?token={SECRET}#{SECRET}"
    return web.Response(status=302, headers={"Location": goal}, text=str(request.url))


def check(url: str, **settings: Any) -> HttpCheck:
    return HttpCheck.model_validate({"kind": "http", "url": url, **settings})


async def looked(around: Surroundings, url: str, **settings: Any) -> Observation:
    return await look("web", check(url, **settings), around)


async def failure(around: Surroundings, url: str, **settings: Any) -> Failure:
    result = (await looked(around, url, **settings)).result
    assert isinstance(result, Failed), result
    return result.failure


def values(result: Seen | Failed | Blind) -> dict[str, float]:
    """The values by name, with the labels' values if there are any."""
    assert not isinstance(result, Blind), result
    return {" ".join((each.name, *each.labels.values())): each.value for each in result.readings}


async def test_a_healthy_application(around: Surroundings, application: str) -> None:
    result = (await looked(around, f"{application}/answers/200")).result
    assert isinstance(result, Seen)
    found = values(result)
    phases = {name: value for name, value in found.items() if name.startswith("phase_duration")}
    assert [name.split()[1] for name in phases] == ["resolve", "tcp", "answer", "body"]
    assert found["response_time"] == pytest.approx(sum(phases.values()))
    assert (found["up"], found["status_code"]) == (1.0, 200.0)
    assert "certificate_expiry" not in found


@pytest.mark.parametrize(
    ("status", "expected", "good"),
    [
        (200, None, True),
        (204, None, True),
        (301, None, False),
        (404, None, False),
        (500, None, False),
        (401, 401, True),
        (200, 401, False),
        (404, ["2xx", 404], True),
        (403, ["2xx", 404], False),
        (503, "5xx", True),
        (200, "200", True),
    ],
)
async def test_the_expected_status(
    around: Surroundings, application: str, *, status: int, expected: Any, good: bool
) -> None:
    settings = {} if expected is None else {"status": expected}
    result = (await looked(around, f"{application}/answers/{status}", **settings)).result
    assert isinstance(result, Seen) is good
    assert values(result)["status_code"] == status


async def test_another_status_is_critical_and_says_what_was_expected(around: Surroundings, application: str) -> None:
    observation = await looked(around, f"{application}/answers/503", status=["2xx", 301])
    assert isinstance(observation.result, Failed)
    found = observation.result.failure
    assert (found.phase, found.reason, found.status) == ("answer", "status", Status.CRITICAL)
    assert found.message == 'HTTP 503 Service Unavailable, expected 2xx, 301: {"said": "all is well"}'
    known = values(observation.result)
    assert (known["up"], known["failures answer status"]) == (0.0, 1.0)
    assert "response_time" in known, "an answer that refuses us has taken its time, too"
    assert not observation.exhausted


async def test_a_text_that_must_be_there(around: Surroundings, application: str) -> None:
    url = f"{application}/answers/200"
    assert isinstance((await looked(around, url, contains="is well")).result, Seen)
    found = await failure(around, url, contains="is ill")
    assert (found.phase, found.reason, found.status) == ("body", "text", Status.CRITICAL)
    assert found.message == 'HTTP 200 without \'is ill\': {"said": "all is well"}'


async def test_a_text_beyond_the_bound_is_not_there(around: Surroundings) -> None:
    act = saying(OK + b"\r\n", b"x" * 300_000, b"wanted")
    async with talking(act) as server:
        found = await failure(around, f"http://127.0.0.1:{server.port}/", contains="wanted")
    assert found.message == "HTTP 200 without 'wanted' in its first 256 KiB"


async def test_a_redirect_is_an_answer_and_is_not_followed(around: Surroundings, application: str) -> None:
    found = await failure(around, f"{application}/sends-away")
    assert found.message == "HTTP 302 Found, expected 2xx (to https://login.test/in)"
    assert isinstance((await looked(around, f"{application}/sends-away", status=302)).result, Seen)


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "image/png"])
async def test_what_is_not_meant_to_be_read_by_people_is_not_quoted(around: Surroundings, kind: str) -> None:
    said = b"HTTP/1.1 500 Oh\r\nContent-Type: %b\r\n\r\n<p>secret</p>" % kind.encode()
    async with talking(saying(said)) as server:
        found = await failure(around, f"http://127.0.0.1:{server.port}/")
    assert found.message == "HTTP 500 Oh, expected 2xx"


async def test_our_secrets_go_where_they_belong_and_nowhere_else(around: Surroundings, application: str) -> None:
    url = f"http://{application.removeprefix('http://')}/echo?key={SECRET}".replace("://", f"://user:{SECRET}x@")
    settings = {"headers": {"Authorization": f"Bearer {SECRET}y", "X-Key": f"{SECRET}z"}}
    observation = await looked(around, url, **settings)
    assert isinstance(observation.result, Failed)
    assert "HTTP 500" in observation.result.failure.message
    assert SECRET not in repr(observation), "what it echoes is hidden"
    assert SECRET not in repr(check(url, **settings).headers)


async def test_userinfo_is_basic_authentication(around: Surroundings) -> None:
    async with talking(saying(OK + b"Content-Length: 0\r\n\r\n")) as server:
        where = f"127.0.0.1:{server.port}"
        await looked(around, f"http://user:p%40ss@{where}/")
        await looked(around, f"http://user:p%40ss@{where}/", headers={"authorization": "Bearer other"})
    expected = base64.b64encode(b"user:p@ss")
    assert b"Authorization: Basic " + expected in server.heard[0]
    assert b"Basic" not in server.heard[1]
    assert f"Host: {where}\r\n".encode() in server.heard[0]


async def test_a_certificate_and_its_end(around: Surroundings, authority: Authority) -> None:
    act = saying(OK + b"Content-Length: 0\r\n\r\n")
    async with talking(act, tls=authority.context("localhost", days=30)) as server:
        result = (await looked(around, f"https://localhost:{server.port}/", ca_file=authority.file)).result
    found = values(result)
    assert found["certificate_remaining"] == pytest.approx(30 * DAY, abs=300)
    assert found["certificate_expiry"] == pytest.approx(around.clock.wall() + 30 * DAY, abs=300)
    phases = [name.split()[1] for name in found if name.startswith("phase_duration")]
    assert phases == ["resolve", "tcp", "tls", "answer", "body"]


@pytest.mark.parametrize(("days", "status"), [(22, None), (20, Status.WARNING), (6, Status.CRITICAL)])
async def test_a_certificate_that_ends_soon(
    around: Surroundings, authority: Authority, days: int, status: Status | None
) -> None:
    act = saying(OK + b"Content-Length: 0\r\n\r\n")
    async with talking(act, tls=authority.context("localhost", days=days)) as server:
        watched = check(f"https://localhost:{server.port}/", ca_file=authority.file)
        observation = await look("web", watched, around)
    trouble = judge(observation, watched.judged_by()).troubles["certificate_remaining"]
    assert (trouble.status if trouble else None) is status


async def test_the_end_of_a_certificate_is_known_also_when_the_answer_is_bad(
    around: Surroundings, authority: Authority
) -> None:
    act = saying(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
    async with talking(act, tls=authority.context("localhost")) as server:
        result = (await looked(around, f"https://localhost:{server.port}/", ca_file=authority.file)).result
    assert isinstance(result, Failed)
    assert "certificate_expiry" in values(result)


@pytest.mark.parametrize(
    ("name", "days", "reason"), [("localhost", -1, "certificate_expired"), ("elsewhere", 30, "certificate")]
)
async def test_a_certificate_that_nobody_accepts_is_down(
    around: Surroundings, authority: Authority, *, name: str, days: int, reason: str
) -> None:
    async with talking(saying(), tls=authority.context(name, days=days)) as server:
        found = await failure(around, f"https://localhost:{server.port}/", ca_file=authority.file)
    assert (found.phase, found.reason, found.status) == ("tls", reason, Status.DOWN)


async def test_what_the_machine_does_not_trust_is_not_trusted(around: Surroundings, authority: Authority) -> None:
    async with talking(saying(), tls=authority.context("localhost")) as server:
        found = await failure(around, f"https://localhost:{server.port}/")
    assert (found.phase, found.reason) == ("tls", "certificate")


async def test_a_trust_file_that_is_not_there_is_our_problem(around: Surroundings, tmp_path: Path) -> None:
    result = (await looked(around, "https://localhost:1/", ca_file=tmp_path / "none.crt")).result
    assert isinstance(result, Blind)
    assert "none.crt" in result.reason


async def test_refused_is_down(around: Surroundings) -> None:
    with closed_port() as port:
        found = await failure(around, f"http://127.0.0.1:{port}/")
    assert (found.phase, found.reason, found.status) == ("tcp", "refused", Status.DOWN)


@pytest.mark.parametrize(
    ("act", "phase"),
    [
        (saying(then_hold=True), "answer"),
        (saying(OK, *[b"X: y\r\n"] * 100, gap=0.05), "answer"),
        (saying(OK + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 100, gap=0.05), "body"),
    ],
    ids=["silent", "dribbling-headers", "dribbling-body"],
)
async def test_whatever_stalls_is_down_at_the_deadline(around: Surroundings, act: Act, phase: str) -> None:
    async with talking(act) as server:
        observation = await looked(around, f"http://127.0.0.1:{server.port}/", timeout=0.6)
    assert isinstance(observation.result, Failed)
    found = observation.result.failure
    assert (found.phase, found.reason, found.status) == (phase, "timeout", Status.DOWN)
    assert 0.6 <= observation.took_seconds < 1.1
    assert observation.exhausted


async def test_silence_instead_of_tls_is_down_at_the_deadline(around: Surroundings) -> None:
    async with talking(saying(then_hold=True)) as server:
        observation = await looked(around, f"https://127.0.0.1:{server.port}/", timeout=0.6)
    assert isinstance(observation.result, Failed)
    assert (observation.result.failure.phase, observation.result.failure.reason) == ("tls", "timeout")
    assert 0.6 <= observation.took_seconds < 1.1


async def test_dropped_packets_are_down_at_the_deadline(around: Surroundings) -> None:
    with dropping_packets() as port:
        observation = await looked(around, f"http://127.0.0.1:{port}/", timeout=0.6)
    assert isinstance(observation.result, Failed)
    assert (observation.result.failure.phase, observation.result.failure.reason) == ("tcp", "timeout")
    assert 0.6 <= observation.took_seconds < 1.1


async def test_a_unix_socket_is_asked_as_nginx_would(around: Surroundings, tmp_path: Path) -> None:
    async with talking(saying(OK + b"Content-Length: 2\r\n\r\nok"), path=tmp_path / "app.sock") as server:
        result = (await looked(around, f"http://unix:{tmp_path}/app.sock:/health?deep=1", contains="ok")).result
    assert isinstance(result, Seen)
    assert server.heard[0].startswith(b"GET /health?deep=1 HTTP/1.1\r\nHost: localhost\r\n")
    assert "phase_duration connect" in values(result)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://app/", Target(Address("app", 80), "app", "/", tls=False)),
        ("https://app", Target(Address("app", 443), "app", "/", tls=True)),
        ("https://app:443/x", Target(Address("app", 443), "app", "/x", tls=True)),
        ("http://app:3000/x?a=b", Target(Address("app", 3000), "app:3000", "/x?a=b", tls=False, secrets=("b",))),
        ("http://[::1]:3000/", Target(Address("::1", 3000), "[::1]:3000", "/", tls=False)),
        (
            "http://APP/a b/%20/건?q=ü#x",
            Target(Address("app", 80), "app", "/a%20b/%20/%EA%B1%B4?q=%C3%BC", tls=False, secrets=("ü",)),
        ),
        ("http://bücher.test/", Target(Address("xn--bcher-kva.test", 80), "xn--bcher-kva.test", "/", tls=False)),
        ("http://unix:/run/app.sock", Target(Address(path="/run/app.sock"), "localhost", "/", tls=False)),
    ],
)  # fmt: skip
def test_an_address_is_taken_apart(url: str, target: Target) -> None:
    assert parse_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app",
        "app:3000/health",
        "ftp://app/",
        "http://",
        "http:///path",
        f"http://user:{SECRET}@:80/",
        f"http://{SECRET}:port/",
        "http://app:0/",
        "http://app:99999/",
        "http://[::1/",
        "http://a b/",
        f"http://{'ü' * 80}/",
        "https://unix:/run/app.sock:/",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 99},
        {"status": 600},
        {"status": "6xx"},
        {"status": []},
        {"headers": {"a b": "x"}},
        {"headers": {"X-Key": f"{SECRET}\r\nX-More: y"}},
        {"contains": ""},
        {"contains": "x", "method": "HEAD"},
        {"method": "DELETE"},
        {"ca_file": "ca.crt"},
        {"follow": True},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        check("http://app/", **wrong)
    assert SECRET not in str(caught.value)
