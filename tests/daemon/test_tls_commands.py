"""The command line on a daemon that speaks TLS and has users: whom it believes, and who is let in."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import bcrypt
import pytest

from tests.daemon.running import RunningDaemon, command, free_port

pytestmark = pytest.mark.timeout(120)


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def certify(directory: Path) -> None:
    """An authority; a server of it that is known as `localhost`; a client of it."""
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(directory, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority")
    (directory / "names").write_text("subjectAltName=DNS:localhost")
    for name, more in (("server", ("-extfile", "names")), ("client", ())):
        openssl(directory, "req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.crt")
        openssl(directory, "x509", "-req", "-in", f"{name}.csr", *signed, *more)
    chain = (directory / "server.crt").read_text() + (directory / "ca.crt").read_text()
    (directory / "chain.crt").write_text(chain)
    (directory / "client.pem").write_text(
        (directory / "client.crt").read_text() + (directory / "client.key").read_text()
    )


@dataclass(frozen=True)
class Secured:
    directory: Path
    daemon: RunningDaemon
    port: int

    def run(self, *arguments: str, config: bool = True, **more: str) -> CompletedProcess[str]:
        named = ("--config", str(self.daemon.config)) if config else ()
        return command(*arguments, *named, more=more, cwd=self.directory.parent)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    directory, port = tmp_path_factory.mktemp("secured") / "etc", free_port()
    directory.mkdir()
    certify(directory)
    password = bcrypt.hashpw(b"geheim", bcrypt.gensalt(4)).decode()
    (directory / "web.yml").write_text(
        "tls_server_config: {cert_file: chain.crt, key_file: server.key, client_ca_file: ca.crt, "
        "client_auth_type: VerifyClientCertIfGiven}\n"
        f"basic_auth_users: {{ann: '{password}'}}\n"
    )
    config = directory / "config.yaml"
    config.write_text(
        f'web: {{listen: "127.0.0.1:{port}", config_file: web.yml}}\nstate: {{directory: state}}\n'
        "log: {format: json}\nservices: {host: {checks: [{kind: host}]}}\n"
    )
    with RunningDaemon(config, log=directory / "log") as daemon:
        yield Secured(directory, daemon, port)


def test_the_certificate_of_the_configuration_is_believed_and_the_token_lets_in(secured: Secured) -> None:
    done = secured.run("monitoring")
    assert (done.returncode, done.stderr) == (0, "")
    assert secured.run("look", "host").stdout == "looking: host\n"
    assert secured.run("silence", "add", "service=host", "--for", "1m").returncode == 0


def test_another_certificate_than_that_of_the_configuration_is_not_believed(secured: Secured) -> None:
    other = secured.directory.parent / "other"
    other.mkdir()
    certify(other)
    (other / "web.yml").write_text("tls_server_config: {cert_file: chain.crt, key_file: server.key}\n")
    (other / "config.yaml").write_text(secured.daemon.config.read_text())
    done = command("monitoring", "--config", other / "config.yaml")
    assert done.returncode == 1
    assert "is not trusted" in done.stderr
    assert "--ca-file" in done.stderr


def test_elsewhere_the_authority_is_named_by_option_or_environment_and_the_name_counts(secured: Secured) -> None:
    token, ca = (secured.directory / "state" / "token").read_text(), str(secured.directory / "ca.crt")
    named, by_address = f"https://localhost:{secured.port}", f"https://127.0.0.1:{secured.port}"
    known = {"INFRA_MONITOR_TOKEN": token}
    assert secured.run("monitoring", "--url", named, "--ca-file", ca, config=False, **known).returncode == 0
    assert secured.run("silence", "list", "--url", named, "--ca-file", ca, config=False, **known).returncode == 0
    by_environment = {**known, "INFRA_MONITOR_CA_FILE": ca}
    assert secured.run("monitoring", "--url", named, config=False, **by_environment).returncode == 0
    for url, more in ((named, known), (by_address, by_environment)):
        done = secured.run("monitoring", "--url", url, config=False, **more)
        assert (done.returncode, "is not trusted" in done.stderr) == (1, True), done.stderr
    plain = secured.run("monitoring", "--url", f"http://127.0.0.1:{secured.port}", config=False, **known)
    assert "hangs up; if it speaks TLS, say so: --url https://" in plain.stderr


@pytest.mark.parametrize("option", ["--ca-file", "--client-cert"])
def test_a_file_that_cannot_be_used_is_one_line(secured: Secured, option: str) -> None:
    for file in ("nowhere.pem", "config.yaml"):
        done = secured.run("monitoring", option, str(secured.directory / file))
        assert (done.returncode, len(done.stderr.splitlines())) == (64, 1)
        assert f"{file} cannot be used (" in done.stderr


def test_without_the_token_users_are_asked_for_and_a_wrong_one_is_named(secured: Secured) -> None:
    wrong = secured.run("monitoring", INFRA_MONITOR_TOKEN="wrong-token-wrong")
    assert (wrong.returncode, "does not take the token from $INFRA_MONITOR_TOKEN" in wrong.stderr) == (1, True)
    nobody = str(secured.directory.parent)
    ca = str(secured.directory / "ca.crt")
    none = secured.run(
        "monitoring",
        "--url",
        f"https://localhost:{secured.port}",
        "--ca-file",
        ca,
        config=False,
        STATE_DIRECTORY=nobody,
    )
    assert "token cannot be read" in none.stderr


@pytest.fixture
def strict(secured: Secured) -> Iterator[Secured]:
    """While it wants a certificate of everybody."""
    web, client = secured.directory / "web.yml", str(secured.directory / "client.pem")
    before = web.read_text()

    def reload(text: str) -> None:
        web.write_text(text)
        token = (secured.directory / "state" / "token").read_text().strip()
        bearer = ("-H", f"Authorization: Bearer {token}")
        subprocess.run(
            ["curl", "-sSf", "--cacert", "ca.crt", "--cert", client, "-X", "POST", *bearer,
             f"https://localhost:{secured.port}/-/reload"],
            cwd=secured.directory, check=True, capture_output=True,
        )  # fmt: skip

    reload(before.replace("VerifyClientCertIfGiven", "RequireAndVerifyClientCert"))
    yield secured
    reload(before)


def test_a_daemon_that_wants_a_certificate_of_ours_gets_it(strict: Secured) -> None:
    client = str(strict.directory / "client.pem")
    done = strict.run("monitoring")
    assert (done.returncode, "--client-cert or $INFRA_MONITOR_CLIENT_CERT" in done.stderr) == (1, True), done.stderr
    assert strict.run("monitoring", "--client-cert", client).returncode == 0
    assert strict.run("monitoring", INFRA_MONITOR_CLIENT_CERT=client).returncode == 0
