"""What the daemon says of itself over HTTP."""

from __future__ import annotations

from dataclasses import replace

from tests.web.conftest import BEARER, Served


async def test_it_is_healthy_until_a_part_stands_still(served: Served) -> None:
    answer = await served.client.get("/-/healthy")
    assert (answer.status, await answer.text()) == (200, "healthy\n")
    served.upkeep.stands_still = "the store has stood still for 20 s"
    answer = await served.client.get("/-/healthy")
    assert (answer.status, await answer.text()) == (503, "not healthy: the store has stood still for 20 s\n")


async def test_reload_says_that_it_was_taken_or_why_not(served: Served) -> None:
    for method in (served.client.post, served.client.put):
        answer = await method("/-/reload", headers=BEARER)
        assert (answer.status, await answer.text()) == (200, "reloaded\n")
    served.upkeep.reloads = replace(served.upkeep.reloads, lines=("config.yaml:1:1: no", "config.yaml:2:1: neither"))
    answer = await served.client.post("/-/reload", headers=BEARER)
    assert (answer.status, await answer.text()) == (422, "config.yaml:1:1: no\nconfig.yaml:2:1: neither\n")
    assert served.upkeep.count == 3


async def test_reload_needs_the_token(served: Served) -> None:
    assert (await served.client.post("/-/reload")).status == 401
    assert (await served.client.get("/-/reload", headers=BEARER)).status == 405
    assert served.upkeep.count == 0


async def test_the_configuration_in_use_is_told(served: Served) -> None:
    served.upkeep.reloads = replace(served.upkeep.reloads, lines=("no",), warnings=("hm",))
    assert await served.data("/api/v1/config") == {
        "file": "config.yaml",
        "taken_at": "2023-11-14T22:13:20.000Z",
        "tried_at": "2023-11-14T22:13:20.000Z",
        "successful": False,
        "errors": ["no"],
        "warnings": ["hm"],
    }
