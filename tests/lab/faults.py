"""Everything the lab can break, and how it is healed again; both may be asked for twice."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from psycopg import sql

from tests.lab import app_troubles, aws, network_troubles, nginx, nginx_troubles, pm2, postgres, wiring_troubles
from tests.lab.places import HOST, REPOSITORY, Places
from tests.lab.processes import detach, environment, members, send, wait_until, words
from tests.lab.reach import answers


@dataclass(frozen=True)
class Fault:
    """What happens, in words, and the two acts."""

    story: str
    break_: Callable[[Places], None]
    heal: Callable[[Places], None]


def _password_changed(places: Places) -> None:
    _set_app_password(places, "changed by the lab")


def _password_back(places: Places) -> None:
    _set_app_password(places, places.app_password)


def _set_app_password(places: Places, password: str) -> None:
    statement = sql.SQL("alter role {} password {}")
    postgres.execute(places, statement.format(sql.Identifier(postgres.APP_ROLE), sql.Literal(password)))


def _slots_taken(places: Places) -> None:
    log = places.directory / "hold.log"
    if not _holders(places):
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.lab.hold", str(places.directory)]
        detach(command, environ=environment(places.directory), cwd=REPOSITORY, log=log)
    wait_until(lambda: "full" in log.read_text(), "the last connection slot")


def _slots_free(places: Places) -> None:
    send(_holders(places), signal.SIGKILL)
    wait_until(lambda: not _holders(places), "the leak's end")


def _holders(places: Places) -> list[psutil.Process]:
    return [process for process in members(places) if "tests.lab.hold" in words(process)]


def _renamed(places: Places) -> None:
    _rename(places, postgres.DATABASE, f"{postgres.DATABASE}_old")


def _renamed_back(places: Places) -> None:
    _rename(places, f"{postgres.DATABASE}_old", postgres.DATABASE)


def _rename(places: Places, old: str, new: str) -> None:
    """A database can be renamed only while nobody is in it, and the pools would be back at once."""
    if not postgres.exists(places, old):
        return
    names = {"old": sql.Identifier(old), "new": sql.Identifier(new), "literal": sql.Literal(old)}
    postgres.execute(
        places,
        sql.SQL("alter database {old} allow_connections false").format(**names),
        sql.SQL("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = {literal}").format(
            **names
        ),
        sql.SQL("alter database {old} rename to {new}").format(**names),
        sql.SQL("alter database {new} allow_connections true").format(**names),
    )


def _read_only(places: Places) -> None:
    postgres.execute(places, "alter system set default_transaction_read_only = on", "select pg_reload_conf()")


def _writable(places: Places) -> None:
    postgres.execute(places, "alter system reset default_transaction_read_only", "select pg_reload_conf()")


def _databases_reached(places: Places) -> bool:
    return all(answers(f"http://{HOST}:{port}/api/db") for port in (places.node_port, places.python_port))


def _and_reached(act: Callable[[Places], None]) -> Callable[[Places], None]:
    """A database fault is healed when both pools have found their way back."""

    def heal(places: Places) -> None:
        act(places)
        wait_until(lambda: _databases_reached(places), "both backends' way to the database", every=0.1)

    return heal


def _node_worker_killed(places: Places) -> None:
    pm2.kill_one_worker(places, pm2.NODE)


def _node_killed(places: Places) -> None:
    pm2.kill_workers(places, pm2.NODE)


def _node_crashes(places: Places) -> None:
    """Each worker dies by itself, now and at every further start."""
    switch = _switch(places, "node")
    if not switch.exists():
        switch.touch()
        wait_until(lambda: not pm2.workers(places, pm2.NODE), "the end of the last worker", every=0.01)


def _begin_the_count(places: Places, app: str) -> None:
    pm2.command(places, "reset", app)
    time.sleep(5)  # whoever watches sees the reset by itself: together with the crash it would look like a restart


def _node_gives_up(places: Places) -> None:
    """PM2 counts only what dies within min_uptime × max_restarts (150 s) of created_at, which a reset moves: an app
    that was created before that it restarts for ever."""
    _begin_the_count(places, pm2.NODE)
    _node_crashes(places)
    pm2.wait_until_given_up(places, pm2.NODE)


def _node_stopped(places: Places) -> None:
    pm2.command(places, "stop", pm2.NODE)


def _node_mended(places: Places) -> None:
    _deploy_mended(places, "node", pm2.NODE)
    pm2.mend(places, pm2.NODE, lambda: answers(f"http://{HOST}:{places.node_port}/health"))


def _python_killed(places: Places) -> None:
    pm2.kill_workers(places, pm2.PYTHON)


def _python_gives_up(places: Places) -> None:
    _begin_the_count(places, pm2.PYTHON)
    _switch(places, "python").touch()
    pm2.kill_workers(places, pm2.PYTHON)
    pm2.wait_until_given_up(places, pm2.PYTHON)


def _python_mended(places: Places) -> None:
    _deploy_mended(places, "python", pm2.PYTHON)
    pm2.mend(places, pm2.PYTHON, lambda: answers(f"http://{HOST}:{places.python_port}/health"))


def _deploy_mended(places: Places, name: str, app: str) -> None:
    """Stopped first: were PM2's own next attempt to succeed before ours, nobody would have restarted anything, and the
    three restarts before it would rightly be a warning for ten minutes."""
    switch = _switch(places, name)
    if switch.exists():
        pm2.command(places, "stop", app)
        switch.unlink()


def _switch(places: Places, app: str) -> Path:
    return places.fault_switches / f"{app}-exits-at-boot"


def _pm2_killed(places: Places) -> None:
    if god := pm2.god(places):
        send([god], signal.SIGKILL)
        wait_until(lambda: pm2.god(places) is None, "PM2's end")


def _pm2_restored(places: Places) -> None:
    pm2.restore(places)
    _node_mended(places)
    _python_mended(places)


def _pm2_frozen(places: Places) -> None:
    if god := pm2.god(places):
        send([god], signal.SIGSTOP)


def _pm2_thawed(places: Places) -> None:
    if god := pm2.god(places):
        send([god], signal.SIGCONT)
    pm2.command(places, "ping")


def _open_to(story: str, *ranges: str) -> Fault:
    return Fault(story, lambda places: aws.open_to(places, *ranges), lambda places: aws.close_to(places, *ranges))


def _receiver(mode: str) -> Fault:
    def tell(places: Places, word: str) -> None:
        written = places.receiver_mode.with_suffix(".new")
        written.write_text(word)
        written.replace(places.receiver_mode)  # whoever reads meanwhile sees the old word or the new one

    def obey(places: Places) -> None:
        tell(places, mode)
        if mode == "refuse":
            wait_until(lambda: not answers(places.receiver_ready), "the receiver's refusal")

    def heal(places: Places) -> None:
        tell(places, "ok")

    stories = {
        "500": "the webhook receiver answers 500",
        "429": "the webhook receiver answers 429 with Retry-After",
        "410": "the webhook receiver answers 410: gone for good",
        "hang": "the webhook receiver takes the request and never answers",
        "refuse": "the webhook receiver does not listen",
    }
    return Fault(stories[mode], obey, heal)


FAULTS: Mapping[str, Fault] = {
    "postgres-stopped": Fault("the database server is shut down", postgres.stop, _and_reached(postgres.start)),
    "postgres-frozen": Fault("the database accepts and says nothing", postgres.freeze, _and_reached(postgres.thaw)),
    "postgres-renamed": Fault("the database does not exist any more", _renamed, _and_reached(_renamed_back)),
    "postgres-password": Fault("the role's password was changed", _password_changed, _and_reached(_password_back)),
    "postgres-slots": Fault("a leak holds every connection slot", _slots_taken, _and_reached(_slots_free)),
    "postgres-slow": Fault("each login takes three seconds", postgres.slow_down, postgres.speed_up),
    "postgres-read-only": Fault("the database takes no writes", _read_only, _writable),
    "sg-rule-revoked": Fault("the security group no longer lets the application in", aws.revoke_rule, aws.restore_rule),
    "aws-denied": Fault("AWS does not know who we are", aws.deny, aws.permit),
    "packets-dropped": Fault(
        "whatever goes to the database vanishes (root only)",
        network_troubles.drop_all,
        _and_reached(network_troubles.let_pass),
    ),
    "new-connections-dropped": Fault(
        "old sessions live, new ones get no answer (root only)",
        network_troubles.drop_new,
        _and_reached(network_troubles.let_pass),
    ),
    "name-gone": Fault(
        "the database's name has no address (root only)",
        network_troubles.forget_name,
        _and_reached(network_troubles.remember_name),
    ),
    "sg-open-world": _open_to("the database's port is opened to 0.0.0.0/0", "0.0.0.0/0"),
    "sg-open-halves": _open_to("the same in two halves, which many checkers miss", "0.0.0.0/1", "128.0.0.0/1"),
    "pm2-killed": Fault("PM2's daemon is killed", _pm2_killed, _pm2_restored),
    "pm2-frozen": Fault("PM2's daemon is stopped in its tracks", _pm2_frozen, _pm2_thawed),
    "node-worker-killed": Fault("one Node worker of several is killed", _node_worker_killed, _node_mended),
    "node-killed": Fault("every Node worker is killed", _node_killed, _node_mended),
    "node-crash-loop": Fault(
        "every Node worker exits, and does so again each time it is started", _node_crashes, _node_mended
    ),
    "node-gave-up": Fault("the same, until PM2 gives up (a minute)", _node_gives_up, _node_mended),
    "node-stopped": Fault("somebody stopped the Node application", _node_stopped, _node_mended),
    "python-killed": Fault("Gunicorn's master is killed", _python_killed, _python_mended),
    "python-gave-up": Fault("Gunicorn exits at boot until PM2 gives up (a minute)", _python_gives_up, _python_mended),
    "node-blocked": Fault(
        "every Node worker is in a loop without an end; PM2 calls it online",
        app_troubles.block_node,
        app_troubles.unblock_node,
    ),
    "app-500": Fault("the Node application answers 500", app_troubles.fail_node, app_troubles.mend_node),
    "app-500-once": Fault(
        "one request of the Node application is answered 500",
        app_troubles.fail_node_once,
        app_troubles.wait_for_that_one,
    ),
    "python-500": Fault("the Python application answers 500", app_troubles.fail_python, app_troubles.mend_python),
    "gunicorn-busy": Fault(
        "slow requests keep every Gunicorn worker", app_troubles.keep_gunicorn_busy, app_troubles.leave_gunicorn
    ),
    "disk-full": Fault(
        "a file takes more than the lab's bound leaves", app_troubles.fill_disk, app_troubles.empty_disk
    ),
    "wrong-db-host": Fault(
        "PM2 restarted Gunicorn with an old DB_HOST", wiring_troubles.use_old_host, wiring_troubles.use_new_host
    ),
    "sqlite-open": Fault(
        "a Gunicorn worker opens the SQLite file of old", wiring_troubles.open_sqlite, wiring_troubles.close_sqlite
    ),
    "stale-environment": Fault(
        "somebody edits .env and restarts nobody", wiring_troubles.edit_env, wiring_troubles.restore_env
    ),
    "stale-environment-python": Fault(
        "the same, and somebody reloads Node alone",
        wiring_troubles.edit_env_and_reload_node,
        wiring_troubles.restore_env_and_reload_node,
    ),
    "nginx-stopped": Fault("Nginx is stopped", nginx.stop, nginx.start),
    "nginx-frozen": Fault("Nginx's workers are frozen", nginx_troubles.freeze, nginx_troubles.thaw),
    "nginx-port-mismatch": Fault(
        "Nginx sends the API to a port where nobody listens", nginx_troubles.wrong_port, nginx_troubles.mended
    ),
    "one-peer-down": Fault(
        "one of two peers of the API is gone", nginx_troubles.second_peer_gone, nginx_troubles.mended
    ),
    "nginx-broken-config": Fault(
        "nginx.conf has a slip that no reload has met yet", nginx_troubles.broken_on_disk, nginx_troubles.mended
    ),
    "nginx-not-loaded": Fault(
        "nginx.conf was edited, well, and nobody reloads", nginx_troubles.not_loaded, nginx_troubles.mended
    ),
    "nginx-certificate": Fault(
        "a certificate was renewed and nobody reloads", nginx_troubles.certificate_renewed, nginx_troubles.mended
    ),
    "receiver-500": _receiver("500"),
    "receiver-429": _receiver("429"),
    "receiver-410": _receiver("410"),
    "receiver-hang": _receiver("hang"),
    "receiver-refuse": _receiver("refuse"),
}
