"""The check of Nginx beside its truth table: what is on disk and what is loaded, certificates, logs, what leaves it
blind, and what it costs."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import ValidationError

from monitor.checks.nginx import NginxCheck
from monitor.core.model import Blind, Failed, Finding, Seen
from monitor.locale import LANGUAGES, speak
from tests.checks.real_nginx import (
    Looking,
    RealNginx,
    app,
    free_port,
    looking,
    reading,
    readings,
    real_nginx,
    told,
    wait_for,
)

LOG_FORMAT = (
    'log_format up escape=json \'{"request":"$request","status":"$status","upstream":"$upstream_addr",'
    '"upstream_status":"$upstream_status","time":"$upstream_response_time"}\';'
)


@pytest.fixture
def nginx() -> Iterator[RealNginx]:
    with real_nginx() as running:
        yield running


@pytest_asyncio.fixture
async def looks() -> AsyncIterator[Looking]:
    async with looking() as looking_:
        yield looking_


def check(nginx: RealNginx, **settings: object) -> NginxCheck:
    return NginxCheck.model_validate({"kind": "nginx", "config": nginx.config, **settings})


def words(result: Seen | Failed, reason: str, language: str = "en") -> str:
    (found,) = [each for each in result.facts if isinstance(each, Finding) and each.reason == reason]
    return speak(found.message, language)


async def settled(looks: Looking, asking: NginxCheck) -> Seen | Failed:
    """A look at which the trial of the configuration has ended."""
    for _ in range(40):
        result = await looks.look(asking)
        if readings(result, "config_valid"):
            return result
        await asyncio.sleep(0.1)
    raise AssertionError("the trial does not end")


class TestOnDiskAndLoaded:
    async def test_an_edit_is_seen_until_it_is_loaded(self, nginx: RealNginx, looks: Looking) -> None:
        nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; return 200; }}")
        nginx.start()
        assert reading(await looks.look(check(nginx)), "config_loaded") == 1.0
        await asyncio.sleep(0.1)  # the kernel's clocks have a grain
        nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; return 204; }}")
        result = await settled(looks, check(nginx))
        assert ("warning", "nginx_config_not_loaded") in told(result)
        assert (reading(result, "config_loaded"), reading(result, "config_valid")) == (0.0, 1.0)
        await asyncio.sleep(0.1)
        nginx.reload()
        result = await settled(looks, check(nginx))
        assert (told(result), reading(result, "config_loaded")) == ([], 1.0)

    async def test_a_file_that_was_only_touched_is_loaded(self, nginx: RealNginx, looks: Looking) -> None:
        nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; return 200; }}")
        nginx.start()
        await looks.look(check(nginx))
        await asyncio.sleep(0.1)
        os.utime(nginx.config)
        assert reading(await looks.look(check(nginx)), "config_loaded") == 1.0

    async def test_a_worker_that_was_replaced_does_not_hide_an_edit(self, nginx: RealNginx, looks: Looking) -> None:
        """The new one has what the master has read, not what is on disk."""
        nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; return 200; }}")
        nginx.start()
        await looks.look(check(nginx))
        await asyncio.sleep(0.1)
        nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; return 204; }}")
        before = set(nginx.workers())
        os.kill(min(before), signal.SIGKILL)
        wait_for(lambda: len(nginx.workers()) == 2 and set(nginx.workers()) != before)
        assert reading(await looks.look(check(nginx)), "config_loaded") == 0.0

    @pytest.mark.parametrize(
        ("slip", "said"),
        [
            ("server { listen 127.0.0.1:1; retrun 200; }", 'unknown directive "retrun"'),
            ("server { listen 127.0.0.1:1; location / { proxy_pass http://nobody.invalid; } }", "host not found"),
            ("server { listen 127.0.0.1:1; return 200;", 'unexpected end of file, expecting "}"'),
            ("server { listen 127.0.0.1:1; proxy_read_timeout soon; }", '"proxy_read_timeout" directive invalid value'),
        ],
    )
    async def test_what_nginx_would_refuse_is_told_with_its_line(
        self, nginx: RealNginx, looks: Looking, slip: str, said: str
    ) -> None:
        nginx.configure("include sites/*.conf;")
        nginx.start()
        (nginx.directory / "sites").mkdir()
        (nginx.directory / "sites" / "a.conf").write_text(f"# a site\n\n{slip}\n")
        result = await settled(looks, check(nginx))
        assert ("warning", "nginx_config_broken") in told(result)
        assert said in words(result, "nginx_config_broken")
        assert f"{nginx.directory}/sites/a.conf:" in words(result, "nginx_config_broken")
        assert all(
            speak(each.message, lang) for each in result.facts if isinstance(each, Finding) for lang in LANGUAGES
        )
        assert reading(result, "config_valid") == 0.0

    async def test_a_trial_touches_nothing_and_needs_no_keys(self, nginx: RealNginx, looks: Looking) -> None:
        """Ports that are taken, keys of others, logs and temporary files stay as they are."""
        certificate(nginx.directory, "a.test")
        for each in ("a.test.key", "a.test.pem"):
            (nginx.directory / each).chmod(0)
        nginx.configure(
            f"server {{ listen 127.0.0.1:{nginx.port} ssl http2 reuseport; listen 80; listen [::]:443 ssl; "
            "server_name a.test; ssl_certificate a.test.pem; ssl_certificate_key a.test.key; "
            "if ($host ~ \"^(.*)\\.test$\") { set $x 'a b'; } access_log /nonexistent/access.log; "
            'location ~ "^/[a-z]{2}/(.*)$" { add_header X "q\\"$1"; return 200; } }',
            status=False,
        )
        before = {path: path.stat().st_mtime_ns for path in nginx.directory.rglob("*")}
        result = await looks.result(check(nginx))
        assert isinstance(result, Blind), "nothing runs, and it leads nowhere"
        source = looks.source(nginx.config)
        trial = await source.trial(patience=20.0)
        assert trial is not None
        assert (trial.valid, trial.text) == (True, "")
        assert {path: path.stat().st_mtime_ns for path in nginx.directory.rglob("*")} == before


class TestBlindness:
    async def test_no_configuration_is_not_configured(self, tmp_path: Path, looks: Looking) -> None:
        result = await looks.result(NginxCheck(kind="nginx", config=tmp_path / "nginx.conf"))
        assert result == Blind(f"not configured: there is no Nginx configuration at {tmp_path}/nginx.conf")

    async def test_a_configuration_that_leads_nowhere_while_nobody_runs_is_not_configured(
        self, nginx: RealNginx, looks: Looking
    ) -> None:
        nginx.configure("server { root /srv; }")
        result = await looks.result(check(nginx))
        assert isinstance(result, Blind)
        assert "not configured" in result.reason

    async def test_the_same_that_has_been_seen_to_run_is_down(self, nginx: RealNginx, looks: Looking) -> None:
        nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; root /srv; }}")
        nginx.start()
        assert told(await looks.look(check(nginx))) == []
        nginx.stop()
        assert told(await looks.look(check(nginx))) == [("down", "process/not_running")]

    @pytest.mark.parametrize("key", ["config", "prefix", "pid"])
    def test_paths_are_whole(self, key: str) -> None:
        with pytest.raises(ValidationError, match="write the whole path"):
            NginxCheck.model_validate({"kind": "nginx", key: "nginx.conf"})

    def test_what_to_ask_for_begins_with_a_slash(self) -> None:
        with pytest.raises(ValidationError, match="pattern"):
            NginxCheck.model_validate({"kind": "nginx", "paths": {"/": "health"}})


def certificate(directory: Path, name: str, days: int = 90) -> bytes:
    """A certificate that signed itself, as `NAME.pem` and `NAME.key`; its DER."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
            "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return ssl.PEM_cert_to_DER_cert((directory / f"{name}.pem").read_text())


