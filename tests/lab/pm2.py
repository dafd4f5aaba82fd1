"""The lab's PM2 and the two backends that it keeps alive; here alone the PM2 command is used, as an operator would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.lab.places import APPS, LabError, Places
from tests.lab.processes import environment, living, members, of_file, run, send, tree, wait_until, words

NODE = "signalcraft-nodejs"
PYTHON = "signalcraft-python"
_MARKS = {NODE: "server.js", PYTHON: "gunicorn"}
_CLI = APPS / "node/node_modules/pm2/bin/pm2"
# SignalCraft's own settings
_SUPERVISION = {
    "max_memory_restart": "1G",
    "min_uptime": "30s",
    "max_restarts": 5,
    "restart_delay": 10000,
    "kill_timeout": 5000,
}


def install(places: Places) -> None:
    """The ecosystem file; the applications themselves stay where they are in the repository."""
    places.fault_switches.mkdir(parents=True)
    apps = [
        {
            "name": NODE,
            "script": str(APPS / "node/server.js"),
            "cwd": str(places.product),
            "exec_mode": "cluster",
            "instances": "max",
            "wait_ready": True,
            "listen_timeout": 5000,
            "env": {"PORT": str(places.node_port), "NODE_ENV": "production"},
            **_SUPERVISION,
        },
        {
            "name": PYTHON,
            "script": str(Path(sys.executable).parent / "gunicorn"),
            "args": f"-c {APPS}/python/gunicorn.conf.py --pythonpath {APPS}/python app:app",
            "cwd": str(places.product),
            "interpreter": sys.executable,
            "exec_mode": "fork",
            "env": {"PORT": str(places.python_port), "PYTHONDONTWRITEBYTECODE": "1"},
            **_SUPERVISION,
        },
    ]
    places.ecosystem.write_text(f"module.exports = {json.dumps({'apps': apps}, indent=2)}\n")


def start(places: Places) -> None:
    """PM2 and both backends; `save` leaves what a reboot would bring back, as on the real host."""
    command(places, "start", str(places.ecosystem))
    command(places, "save")


def command(places: Places, *words: str, more: Mapping[str, str] | None = None) -> str:
    """`pm2 WORDS` in the lab's PM2_HOME, from a shell in which `more` is set."""
    node = shutil.which("node")
    if node is None or not _CLI.exists():
        raise LabError("Node.js or the lab's npm packages are not installed: make setup")
    ours = {"PM2_HOME": str(places.pm2_home), "PM2_DISABLE_VERSION_CHECK": "true", "FORCE_COLOR": "0"}
    environ = environment(places.directory, **ours, **(more or {}))
    return run([node, _CLI, *words], environ=environ, cwd=places.product, seconds=60)


def god(places: Places) -> psutil.Process | None:
    """PM2's daemon, or None."""
    return of_file(places.pm2_home / "pm2.pid", places)


def listed(places: Places, app: str) -> list[dict[str, Any]]:
    """The app's entries, as PM2 itself reports them."""
    lines = command(places, "jlist").splitlines()
    entries: list[dict[str, Any]] = json.loads(next(line for line in reversed(lines) if line.startswith("[")))
    return [entry for entry in entries if entry["name"] == app]


def is_listened_to(places: Places) -> bool:
    """Whether anybody is connected to PM2's bus."""
    path, connected = str(places.pm2_home / "pub.sock"), "03"
    lines = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    return any(words[5] == connected and words[-1] == path for words in lines if len(words) > 5)


def workers(places: Places, app: str) -> list[psutil.Process]:
    """What PM2 has begun for the app and lives: each Node worker, or Gunicorn's master. Asked of the kernel, which
    takes a hundredth of the time that PM2's command takes, so that the moment of a fault is known."""
    supervisor = god(places)
    begun = living(supervisor.children()) if supervisor else []
    return [process for process in begun if any(_MARKS[app] in word for word in words(process)[:3])]


def kill_workers(places: Places, app: str) -> None:
    """By SIGKILL, as the kernel does when memory is short."""
    _kill(workers(places, app))


def kill_one_worker(places: Places, app: str) -> None:
    """One of several; none if one is missing already."""
    found = workers(places, app)
    if len(found) == os.cpu_count():
        _kill(found[:1])


def has_given_up(entry: dict[str, Any]) -> bool:
    """PM2 forgets the time of creation when it stops trying, whatever status it shows."""
    return entry["pm2_env"].get("created_at") is None


def wait_until_given_up(places: Places, app: str) -> None:
    """Five tries with ten seconds between them: most of a minute."""

    def all_given_up() -> bool:
        return all(has_given_up(entry) for entry in listed(places, app))

    wait_until(all_given_up, f"PM2's giving {app} up", seconds=150, every=1)


def mend(places: Places, app: str, serves: Callable[[], bool]) -> None:
    """The operator's restart of what is not there; until every instance is, and the app answers.

    Gunicorn's workers outlive a killed master and hold its port, so orphans go first. PM2 refuses to restart an app
    that waits for its restart ("already exists"), so it is stopped before.
    """
    _kill(_orphans(places))

    def missing() -> list[str]:
        return [str(entry["pm_id"]) for entry in listed(places, app) if not _is_alive(entry)]

    if numbers := missing():
        command(places, "stop", *numbers)
        command(places, "restart", *numbers)
    wait_until(lambda: not missing() and serves(), f"{app}'s recovery", seconds=60, every=0.2)


def restore(places: Places) -> None:
    """After PM2's daemon died: what outlived it holds the ports, so it goes first."""
    if god(places):
        return
    _kill(_orphans(places))
    start(places)


def _orphans(places: Places) -> list[psutil.Process]:
    """Backends that are not below PM2, because it or their master is gone."""
    backends = [process for process in members(places) if _is_backend(process)]
    supervisor = god(places)
    supervised = {process.pid for process in tree(supervisor)} if supervisor else set()
    return [process for process in backends if process.pid not in supervised]


def _is_alive(entry: dict[str, Any]) -> bool:
    return entry["pm2_env"]["status"] in {"online", "launching"} and psutil.pid_exists(entry["pid"])


def _kill(doomed: Sequence[psutil.Process]) -> None:
    send(doomed, signal.SIGKILL)
    wait_until(lambda: not living(doomed), "the end of what was killed", every=0.01)


def _is_backend(process: psutil.Process) -> bool:
    return any(mark in word for word in words(process)[:3] for mark in _MARKS.values())
