"""web.config.yml: what Prometheus' programs take is taken, what we cannot honour is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from monitor.config.load import ConfigError, load
from monitor.config.web_config import WebFile, read_web_config

ROOT = Path(__file__).parents[2]
HASH = "$2y$10$" + "a" * 53
TLS = "cert_file: a.crt, key_file: a.key"


def read(directory: Path, text: str) -> WebFile:
    path = directory / "web.yml"
    path.write_text(text)
    return read_web_config(path, shown="web.yml")


def mistakes(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(directory, text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_files_are_near_the_file_and_watched(tmp_path: Path) -> None:
    found = read(tmp_path, f"tls_server_config: {{{TLS}}}\nbasic_auth_users: {{ann: {HASH}}}")
    assert found.files == (tmp_path / "web.yml", tmp_path / "a.crt", tmp_path / "a.key")
    assert HASH not in repr(found)
    assert found.warnings == ()


def test_an_empty_file_protects_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "").settings.tls_server_config is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http_server_config: {http2: true}", "there is no HTTP/2 here"),
        (f"basic_auth_users: {{ann: {HASH}}}", "passwords cross the wire as they are"),
    ],
)
def test_what_should_be_known_is_a_warning(tmp_path: Path, text: str, said: str) -> None:
    (warning,) = read(tmp_path, text).warnings
    assert said in warning


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"tls_server_config: {{{TLS}, cipher_suites: [X]}}", "tls_server_config.cipher_suites: cannot be honoured"),
        (f"tls_server_config: {{{TLS}, curve_preferences: [X]}}", "curve_preferences: cannot be honoured"),
        (f"tls_server_config: {{{TLS}, client_allowed_sans: [X]}}", "client_allowed_sans: cannot be honoured"),
        ("tls_server_config: {cert: x, key: y}", "tls_server_config.cert: cannot be honoured"),
        ("rate_limit: {interval: 1s}", "rate_limit: cannot be honoured"),
        ("tls_server_config: {cert_file: x}", "key_file: is missing"),
        (f"tls_server_config: {{{TLS}, client_ca_file: x}}", "belong together"),
        (f"tls_server_config: {{{TLS}, client_auth_type: RequireAnyClientCert}}", "client_auth_type"),
        (f"tls_server_config: {{{TLS}, min_version: TLS13, max_version: TLS12}}", "max_version is below min_version"),
        ("basic_auth_users: {ann: secret}", "must be a bcrypt hash"),
        ("http_server_config: {headers: {X-Other: a}}", "http_server_config.headers"),
        ('http_server_config: {headers: {X-Frame-Options: "a\\nb"}}', "must be one line"),
        ("tls_config: {}", "unknown key"),
        ("[", "web.yml:1"),
        ("basic_auth_users: {a: x, a: y}", "twice"),
    ],
)
def test_what_cannot_be_honoured_is_a_mistake_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(said in line for line in found), found
    assert all(line.startswith("web.yml:") for line in found)


def test_its_mistakes_are_those_of_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("web: {config_file: web.yml}\nservices: {a: {checks: [{kind: host}]}}\n")
    with pytest.raises(ConfigError) as caught:
        load(config, {})
    assert "web.yml" in str(caught.value.mistakes[0])


def test_the_example_is_good_here_and_for_promtool(tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=localhost"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    example = tmp_path / "web.config.yml"
    example.write_text((ROOT / "docs" / "web.config.yml").read_text())
    done = subprocess.run(["promtool", "check", "web-config", example], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_web_config(example, shown="web.config.yml").warnings == ()
