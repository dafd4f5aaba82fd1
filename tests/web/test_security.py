"""Users: who is let in, and that nobody learns who they are."""

from __future__ import annotations

import base64
import time

import bcrypt
import pytest

from monitor.web.security import REMEMBERED, Security, Users
from tests.web.conftest import BEARER, Served


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


ANN = basic("ann", "pässword")


def users(cost: int = 4) -> Users:
    return Users({"ann": bcrypt.hashpw("pässword".encode(), bcrypt.gensalt(cost)).decode()})


@pytest.fixture
def secured(served: Served) -> Served:
    served.security[0] = Security(users=users(), headers={"X-Frame-Options": "SAMEORIGIN"})
    return served


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/services", "/sd/http", "/nothing"]
)
async def test_with_users_everything_is_theirs(secured: Served, path: str) -> None:
    answer = await secured.client.get(path)
    assert (answer.status, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    expected = 404 if path == "/nothing" else 200
    for headers in (ANN, BEARER):
        assert (await secured.client.get(path, headers=headers)).status == expected


@pytest.mark.parametrize("headers", [basic("ann", "no"), basic("bob", "pässword"), basic("", "")])
async def test_others_are_not_let_in(secured: Served, headers: dict[str, str]) -> None:
    assert (await secured.client.get("/metrics", headers=headers)).status == 401


@pytest.mark.parametrize("given", ["Basic", "Basic !", "Basic /w==", "Digest a", "Bearer no"])
async def test_what_is_no_login_is_refused(secured: Served, given: str) -> None:
    assert (await secured.client.get("/metrics", headers={"Authorization": given})).status == 401


async def test_a_user_may_write_but_not_by_somebody_elses_page(secured: Served) -> None:
    assert (await secured.client.post("/-/reload", headers=ANN)).status == 200
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await secured.client.post("/-/reload", headers={**ANN, **headers})).status == 403
    own = f"http://127.0.0.1:{secured.client.port}"
    assert (await secured.client.post("/-/reload", headers={**ANN, "Origin": own})).status == 200


async def test_without_users_a_login_opens_nothing(served: Served) -> None:
    assert (await served.client.post("/-/reload", headers=ANN)).status == 401


async def test_headers_are_those_of_the_file(secured: Served) -> None:
    answer = await secured.client.get("/metrics", headers=ANN)
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_no_two_logins_are_taken_for_each_other() -> None:
    """The cache of exporter-toolkit once was poisoned by names and passwords that join to the same text."""
    known = users()
    assert await known.admits("ann", "pässword")
    for name, password in (("annp", "ässword"), ("an", "npässword"), ("ann", "pässword\0"), ("ann", "x" * 100)):
        assert not await known.admits(name, password)


async def test_what_is_known_is_not_computed_again_and_an_unknown_name_takes_as_long() -> None:
    slow = users(cost=10)

    async def took(name: str, password: str) -> float:
        began = time.perf_counter()
        await slow.admits(name, password)
        return time.perf_counter() - began

    first, again = await took("ann", "pässword"), await took("ann", "pässword")
    assert again < first / 5
    wrong, nobody = await took("ann", "no"), await took("nobody", "no")
    assert nobody > wrong / 3
    assert len(slow._known) == 1 <= REMEMBERED
