"""Where everything of one lab is: directories, ports, addresses, passwords."""

from __future__ import annotations

import base64
import json
import os
import random
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
APPS = Path(__file__).resolve().parent / "apps"
HOST = "127.0.0.1"
_RECORD = "lab.json"
_PORTS_OF_A_LAB = 10
_LONGEST_DIRECTORY = 80  # a socket's path ends at 107 bytes; PM2's is the longest under it


class LabError(Exception):
    """The lab cannot do what was asked; the text says why in one line."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Chosen once when a lab begins; everything else follows from these."""

    directory: Path
    postgres_home: Path
    first_port: int
    daemon_port: int
    superuser_password: str
    app_password: str
    monitor_password: str
    webhook_secret: str
    database_host: str = HOST

    @classmethod
    def choose(cls, directory: Path, *, first_port: int, daemon_port: int | None, database_host: str = HOST) -> Places:
        """New passwords, hard ones: what breaks on a blank, a quote or a percent sign shall break here."""
        return cls(
            directory=directory,
            postgres_home=_postgres_home(directory),
            first_port=first_port,
            daemon_port=daemon_port or first_port + 6,
            superuser_password=secrets.token_urlsafe(16),
            app_password=f'lab p@ss:w/rd#1%25$HOME&"é"{secrets.token_hex(8)}',
            monitor_password=f"m=o;n?{secrets.token_hex(8)}",
            webhook_secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            database_host=database_host,
        )

    @classmethod
    def read(cls, directory: Path) -> Places | None:
        """The places of the lab that was begun in this directory, if one was."""
        try:
            record = json.loads((directory / _RECORD).read_text())
        except FileNotFoundError:
            return None
        record["directory"] = Path(record["directory"])
        record["postgres_home"] = Path(record["postgres_home"])
        return cls(**record)

    def write(self) -> None:
        """Before anything is started, so that whoever cleans up later knows where to look."""
        record = self.directory / _RECORD
        record.touch(mode=0o600)
        record.write_text(json.dumps(asdict(self), default=str, indent=2))

    postgres_port = property(lambda self: int(self.first_port))
    node_port = property(lambda self: int(self.first_port) + 1)
    python_port = property(lambda self: int(self.first_port) + 2)
    nginx_port = property(lambda self: int(self.first_port) + 3)
    status_port = property(lambda self: int(self.first_port) + 4)
    receiver_port = property(lambda self: int(self.first_port) + 5)
    aws_port = property(lambda self: int(self.first_port) + 7)
    metadata_port = property(lambda self: int(self.first_port) + 8)
    unused_port = property(lambda self: int(self.first_port) + 9)

    @property
    def product(self) -> Path:
        """The product's root: both backends run here, and its `.env` is here."""
        return self.directory / "product"

    @property
    def env_file(self) -> Path:
        return self.product / ".env"

    @property
    def ecosystem(self) -> Path:
        return self.product / "ecosystem.config.js"

    @property
    def fault_switches(self) -> Path:
        return self.product / "faults"

    @property
    def pm2_home(self) -> Path:
        return self.directory / "pm2"

    @property
    def postgres_data(self) -> Path:
        return self.postgres_home / "data"

    @property
    def postgres_log(self) -> Path:
        return self.postgres_home / "postgres.log"

    @property
    def ca_file(self) -> Path:
        return self.postgres_home / "server.crt"

    @property
    def nginx(self) -> Path:
        return self.directory / "nginx"

    @property
    def nginx_config(self) -> Path:
        return self.nginx / "nginx.conf"

    @property
    def receiver_log(self) -> Path:
        return self.directory / "receiver.jsonl"

    @property
    def receiver_mode(self) -> Path:
        return self.directory / "receiver.mode"

    @property
    def monitor_config(self) -> Path:
        return self.directory / "monitor.yaml"

    @property
    def monitor_state(self) -> Path:
        return self.directory / "monitor-state"

    @property
    def aws_record(self) -> Path:
        """The ids of what was made in AWS."""
        return self.directory / "aws.json"

    @property
    def metadata_tree(self) -> Path:
        """What the instance-metadata service says; read for each question."""
        return self.directory / "metadata.json"

    @property
    def front(self) -> str:
        """What a customer's browser would open."""
        return f"http://{HOST}:{self.nginx_port}"

    @property
    def receiver(self) -> str:
        return f"http://{HOST}:{self.receiver_port}/hook"

    @property
    def receiver_ready(self) -> str:
        return f"http://{HOST}:{self.receiver_port}/ready"

    @property
    def aws(self) -> str:
        """AWS' API, as far as the lab has one."""
        return f"http://{HOST}:{self.aws_port}"

    @property
    def metadata(self) -> str:
        """The instance-metadata service of this host."""
        return f"http://{HOST}:{self.metadata_port}"

    @property
    def daemon(self) -> str:
        """Where the monitor's daemon listens when it runs with the lab's configuration."""
        return f"http://{HOST}:{self.daemon_port}"

    def describe(self) -> dict[str, Any]:
        """What `up --json` prints, for programs in any language."""
        return {
            "directory": str(self.directory),
            "product": str(self.product),
            "env_file": str(self.env_file),
            "ecosystem": str(self.ecosystem),
            "pm2_home": str(self.pm2_home),
            "pm2_cli": str(APPS / "node/node_modules/.bin/pm2"),
            "monitor_config": str(self.monitor_config),
            "monitor_state": str(self.monitor_state),
            "nginx_config": str(self.nginx_config),
            "nginx_error_log": str(self.nginx / "error.log"),
            "nginx_access_log": str(self.nginx / "access.log"),
            "receiver_log": str(self.receiver_log),
            "receiver_mode": str(self.receiver_mode),
            "postgres_data": str(self.postgres_data),
            "postgres_log": str(self.postgres_log),
            "ca_file": str(self.ca_file),
            "urls": {
                "front": f"{self.front}/",
                "flask": f"{self.front}/api/flask/",
                "node": f"http://{HOST}:{self.node_port}/",
                "python": f"http://{HOST}:{self.python_port}/",
                "stub_status": f"http://{HOST}:{self.status_port}/stub_status",
                "receiver": self.receiver,
                "aws": self.aws,
                "metadata": self.metadata,
                "daemon": f"{self.daemon}/",
            },
            "postgres": {
                "host": HOST,
                "port": self.postgres_port,
                "name": "signalcraft",
                "app": {"user": "signalcraft", "password": self.app_password},
                "monitor": {"user": "infra_monitor", "password": self.monitor_password},
                "superuser": {"user": "postgres", "password": self.superuser_password},
            },
            "webhook_secret": self.webhook_secret,
        }


