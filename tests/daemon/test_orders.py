"""Orders through HTTP and the command line on a running daemon: what people are told because of them, and what not."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.daemon.running import command, wait_for
from tests.daemon.small import Small, small

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as daemon:
        yield daemon


def order(here: Small, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The `data` of the answer."""
    headers = {"Authorization": f"Bearer {here.token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(here.daemon.url + path, method=method, headers=headers, data=data)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())["data"]


def said(here: Small, *arguments: str) -> Any:
    return json.loads(here.says(*arguments, "--json"))


def refuse(here: Small, *, silent: bool) -> None:
    """The peer says nothing (and is down), or says what it should."""
    here.peer.silent = silent
    here.peer.release.set() if not silent else here.peer.release.clear()


def paged(here: Small) -> list[dict[str, Any]]:
    return [json.loads(body)["data"]["incident"] for _, path, body in here.hears.requests if path == "/page"]


def test_what_is_resolved_by_hand_but_still_broken_opens_again_as_one_notice_that_says_so(here: Small) -> None:
    refuse(here, silent=True)
    wait_for(lambda: here.hears.told() == ["opened peer"])
    (first,) = here.daemon.get("/api/v1/incidents")
    resolved = order(here, "POST", f"/api/v1/alerts/{first['alerts'][0]['id']}/resolve", {"by": "ann", "note": "gone"})
    assert (resolved["resolved_by"], resolved["note"]) == ("ann", "gone")
    wait_for(lambda: len(here.hears.told()) == 3)
    (second,) = here.daemon.get("/api/v1/incidents")
    assert second["reopens"] == first["id"] != second["id"]
    by_hand = said(here, "resolve", second["id"], "--by", "앤", "--note", "정말 끝")
    assert [each["resolved_by"] for each in by_hand] == ["앤"]
    wait_for(lambda: len(here.hears.told()) == 5)
    refuse(here, silent=False)
    wait_for(lambda: len(here.hears.told()) == 6)
    time.sleep(2)
    assert here.hears.told() == ["opened peer", "resolved peer"] * 3
    assert [each["reopens"] for each in paged(here)[::2]] == [None, first["id"], second["id"]]
    story = here.says("incidents", first["id"])
    assert "by ann" in story
    assert "“gone”" in story
    closed = said(here, "incidents", "--all")
    assert [each["resolved_by"] for each in closed] == [None, "앤", "ann"]


def test_a_silence_holds_back_what_it_matches_and_its_end_tells_what_is_still_broken(here: Small) -> None:
    other = said(here, "silence", "add", "service=peer", "severity=warning", "--for", "1h", "--by", "ann")
    silence = order(
        here,
        "POST",
        "/api/v1/silences",
        {"by": "ann", "matchers": {"service": "peer", "severity": "critical"}, "for": "1h"},
    )
    refuse(here, silent=True)
    (alert,) = wait_for(lambda: said(here, "alerts", "--service", "peer"))
    assert said(here, "ack", alert["id"], "--by", "ann", "--note", "on it")[0]["acknowledged_by"] == "ann"
    time.sleep(3)
    assert here.hears.told() == []
    assert here.daemon.statuses() == {"peer": "down"}, "notices are muted, not state"
    assert said(here, "silence", "end", silence["id"]) == {"id": silence["id"]}
    wait_for(lambda: here.hears.told() == ["opened peer"])
    order(here, "DELETE", f"/api/v1/silences/{other['id']}")
    assert said(here, "silence") == here.daemon.get("/api/v1/silences") == []


def test_maintenance_now_once_and_by_cron_mutes_while_it_runs(here: Small) -> None:
    now = order(here, "POST", "/api/v1/maintenance", {"by": "ann", "service": "peer", "for": "1h", "reason": "upgrade"})
    assert here.daemon.statuses() == {"peer": "maintenance"}
    refuse(here, silent=True)
    wait_for(lambda: here.daemon.get("/api/v1/services/peer")["checks"][0]["verdict"] == "down")
    time.sleep(3)
    assert here.hears.told() == []
    assert here.says("maintenance", "end", now["id"]) == f"{now['id']} ended\n"
    wait_for(lambda: here.hears.told() == ["opened peer"])
    refuse(here, silent=False)
    wait_for(lambda: here.hears.told() == ["opened peer", "resolved peer"])

    begins = datetime.now(ZoneInfo("Asia/Seoul")) + timedelta(seconds=12)
    once = said(here, "maintenance", "add", "peer", "--starts", begins.isoformat(), "--for", "1h", "--by", "ann")
    assert (once["active"], here.daemon.statuses()) == (False, {"peer": "healthy"})
    wait_for(lambda: here.daemon.statuses() == {"peer": "maintenance"}, seconds=30)
    order(here, "DELETE", f"/api/v1/maintenance/{once['id']}")

    rule = said(here, "maintenance", "add", "peer", "--cron", "* * * * *", "--time-zone", "Asia/Seoul", "--for", "1m")
    wait_for(lambda: here.daemon.statuses() == {"peer": "maintenance"}, seconds=30)
    (window, listed) = here.daemon.get("/api/v1/maintenance")
    assert (window["recurring"], listed["id"], listed["active"]) == (rule["id"], rule["id"], True)
    assert here.says("maintenance", "end", rule["id"]) == f"{rule['id']} ended\n"
    assert (here.daemon.statuses(), said(here, "maintenance")) == ({"peer": "healthy"}, [])


def test_rules_and_silences_outlive_a_restart_and_are_ended_by_a_reader_of_the_file(here: Small) -> None:
    rule = said(
        here, "maintenance", "add", "peer", "--cron", "30 2 * * 0", "--time-zone", "Europe/Berlin", "--for", "1h"
    )
    until = (datetime.now(ZoneInfo("Asia/Seoul")) + timedelta(days=30)).isoformat()
    silence = said(here, "silence", "add", "cause=unknown", "--until", until)
    begins = datetime.fromisoformat(rule["starts_at"]).astimezone(ZoneInfo("Europe/Berlin"))
    assert (begins.weekday(), begins.hour, begins.minute) == (6, 2, 30)
    here.daemon.kill()
    here.daemon.start()
    assert [each["id"] for each in said(here, "silence")] == [silence["id"]]
    assert rule["id"] in [each["id"] for each in said(here, "maintenance", "list")]


WRONG = [
    (["maintenance", "add", "peer", "--cron", "61 * * * *", "--for", "1h"], 64, "cron cannot be '61 * * * *'"),
    (["maintenance", "add", "peer", "--cron", "0 3 1 * 1", "--for", "1h"], 64, "not both"),
    (["maintenance", "add", "peer", "--cron", "0 0 31 2 *", "--for", "1h"], 64, "never comes"),
    (
        ["maintenance", "add", "peer", "--cron", "0 3 * * 0", "--for", "1h", "--time-zone", "Mars"],
        64,
        "Asia/Seoul or UTC",
    ),
    (["maintenance", "add", "peer", "--cron", "0 3 * * 0"], 64, "say only for how long each window is"),
    (["maintenance", "add", "peer", "--for", "1h", "--time-zone", "UTC"], 64, "time_zone belongs to cron"),
    (["maintenance", "add", "nobody", "--for", "1h"], 1, "there is no such service"),
    (["maintenance", "add", "peer", "--for", "soon"], 64, "'soon' is not a duration"),
    (["maintenance", "add", "peer", "--for", "0s"], 64, "between a second and 366 days"),
    (["maintenance", "add", "peer", "--for", "400d"], 64, "between a second and 366 days"),
    (["maintenance", "add", "peer", "--until", "tomorrow"], 64, "a time with its zone"),
    (["maintenance", "add", "peer", "--until", "2026-11-24T03:00:00"], 64, "a time with its zone"),
    (["maintenance", "add", "peer", "--until", "2001-01-01T00:00:00Z"], 64, "it must end after it begins"),
    (["maintenance", "end", "maintenance-0"], 1, "there is no such maintenance"),
    (["silence", "add", "colour=red", "--for", "1h"], 64, "matchers name one or more of service, severity, cause"),
    (["silence", "add", "severity=bad", "--for", "1h"], 64, "severity is one of info, warning, error, critical"),
    (
        ["silence", "add", "service=peer", "--for", "1h", "--until", "2027-01-01T00:00:00Z"],
        64,
        "for how long or until when",
    ),
    (["silence", "end", "a/b"], 1, "there is nothing at this path"),
    (["silence", "end", "none"], 1, "there is no such silence"),
    (["ack", "alert-none"], 1, "there is no such alert"),
    (["resolve", "incident-none"], 1, "there is no such incident"),
    (["resolve", "alert-none", "--by", "x" * 200], 64, "by must be a name of 1 to 128"),
    (["look", "nobody"], 1, "there is no such service"),
    (["history", "peer", "up", "--hours", "9999"], 64, "hours cannot be"),
    (["history", "nobody"], 1, "there is no such service"),
    (["incidents", "--hours", "nan"], 64, "hours cannot be"),
    (["incidents", "nothing"], 1, "there is no such incident"),
]


def test_what_cannot_be_meant_is_one_line_with_its_exit_code_and_changes_nothing(here: Small) -> None:
    for arguments, code, words in WRONG:
        done = command(*arguments, "--config", here.daemon.config)
        lines = done.stderr.splitlines()
        assert (done.returncode, len(lines), done.stdout) == (code, 1, ""), (arguments, done)
        assert words in lines[0], (arguments, lines[0])
    assert (said(here, "silence"), said(here, "maintenance")) == ([], [])
    assert here.hears.told() == []
    assert here.count("web.crashed") == 0
