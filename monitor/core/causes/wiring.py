"""Why an app does not use the database that it should: told by its settings, its connections and its files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.database import endpoint_of
from monitor.core.causes.scene import Scene, Sign
from monitor.core.environments import STALE
from monitor.core.model import Confidence, Diagnosis, Evidence, Finding
from monitor.core.pools import BUDGET

WIRING: Final = "wiring"
ELSEWHERE: Final = ("wrong_host", "localhost_fallback", "wrong_name")
SETTINGS: Final = "grep -nE '^(DB_(HOST|PORT|NAME|USER)|DATABASE_URL)=' {file} | sed 's#://[^@]*@#://***@#'"


def wrong_database(scene: Scene) -> Diagnosis | None:
    """The app is told of, or connected to, another database than the one that is watched."""
    return _found(scene, "wrong_database", reasons=ELSEWHERE)


def sqlite_in_use(scene: Scene) -> Diagnosis | None:
    """The app works on a file of its own: what it writes there, nobody else sees."""
    return _found(scene, "sqlite_in_use", reasons=("sqlite_in_use",))


def stale_environment(scene: Scene) -> Diagnosis | None:
    """Somebody edited the settings and did not restart the app."""
    sign = scene.past(WIRING, metrics=(STALE,))
    if sign is None:
        return None
    return scene.diagnosis(
        "stale_environment",
        sign,
        Confidence.CERTAIN,
        ruled_out=scene.well(),
        commands=(_settings(sign, "file"), _restart(scene, sign)),
    )


def connection_budget(scene: Scene) -> Diagnosis | None:
    """The pools of all apps together are larger than the database."""
    sign = scene.past("rds", metrics=(BUDGET,))
    if sign is None:
        return None
    shown = commands.psql(endpoint_of(scene), "show max_connections")
    return scene.diagnosis("connection_budget", sign, Confidence.CERTAIN, commands=(shown,))


def _found(scene: Scene, cause: str, *, reasons: Iterable[str]) -> Diagnosis | None:
    """With everything else that this look found, for it may say how it came about. What only a file says may be
    overridden in the app; connections, open files and the environment of a process are facts."""
    sign = scene.failed(WIRING, reasons=reasons)
    if sign is None:
        return None
    told = sign.trouble.message
    also = (fact.message for fact in sign.facts if isinstance(fact, Finding) and fact.message != told)
    return scene.diagnosis(
        cause,
        sign,
        Confidence.LIKELY if told.key.endswith("_file") else Confidence.CERTAIN,
        evidence=(Evidence(scene.root, message, sign.at) for message in also),
        ruled_out=scene.well(),
        commands=(_settings(sign, "source"), _restart(scene, sign)),
    )


def _settings(sign: Sign, key: str) -> str:
    """Show where the app is told to go, without the password."""
    return SETTINGS.format(file=commands.word(sign.trouble.message.values.get(key, ".env"), ".env"))


def _restart(scene: Scene, sign: Sign) -> str:
    app = str(sign.trouble.message.values.get("app", scene.root))
    return commands.pm2(scene.supervisor(), "restart", app, more="--update-env")