def check_directory(directory: Path) -> None:
    """A lab wipes its directory when it begins: it takes only one that is new, empty, or a lab's."""
    if len(os.fsencode(directory)) > _LONGEST_DIRECTORY:
        raise LabError(f"{directory}: too long a path for the sockets in it; {_LONGEST_DIRECTORY} bytes is the limit")
    if directory.exists() and not (directory / _RECORD).exists() and any(directory.iterdir()):
        raise LabError(f"{directory}: not empty and not a lab; choose another --dir")


def _postgres_home(directory: Path) -> Path:
    """PostgreSQL refuses to run as root, and its own user cannot enter, say, /root: then its data lies in /tmp."""
    inside = directory / "postgres"
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in directory.parents):
        return inside
    return Path(tempfile.mkdtemp(prefix="signalcraft-lab-postgres-", dir="/tmp"))


def is_free(port: int) -> bool:
    """Could a server listen there now?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def claimed_ports() -> Iterator[tuple[int, socket.socket]]:
    """The first of ten free ports in a row, below those that the kernel gives to outgoing connections.

    Whoever holds the returned socket (an abstract name) holds the claim, so that labs which begin together differ.
    """
    blocks = list(range(20000, 32000, _PORTS_OF_A_LAB))
    random.shuffle(blocks)
    for first in blocks:
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0signalcraft-lab-{first}")
            except OSError:
                continue
            if not all(is_free(port) for port in range(first, first + _PORTS_OF_A_LAB)):
                continue
            yield first, claim
            return
    raise LabError("no ten free ports in a row between 20000 and 32000")
