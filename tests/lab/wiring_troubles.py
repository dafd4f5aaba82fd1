"""What goes wrong between the Python backend and its settings, while it answers every request."""

from __future__ import annotations

import signal
import sys

import psutil

from tests.lab import pm2
from tests.lab.old_database import OLD_HOST
from tests.lab.places import HOST, REPOSITORY, Places
from tests.lab.processes import detach, environment, members, send, wait_until, words
from tests.lab.reach import answers

_ADDED = "DB_POOL_MAX=50\n"


def use_old_host(places: Places) -> None:
    """Somebody restarted it from a shell in which DB_HOST still stands, and PM2 keeps what it sees."""
    log = places.directory / "old-database.log"
    if not _old_databases(places):
        log.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.lab.old_database", str(places.directory)]
        detach(command, environ=environment(places.directory), cwd=REPOSITORY, log=log)
    wait_until(lambda: "ready" in log.read_text(), "the old database")
    pm2.command(places, "restart", pm2.PYTHON, "--update-env", more={"DB_HOST": OLD_HOST})
    _wait_for_database(places)


def use_new_host(places: Places) -> None:
    """PM2 forgets a variable only with the whole entry."""
    if _old_databases(places):
        pm2.command(places, "delete", pm2.PYTHON)
        pm2.command(places, "start", str(places.ecosystem), "--only", pm2.PYTHON)
        pm2.command(places, "save")
        send(_old_databases(places), signal.SIGKILL)
    _wait_for_database(places)


def open_sqlite(places: Places) -> None:
    """A request that old code answers."""
    wait_until(lambda: answers(f"http://{HOST}:{places.python_port}/api/legacy"), "the old code's answer")


def close_sqlite(places: Places) -> None:
    """A restart closes it; the file goes, too."""
    pm2.command(places, "restart", pm2.PYTHON)
    (places.product / "legacy.db").unlink(missing_ok=True)
    _wait_for_database(places)


def edit_env(places: Places) -> None:
    """A new setting in the file, and no restart. One that the monitor does without, for it reads this file as well."""
    restore_env(places)
    places.env_file.write_text(places.env_file.read_text() + _ADDED)


def edit_env_and_reload_node(places: Places) -> None:
    """Somebody edits the file and thinks of one of the two that read it."""
    edit_env(places)
    pm2.command(places, "reload", pm2.NODE)


def restore_env_and_reload_node(places: Places) -> None:
    """As it was, for both."""
    restore_env(places)
    pm2.command(places, "reload", pm2.NODE)
    wait_until(lambda: answers(f"http://{HOST}:{places.node_port}/api/db"), "Node's way to the database", every=0.1)


def restore_env(places: Places) -> None:
    """As it was."""
    places.env_file.write_text(places.env_file.read_text().replace(_ADDED, ""))


def _wait_for_database(places: Places) -> None:
    wait_until(lambda: answers(f"http://{HOST}:{places.python_port}/api/db"), "Flask's way to a database", every=0.1)


def _old_databases(places: Places) -> list[psutil.Process]:
    return [process for process in members(places) if "tests.lab.old_database" in words(process)]
