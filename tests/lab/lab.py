"""One lab from beginning to end: up, break, heal, down."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab import aws, nginx, pm2, postgres, settings
from tests.lab.faults import FAULTS, Fault
from tests.lab.places import HOST, REPOSITORY, LabError, Places, check_directory, claimed_ports
from tests.lab.processes import detach, end_all, environment, wait_until
from tests.lab.reach import answers


class Lab:
    """As a context manager it is guarded: when the process that holds it dies, however, the lab goes too."""

    def __init__(
        self,
        directory: Path,
        *,
        progress: Callable[[str], None] = lambda _: None,
        daemon_port: int | None = None,
        database_host: str = HOST,
    ) -> None:
        self.directory = directory.resolve()
        self._database_host = database_host
        self._daemon_port = daemon_port
        self._progress = progress
        self._guardian: subprocess.Popen[bytes] | None = None

    @property
    def places(self) -> Places:
        """Where everything is."""
        if (places := Places.read(self.directory)) is None:
            raise LabError(f"{self.directory}: no lab is up here")
        return places

    def up(self) -> Places:
        """A new, whole lab; what an earlier one left in this directory is ended and removed first."""
        check_directory(self.directory)
        self.down()
        self.directory.mkdir(parents=True, exist_ok=True)
        with claimed_ports() as (first_port, claim):
            places = Places.choose(
                self.directory,
                first_port=first_port,
                daemon_port=self._daemon_port,
                database_host=self._database_host,
            )
            places.write()
            try:
                self._install(places)
                self._start(places, claim)
            except BaseException:
                self.down()
                raise
        self._progress(f"the lab is up in {self.directory}")
        return places

    def down(self) -> None:
        """Nothing is left: no process, no file. To be called as often as one likes."""
        if (places := Places.read(self.directory)) is None:
            return
        end_all(places)
        shutil.rmtree(places.postgres_home, ignore_errors=True)
        shutil.rmtree(self.directory)

    def break_(self, name: str) -> None:
        """Make the fault so; when this returns it has begun (or, for *-gave-up, is complete)."""
        fault, places = _fault(name), self.places
        self._broken.mkdir(exist_ok=True)
        (self._broken / name).touch()
        fault.break_(places)

    def heal(self, name: str) -> None:
        """Undo the fault; when this returns, what it concerned serves again."""
        fault, places = _fault(name), self.places
        fault.heal(places)
        (self._broken / name).unlink(missing_ok=True)

    def heal_all(self) -> None:
        """Whatever was broken and not healed, the foundations first: registry order is order of dependence."""
        for name in FAULTS:
            if name in self.broken():
                self.heal(name)

    def broken(self) -> set[str]:
        """The faults that were made and not healed."""
        return {path.name for path in self._broken.glob("*")}

    def received(self) -> list[dict[str, Any]]:
        """The requests that reached the webhook receiver, in order."""
        try:
            lines = self.places.receiver_log.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def pids(self) -> dict[str, int | None]:
        """Of the four servers; the backends' are PM2's to tell."""
        places = self.places
        found = {
            "postgres": postgres.postmaster(places),
            "pm2": pm2.god(places),
            "nginx": nginx.master(places),
        }
        return {name: process and process.pid for name, process in found.items()}

    def status(self) -> dict[str, Any]:
        """What serves at this moment, seen from outside."""
        places = self.places
        serving = {
            "front": answers(f"{places.front}/health"),
            "nodejs": answers(f"http://127.0.0.1:{places.node_port}/health"),
            "nodejs-database": answers(f"http://127.0.0.1:{places.node_port}/api/db"),
            "python": answers(f"http://127.0.0.1:{places.python_port}/health"),
            "python-database": answers(f"http://127.0.0.1:{places.python_port}/api/db"),
            "receiver": answers(places.receiver_ready),
            "aws": answers(f"{places.aws}/moto-api/"),
        }
        return {
            "directory": str(self.directory),
            "pids": self.pids(),
            "serving": serving,
            "broken": sorted(self.broken()),
        }

    def __enter__(self) -> Self:
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.guardian", str(self.directory)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self.up()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        """The guardian does the same work again, and finds nothing to do."""
        self.down()
        if self._guardian:
            self._guardian.communicate()

    @property
    def _broken(self) -> Path:
        """A file for each fault that stands, so that two may be made at once."""
        return self.directory / "broken"

    def _install(self, places: Places) -> None:
        pm2.install(places)
        nginx.install(places)
        settings.install(places)
        places.receiver_mode.write_text("ok")

    def _start(self, places: Places, claim: socket.socket) -> None:
        """All at once: PostgreSQL and PM2 take about as long, and neither needs the other to begin."""
        with ThreadPoolExecutor() as threads:
            started = [
                threads.submit(self._start_postgres, places),
                threads.submit(self._start_pm2, places),
                threads.submit(self._start_edges, places, claim),
                threads.submit(self._start_aws, places),
            ]
        for future in started:
            future.result()
        for what, url in (
            ("Node answers from the database through Nginx", f"{places.front}/api/db"),
            ("Flask answers from the database through Nginx", f"{places.front}/api/flask/api/db"),
        ):
            wait_until(lambda url=url: answers(url), what, every=0.1)  # type: ignore[misc]
            self._progress(what)

    def _start_postgres(self, places: Places) -> None:
        postgres.install(places)
        postgres.start(places)
        postgres.furnish(places)
        self._progress(f"PostgreSQL on port {places.postgres_port}")

    def _start_pm2(self, places: Places) -> None:
        pm2.start(places)
        self._progress(f"PM2 with {pm2.NODE} on port {places.node_port} and {pm2.PYTHON} on port {places.python_port}")

    def _start_aws(self, places: Places) -> None:
        aws.start(places)
        settings.install_monitor(places)
        self._progress(f"AWS on port {places.aws_port}")

    def _start_edges(self, places: Places, claim: socket.socket) -> None:
        """The receiver lives as long as the lab, so the claim on the ports is handed to it."""
        command = [
            sys.executable, "-m", "tests.lab.receiver", "--port", str(places.receiver_port),
            "--log", str(places.receiver_log), "--mode", str(places.receiver_mode),
        ]  # fmt: skip
        log = places.directory / "receiver.log"
        detach(command, environ=environment(places.directory), cwd=REPOSITORY, log=log, keep=[claim.fileno()])
        nginx.start(places)
        self._progress(f"Nginx on port {places.nginx_port}")
        wait_until(lambda: answers(places.receiver_ready), "the webhook receiver")
        self._progress(f"the webhook receiver on port {places.receiver_port}")


def _fault(name: str) -> Fault:
    if name not in FAULTS:
        raise LabError(f"no fault is called {name!r}; there are: {', '.join(FAULTS)}")
    return FAULTS[name]
