"""Where PM2 lives: which home is meant, whether we may look into it, and what it has written down there."""

from __future__ import annotations

import json
import os
import pwd
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from monitor.sources.ecosystem import PlannedApp, planned_app
from monitor.sources.pm2_entries import is_module
from monitor.sources.processes import process_manager_homes

_MAX_DUMP_BYTES: Final = 16 * 1024 * 1024


class Pm2Unreadable(Exception):  # noqa: N818 — nobody erred: it says why we cannot look
    """We cannot look at this PM2; the text tells people what to do. It says nothing about PM2 itself."""


def find_home(explicit: Path | None, environ: Mapping[str, str]) -> Path:
    """The configured home, else $PM2_HOME, else ~/.pm2, else the only one a running PM2 names. Raises Pm2Unreadable."""
    if explicit is not None:
        return explicit
    if environ.get("PM2_HOME"):
        return Path(environ["PM2_HOME"])
    if (own := own_home(environ)) is not None and os.path.lexists(own):
        return own
    homes = process_manager_homes()
    if len(homes) == 1:
        return Path(homes[0])
    if homes:
        raise Pm2Unreadable(f"several PM2 daemons run here; set `home` to one of: {', '.join(homes)}")
    raise Pm2Unreadable("no PM2 found; set `home` to its directory (for example /home/ubuntu/.pm2)")


def owner_of(home: Path) -> int:
    """The uid the home belongs to. Raises Pm2Unreadable when it is not there, or when we may not enter it."""
    try:
        about = home.stat()
    except PermissionError:
        raise Pm2Unreadable(f"{home} is closed to {user_name(os.geteuid())}; run the monitor as PM2's user") from None
    except (OSError, ValueError):
        raise Pm2Unreadable(f"there is no PM2 home at {home}; set `home`, or start PM2 once") from None
    if not stat.S_ISDIR(about.st_mode):
        raise Pm2Unreadable(f"{home} is no directory; set `home` to the directory of PM2's rpc.sock")
    if not os.access(home, os.X_OK):
        raise Pm2Unreadable(
            f"{home} is closed to {user_name(os.geteuid())}; run the monitor as {user_name(about.st_uid)}"
        )
    return about.st_uid


def user_name(uid: int) -> str:
    """A user as people know them."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def dumped(home: Path, app: str) -> int | None:
    """How many instances of `app` PM2 would start after a reboot, by its last `pm2 save`; None if nothing says so."""
    return sum(each.get("name") == app for each in _dump(home)) or None


def saved_apps(home: Path) -> tuple[PlannedApp, ...]:
    """The apps that PM2 would start after a reboot, by its last `pm2 save`; none if nothing says so."""
    named = {each["name"]: each for each in _dump(home) if isinstance(each.get("name"), str)}
    found = (
        planned_app({**each, "cwd": each.get("pm_cwd"), "instances": dumped(home, name)})
        for name, each in named.items()
    )
    return tuple(each for each in found if each is not None)


def _dump(home: Path) -> tuple[dict[str, Any], ...]:
    for name in ("dump.pm2", "dump.pm2.bak"):  # the first may be half-written at this moment
        try:
            listed = json.loads(_read_plain_file(home / name))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(listed, list):
            return tuple(each for each in listed if isinstance(each, dict) and not is_module(each))
    return ()


def _read_plain_file(path: Path) -> bytes:
    """The home is another user's to write: a pipe or an endless file there must not hold us up."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a plain file")
        return file.read(_MAX_DUMP_BYTES)


def own_home(environ: Mapping[str, str]) -> Path | None:
    """Where PM2 lives unless it is told otherwise; None for a user without a home directory."""
    try:
        home = environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None
    return Path(home) / ".pm2"
