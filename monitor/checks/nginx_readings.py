"""What one look at Nginx publishes: its numbers, the metrics they become, and the typed facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from monitor.checks.base import Family
from monitor.checks.nginx_survey import Survey
from monitor.checks.nginx_verdicts import PeerLook, RouteLook
from monitor.core.model import Fact, NginxProcesses, NginxRoute, Reading, UpstreamPeer
from monitor.sources.nginx import OnDisk, Written
from monitor.sources.nginx_conf import Configuration
from monitor.sources.nginx_conf.shadow import Trial
from monitor.sources.nginx_processes import NginxMaster

FAMILIES: Final = (
    Family("up", "infra_nginx_up", "gauge", "1 if Nginx answers."),
    Family("workers", "infra_nginx_workers", "gauge", "Workers that take requests, running and stopped."),
    Family("connections", "infra_nginx_connections", "gauge", "Connections at this moment, by what they do."),
    Family(
        "connections_accepted", "infra_nginx_connections_accepted_total", "counter", "Connections that were accepted."
    ),
    Family(
        "connections_handled",
        "infra_nginx_connections_handled_total",
        "counter",
        "Connections that a worker had room for.",
    ),
    Family(
        "connections_dropped",
        "infra_nginx_connections_dropped_total",
        "counter",
        "Accepted and not handled: no worker had room for them, and they are in no access log.",
    ),
    Family("requests", "infra_nginx_http_requests_total", "counter", "Requests since Nginx was started."),
    Family("upstream_up", "infra_nginx_upstream_up", "gauge", "1 if the peer answers when it is asked directly."),
    Family(
        "upstream_response",
        "infra_nginx_upstream_response_seconds",
        "gauge",
        "How long the peer took to answer when it was asked directly.",
    ),
    Family(
        "route_up", "infra_nginx_route_up", "gauge", "1 if the route serves through Nginx, 0 if users get an error."
    ),
    Family("route_response", "infra_nginx_route_response_seconds", "gauge", "How long the route took through Nginx."),
    Family(
        "upstream_errors",
        "infra_nginx_upstream_errors_total",
        "tally",
        "Faults of upstreams in the error log since the monitor began.",
    ),
    Family("own_errors", "infra_nginx_errors_total", "tally", "Faults of Nginx itself in the error log, likewise."),
    Family(
        "upstream_requests",
        "infra_nginx_upstream_requests",
        "gauge",
        "Requests in the last minute of the access log, if its format tells.",
    ),
    Family(
        "upstream_error_ratio",
        "infra_nginx_upstream_error_ratio",
        "gauge",
        "Share of these that ended with a status of 500 or more.",
    ),
    Family(
        "upstream_request_time",
        "infra_nginx_upstream_request_seconds",
        "gauge",
        "How long the upstream took for these, by percentile.",
    ),
    Family(
        "config_loaded",
        "infra_nginx_config_loaded",
        "gauge",
        "1 if the workers have the configuration that is on disk, 0 if a reload is due.",
    ),
    Family(
        "config_valid",
        "infra_nginx_config_valid",
        "gauge",
        "1 if Nginx would take the configuration that is on disk, 0 if a reload or start would fail.",
    ),
    Family("config_files", "infra_nginx_config_files", "gauge", "Files of the configuration, read and not readable."),
    Family("logs_unreadable", "infra_nginx_logs_unreadable", "gauge", "Logs that this user may not read; 0 is well."),
    Family(
        "certificate_expiry",
        "infra_nginx_certificate_expiry_timestamp_seconds",
        "gauge",
        "When the certificate that is served under this name ends.",
    ),
)


def readings_of(disk: OnDisk, seen: Survey, trial: Trial | None) -> Iterator[Reading]:
    """All numbers but those of the logs and certificates."""
    yield from _of_nginx(disk, seen)
    yield from _of_configuration(disk, trial)
    peers = dict[tuple[str, str], list[PeerLook]]()
    for route in seen.routes:
        for peer in route.peers:
            peers.setdefault((peer.plan.upstream, peer.address), []).append(peer)
        yield from _of_route(route)
    for (upstream, address), looks in peers.items():
        yield from _of_peer({"upstream": upstream, "peer": address}, looks)


def written_readings(written: Written) -> Iterator[Reading]:
    """What the logs tell. A rate of errors is in percent where it is judged, a share where it is published."""
    yield Reading("logs_unreadable", len(written.unreadable))
    own = Counter(each.kind for each in written.errors if each.own)
    for kind, number in own.items():
        yield Reading("own_errors", number, labels={"class": kind})
    faults = Counter((each.upstream or "other", each.kind) for each in written.errors if not each.own)
    for (upstream, kind), number in faults.items():
        yield Reading("upstream_errors", number, labels={"upstream": upstream, "class": kind})
    for upstream, summary in written.summaries.items():
        labels = {"upstream": upstream}
        yield Reading("upstream_requests", summary.requests, labels=labels)
        yield Reading("error_rate", summary.error_percent, "percent", labels)
        yield Reading("upstream_error_ratio", summary.error_percent / 100, "ratio", labels)
        for percentile, seconds in summary.percentiles.items():
            named = {**labels, "percentile": str(percentile)}
            yield Reading("upstream_request_time", seconds, "seconds", named)
            if percentile == 95:  # noqa: PLR2004 — the one that is judged
                yield Reading("response_time", seconds, "seconds", named)


def facts_of(disk: OnDisk, seen: Survey) -> tuple[Fact, ...]:
    """The processes, each peer as it answered when it was asked directly, and which route leads to which."""
    found = dict[tuple[str, str], Fact]()
    for route in seen.routes:
        for peer in route.peers:
            key = (peer.plan.upstream, peer.address)
            if key not in found or not peer.outcome.answered:
                outcome = peer.outcome
                found[key] = UpstreamPeer(*key, outcome.reason, outcome.status, round(outcome.seconds, 4))
    named = ((route.plan.name, peer.address) for route in seen.routes for peer in route.peers)
    facts = (*found.values(), *(NginxRoute(*each) for each in dict.fromkeys(named)))
    master = disk.master
    if not isinstance(master, NginxMaster):
        return facts
    return (_processes(master, disk.configuration), *facts)


def _processes(master: NginxMaster, configuration: Configuration) -> NginxProcesses:
    newest = max(configuration.files, key=lambda file: file.changed_at, default=None)
    return NginxProcesses(
        master.pid,
        len(master.workers),
        stopped=sum(each.stopped for each in master.workers),
        loaded_at=master.loaded_at,
        newest_at=max((each.started_at for each in master.workers), default=None),
        digest=configuration.digest,
        edited_file=newest.path if newest else "",
        edited_at=newest.changed_at if newest else 0.0,
    )


def _of_nginx(disk: OnDisk, seen: Survey) -> Iterator[Reading]:
    if isinstance(disk.master, NginxMaster):
        stopped = sum(each.stopped for each in disk.master.workers)
        yield Reading("workers", len(disk.master.workers) - stopped, labels={"state": "running"})
        yield Reading("workers", stopped, labels={"state": "stopped"})
    status = seen.status
    if status is None:
        return
    for state in ("active", "reading", "writing", "waiting"):
        yield Reading("connections", getattr(status, state), labels={"state": state})
    yield Reading("connections_accepted", status.accepted)
    yield Reading("connections_handled", status.handled)
    yield Reading("connections_dropped", status.dropped)
    yield Reading("requests", status.requests)


def _of_configuration(disk: OnDisk, trial: Trial | None) -> Iterator[Reading]:
    if disk.loaded is not None:
        yield Reading("config_loaded", float(disk.loaded))
    if disk.configuration.mistakes:
        yield Reading("config_valid", 0.0)
    elif trial is not None and trial.valid is not None:
        yield Reading("config_valid", float(trial.valid))
    unreadable = sum(each.unreadable for each in disk.configuration.problems)
    yield Reading("config_files", len(disk.configuration.files), labels={"state": "read"})
    yield Reading("config_files", unreadable, labels={"state": "unreadable"})


def _of_peer(labels: dict[str, str], looks: list[PeerLook]) -> Iterator[Reading]:
    answers = [each.outcome for each in looks if each.outcome.answered]
    if answers or any(each.outcome.failed or each.outcome.stalled for each in looks):
        yield Reading("upstream_up", float(bool(answers)), labels=labels)
    if answers:
        yield Reading("upstream_response", max(each.seconds for each in answers), "seconds", labels)


def _of_route(look: RouteLook) -> Iterator[Reading]:
    route, via = look.plan.route, look.via
    labels = {"listen": look.plan.listen, "server_name": route.server_name, "location": route.location}
    if via.answered or via.failed or via.stalled:
        yield Reading("route_up", float(look.served), labels=labels)
    if via.answered:
        yield Reading("route_response", via.seconds, "seconds", labels)
    answers = [via] if via.answered else [each.outcome for each in look.peers if each.outcome.answered]
    if answers:
        named = {key: labels[key] for key in ("server_name", "location")}
        yield Reading("response_time", max(each.seconds for each in answers), "seconds", named)
