"""A Prometheus and others that a test starts, asks and ends."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Prometheus:
    """One that listens on a port of this machine."""

    port: int

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that it finds. Fails where it cannot evaluate the expression."""
        found: list[dict[str, Any]] = self.ask(f"query?query={quote(expression)}")["result"]
        return found

    def ask(self, path: str) -> Any:
        """The `data` of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def finds(self, expression: str) -> bool:
        """Whether it answers already, and there is something."""
        try:
            return bool(self.query(expression))
        except OSError:
            return False


@contextmanager
def prometheus(directory: Path, config: str, port: int) -> Iterator[Prometheus]:
    """Running; it need not answer yet."""
    (directory / "prometheus.yml").write_text(config)
    with program(
        directory, "prometheus", f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
    ):  # fmt: skip
        yield Prometheus(port)


@contextmanager
def program(directory: Path, *command: str | Path) -> Iterator[None]:
    """Running until the end of the context; its log lies in the directory."""
    with (directory / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(
            list(map(str, command)), cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def certificate(directory: Path) -> None:
    """`server.crt` and `server.key` for 127.0.0.1 there."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip
