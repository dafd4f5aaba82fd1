"""Every line that the page of symptoms quotes is said by the program, when things are as the page says."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from monitor.history_file import MIGRATIONS as HISTORY
from monitor.state_directory import MIGRATIONS as STATE
from tests.cli.test_check_firewall import QUIET
from tests.daemon.running import RunningDaemon, command, environment, free_port, wait_for
from tests.docs.pages import ROOT, blocks
from tests.docs.stage import fits
from tests.sources.aws_stub import Reply, ec2_error, stub

QUOTED: Final = [
    line.strip()
    for page in ("troubleshooting", "upgrading")
    for block in blocks(ROOT / "docs" / f"{page}.md")
    if block.language == "text"
    for line in block.lines
]
NOBODY: Final = 65534
KEYS: Final = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
# Whatever is loaded late is loaded before: where the package lies may be closed to others.
AS_NOBODY: Final = """
import os, sys
import monitor.cli.check, monitor.cli.once, monitor.look, monitor.database
from monitor.cli.main import main
main(["check", "--config", sys.argv[2]])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main(["check", "--config", sys.argv[1]]))
"""
DAEMON: Final = """
env_file: .env
web: {{listen: "127.0.0.1:{port}"}}
state: {{directory: state}}
services:
  host: {{checks: [{{kind: host, every: 1s}}]}}
  redis: {{checks: [{{kind: tcp, address: "127.0.0.1:{closed}", every: 1s}}]}}
notify: [{{kind: webhook, url: "${{NOT_SET}}"}}{more}]
"""


def said(*arguments: str | Path, **more: str) -> str:
    """All that a command prints."""
    done = command(*arguments, more=more)
    return done.stdout + done.stderr


def of_a_look(directory: Path) -> Iterator[str]:
    """Not configured, not there, closed to us."""
    config = directory / "config.yaml"
    config.write_text(
        f"""
services:
  db: {{checks: [{{kind: rds}}]}}
  pm2: {{checks: [{{kind: pm2, home: {directory}/nowhere}}]}}
  nginx: {{checks: [{{kind: nginx, config: {directory}/nginx.conf}}]}}
  redis: {{checks: [{{kind: tcp, address: "${{REDIS_HOST}}:6379"}}]}}
"""
    )
    yield said("check", "--config", config)
    yield closed_to_us(config)


def closed_to_us(usual: Path) -> str:
    """As another user than the owner of PM2 meets it: nobody, where the tests run as root."""
    with Shared() as shared:
        for name in ("pm2", "closed"):
            (shared / name).mkdir()
        (shared / "closed/nginx.conf").touch()
        (shared / "config.yaml").write_text(
            f"""
services:
  pm2: {{checks: [{{kind: pm2, home: {shared}/pm2}}]}}
  nginx: {{checks: [{{kind: nginx, config: {shared}/nginx.conf}}]}}
"""
        )
        (shared / "nginx.conf").write_text("events {}\n")
        for path in (shared / "pm2", shared / "nginx.conf"):
            path.chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, shared / "config.yaml", usual],
            cwd=shared,
            env=environment() | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr


class Shared:
    """A directory that every user may enter; pytest's own are closed to others."""

    def __enter__(self) -> Path:
        self._directory = tempfile.TemporaryDirectory(prefix="infra-monitor-")
        path = Path(self._directory.name)
        path.chmod(0o711)
        return path

    def __exit__(self, *_: object) -> None:
        for path in Path(self._directory.name).iterdir():
            path.chmod(0o700)
        self._directory.cleanup()


