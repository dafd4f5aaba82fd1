"""`infra-monitor explain`: the same words from the daemon and from a single look."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.remedy import remedy
from monitor.cli.terminal import columns
from monitor.cli.tree import Tree
from tests.cli.conftest import Asked
from tests.daemon.running import command, free_port

CONFIG = """
web: {{listen: "127.0.0.1:{daemon}"}}
state: {{directory: state}}
language: {language}
services:
  redis: {{checks: [{{kind: tcp, address: "127.0.0.1:{closed}"}}]}}
  worker: {{depends_on: [redis], checks: [{{kind: tcp, address: "127.0.0.1:{closed}"}}]}}
"""


def config(directory: Path, language: str = "en") -> Path:
    found = directory / "config.yaml"
    found.write_text(CONFIG.format(daemon=free_port(), closed=free_port(), language=language))
    return found


def node(name: str, status: str = "healthy", message: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "kinds": [], "message": message, "workers": None, **more}


def edge(source: str, target: str, evidence: str | None = None) -> dict[str, Any]:
    return {"from": source, "to": target, "source": "configured", "evidence": evidence}


def drawn(topology: dict[str, Any], *roots: str, language: str = "en", encoding: str = "utf-8") -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    return list(Tree(topology, frozenset(roots), language, stream).lines())


CHAIN = {
    "services": [
        node("rds", "down", "connection refused"),
        node("web", kinds=["nginx"]),
        node("nodejs", "critical", "GET /health answers 500", workers={"alive": 2, "listed": 2}),
        node("python"),
        node("host", "unknown", "not configured: X"),
    ],
    "edges": [
        edge("web", "nodejs", "route shop.test/ → 127.0.0.1:3000"),
        edge("web", "python"),
        edge("nodejs", "rds"),
        edge("python", "rds"),
    ],
}


def test_the_chain_is_a_tree_from_the_client_down_to_the_database() -> None:
    assert drawn(CHAIN, "rds") == [
        "client",
        "└─ ● healthy  web",
        "   ├─ ■ critical  nodejs  2 of 2 workers alive",
        "   │    route shop.test/ → 127.0.0.1:3000",
        "   │    GET /health answers 500",
        "   │  └─ ✖ down  rds  ← the cause is here",
        "   │       connection refused",
        "   └─ ● healthy  python",
        "      └─ ✖ down  rds  ← the cause is here  (see above)",
        "? unknown  host",
        "  not configured: X",
    ]


def test_it_can_be_read_where_the_terminal_knows_only_letters() -> None:
    lines = drawn(CHAIN, encoding="ascii")
    assert lines[1:3] == ["`- * healthy  web", "   |- * critical  nodejs  2 of 2 workers alive"]


def test_it_speaks_korean_and_no_line_is_wider_than_80_columns() -> None:
    long = "데이터베이스가 응답하지 않습니다 " * 12
    lines = drawn({"services": [node("rds", "down", long)], "edges": []}, language="ko")
    assert lines[0] == "✖ 중단  rds"
    assert len(lines) == 3, "the whole of it stands with the incident"
    assert all(columns(line) <= 80 for line in lines)


def test_a_command_is_broken_so_that_a_shell_takes_it_up_again() -> None:
    arguments = [f"--option-{number} {'x' * 12}" for number in range(6)]
    whole = " ".join(("aws ec2 authorize-security-group-ingress", *arguments))
    said, *lines = remedy(f"To open it:\n{whole}")
    assert said == "  → To open it:"
    assert all(len(line) <= 80 for line in lines)
    assert [line.endswith(" \\") for line in lines] == [True] * (len(lines) - 1) + [False]
    assert " ".join(" ".join(line.removesuffix("\\") for line in lines).split()) == whole


def test_without_a_daemon_it_looks_once_and_touches_no_state_directory(tmp_path: Path) -> None:
    where = config(tmp_path)
    done = command("explain", "--config", where)
    assert done.returncode == 2, done.stderr
    assert done.stdout.startswith("No daemon answers at http://127.0.0.1:")
    assert "← the cause is here" in done.stdout
    assert "app_unresponsive" in done.stdout
    assert "→ " in done.stdout
    assert not (tmp_path / "state").exists()
    assert all(columns(line) <= 80 for line in done.stdout.splitlines()), done.stdout


def test_a_single_look_speaks_the_language_of_the_configuration(tmp_path: Path) -> None:
    done = command("explain", "redis", "--config", config(tmp_path, "ko"))
    assert "응답하는 데몬이 없어 한 번만 확인했습니다" in done.stdout
    assert "✖ 중단  redis  ← 원인은 여기" in done.stdout


def test_whoever_asks_wrongly_is_told_so_with_the_exit_code_of_that(tmp_path: Path, asked: Asked) -> None:
    done = command("explain", "rediss", "--config", config(tmp_path))
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == "infra-monitor: no service 'rediss' in the configuration; there are: redis, worker\n"
    assert "services cannot be 'rediss'; it is one of host, redis, web" in asked.refused("explain", "rediss", code=64)
    done = command("explain", "--config", config(tmp_path), "--url", f"127.0.0.1:{free_port()}")
    assert done.returncode == 3, "whoever names a daemon wants that one"
    (tmp_path / "config.yaml").write_text("services: {}\n")
    assert command("explain", "--config", tmp_path / "config.yaml").returncode == 78


def test_a_running_daemon_is_asked(asked: Asked) -> None:
    text = asked.said("explain", code=2)
    assert "No daemon" not in text
    assert "redis  ← the cause is here" in text
    assert "opened " in text
    assert all(columns(line) <= 80 for line in text.splitlines()), text


def test_the_json_is_what_the_api_answers(asked: Asked) -> None:
    found = asked.json("explain", code=2)
    assert found == asked.daemon.get("/api/v1/explanation")
    assert list(found) == ["overall_status", "language", "incidents", "topology"]
    assert found["overall_status"] == "down"
    assert {"id", "summary", "confidence", "evidence", "ruled_out", "remedy"} <= found["incidents"][0]["cause"].keys()


def test_of_the_named_services_only_what_concerns_them_is_told(asked: Asked) -> None:
    found = asked.json("explain", "host", code=0)
    assert (found["overall_status"], found["incidents"]) == ("healthy", [])
    assert [each["name"] for each in found["topology"]["services"]] == ["host"]
    assert "No incident is open." in asked.said("explain", "host")
    assert [each["root"] for each in asked.json("explain", "web", code=0)["incidents"]] == ["redis"]


@pytest.mark.parametrize("status", ["healthy", "warning", "critical", "down", "maintenance", "unknown"])
def test_every_status_has_a_shape_and_a_word(status: str) -> None:
    (line, *_) = drawn({"services": [node("it", status)], "edges": []})
    assert line.split()[1:] == [status, "it"]
