"""What goes wrong in Nginx and its configuration: a wrong port, a lost peer, a slip of the keyboard, frozen workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from tests.lab import nginx
from tests.lab.places import HOST, LabError, Places
from tests.lab.processes import environment, run, send, wait_until
from tests.lab.reach import answers

_WORKER = "nginx: worker process"
_NAME = "secure.signalcraft.test"


def wrong_port(places: Places) -> None:
    """Nginx sends the API where nobody listens, as configurations in circulation do (8001 for Gunicorn's 8000)."""
    written = places.nginx_config.read_text()
    _load(places, written.replace(_python(places), f"proxy_pass http://{HOST}:{places.unused_port}/;"))


def second_peer_gone(places: Places) -> None:
    """The API has two peers, and one of them is not there; users do not see it."""
    peers = f"server {HOST}:{places.python_port}; server {HOST}:{places.unused_port};"
    written = places.nginx_config.read_text().replace(_python(places), "proxy_pass http://flask/;")
    _load(places, written.replace("    server {", f"    upstream flask {{ {peers} }}\n\n    server {{", 1))


def broken_on_disk(places: Places) -> None:
    """Somebody edits the file and does not try it; Nginx goes on with what it has."""
    written = places.nginx_config.read_text()
    places.nginx_config.write_text(written.replace("proxy_http_version 1.1;", "proxy_http_versoin 1.1;"))


def not_loaded(places: Places) -> None:
    """Somebody edits the file, well, and does not reload."""
    written = places.nginx_config.read_text()
    places.nginx_config.write_text(written.replace("proxy_read_timeout 60s;", "proxy_read_timeout 90s;"))


def certificate_renewed(places: Places) -> None:
    """Nginx serves over TLS; the certificate on disk is renewed, and nobody reloads."""
    key, certificate = places.nginx / "front.key", places.nginx / "front.crt"
    _issue(key, certificate, places)
    secure = (
        f"    server {{ listen {HOST}:{places.unused_port} ssl; server_name {_NAME}; ssl_certificate {certificate};"
        f" ssl_certificate_key {key}; location = / {{ return 204; }} }}\n"
    )
    written = places.nginx_config.read_text()
    _load(places, written.replace("    server {\n", f"{secure}\n    server {{\n", 1))
    _issue(key, certificate, places)


def _issue(key: Path, certificate: Path, places: Places) -> None:
    """A new pair; the old one stands there until the new one does, as certbot does it."""
    new_key, new_certificate = key.with_suffix(".new-key"), certificate.with_suffix(".new-crt")
    run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "90", "-subj", f"/CN={_NAME}", "-addext", f"subjectAltName=DNS:{_NAME}",
         "-keyout", new_key, "-out", new_certificate],
        environ=environment(places.directory), cwd=places.nginx,
    )  # fmt: skip
    new_key.replace(key)
    new_certificate.replace(certificate)


def logs_renamed(places: Places) -> None:
    """Logrotate's usual way: the files are moved aside and Nginx is told to open new ones."""
    for log in _logs(places):
        log.replace(log.with_suffix(".log.1"))
    if master := nginx.master(places):
        os.kill(master.pid, signal.SIGUSR1)
    wait_until(lambda: all(log.exists() for log in _logs(places)), "Nginx's new logs")


def logs_truncated(places: Places) -> None:
    """Logrotate's `copytruncate`: the file stays, and is suddenly empty."""
    for log in _logs(places):
        log.with_suffix(".log.1").write_bytes(log.read_bytes())
        os.truncate(log, 0)


def _logs(places: Places) -> tuple[Path, ...]:
    return places.nginx / "access.log", places.nginx / "error.log"


def mended(places: Places) -> None:
    """The configuration that the lab began with, loaded."""
    written = nginx.configuration(places)
    places.nginx_config.write_text(written)
    if nginx.master(places):
        _reload(places)
        wait_until(lambda: answers(f"{places.front}/api/flask/health"), "the API through Nginx")


def freeze(places: Places) -> None:
    """Its workers take connections and say nothing."""
    send(_workers(places), signal.SIGSTOP)
    wait_until(lambda: all(each.status() == psutil.STATUS_STOPPED for each in _workers(places)), "the frozen workers")


def thaw(places: Places) -> None:
    """Until it answers."""
    send(_workers(places), signal.SIGCONT)
    wait_until(lambda: answers(f"{places.front}/health"), "Nginx's answer")


def _python(places: Places) -> str:
    return f"proxy_pass http://{HOST}:{places.python_port}/;"


def _load(places: Places, written: str) -> None:
    if written == places.nginx_config.read_text():
        raise LabError("the lab's nginx.conf is not as the lab wrote it: heal everything first")
    places.nginx_config.write_text(written)
    _reload(places)


def _reload(places: Places) -> None:
    """And wait until only workers with the new configuration take requests."""
    master = nginx.master(places)
    if master is None:
        raise LabError("Nginx does not run")
    before = {each.pid for each in _workers(places)}
    os.kill(master.pid, signal.SIGHUP)
    wait_until(lambda: (now := {each.pid for each in _workers(places)}) and not now & before, "Nginx's new workers")


def _workers(places: Places) -> list[psutil.Process]:
    """Those that take requests: not the ones that only finish old ones."""
    master = nginx.master(places)
    return [each for each in master.children() if _title(each) == _WORKER] if master else []


def _title(process: psutil.Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().strip(b"\0 ").decode()
    except OSError:
        return ""
