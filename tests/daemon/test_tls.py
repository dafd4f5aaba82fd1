"""TLS on a running daemon: served, exchanged by a reload, never half."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.daemon.running import command, environment, free_port, wait_for

pytestmark = pytest.mark.timeout(120)


def certify(directory: Path, name: str) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "new.key", "-out", "new.crt", "-subj", f"/CN={name}"],
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip
    (directory / "new.key").replace(directory / "server.key")
    (directory / "new.crt").replace(directory / "server.crt")


def served_by(port: int) -> bytes | None:
    """The certificate that is shown; None while there is none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as wrapped:
            return wrapped.getpeercert(binary_form=True)
    except OSError:
        return None


def test_a_certificate_is_served_and_exchanged_without_a_restart(tmp_path: Path) -> None:
    port = free_port()
    certify(tmp_path, "one")
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}\n")
    config = tmp_path / "config.yaml"
    text = f"""\
web: {{listen: "127.0.0.1:{port}", config_file: web.yml}}
state: {{directory: state}}
log: {{format: json}}
services: {{host: {{checks: [{{kind: host}}]}}}}
"""
    config.write_text(text)
    log = (tmp_path / "log").open("wb")
    daemon = subprocess.Popen(
        [sys.executable, "-m", "monitor", "run", "--config", config], stderr=log, env=environment() | _PATH
    )
    try:
        first = wait_for(lambda: served_by(port), seconds=30)
        said = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        wait_for(lambda: '"daemon.ready"' in (tmp_path / "log").read_text())
        assert "https://127.0.0.1" in (tmp_path / "log").read_text(), said
        certify(tmp_path, "two")
        second = wait_for(lambda: (found := served_by(port)) not in (None, first) and found, seconds=20)
        (tmp_path / "server.key").write_text("no key")
        wait_for(lambda: '"config.refused"' in (tmp_path / "log").read_text(), seconds=20)
        assert served_by(port) == second, "the old one goes on"
        certify(tmp_path, "three")
        wait_for(lambda: served_by(port) not in (None, second), seconds=20)
        config.write_text(text.replace(", config_file: web.yml", ""))
        wait_for(lambda: "TLS cannot change from on to off" in (tmp_path / "log").read_text(), seconds=20)
        assert served_by(port) is not None
        plain = socket.create_connection(("127.0.0.1", port), 5)
        with plain:
            plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            plain.settimeout(15)
            assert b"infra_" not in plain.recv(1000)
    finally:
        daemon.terminate()
        assert daemon.wait(30) == 0
        log.close()
    assert "Traceback" not in (tmp_path / "log").read_text()


_PATH = {"PYTHONPATH": str(Path(__file__).parents[2])}


def test_a_certificate_that_cannot_be_used_ends_the_start_with_one_line(tmp_path: Path) -> None:
    certify(tmp_path, "one")
    (tmp_path / "server.key").unlink()
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: server.crt, key_file: server.key}\n")
    config = tmp_path / "config.yaml"
    config.write_text(
        f'web: {{listen: "127.0.0.1:{free_port()}", config_file: web.yml}}\nstate: {{directory: state}}\n'
        "services: {host: {checks: [{kind: host}]}}\n"
    )
    began = time.monotonic()
    done = command("run", "--config", config)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("infra-monitor:"))
    assert (done.returncode, "server.key: cannot be read" in line) == (1, True)
    assert time.monotonic() - began < 30