class TestCertificates:
    def serve(self, nginx: RealNginx, *names: str, file: str = "") -> None:
        nginx.configure(
            "".join(
                f"server {{ listen 127.0.0.1:{nginx.port} ssl; server_name {name}; return 204; "
                f"ssl_certificate {file or name}.pem; ssl_certificate_key {file or name}.key; }}"
                for name in names
            )
        )
        nginx.start()

    async def test_each_name_has_its_own(self, nginx: RealNginx, looks: Looking) -> None:
        certificate(nginx.directory, "a.test", 90)
        certificate(nginx.directory, "b.test", 10)
        self.serve(nginx, "a.test", "b.test")
        result = await looks.look(check(nginx))
        assert told(result) == []
        left = {each.labels["server_name"]: each.value / 86400 for each in readings(result, "certificate_remaining")}
        assert {name: round(days) for name, days in left.items()} == {"a.test": 90, "b.test": 10}
        assert [each.value for each in readings(result, "route_up")] == [1.0, 1.0], "and its route is asked over TLS"

    async def test_a_renewed_one_that_was_not_loaded_is_told(self, nginx: RealNginx, looks: Looking) -> None:
        certificate(nginx.directory, "a.test")
        self.serve(nginx, "a.test")
        certificate(nginx.directory, "a.test")
        assert told(await looks.look(check(nginx))) == [("warning", "certificate_not_reloaded")]
        nginx.reload()
        assert told(await looks.look(check(nginx))) == []

    async def test_one_that_does_not_hold_the_name_is_told(self, nginx: RealNginx, looks: Looking) -> None:
        certificate(nginx.directory, "a.test")
        self.serve(nginx, "b.test", file="a.test")
        assert told(await looks.look(check(nginx))) == [("warning", "certificate_wrong_name")]


