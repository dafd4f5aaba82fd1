"""A real PostgreSQL of one's own: SCRAM passwords, TLS by a CA of its own, on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

BINARIES = Path("/usr/lib/postgresql/15/bin")
SUPERUSER = "postgres"
SUPERUSER_PASSWORD = "superuser-password-of-tests"
HOST_NAME = "db.test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run_as() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as `postgres`."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam("postgres")
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


class Cluster:
    """One data directory and the server on it. `directory` holds everything, and is removed by `remove`."""

    def __init__(
        self, *, tls: bool = True, settings: Mapping[str, str] | None = None, copy_of: Cluster | None = None
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="infra-monitor-pg-", dir="/tmp"))
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.ca_file = self.directory / "ca.crt"
        self.certificate = self.directory / "server.crt"
        self.port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._run_as = _run_as()
        self.directory.chmod(0o755)
        if self._run_as:
            os.chown(self.directory, self._run_as["user"], self._run_as["group"])
        if copy_of is not None:
            self._copy(copy_of)
            return
        self._initialise()
        if tls:
            self.make_certificates()
        self._configure(tls=tls, settings=settings or {})

    def start(self, *, wait: bool = True) -> None:
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [BINARIES / "postgres", "-D", self.data], stdout=log, stderr=log, cwd=self.directory, **self._run_as
            )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        give_up = time.monotonic() + 60
        while True:
            try:
                self.execute("select 1")
            except psycopg.OperationalError:
                assert self._server is not None
                assert self._server.poll() is None, self.log.read_text()
                assert time.monotonic() < give_up, self.log.read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast; SIGTERM: waits for the clients; SIGQUIT: at once, like a crash."""
        if self._server is None:
            return
        if self._server.poll() is None:
            self.thaw()
            self._server.send_signal(how)
            self._server.wait(timeout=60)
        self._server = None

    @property
    def postmaster(self) -> int:
        assert self._server is not None
        return self._server.pid

    def freeze(self) -> None:
        """The postmaster and all its children stop, while the kernel goes on accepting."""
        for pid in (self.postmaster, *self._children()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in (self.postmaster, *self._children()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def connect(self, **parameters: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A superuser's connection, unless told otherwise."""
        defaults = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": SUPERUSER,
            "password": SUPERUSER_PASSWORD,
            "dbname": "postgres",
            "autocommit": True,
            "connect_timeout": 10,
            "application_name": "tests",
        }
        return psycopg.connect(**{**defaults, **parameters})

    def execute(self, *statements: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Runs the statements; the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with self.connect(**parameters) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def add_role(self, name: str, password: str, *, options: str = "", database: str = "") -> None:
        """A login, and a database of its own if asked for."""
        from psycopg import sql  # noqa: PLC0415 — only here

        with self.connect() as connection:
            connection.execute(
                sql.SQL("create role {} login password {} " + options).format(
                    sql.Identifier(name), sql.Literal(password)
                )
            )
            if database:
                connection.execute(
                    sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(name))
                )

    def backends(self, application: str) -> int:
        """How many sessions of that application the server has."""
        with self.connect() as connection:
            query = "select count(*) from pg_stat_activity where application_name = %s"
            (count,) = connection.execute(query, (application,)).fetchone() or (0,)
        return int(count)

    def client_backends(self) -> int:
        """How many processes serve clients, logged in or not yet, besides the one that counts."""
        return sum("127.0.0.1" in _command_line(pid) for pid in self._children())

    def make_standby(self) -> Cluster:
        """A running copy that follows this one by streaming."""
        standby = Cluster(copy_of=self)
        standby.start()
        return standby

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """Added to postgresql.conf; the server has to be started anew or told (`reload`)."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _children(self) -> Sequence[int]:
        path = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children")
        try:
            return [int(pid) for pid in path.read_text().split()]
        except FileNotFoundError:
            return []

    def _initialise(self) -> None:
        password = self.directory / "password"
        password.write_text(SUPERUSER_PASSWORD)
        self._command(
            BINARIES / "initdb", "-D", self.data, "-U", SUPERUSER, "--pwfile", password, "-A", "scram-sha-256",
            "--no-sync", "--locale", "C.UTF-8", "--encoding", "UTF8",
        )  # fmt: skip

    def _copy(self, primary: Cluster) -> None:
        source = f"host=127.0.0.1 port={primary.port} user={SUPERUSER} password={SUPERUSER_PASSWORD}"
        self._command(BINARIES / "pg_basebackup", "-d", source, "-D", self.data, "-R", "--no-sync", "-c", "fast")
        self.write_settings({"port": str(self.port), "unix_socket_directories": str(self.directory)})

    def make_certificates(self) -> None:
        self._command(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", self.directory / "ca.key", "-out", self.ca_file, "-days", "100", "-subj", "/CN=CA of tests",
        )  # fmt: skip
        self.certify(days=30)

    def certify(self, *, days: int) -> None:
        """A new certificate for the server, valid for so many days."""
        request, extensions = self.directory / "server.csr", self.directory / "server.ext"
        extensions.write_text(f"subjectAltName=DNS:{HOST_NAME},DNS:localhost,IP:127.0.0.1\n")
        self._command(
            "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", self.directory / "server.key", "-out", request, "-subj", f"/CN={HOST_NAME}",
        )  # fmt: skip
        self._command(
            "openssl", "x509", "-req", "-in", request, "-CA", self.ca_file, "-CAkey", self.directory / "ca.key",
            "-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", self.certificate,
        )  # fmt: skip

    def _configure(self, *, tls: bool, settings: Mapping[str, str]) -> None:
        own = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            "max_connections": "20",
            "shared_buffers": "16MB",
            "fsync": "off",
            "autovacuum": "off",
            "log_connections": "off",
        }
        if tls:
            own |= {
                "ssl": "on",
                "ssl_cert_file": str(self.certificate),
                "ssl_key_file": str(self.directory / "server.key"),
            }
        self.write_settings(own | dict(settings))

    def _command(self, *command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, cwd=self.directory, check=False, **self._run_as)
        assert done.returncode == 0, done.stderr.decode()


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


@contextlib.contextmanager
def running(*, tls: bool = True, settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster that runs inside the block, and is gone after it."""
    cluster = Cluster(tls=tls, settings=settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()
