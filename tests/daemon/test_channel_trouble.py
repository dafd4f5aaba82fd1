"""On a running daemon: what is wrong with a channel is said wherever somebody could look, and nothing is lost by it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import free_port, wait_for
from tests.daemon.small import Small, small

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as running:
        yield running


def _without_channels(text: str) -> str:
    return text[: text.index("notify:")]


def test_a_channel_whose_receiver_wants_no_more_is_said_loudly_until_it_is_mended(here: Small) -> None:
    assert here.channels()["webhook"] | {"oldest_at": None} == {
        "channel": "webhook", "kind": "webhook", "configured": True, "pending": 0, "oldest_at": None, "dead": 0,
        "tried_at": None, "outcome": None, "error": None, "delivered_at": None,
        "stopped_at": None, "stopped_why": None, "refresh_error": None,
    }  # fmt: skip
    assert re.search(r"^webhook +webhook +- +- +0 +0$", here.says("notify", "status"), re.MULTILINE)
    here.hears.status = 410
    broken = here.another("gone", free_port())
    here.reload(broken)
    wait_for(lambda: here.channels()["webhook"]["stopped_at"], seconds=30)
    stopped = wait_for(lambda: (one := here.channels()["webhook"])["pending"] == 1 and one, seconds=10)
    why = "HTTP 410, the receiver wants nothing more"
    assert (stopped["stopped_why"], stopped["outcome"], stopped["error"]) == (why, "stopped", why)
    assert stopped["oldest_at"] <= stopped["stopped_at"] == stopped["tried_at"]
    assert here.metric('infra_channel_stopped{channel="webhook"}') == 1
    assert here.metric('infra_channel_up{channel="webhook"}') == 0
    assert here.metric('infra_channel_pending{channel="webhook"}') == here.metric("infra_outbox_pending") == 1
    assert here.metric('infra_notices_total{channel="webhook",kind="opened",outcome="stopped"}') == 1
    (line,) = (line for line in here.daemon.logged().splitlines() if '"notice.stopped"' in line)
    assert json.loads(line) | {"level": "error", "error": why, "channel": "webhook"} == json.loads(line)
    said = rf"STOPPED \S+ ago: {why}; mend it, then reload; 1 waiting, the oldest for \S+$"
    assert re.search(rf"^! channel webhook: {said}", here.says("status", code=2), re.MULTILINE)
    assert re.search(rf"^! webhook: {said}", here.says("notify", "status", code=1), re.MULTILINE)
    assert json.loads(here.says("notify", "status", "--json", code=1))[0]["stopped_why"] == why

    here.hears.status = 404
    here.hup()  # it is tried again, and the address is wrong now
    refused = wait_for(lambda: (one := here.channels()["webhook"])["outcome"] == "dead" and one, seconds=20)
    assert (refused["stopped_at"], refused["error"]) == (None, "HTTP 404")
    wait_for(lambda: here.channels()["webhook"]["dead"] == 1, seconds=10)
    assert here.metric('infra_notices_total{channel="webhook",kind="opened",outcome="dead"}') == 1
    assert re.search(r"^! webhook: the newest notice was given up \S+ ago: HTTP 404$",
                     here.says("notify", "status", code=1), re.MULTILINE)  # fmt: skip

    here.hears.status = 200
    here.reload(here.text)
    wait_for(lambda: here.channels()["webhook"]["outcome"] == "delivered", seconds=20)
    assert here.hears.told()[-1] == "resolved gone"
    assert here.metric('infra_channel_up{channel="webhook"}') == 1
    assert "!" not in here.says("notify", "status") + here.says("status")
    here.daemon.stop()
    here.daemon.start()
    known = here.channels()["webhook"]
    assert (known["outcome"], known["error"], known["dead"]) == ("delivered", None, 1), "over a restart as well"
    assert known["delivered_at"] is not None


def test_one_that_is_away_is_waited_for_and_the_age_of_what_waits_is_a_number(here: Small) -> None:
    here.hears.status = 503
    here.reload(here.another("gone", free_port()))
    wait_for(lambda: here.channels()["webhook"]["outcome"] == "retried", seconds=30)
    wait_for(lambda: here.channels()["webhook"]["pending"] == 1, seconds=10)
    age = here.metric("infra_outbox_oldest_seconds")
    assert 0 <= age < 60
    wait_for(lambda: here.metric("infra_outbox_oldest_seconds") > age, seconds=10)
    said = here.says("notify", "status", code=1)
    assert re.search(r"^! webhook: the newest try failed \S+ ago: HTTP 503; 1 waiting", said, re.MULTILINE)
    here.hears.status = 200
    here.hup()  # a configuration that stayed as it was shortens no pause
    here.daemon.stop()
    here.daemon.start()  # a restart does
    wait_for(lambda: here.channels()["webhook"]["outcome"] == "delivered", seconds=20)
    assert set(here.hears.told()) == {"opened gone"}


def test_a_channel_that_left_hears_that_it_is_over_when_it_comes_back(here: Small) -> None:
    closed = here.text.replace(f":{here.peer.port}", f":{free_port()}")
    here.reload(closed)
    wait_for(lambda: here.hears.told() == ["opened peer"], seconds=30)
    here.reload(_without_channels(closed))
    assert here.channels() == {}, "nothing is owed to it"
    here.reload(_without_channels(here.text))
    wait_for(lambda: here.daemon.statuses() == {"peer": "healthy"}, seconds=20)
    left = wait_for(lambda: here.channels().get("webhook"), seconds=20)
    assert (left["configured"], left["kind"], left["pending"]) == (False, None, 1)
    assert here.metric('infra_channel_pending{channel="webhook"}') == 1
    assert here.metric("infra_outbox_pending") == 0, "it waits for nobody who is there"
    said = here.says("status")
    assert re.search(r"^! channel webhook: no longer configured; 1 waiting, the oldest for \S+$", said, re.MULTILINE)
    assert here.hears.told() == ["opened peer"]
    here.reload(here.text)
    wait_for(lambda: here.hears.told() == ["opened peer", "resolved peer"], seconds=20)
    wait_for(lambda: here.channels()["webhook"]["pending"] == 0, seconds=10)
    assert here.count("outbox.unconfigured") == 0, "it left owing nothing"


def test_a_channel_that_is_left_out_because_its_address_is_not_set_is_said(here: Small) -> None:
    here.reload(here.text.replace(f'"{here.hears.url}/page"', '"${PAGER_OF_NOBODY}"'))
    assert here.channels() == {}
    (warning,) = here.config()["warnings"]
    assert "PAGER_OF_NOBODY" in warning
    assert f"! {warning}\n" in here.says("status")