async def test_the_access_log_tells_rates_and_times_of_each_upstream(nginx: RealNginx, looks: Looking) -> None:
    async with app() as peer:
        server = f"server {{ listen 127.0.0.1:{nginx.port}; location / {{ proxy_pass http://back; }} }}"
        log = f"access_log {nginx.directory}/access.log up;"
        nginx.configure(f"upstream back {{ server 127.0.0.1:{peer.where}; }} {LOG_FORMAT} {server[:-1]} {log} }}")
        nginx.start()
        await looks.look(check(nginx))
        for number in range(40):
            peer.status = 500 if number % 10 == 0 else 200
            reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            await reader.read()
            writer.close()
            await writer.wait_closed()
        peer.status = 200
        result = await looks.look(check(nginx))
    assert reading(result, "upstream_requests", upstream="back") in (41, 42), "ours among them: it logs no user agent"
    assert 9.0 < reading(result, "error_rate", upstream="back") < 10.0
    assert reading(result, "upstream_error_ratio") == reading(result, "error_rate") / 100
    assert {each.labels["percentile"] for each in readings(result, "upstream_request_time")} == {"50", "95", "99"}


async def test_faults_of_nginx_itself_are_counted(nginx: RealNginx, looks: Looking) -> None:
    nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; return 200; }}")
    nginx.start()
    await looks.look(check(nginx))
    nginx.config.write_text(nginx.config.read_text() + "nonsense;")
    os.kill(nginx.master, signal.SIGHUP)
    wait_for(lambda: b"nonsense" in (nginx.directory / "error.log").read_bytes())
    result = await looks.look(check(nginx))
    assert (reading(result, "own_errors"), reading(result, "logs_unreadable")) == (1.0, 0.0)


async def test_a_log_that_may_not_be_read_is_counted(nginx: RealNginx, looks: Looking) -> None:
    """As one of another user's is; a link to itself is what even root cannot read."""
    nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; return 200; }}")
    nginx.start()
    (nginx.directory / "error.log").unlink()
    (nginx.directory / "error.log").symlink_to("error.log")
    assert reading(await looks.look(check(nginx)), "logs_unreadable") == 1


async def test_everything_is_over_in_time_while_everything_is_silent(nginx: RealNginx, looks: Looking) -> None:
    """Ten routes with silent peers, and Nginx frozen: `Looking` asks that the deadline of 2 s + 0.5 s is kept."""
    async with app() as peer:
        peer.frozen = True
        locations = "".join(f"location /{n}/ {{ proxy_pass http://127.0.0.1:{peer.where}; }}" for n in range(10))
        nginx.configure(f"server {{ listen 127.0.0.1:{nginx.port}; {locations} }}")
        nginx.start()
        for pid in nginx.workers():
            os.kill(pid, signal.SIGSTOP)
        assert told(await looks.look(check(nginx, timeout="2s"))) == [("down", "answer/frozen")]


async def test_a_port_that_nobody_has_is_not_said_to_be_elsewhere(nginx: RealNginx, looks: Looking) -> None:
    nginx.configure(
        f"server {{ listen 127.0.0.1:{nginx.port}; location / {{ proxy_pass http://127.0.0.1:{free_port()}; }} }}"
    )
    nginx.start()
    assert told(await looks.look(check(nginx))) == [("critical", "upstream_down")]
