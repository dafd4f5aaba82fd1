"""PM2's list, made safe: of each process only the few fields we need, each of the right type or absent.

PM2 sends every environment variable of every app along, twice, and lets an app's environment overwrite its own
fields. So nothing is copied that is not named here, and nothing is believed that is not of the expected type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from monitor.sources.pm2_wire import ProtocolBroken

STATUSES: Final = frozenset(
    {"online", "launching", "stopping", "stopped", "errored", "waiting restart", "one-launch-status"}
)
_MAX_TEXT: Final = 200
_MAX_PID: Final = 2**31
_MAX_COUNT: Final = 2**53
_MAX_EXIT_CODE: Final = 256
_MAX_MILLISECONDS: Final = 1e14


@dataclass(frozen=True, slots=True)
class Entry:
    """One process as PM2 lists it; what PM2 did not say, or said in a wrong type, is None (pid 0, status empty).
    `forgotten`: created_at is null, PM2's own mark of having given up. Times are Unix seconds of PM2's clock.
    `release` is the version, the script and the revision of the app, as far as PM2 knows them, each empty if not.
    `exit_code` stays from the last end of the process, and is 0 also when that was killed."""

    name: str
    namespace: str
    pm_id: int | None
    pid: int
    status: str
    created_at: float | None
    forgotten: bool
    begun_at: float | None
    restarts: int | None
    instance: int | None
    autorestart: bool
    release: tuple[str, ...] = ()
    exit_code: int | None = None
    clustered: bool = False


class Standing(Enum):
    """What is really true of an entry; PM2's status alone says something else often enough."""

    ALIVE = "alive"
    RESTARTING = "restarting"  # it died; PM2 will start it again
    STOPPED = "stopped"  # an operator's stop or restart is under way or done
    ENDED = "ended"  # it ended by itself and is not to be restarted
    GAVE_UP = "gave_up"  # PM2 will not start it again


def entries(listed: object) -> tuple[Entry, ...]:
    """The apps in what getMonitorData returned, without modules. Raises ProtocolBroken if it is no such list."""
    if not isinstance(listed, list):
        raise ProtocolBroken("the answer is not a list of processes")
    found = list[Entry]()
    for process in listed:
        environment = process.get("pm2_env") if isinstance(process, dict) else None
        if not isinstance(environment, dict):
            raise ProtocolBroken("the list holds something that is not a process")
        if not is_module(environment):
            found.append(_entry(process, environment))
    return tuple(found)


def is_module(environment: Mapping[str, object]) -> bool:
    """Whether it is a module of PM2's (a log rotator, say) and no app of the user's."""
    return environment.get("pmx_module") is True


def standing(entry: Entry, *, alive: bool) -> Standing:
    """The state table. `alive`: the kernel has this very process, see `Pm2Snapshot`.

    Two statuses lie for good: `online` with pid 0, and `waiting restart` after the last try. Both have lost created_at.
    A `waiting restart` or `stopped` entry keeps the pid of the process that died, unless somebody stopped it.
    """
    if entry.status == "errored" or (entry.forgotten and not alive):
        return Standing.GAVE_UP
    if alive and entry.status not in ("waiting restart", "stopped"):
        return Standing.ALIVE
    if entry.status == "stopping":
        return Standing.STOPPED
    if entry.pid:
        return Standing.RESTARTING
    if entry.status in ("stopped", "waiting restart"):
        return Standing.STOPPED if entry.autorestart else Standing.ENDED
    # a pid of 0 with `online` is the false status even if the app's environment has overwritten created_at
    return Standing.GAVE_UP if entry.status == "online" else Standing.RESTARTING


def _entry(process: Mapping[str, object], environment: Mapping[str, object]) -> Entry:
    status, autorestart = environment.get("status"), environment.get("autorestart")
    return Entry(
        name=printable(process.get("name")) or printable(environment.get("name")) or "",
        namespace=printable(environment.get("namespace")) or "",
        pm_id=_whole(process.get("pm_id"), _MAX_COUNT),
        pid=_whole(process.get("pid"), _MAX_PID) or 0,
        status=status if isinstance(status, str) and status in STATUSES else "",
        created_at=_seconds(environment.get("created_at")),
        forgotten="created_at" in environment and environment["created_at"] is None,
        begun_at=_seconds(environment.get("pm_uptime")),
        restarts=_whole(environment.get("restart_time"), _MAX_COUNT),
        instance=_whole(environment.get("NODE_APP_INSTANCE"), _MAX_COUNT),
        autorestart=autorestart is not False and autorestart != "false",
        release=_release(environment),
        clustered=environment.get("exec_mode") == "cluster_mode",
        exit_code=_whole(environment.get("exit_code"), _MAX_EXIT_CODE),
    )


def _release(environment: Mapping[str, object]) -> tuple[str, ...]:
    versioning = environment.get("versioning")
    revision = versioning.get("revision") if isinstance(versioning, dict) else None
    said = (environment.get("version"), environment.get("pm_exec_path"), revision)
    return tuple(printable(each) or "" for each in said) if any(map(printable, said)) else ()


def printable(value: object) -> str | None:
    """A label: short and printable, so that it can go anywhere."""
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_TEXT and value.isprintable() else None


def _whole(value: object, below: int) -> int | None:
    return value if type(value) is int and 0 <= value < below else None


def _seconds(value: object) -> float | None:
    """JavaScript's milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / 1000 if 0 < value < _MAX_MILLISECONDS else None
