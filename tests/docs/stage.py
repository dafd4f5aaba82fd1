"""The demo in a copy of the repository, and a place for what the pages tell to install: here their commands are run."""

from __future__ import annotations

import getpass
import grp
import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.daemon.running import wait_for
from tests.docs.pages import ROOT
from tests.lab.places import APPS, Places
from tests.lab.postgres import APP_ROLE
from tests.lab.processes import environment

_SUDO: Final = """#!/bin/sh
# Only the privilege is left out: everything that is written goes below the stage.
[ "$1" != -u ] || shift 2
exec env "$@"
"""
_DATABASE: Final = "signalcraft.c1a2b3.ap-northeast-2.rds.amazonaws.com"


class Stage:
    """As a context manager: `make demo` from beginning to end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._demo: subprocess.Popen[bytes] | None = None
        self._log = root / "demo.log"

    def __enter__(self) -> Self:
        for name in (
            ".venv",
            "monitor",
            "tests",
            "tools",
            "systemd",
            "completions",
            "docs",
            "Makefile",
            "pyproject.toml",
        ):
            (self.root / name).symlink_to(ROOT / name)
        (self.root / "bin").mkdir()
        (self.root / "bin/sudo").write_text(_SUDO)
        (self.root / "bin/sudo").chmod(0o755)
        for folder in (
            "etc/infra-monitor",
            "etc/systemd/system",
            "etc/prometheus",
            "usr/local",
            "backup",
            "var/lib/infra-monitor",
            "etc/grafana/provisioning/dashboards",
            "etc/grafana/provisioning/datasources",
        ):
            (self.root / folder).mkdir(parents=True)
        (self.root / "etc/prometheus/prometheus.yml").write_text("rule_files: [infra-monitor.rules.yml]\n")
        (self.root / "etc/prometheus/alertmanager.yml").symlink_to(ROOT / "monitor/prometheus/alertmanager.yml")
        with self._log.open("wb") as log, ExitStack() as held:
            with suppress(OSError):  # the usual port is left to whoever runs a demo beside the tests
                held.enter_context(socket.create_server(("127.0.0.1", 10142)))
            self._demo = subprocess.Popen(
                ["make", "-o", "setup", "demo", "FOR=10m"],  # -o: what is there need not be installed
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_for(lambda: "Ctrl-C stops" in self.shown() or self._demo is None or self._demo.poll(), seconds=120)
            except BaseException:
                self.end()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ctrl-C, as somebody at the terminal presses it."""
        if self._demo and self._demo.poll() is None:
            os.killpg(self._demo.pid, signal.SIGINT)
            self._demo.wait(60)

    def shown(self) -> str:
        """All that the demo has said."""
        return self._log.read_text(errors="replace")

    @property
    def places(self) -> Places:
        """Of the demo's lab."""
        places = Places.read(self.root / ".lab")
        assert places, self.shown()
        return places

    def settle(self) -> None:
        """Until everything is healthy again."""
        wait_for(lambda: set(self._statuses()) == {"healthy"}, seconds=120, every=0.2)

    def notice(self) -> None:
        """Until the daemon knows that something is wrong."""
        wait_for(lambda: set(self._statuses()) - {"healthy"}, seconds=60, every=0.2)

    def run(self, text: str, *, in_product: bool = False) -> subprocess.CompletedProcess[str]:
        """The line in bash, with the example's hosts, paths and names replaced by those of the stage."""
        config = self.places.monitor_config.read_text().replace("env_file: product", "env_file: .lab/product")
        for place in (self.root / "config.yaml", self.root / "etc/infra-monitor/config.yaml"):
            place.write_text(config.replace("env_file: .lab", f"env_file: {self.root}/.lab"))
        return subprocess.run(
            ["bash", "-c", self._here(text)],
            cwd=self.places.product if in_product else self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def _statuses(self) -> list[str]:
        with urllib.request.urlopen(f"{self.places.daemon}/api/v1/services", timeout=10) as answer:
            return [each["status"] for each in json.load(answer)["data"]]

    def _here(self, text: str) -> str:
        places = self.places
        for pattern, ours in (
            (rf"{re.escape(_DATABASE)} port=5432", f"{places.database_host} port={places.postgres_port}"),
            (rf"{re.escape(_DATABASE)}:5432", f"{places.database_host}:{places.postgres_port}"),
            (re.escape(_DATABASE), "localhost"),
            (r"user=app\b", f"user={APP_ROLE}"),
            (r"/var/log/nginx\b", str(places.nginx)),
            (r"/etc/nginx\b", str(places.nginx)),
            (r"\bnginx -t\b", f"nginx -p {places.nginx} -c {places.nginx_config} -e {places.nginx}/error.log -t"),
            (r"/srv/signalcraft\b", str(places.product)),
            (r"(?<![\w.])/(etc|usr/local|var/lib|backup)(?=/)", rf"{self.root}/\1"),
            (r"\bdu (.*) / ", rf"du \1 {self.root}/etc "),
            (r"-p 4711,4712", f"-p {os.getpid()}"),
            (r"\binfra-monitor init ", "infra-monitor init --yes "),  # nobody is here to be asked
            (r"\binfra-monitor watch\b", "infra-monitor watch --count 1"),
            (r"^make ", "make -o setup "),
            (r"-g ubuntu\b", f"-g {grp.getgrgid(os.getgid()).gr_name}"),
            (r"\bubuntu\b", getpass.getuser()),
        ):
            text = re.sub(pattern, ours, text)
        return text

    def _environment(self) -> dict[str, str]:
        places = self.places
        path = [self.root / "bin", ROOT / ".venv/bin", APPS / "node/node_modules/.bin", os.environ["PATH"], "/usr/sbin"]
        return environment(
            places.directory,
            PATH=":".join(map(str, path)),
            LC_ALL="C.UTF-8",
            PM2_HOME=str(places.pm2_home),
            PM2_DISABLE_VERSION_CHECK="true",
            PGPASSWORD=places.app_password,
            AWS_ENDPOINT_URL=places.aws,
            PYTHONPATH=str(ROOT),
        )


def fits(line: str, output: str) -> bool:
    """Whether a line that a page shows could be one of these: numbers and `…` stand for any, blanks for blanks."""
    pieces = [re.escape(piece) for piece in re.split(r"(?:\d+(?:\.\d+)?|…|\s+)", line.strip())]
    marks = re.findall(r"(\d+(?:\.\d+)?|…|\s+)", line.strip())
    patterns = [r"\s+" if mark.isspace() else ".*" if mark == "…" else r"\d+(?:\.\d+)?" for mark in marks]
    pattern = "".join(piece + mark for piece, mark in zip(pieces, [*patterns, ""], strict=True))
    return re.search(pattern, output) is not None
