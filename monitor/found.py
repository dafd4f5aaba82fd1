"""What the last looks at a service found beside numbers: workers, peers, sessions, rules; as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from monitor.answers import Json, rfc3339
from monitor.core.firewall_changes import held, parts_of
from monitor.core.model import (
    CheckPlan,
    CheckState,
    DatabaseEndpoint,
    DatabaseServer,
    Fact,
    Failed,
    Firewall,
    NginxRoute,
    Reading,
    Seen,
    ServicePlan,
    ServiceState,
    SessionHolder,
    UpstreamPeer,
    Worker,
)

SECURITY_GROUP: Final = "security_group"


def found(plan: ServicePlan, known: ServiceState) -> Json:
    """Everything that has a place of its own on a service's page; empty lists where there is nothing of the kind."""
    facts = [fact for check in known.checks.values() for fact in _facts(check)]
    readings = [reading for check in known.checks.values() for reading in _readings(check)]
    return {
        "service": plan.name,
        "workers": [_worker(each, readings) for each in _workers(known)],
        "peers": [_peer(each) for each in facts if isinstance(each, UpstreamPeer)],
        "routes": [{"route": each.route, "peer": each.peer} for each in facts if isinstance(each, NginxRoute)],
        "sessions": [_sessions(each) for each in facts if isinstance(each, SessionHolder)],
        "database": _database(facts),
        "firewalls": [
            _firewall(each, known.checks.get(each.name, CheckState()))
            for each in plan.checks
            if each.kind == SECURITY_GROUP
        ],
    }


def _facts(check: CheckState) -> tuple[Fact, ...]:
    return check.last.result.facts if check.last and isinstance(check.last.result, Seen | Failed) else ()


def _readings(check: CheckState) -> tuple[Reading, ...]:
    return check.last.result.readings if check.last and isinstance(check.last.result, Seen | Failed) else ()


def _workers(known: ServiceState) -> Iterator[Worker]:
    """Of the newest look that showed any, for each check."""
    for check in known.checks.values():
        seen = tuple(fact for fact in _facts(check) if isinstance(fact, Worker))
        yield from seen or check.workers


def _worker(worker: Worker, readings: list[Reading]) -> Json:
    mine = {"app": worker.app, "worker": str(worker.worker)}
    memory = next((each.value for each in readings if each.name == "process_memory" and each.labels == mine), None)
    return {
        "app": worker.app,
        "worker": worker.worker,
        "pid": worker.pid or None,
        "alive": worker.alive,
        "gave_up": worker.gave_up,
        "pm2_status": worker.pm2_status,
        "restarts": worker.restarts,
        "since": rfc3339(worker.started_at) if worker.alive else None,
        "memory_bytes": memory,
    }


def _peer(peer: UpstreamPeer) -> Json:
    return {
        "upstream": peer.upstream,
        "peer": peer.peer,
        "answer": peer.answer,
        "http_status": peer.http_status,
        "took_seconds": round(peer.took_seconds, 4),
    }


def _sessions(holder: SessionHolder) -> Json:
    return {
        "application": holder.application,
        "client": holder.client,
        "state": holder.state,
        "sessions": holder.sessions,
    }


def _database(facts: list[Fact]) -> Json | None:
    endpoint = next((each for each in facts if isinstance(each, DatabaseEndpoint)), None)
    server = next((each for each in facts if isinstance(each, DatabaseServer)), None)
    if endpoint is None and server is None:
        return None
    return {
        "host": endpoint.host if endpoint else None,
        "port": endpoint.port if endpoint else None,
        "name": endpoint.name if endpoint else None,
        "user": endpoint.user if endpoint else None,
        "address": server.address if server else endpoint.address or None if endpoint else None,
        "version": server.version if server else None,
        "started_at": rfc3339(server.started_at) if server else None,
        "in_recovery": server.in_recovery if server else None,
    }


def _firewall(plan: CheckPlan, known: CheckState) -> Json:
    """As last read; while nobody can, what is remembered of the rules, and everything else unknown."""
    read = next((fact for fact in _facts(known) if isinstance(fact, Firewall)), None)
    lines = known.rules or (read.lines if read else ())
    return {
        "check": plan.name,
        "subject": read.subject if read else known.rules_of or None,
        "port": read.port if read else None,
        "address": read.address if read else None,
        "source": (read.source or None) if read else None,
        "groups": list(read.groups) if read else [],
        "host_groups": list(read.host_groups) if read else [],
        "path_open": read.reachable if read else None,
        "reason": read.reason if read else None,
        "exposure": read.exposure if read else None,
        "as_intended": read.as_intended if read else None,
        "rules": [each for line in lines if (each := _rule(line, read))],
        "prefix_lists": _prefix_lists(lines),
        "unexpected": list(read.unexpected) if read else [],
        "open_with": (read.open_with or None) if read else None,
        "close_with": list(read.close_with) if read else [],
        "database_state": (read.state or None) if read else None,
        "read_at": rfc3339(known.seen_at),
        "not_read_because": known.blind_reason,
        "changes": [
            {"at": rfc3339(each.at), "added": list(each.added), "removed": list(each.removed)}
            for each in reversed(known.rule_changes)
        ],
    }


def _rule(line: str, read: Firewall | None) -> Json | None:
    """None of a line that is no rule."""
    rule = parts_of(line)
    if rule is None:
        return None
    return {
        "direction": rule.direction,
        "group": rule.group,
        "traffic": rule.traffic,
        "peer": rule.peer,
        "admits_this_host": bool(read and line in read.admitted_by),
        "unexpected": bool(read and rule.direction == "in" and rule.peer.partition(" ")[0] in read.unexpected),
    }


def _prefix_lists(lines: tuple[str, ...]) -> Mapping[str, list[str]]:
    names = {rule.peer for line in lines if (rule := parts_of(line)) and rule.peer.startswith("pl-")}
    return {name: list(held(name, lines)) for name in sorted(names)}
