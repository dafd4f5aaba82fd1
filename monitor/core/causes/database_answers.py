"""Why a database that answers does not serve: told by what it says, and by its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.core.causes import commands
from monitor.core.causes.database import RDS, endpoint_of, reached
from monitor.core.causes.scene import Place, Scene, Sign, against, phases_of
from monitor.core.model import Confidence, Diagnosis, Evidence, Message, RuledOut, SessionHolder, Worker

HOLDERS_SHOWN: Final = 3
APPS_SHOWN: Final = 3
SETTINGS: Final = "grep -nE '^(DB_(HOST|PORT|NAME|USER)|DATABASE_URL)=' .env | sed 's#://[^@]*@#://***@#'"
HOLDERS: Final = (
    "select application_name, client_addr, state, count(*) from pg_stat_activity group by 1, 2, 3 order by 4 desc"
)
SLOW: Final = (
    "select pid, application_name, state, wait_event, now() - xact_start as open, left(query, 80) "
    "from pg_stat_activity where xact_start is not null order by xact_start limit 10"
)
ROLE: Final = "select rolname, rolcanlogin, rolconnlimit, rolvaliduntil from pg_roles where rolname = current_user"
READ_ONLY: Final = "select pg_is_in_recovery(), current_setting('default_transaction_read_only')"


def database_refuses(scene: Scene) -> Diagnosis | None:
    """The server is up and refuses us for a reason that is none of the others: a right, a limit, its own resources."""
    endpoint = endpoint_of(scene)
    shown = (commands.psql(endpoint, ROLE), *commands.instance(endpoint))
    return _said(scene, "database_refuses", ("not_permitted", "resources", "rejected"), shown)


def database_tls(scene: Scene) -> Diagnosis | None:
    """The two ends do not agree on encryption or on the certificate."""
    return _said(scene, "database_tls", ("tls",), (commands.certificate(endpoint_of(scene)),))


def database_credentials(scene: Scene) -> Diagnosis | None:
    """The server is up and does not let this user in."""
    login = commands.psql(endpoint_of(scene), "select 1")
    return _said(scene, "database_credentials", ("credentials",), (SETTINGS, login, *_restarts(scene)))


def database_missing(scene: Scene) -> Diagnosis | None:
    """The server is up and has no database of this name."""
    names = commands.psql(endpoint_of(scene), "select datname from pg_database", database="postgres")
    return _said(scene, "database_missing", ("database_missing",), (SETTINGS, names))


def database_slots_exhausted(scene: Scene) -> Diagnosis | None:
    """Every connection slot is taken; or nearly, which is told before it happens."""
    shown = (commands.psql(endpoint_of(scene), HOLDERS), *_restarts(scene))
    if full := _said(scene, "database_slots_exhausted", ("slots",), shown):
        return full
    sign = scene.past(RDS, metrics=("connections_used",))
    if sign is None:
        return None
    return scene.diagnosis(
        "database_slots_exhausted",
        sign,
        Confidence.CERTAIN,
        words="nearly",
        evidence=_holders(scene, sign),
        ruled_out=_answered(scene, sign),
        commands=shown,
    )


def database_starting(scene: Scene) -> Diagnosis | None:
    """The server says itself that it is starting or shutting down. The latter soon comes to something else: nobody
    listens there any more."""
    endpoint = endpoint_of(scene)
    shown = commands.instance(endpoint) or (commands.knock(endpoint),)
    return _said(scene, "database_starting", ("starting",), shown) or _said(
        scene, "database_starting", ("shutting_down",), shown, confidence=Confidence.LIKELY
    )


def database_read_only(scene: Scene) -> Diagnosis | None:
    """Reading works, writing does not: a standby, or a server told to be read-only."""
    endpoint = endpoint_of(scene)
    shown = (commands.psql(endpoint, READ_ONLY), *commands.instance(endpoint))
    return _said(scene, "database_read_only", ("read_only",), shown)


def database_slow(scene: Scene) -> Diagnosis | None:
    """It answers everything, too slowly."""
    sign = scene.past(RDS, metrics=("response_time",))
    if sign is None:
        return None
    return scene.diagnosis(
        "database_slow",
        sign,
        Confidence.CERTAIN,
        evidence=scene.machine(),
        ruled_out=_answered(scene, sign),
        commands=(commands.psql(endpoint_of(scene), SLOW),),
    )


def _said(
    scene: Scene,
    cause: str,
    reasons: Iterable[str],
    shown: Iterable[str],
    *,
    confidence: Confidence = Confidence.CERTAIN,
) -> Diagnosis | None:
    sign = scene.failed(RDS, reasons=reasons)
    if sign is None:
        return None
    return scene.diagnosis(cause, sign, confidence, ruled_out=_answered(scene, sign), commands=shown)


def _answered(scene: Scene, sign: Sign) -> tuple[RuledOut, ...]:
    """It was reached, and it spoke."""
    what = sign.said if sign.trouble.phase else phases_of(sign, sign.readings)
    return (*reached(scene, sign), against("database_unresponsive.answered", what=what))


def _restarts(scene: Scene) -> tuple[str, ...]:
    """What would have the apps that use it read their settings, and open their pools, anew."""
    apps = dict.fromkeys(worker.app for worker in scene.facts(Worker, Place.BELOW))
    supervisor = scene.supervisor()
    return tuple(commands.pm2(supervisor, "restart", app, more="--update-env") for app in list(apps)[:APPS_SHOWN])


def _holders(scene: Scene, sign: Sign) -> tuple[Evidence, ...]:
    """Who holds the most sessions."""
    holders = sorted(
        (fact for fact in sign.facts if isinstance(fact, SessionHolder)), key=lambda holder: -holder.sessions
    )
    return tuple(
        Evidence(
            scene.root,
            Message(
                "evidence.session_holder",
                {
                    "application": holder.application or "?",
                    "client": holder.client or "?",
                    "state": holder.state,
                    "sessions": holder.sessions,
                },
            ),
            sign.at,
        )
        for holder in holders[:HOLDERS_SHOWN]
    )
