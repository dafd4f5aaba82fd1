"""The lab's database server: a real PostgreSQL with TLS and SCRAM passwords, in a data directory of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.lab.places import HOST, LabError, Places
from tests.lab.processes import environment, of_file, run, send, tree, wait_until

DATABASE = "signalcraft"
APP_ROLE = "signalcraft"
MONITOR_ROLE = "infra_monitor"
MAX_CONNECTIONS = 40
SLOW_SECONDS = 3

_SETTINGS = """
listen_addresses = '{host}'
port = {port}
unix_socket_directories = ''
max_connections = {max_connections}
shared_buffers = 16MB
dynamic_shared_memory_type = mmap   # files in the data directory: nothing stays in /dev/shm, whatever ends the server
fsync = off
full_page_writes = off
synchronous_commit = off
jit = off
password_encryption = 'scram-sha-256'
lc_messages = 'C'
ssl = on
ssl_cert_file = '{certificate}'
ssl_key_file = '{key}'
"""
_WHO_MAY = "hostssl all all 127.0.0.1/32 scram-sha-256\n"


def binaries() -> Path:
    """Where Debian keeps the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise LabError("PostgreSQL is not installed: make setup")
    return found[-1].parent


def install(places: Places) -> None:
    """A new cluster, with a certificate that is its own authority (so that verify-full can be tried)."""
    home = places.postgres_home
    home.mkdir(exist_ok=True)
    home.chmod(0o755)
    key, password = home / "server.key", home / "superuser.password"
    environ = environment(places.directory)
    run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "3650", "-subj", "/CN=signalcraft-lab", "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}",
         "-keyout", key, "-out", places.ca_file],
        environ=environ, cwd=home,
    )  # fmt: skip
    password.touch(mode=0o600)
    password.write_text(places.superuser_password)
    if user := _user():
        for path in (home, key, password):
            shutil.chown(path, user)
    run(
        [binaries() / "initdb", "--pgdata", places.postgres_data, "--username", "postgres", f"--pwfile={password}",
         "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--wal-segsize", "1",
         "--no-sync", "--no-instructions"],
        environ=environ, cwd=home, user=user,
    )  # fmt: skip
    settings = _SETTINGS.format(
        host=HOST, port=places.postgres_port, max_connections=MAX_CONNECTIONS, certificate=places.ca_file, key=key
    )
    with (places.postgres_data / "postgresql.conf").open("a") as file:
        file.write(settings)
    (places.postgres_data / "pg_hba.conf").write_text(_WHO_MAY)


def furnish(places: Places) -> None:
    """The product's database and role, and a role for the monitor."""
    for statement in (
        sql.SQL("create role {} login password {}").format(sql.Identifier(APP_ROLE), sql.Literal(places.app_password)),
        sql.SQL("create role {} login password {} connection limit 3 in role pg_monitor").format(
            sql.Identifier(MONITOR_ROLE), sql.Literal(places.monitor_password)
        ),
        sql.SQL("create database {} owner {}").format(sql.Identifier(DATABASE), sql.Identifier(APP_ROLE)),
    ):
        execute(places, statement)
    with psycopg.connect(**connection(places), dbname=DATABASE, autocommit=True) as product:
        product.execute("create table signals (id bigint generated always as identity, name text not null)")
        product.execute("insert into signals (name) values ('first'), ('second')")
        product.execute(sql.SQL("alter table signals owner to {}").format(sql.Identifier(APP_ROLE)))


def start(places: Places) -> None:
    """Until it accepts connections; nothing to do when it runs."""
    if postmaster(places):
        return
    run(
        [binaries() / "pg_ctl", "start", "--wait", "--timeout=30", "--pgdata", places.postgres_data,
         f"--log={places.postgres_log}"],
        environ=environment(places.directory), cwd=places.postgres_home, user=_user(),
    )  # fmt: skip


def stop(places: Places) -> None:
    """As an operator does: sessions are ended, the server says goodbye."""
    if server := postmaster(places):
        thaw(places)
        send([server], signal.SIGINT)
        wait_until(lambda: postmaster(places) is None, "PostgreSQL's end")


def freeze(places: Places) -> None:
    """The postmaster first, so that no backend is born while the others are being stopped."""
    if server := postmaster(places):
        send([server], signal.SIGSTOP)
        send(tree(server)[1:], signal.SIGSTOP)


def thaw(places: Places) -> None:
    """Go on where it was stopped."""
    if server := postmaster(places):
        send(tree(server), signal.SIGCONT)


def slow_down(places: Places) -> None:
    """Each new session has to wait after its login, longer than the monitor likes and shorter than anybody's limit."""
    execute(places, f"alter system set post_auth_delay = {SLOW_SECONDS}", "select pg_reload_conf()")


def speed_up(places: Places) -> None:
    """As fast as ever."""
    execute(places, "alter system reset post_auth_delay", "select pg_reload_conf()")


def postmaster(places: Places) -> Any:
    """Its process, or None."""
    return of_file(places.postgres_data / "postmaster.pid", places)


def connection(places: Places) -> dict[str, Any]:
    """How the operator logs in; writing is allowed to him also while the server is read-only for everybody else."""
    return {
        "host": HOST,
        "port": places.postgres_port,
        "user": "postgres",
        "password": places.superuser_password,
        "sslmode": "require",
        "connect_timeout": 10,
        "options": "-c default_transaction_read_only=off",
    }


def execute(places: Places, *statements: str | sql.Composed) -> None:
    """As the superuser, each by itself."""
    with psycopg.connect(**connection(places), dbname="postgres", autocommit=True) as operator:
        for statement in statements:
            operator.execute(sql.SQL(statement) if isinstance(statement, str) else statement)


def exists(places: Places, database: str) -> bool:
    """Is there a database of this name?"""
    with psycopg.connect(**connection(places), dbname="postgres", autocommit=True) as operator:
        found = operator.execute("select from pg_database where datname = %s", [database])
        return found.rowcount > 0


def _user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"
