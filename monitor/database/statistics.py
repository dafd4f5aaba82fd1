"""What one query asks a PostgreSQL server about itself, and its answer as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.core.model import SessionHolder

_MOST_APPLICATIONS: Final = 20
_MOST_HOLDERS: Final = 50
OTHER: Final = "other"

# Sent as one string, so that all of it costs one round trip. The implicit transaction ends at the first error: what
# some servers do not offer (Aurora refuses the WAL functions on its readers) stands last and is then simply absent.
# Sessions of other roles show no state and no kind without pg_monitor; they are counted all the same.
QUERY: Final = """
select json_build_object(
    'in_recovery', pg_is_in_recovery(),
    'started_at', extract(epoch from pg_postmaster_start_time()),
    'version', current_setting('server_version'),
    'settings', (
        select json_object_agg(name, json_build_array(setting, source)) from pg_settings where name in (
            'max_connections', 'superuser_reserved_connections', 'reserved_connections',
            'rds.rds_superuser_reserved_connections', 'default_transaction_read_only')),
    'sessions', (
        select coalesce(json_agg(s), '[]') from (
            select coalesce(nullif(application_name, ''), 'unnamed') as application,
                coalesce(host(client_addr), case when backend_type is null then 'hidden' else 'local' end) as client,
                coalesce(state, 'hidden') as state,
                count(*) as sessions,
                extract(epoch from max(clock_timestamp() - xact_start) filter (where pid <> pg_backend_pid()))
                    as longest
            from pg_stat_activity
            where backend_type = 'client backend' or (backend_type is null and datid is not null)
            group by 1, 2, 3 order by 4 desc, 1, 2, 3) s));
select json_build_object('database_size', pg_database_size(current_database()));
select json_build_object('replication_lag', case
    when not pg_is_in_recovery() then (select extract(epoch from max(replay_lag)) from pg_stat_replication)
    when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
    else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end)
"""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the server says of itself. None: it did not say."""

    in_recovery: bool
    started_at: float
    version: str
    read_only: str
    max_connections: int
    usable_connections: int
    used_connections: int
    by_state: Mapping[str, int]
    by_application: Mapping[str, int]
    holders: tuple[SessionHolder, ...]
    longest_transaction: float | None
    replication_lag: float | None
    database_size: float | None


def read(rows: Sequence[str]) -> Statistics:
    """The answers as values. Raises ValueError when they are not what was asked for."""
    answer: dict[str, Any] = {}
    for row in rows:
        answer.update(json.loads(row))
    try:
        return _read(answer)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the server's answer lacks {error}") from error


def _read(answer: Mapping[str, Any]) -> Statistics:
    settings: Mapping[str, Sequence[str]] = answer["settings"]
    sessions: Sequence[Mapping[str, Any]] = answer["sessions"]
    most = int(settings["max_connections"][0])
    reserved = sum(int(value[0]) for name, value in settings.items() if name.endswith("reserved_connections"))
    return Statistics(
        in_recovery=bool(answer["in_recovery"]),
        started_at=float(answer["started_at"]),
        version=str(answer["version"]),
        read_only=_read_only(answer, settings.get("default_transaction_read_only", ("off", "default"))),
        max_connections=most,
        usable_connections=most - reserved,
        used_connections=sum(s["sessions"] for s in sessions),
        by_state=_sum_by(sessions, "state"),
        by_application=_bounded(_sum_by(sessions, "application")),
        holders=tuple(
            SessionHolder(s["application"], s["client"], s["state"], s["sessions"]) for s in sessions[:_MOST_HOLDERS]
        ),
        longest_transaction=_longest(sessions),
        replication_lag=_number(answer.get("replication_lag")),
        database_size=_number(answer.get("database_size")),
    )


def _read_only(answer: Mapping[str, Any], default: Sequence[str]) -> str:
    """Why nobody can write, or nothing. A default set for our own role alone says nothing about the others."""
    if answer["in_recovery"]:
        return "the server is a standby in recovery"
    setting, source = default
    if setting == "on" and source not in {"user", "database user", "client", "session"}:
        return f"default_transaction_read_only is on (set by: {source})"
    return ""


def _longest(sessions: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds; no open transaction is 0 only if every session shows us whether it has one."""
    seen = [float(s["longest"]) for s in sessions if s["longest"] is not None]
    if seen:
        return max(0.0, *seen)
    return None if any(s["state"] == "hidden" for s in sessions) else 0.0


def _sum_by(sessions: Sequence[Mapping[str, Any]], key: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for session in sessions:
        total[session[key]] = total.get(session[key], 0) + session["sessions"]
    return total


def _bounded(counts: Mapping[str, int]) -> dict[str, int]:
    """The applications with the most sessions; the rest as one, so that nobody can flood the metrics with names."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(ranked[:_MOST_APPLICATIONS])
    if rest := sum(count for _, count in ranked[_MOST_APPLICATIONS:]):
        kept[OTHER] = kept.get(OTHER, 0) + rest
    return kept


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float | str) else None