def of_aws(directory: Path) -> Iterator[str]:
    """It does not let us ask, or does not know us, or we have nothing to show."""
    config = directory / "aws.yaml"
    with stub() as aws:
        config.write_text(
            f"""
aws: {{endpoint_url: "{aws.url}", region: ap-northeast-2}}
databases: {{default: {{host: 127.0.0.1, port: 5432, name: app, user: app}}}}
services:
  wall:
    checks:
      - {{kind: security_group, endpoint: signalcraft.abc.ap-northeast-2.rds.amazonaws.com, host: {{groups: [sg-app]}}}}
"""
        )
        aws.replies["DescribeSecurityGroups"] = Reply(ec2_error("UnauthorizedOperation"), status=403)
        yield said("check", "--config", config, **QUIET, **KEYS)
        aws.replies["DescribeSecurityGroups"] = Reply(ec2_error("AuthFailure"), status=401)
        yield said("check", "--config", config, **QUIET, **KEYS)


def of_a_daemon(directory: Path) -> Iterator[str]:
    """Its channels, its configuration, its token, its neighbours, its state."""
    config, places = directory / "daemon.yaml", {"port": free_port(), "closed": free_port()}
    config.write_text(DAEMON.format(**places, more=""))
    (directory / ".env").touch()
    with RunningDaemon(config, log=directory / "daemon.log") as daemon:
        wait_for(lambda: daemon.get("/api/v1/incidents"), seconds=60)
        yield said("status", "--config", config) + said("notify", "status", "--config", config)
        yield said("history", "host", "nonsense", "--config", config)
        yield said("look", "host", "--config", config, INFRA_MONITOR_TOKEN="wrong")
        yield said("look", "host", "--url", daemon.url, INFRA_MONITOR_TOKEN="")
        yield answered(daemon.url + "/api/v1/services/host/look")
        yield said("status", "--url", f"http://127.0.0.1:{places['closed']}")
        yield said("run", "--config", config)
        other = directory / "other.yaml"
        other.write_text(DAEMON.format(port=free_port(), closed=free_port(), more=""))
        yield said("run", "--config", other)
        (directory / "d.yaml").write_text("web: {lisen: x}\nservices: {host: {checks: [{kind: host}]}}\n")
        yield said("run", "--config", directory / "d.yaml")
        away = f', {{kind: webhook, name: hook, url: "http://127.0.0.1:{places["closed"]}/"}}'
        config.write_text(DAEMON.format(**places, more=away))
        yield wait_for(lambda: _with(said("status", "--config", config), "channel hook"), seconds=60, every=0.5)
        config.write_text(DAEMON.format(**places, more=away).replace("every: 1s", "every: 0s"))
        yield wait_for(lambda: _with(said("status", "--config", config), "was refused"), seconds=60, every=0.5)
    for name in ("state", "history"):
        with sqlite3.connect(directory / "state" / f"{name}.db") as database:
            database.execute("PRAGMA user_version = 99")
        database.close()
    config.write_text(DAEMON.format(**places, more=""))
    yield said("run", "--config", config)


def answered(url: str) -> str:
    """Of somebody without a token."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, data=b"", timeout=30)
    with refused.value as answer:
        return answer.read().decode()


def _with(text: str, words: str) -> str | None:
    return text if words in text else None


@pytest.mark.timeout(300)
def test_the_program_says_each_of_them(tmp_path: Path) -> None:
    heard = "\n".join([*of_a_look(tmp_path), *of_aws(tmp_path), *of_a_daemon(tmp_path)])
    assert len(QUOTED) > 15
    assert [line for line in QUOTED if not fits(line, heard)] == [], heard


def test_schemas_are_as_the_page_of_upgrades_has_them() -> None:
    page = (ROOT / "docs" / "upgrading.md").read_text()
    for name, migrations in (("state.db", STATE), ("history.db", HISTORY)):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}`")]
        assert row.endswith(f"schema {len(migrations)} |")


def test_what_is_logged_under_these_names_is_logged() -> None:
    """Events that the pages tell people to look for."""
    source = "\n".join(path.read_text() for path in (ROOT / "monitor").rglob("*.py"))
    for event in ("clock.stepped", "history.failed", "history.damaged", "store.unreadable", "notice.dead"):
        assert f'"{event}"' in source, event
