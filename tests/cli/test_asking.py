"""The commands that ask a running daemon, as people and scripts use them."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from monitor.cli.main import COMMANDS
from tests.cli.conftest import Asked
from tests.daemon.running import command, environment, wait_for

ROOT = Path(__file__).parents[2]


def test_status_is_a_line_a_service_with_what_is_broken_and_why(asked: Asked) -> None:
    said = asked.said("status", code=2)
    assert re.search(r"^host +● healthy ", said, re.MULTILINE)
    assert re.search(r"^redis +✖ down ", said, re.MULTILINE)
    assert "redis is down" in said
    assert "app_unresponsive (likely)" in said
    assert re.search(r"^infra-monitor \d.*, 3 checks, [\d,]+ samples$", said, re.MULTILINE)
    assert "\x1b" not in said  # no terminal, no colours


def test_status_of_named_services_has_their_exit_code(asked: Asked) -> None:
    assert "redis" not in asked.said("status", "host")
    answer = asked.json("status", "host", "redis", code=2)
    assert [each["name"] for each in answer["services"]] == ["host", "redis"]
    assert (answer["overall_status"], answer["monitoring"]["running"]) == ("down", True)
    assert [each["root"] for each in answer["incidents"]] == ["redis"]
    assert "there is no such service" in asked.refused("status", "nobody", code=3)


def test_status_of_a_named_service_tells_all_that_is_known_of_it(asked: Asked) -> None:
    wait_for(lambda: asked.daemon.get("/api/v1/services/redis")["uptime"]["24h"]["known_seconds"])
    said = asked.said("status", "redis", "web", code=2)
    assert re.search(r"^  up: 24h 0 %, 7d 0 %, 30d 0 %, of the .* that are known$", said, re.MULTILINE)
    assert re.search(r"^  critical: tcp: Connection refused  alert-\S+$", said, re.MULTILINE)
    assert re.search(r"^tcp +tcp +✖ down .* ago +tcp: refused — Connection refused$", said, re.MULTILINE)
    assert re.search(r"^  depends on: redis$", said, re.MULTILINE)
    assert re.search(r'^phase_duration\{phase="tcp"\} +[\d.]+ ms$', said, re.MULTILINE)
    (web,) = asked.json("status", "web")["services"]
    assert web["units"]["response_time"] == "seconds"
    assert web["units"].keys() == web["metrics"].keys()


def test_the_summary_counts_and_has_the_exit_code_of_the_whole(asked: Asked) -> None:
    assert asked.said("summary", code=2) == (
        "✖ down  3 services: 2 healthy, 1 down\n1 active alerts, 1 of them critical\n"
    )
    answer = asked.json("summary", code=2)
    assert answer == asked.daemon.get("/api/v1/summary")
    assert (answer["overall_status"], answer["down_services"], answer["critical_alerts"]) == ("down", 1, 1)


def test_alerts_are_found_by_service_severity_and_time(asked: Asked) -> None:
    (alert,) = asked.json("alerts")
    assert (alert["service"], alert["severity"]) == ("redis", "critical")
    assert re.search(
        rf"^{alert['id']} +redis +critical +\d\d-\d\d \d\d:\d\d +- +tcp: Connection refused$",
        asked.said("alerts"),
        re.MULTILINE,
    )
    assert [each["id"] for each in asked.json("alerts", "--service", "redis", "--severity", "critical")] == [
        alert["id"]
    ]
    assert alert["id"] in {each["id"] for each in asked.json("alerts", "--hours", "1")}
    assert alert["id"] in {each["id"] for each in asked.json("alerts", "--all")}
    assert asked.said("alerts", "--service", "host") == "no alerts\n"
    assert asked.said("alerts", "--severity", "warning") == "no alerts\n"
    assert "service cannot be 'nobody'; it is one of host, redis, web" in asked.refused(
        "alerts", "--service", "nobody", code=64
    )
    assert "invalid choice" in asked.refused("alerts", "--severity", "bad", code=64)
    assert "hours cannot be" in asked.refused("alerts", "--hours", "0", code=64)


def test_the_topology_says_who_depends_on_whom(asked: Asked) -> None:
    assert asked.said("topology").splitlines()[1:] == [
        "host     ● healthy  -",
        "redis    ✖ down     -",
        "web      ● healthy  redis",
    ]
    (edge,) = asked.json("topology")["edges"]
    assert edge == {
        "from": "web", "to": "redis", "source": "configured", "evidence": None, "response_time_ms": None,
    }  # fmt: skip


def test_the_monitoring_says_what_it_looks_at_how_often_and_how_much_it_remembers(asked: Asked) -> None:
    said = asked.said("monitoring")
    assert re.search(r"^infra-monitor \d\S*, running for \d+", said)
    assert re.search(r"^3 services, \d open incidents$", said, re.MULTILINE)
    assert re.search(r"^[\d,]+ samples and [\d,]+ rollups of \d+ series, .*iB, back to .* ago$", said, re.MULTILINE)
    assert re.search(r"^redis +tcp +tcp +0.5s +5s +\S+ ago$", said, re.MULTILINE)
    answer = asked.json("monitoring")
    assert (answer["running"], answer["services"], answer["history"]["error"]) == (True, 3, None)
    assert answer["stored_samples"] == answer["history"]["samples"] > 0
    assert {each["every_seconds"] for each in answer["checks"]} == {0.5}


def test_without_channels_there_is_nothing_to_say_of_them(asked: Asked) -> None:
    assert asked.said("notify", "status") == "no channels\n"
    assert asked.json("notify", "status") == []


def test_incidents_are_listed_and_told_with_their_timeline(asked: Asked) -> None:
    (incident,) = asked.json("incidents")
    assert re.search(rf"^{incident['id']} .* redis +app_unresponsive$", asked.said("incidents"), re.MULTILINE)
    story = asked.said("incidents", incident["id"])
    assert "Nobody listens" in story
    assert re.search(r"opened +redis +critical", story)
    assert asked.json("incidents", incident["id"])["timeline"][0]["kind"] in {"opened", "status"}
    assert asked.said("incidents", "--service", "host") == "no incidents\n"
    assert len(asked.json("incidents", "--all", "--hours", "1")) >= 1
    assert "no such incident" in asked.refused("incidents", "incident-0", code=1)
    assert "hours cannot be" in asked.refused("incidents", "--hours", "-1", code=64)


def test_an_incident_is_acknowledged_and_a_resolved_one_opens_again(asked: Asked) -> None:
    (incident,) = asked.json("incidents")
    (alert,) = incident["alerts"]
    assert (
        asked.said("ack", incident["id"], "--by", "앤", "--note", "on it")
        == f"{alert['id']}: redis acknowledged by 앤\n"
    )
    assert asked.json("incidents")[0]["alerts"][0]["acknowledged_by"] == "앤"
    (resolved,) = asked.json("resolve", alert["id"], "--note", "gone")
    assert (resolved["note"], resolved["resolved_at"] is None) == ("gone", False)
    again = wait_for(lambda: asked.daemon.get("/api/v1/incidents"), seconds=30)
    assert again[0]["reopens"] == incident["id"]
    assert asked.run("ack", incident["id"]).stderr == f"{incident['id']}: nothing of it is open\n"
    assert "no such alert" in asked.refused("ack", "nothing", code=1)


def test_a_silence_is_added_listed_and_ended(asked: Asked) -> None:
    assert asked.said("silence") == "no silences\n"
    said = asked.said("silence", "add", "service=host", "--for", "2h", "--reason", "점검", "--by", "ann")
    assert re.search(r"^silence-\S+ .* ann +service=host +점검$", said, re.MULTILINE)
    (silence,) = asked.json("silence", "list")
    assert (silence["matchers"], silence["by"], silence["active"]) == ({"service": "host"}, "ann", True)
    assert asked.json("silence", "end", silence["id"]) == {"id": silence["id"]}
    assert asked.json("silence") == []
    assert "MATCHER is" in asked.refused("silence", "add", "host", "--for", "2h", code=64)
    assert "for how long or until when" in asked.refused("silence", "add", "service=host", code=64)


def test_maintenance_is_declared_now_once_and_again_and_again(asked: Asked) -> None:
    assert asked.said("maintenance") == "no maintenance\n"
    now = asked.json("maintenance", "add", "web", "--for", "1h", "--reason", "upgrade")
    assert asked.daemon.statuses()["web"] == "maintenance"
    later = asked.json("maintenance", "add", "web", "--starts", now["ends_at"], "--for", "1h")
    rule = asked.json("maintenance", "add", "host", "--cron", "0 3 * * 0", "--time-zone", "Asia/Seoul", "--for", "1h")
    listed = asked.said("maintenance")
    for words in (
        f"{now['id']} .* now ",
        f"{later['id']} .* scheduled ",
        f"{rule['id']} .* 0 3 \\* \\* 0 Asia/Seoul, 1h ",
    ):
        assert re.search(words, listed), words
    for entry in (now, later, rule):
        assert asked.said("maintenance", "end", entry["id"]) == f"{entry['id']} ended\n"
    assert asked.json("maintenance") == []
    assert asked.daemon.statuses()["web"] == "healthy"
    assert "cron must be five fields" in asked.refused(
        "maintenance", "add", "web", "--cron", "soon", "--for", "1h", code=64
    )


def test_a_look_on_demand_is_taken(asked: Asked) -> None:
    assert asked.said("look", "host") == "looking: host\n"
    assert "no such service" in asked.refused("look", "nobody", code=1)


def test_history_names_its_metrics_and_draws_one_at_80_columns(asked: Asked) -> None:
    assert re.search(r"^host +memory +ratio$", asked.said("history", "host"), re.MULTILINE)
    wait_for(lambda: len(asked.json("history", "host", "memory", "--hours", "0.01")["series"][0]["points"]) > 3)
    drawn = asked.said("history", "host", "memory", "--last", "36s").splitlines()
    assert drawn[0] == "host host memory"
    assert re.search(r"^ +min .* %  avg .* %  max .* %  last .* %$", drawn[-1])
    assert len(drawn) == 11
    assert any(set(line) & set("▁▂▃▄▅▆▇█") for line in drawn)
    assert max(map(len, drawn)) <= 80
    assert "has no 'nothing'" in asked.refused("history", "host", "nothing", code=1)
    assert "is no time; write for example" in asked.refused("history", "host", "--last", "soon", code=64)


def test_watch_in_a_pipe_is_one_table_after_the_other(asked: Asked) -> None:
    said = asked.said("watch", "--every", "100ms", "--count", "2")
    assert said.count("service  status") == 2
    assert "\x1b" not in said
    lines = [
        json.loads(line) for line in asked.said("watch", "--every", "100ms", "--count", "2", "--json").splitlines()
    ]
    assert [each["overall_status"] for each in lines] == ["down", "down"]
    assert "is not a duration" in asked.refused("watch", "--every", "soon", code=64)


def test_a_token_that_is_wrong_or_closed_is_named(asked: Asked, tmp_path: Path) -> None:
    wrong = asked.refused("ack", "x", code=1, INFRA_MONITOR_TOKEN="wrong-token-wrong")
    assert wrong.startswith(f"the daemon at {asked.daemon.url} does not take the token from $INFRA_MONITOR_TOKEN;")
    done = command("ack", "x", "--url", asked.daemon.url, cwd=tmp_path, more={"STATE_DIRECTORY": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"infra-monitor: the token {tmp_path}/token cannot be read (No such file or directory);"
    )
    token = (asked.config.parent / "state" / "token").read_text()
    right = command("ack", "x", "--url", asked.daemon.url, cwd=tmp_path, more={"INFRA_MONITOR_TOKEN": token})
    assert "no such alert" in right.stderr


@pytest.mark.parametrize(
    "subcommand",
    [["status"], ["summary"], ["alerts"], ["incidents"], ["silence"], ["watch"], ["history", "rds"], ["ack", "x"]],
)
def test_without_a_daemon_one_line_says_how_to_start_it(tmp_path: Path, subcommand: list[str]) -> None:
    done = command(*subcommand, "--url", "127.0.0.1:1", cwd=tmp_path, more={"INFRA_MONITOR_TOKEN": "x"})
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "infra-monitor: nothing answers at http://127.0.0.1:1 (Connection refused); start the daemon"
    )
    assert done.returncode == (3 if subcommand[0] in ("status", "summary") else 1)


def test_something_else_at_the_address_is_said_to_be_something_else(tmp_path: Path) -> None:
    def answer(server: socket.socket) -> None:
        for body in (b"HTTP/1.1 200 OK\r\n\r\nhello", b"HTTP/1.1 404 Not Found\r\n\r\nhello", b"SSH-2.0\r\n", b""):
            taken, _ = server.accept()
            with taken:
                taken.recv(65536)
                taken.sendall(body)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        said = [command("incidents", "--url", url, cwd=tmp_path).stderr for _ in range(4)]
    assert said[0] == f"infra-monitor: what answers at {url} is not infra-monitor\n"
    assert said[1] == f"infra-monitor: what answers at {url} is not infra-monitor (404)\n"
    assert said[2].startswith(f"infra-monitor: nothing answers at {url} (")
    assert said[3].startswith(f"infra-monitor: what answers at {url} hangs up; if it speaks TLS")


@pytest.mark.parametrize("url", ["http://[::1", "http://x:99999", "ftp://x", "http://", "x:0"])
def test_what_is_no_address_is_a_wrong_command_line(tmp_path: Path, url: str) -> None:
    done = command("status", "--url", url, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (64, 1)
    assert "is no address; write for example http://127.0.0.1:10142" in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web: {listen: nowhere}\n", "web.listen: must be host:port"),
        ("web: {listen\n", "config.yaml:"),
    ],
)
def test_a_configuration_without_an_address_in_it_is_told_with_78(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    done = command("status", "--config", tmp_path / "config.yaml")
    assert (done.returncode, len(done.stderr.splitlines())) == (78, 1)
    assert said in done.stderr


def test_a_client_command_loads_neither_server_nor_validation_and_starts_at_once() -> None:
    """Measured against the parts it needs in any case, since machines differ: an interpreter with urllib and YAML."""
    code = "import sys; from monitor.cli.main import parser; parser('{}'); print(*sys.modules)"
    for name in ("status", "ack", "silence", "history", "watch", "alerts"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(name)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env=environment(),
        )
        loaded = {each.partition(".")[0] for each in done.stdout.split()}
        assert not loaded & {"aiohttp", "pydantic", "psycopg", "boto3", "structlog", "apscheduler", "asyncio"}, name

    def fastest(code: str) -> float:
        times = []
        for _ in range(7):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment())
            times.append(time.perf_counter() - began)
        return min(times)

    bare = fastest("import argparse, dataclasses, enum, json, urllib.request, yaml")
    assert fastest("from monitor.cli.main import parser; parser('status')") < 2.5 * bare


def test_the_help_names_every_command_and_an_unknown_one_is_refused() -> None:
    said = command("--help").stdout
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert re.search(rf"^ +{name} ", said, re.MULTILINE), name
        assert f"`{name}" in page, f"{name} is not in docs/cli.md"
    assert command("nothing").returncode == 64


@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        ("status | head -1", 2, ""),
        ("monitoring --json | head -1", 0, ""),
        ("status >&-", 2, ""),
        ("status 2>&-", 2, ""),
        ("incidents >/dev/full", 1, "infra-monitor: the output cannot be written: No space left on device\n"),
        ("incidents --json >/dev/full", 1, "infra-monitor: the output cannot be written: No space left on device\n"),
    ],
)
def test_an_output_that_is_closed_or_full_is_no_traceback(asked: Asked, redirected: str, code: int, said: str) -> None:
    subcommand, _, rest = redirected.partition(" ")
    line = f'{sys.executable} -m monitor {subcommand} --config "$0" {rest}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line, asked.config],
        capture_output=True,
        text=True,
        check=False,
        env=environment({"PYTHONPATH": str(ROOT)}),
    )
    assert (done.returncode, done.stderr) in {(code, said), (0, said)} if "|" in redirected else {(code, said)}


def test_a_terminal_without_korean_gets_question_marks_and_a_program_escapes(asked: Asked) -> None:
    silence = asked.json("silence", "add", "service=host", "--for", "1h", "--reason", "점검 — 중")
    done = asked.run("silence", PYTHONIOENCODING="ascii")
    assert (done.returncode, "?? ? ?" in done.stdout, done.stderr) == (0, True, "")
    listed = asked.run("silence", "--json", PYTHONIOENCODING="ascii").stdout
    assert listed.isascii()
    assert json.loads(listed)[0]["reason"] == "점검 — 중"
    asked.said("silence", "end", silence["id"])
