"""On a running daemon: bounds with their times and recovery, and every kind of notice, for people in Korean."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import wait_for
from tests.daemon.small import Small, small

pytestmark = pytest.mark.timeout(300)
LASTS = 4.0
MORE = """\
  - {{kind: slack, url: "{url}/ko", language: ko}}
  - {{kind: webhook, name: pager, url: "{url}/pager", severity: critical}}
timezone: Asia/Seoul
remind: 4h
"""
BOUNDS = (
    "thresholds: {response_time: {info: 1s, error: 1s, critical: 3s, "
    f"warning: {{at: 1s, recover: 500ms, for: {LASTS:g}s}}}}}}, "
)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, more=MORE) as running:
        yield running


def _titles(here: Small) -> list[str]:
    """Of what was told in Korean."""
    return [body["attachments"][0]["title"] for body in here.hears.bodies("/ko")]


def _fields(here: Small, number: int) -> dict[str, str]:
    return {each["title"]: each["value"] for each in here.hears.bodies("/ko")[number]["attachments"][0]["fields"]}


def _alerts(here: Small, state: str = "active") -> dict[str, Any]:
    return {each["severity"]: each for each in here.daemon.get(f"/api/v1/alerts?state={state}")}


def test_a_bound_has_to_be_passed_for_its_time_and_is_well_again_only_at_its_recovery(here: Small) -> None:
    here.reload(here.text.replace("every: 1s, timeout: 5s,", f"every: 500ms, timeout: 8s, {BOUNDS}"))
    here.peer.delay, began = 1.2, time.time()
    wait_for(lambda: {"info", "error", "warning"} <= set(_alerts(here)), seconds=60)
    alerts = _alerts(here)
    assert _at(alerts["warning"]["opened_at"]) >= began + LASTS, "not before its time"
    for severity in ("info", "error", "warning"):
        assert (alerts[severity]["metric"], alerts[severity]["threshold"]) == ("response_time", 1.0)
        assert 1.0 <= alerts[severity]["value"] < 3.0
    assert re.fullmatch(r"response_time is \d+ ms; the limit is 1000 ms", alerts["warning"]["message"])
    assert [each["severity"] for each in here.daemon.get("/api/v1/alerts?severity=error")] == ["error"]
    wait_for(lambda: here.hears.told() == ["opened peer"], seconds=30)
    assert here.daemon.statuses() == {"peer": "warning"}
    here.peer.delay = 0.8  # better than the bound, worse than its recovery: those without one are over
    wait_for(lambda: set(_alerts(here)) == {"warning"}, seconds=30)
    time.sleep(3)
    assert (set(_alerts(here)), here.daemon.statuses()) == ({"warning"}, {"peer": "warning"})
    here.peer.delay = 3.2
    wait_for(lambda: here.hears.told("/pager") == ["opened peer"], seconds=60)
    wait_for(lambda: here.hears.told() == ["opened peer", "updated peer"], seconds=10)
    here.peer.delay = 0.0
    wait_for(lambda: here.hears.told() == ["opened peer", "updated peer", "resolved peer"], seconds=60)
    wait_for(lambda: len(_titles(here)) == 3, seconds=10)
    assert here.hears.told("/pager") == ["opened peer", "resolved peer"], "it was told when it grew critical"
    assert _titles(here)[:2] == ["[오류] peer 이상 징후", "[심각] 업데이트: peer 장애 (심각도 상승: 오류 → 심각)"]
    assert re.fullmatch(r"\[해결됨\] peer \(((\d+분)? ?(\d+초)?) 만에\)", _titles(here)[2])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d KST", _fields(here, 0)["시작"])
    assert {"시작", "종료", "지속 시간"} <= _fields(here, 2).keys()
    assert {"error", "info", "critical"} <= set(_alerts(here, "all")), (
        "the warning grew critical and is one alert with it"
    )
    assert json.loads(here.says("incidents", "--json")) == []


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_who_forgets_is_reminded_and_what_keeps_changing_is_told_once(here: Small) -> None:
    here.peer.says = b"gone\n"
    wait_for(lambda: here.hears.told() == ["opened peer"], seconds=30)
    here.daemon.stop()
    _age(here, 4 * 3600.0)
    here.daemon.start()
    wait_for(lambda: here.hears.told() == ["opened peer", "reminder peer"], seconds=30)
    wait_for(lambda: len(_titles(here)) == 2, seconds=10)
    assert re.fullmatch(r"\[심각\] 4시간( \d+분)?( \d+초)?째 지속 중: peer 장애", _titles(here)[1])
    for _ in range(10):
        here.peer.says = b"here\n" if here.peer.says == b"gone\n" else b"gone\n"
        wanted = "healthy" if here.peer.says == b"here\n" else "critical"
        wait_for(lambda: here.daemon.statuses() == {"peer": wanted} or _flapping(here), seconds=30)  # noqa: B023 — awaited in its own round
        if _flapping(here):
            break
    wait_for(lambda: "[심각] peer 상태가 계속 바뀌고 있습니다" in _titles(here), seconds=10)
    before = here.hears.told()
    assert before.count("flapping peer") == 1
    for says in (b"here\n", b"gone\n", b"here\n"):
        here.peer.says = says
        time.sleep(3)
    assert here.hears.told() == before, "what comes next is told when it has settled"


def _flapping(here: Small) -> bool:
    return "flapping peer" in here.hears.told()


def _age(here: Small, seconds: float) -> None:
    """As if all that was told had been told so much earlier; the daemon does not run."""
    connection = sqlite3.connect(here.state / "state.db")
    with connection:
        for name, body in connection.execute("SELECT id, body FROM pieces WHERE kind = 'incident'").fetchall():
            incident = json.loads(body)
            incident["opened_at"] -= seconds
            incident["told"] = [{**each, "at": each["at"] - seconds} for each in incident["told"]]
            connection.execute(
                "UPDATE pieces SET body = ? WHERE kind = 'incident' AND id = ?", (json.dumps(incident), name)
            )
    connection.close()
