"""Explicit rules from evidence to causes; one module per family, one function per cause, named by its public id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from monitor.core.causes import apps, certificates, database, database_answers, firewall, host, nginx, processes, wiring
from monitor.core.causes.scene import Scene
from monitor.core.model import Diagnosis

Rule: TypeAlias = Callable[[Scene], Diagnosis | None]

RULES: Final[tuple[Rule, ...]] = (
    database.latent_outage,
    database.dns_failure,
    firewall.security_group_blocks,
    database.rds_not_available,
    firewall.firewall_path_closed,
    database.network_path_blocked,
    database.database_unresponsive,
    database_answers.database_tls,
    database_answers.database_refuses,
    database_answers.database_credentials,
    database_answers.database_missing,
    database_answers.database_slots_exhausted,
    database_answers.database_starting,
    database_answers.database_read_only,
    database_answers.database_slow,
    certificates.certificate_expiring,
    firewall.database_exposed,
    firewall.firewall_not_as_intended,
    processes.pm2_daemon_down,
    processes.process_gave_up,
    processes.process_missing,
    processes.process_stopped,
    processes.process_crash_loop,
    processes.process_killed,
    apps.app_unresponsive,
    apps.app_errors,
    apps.app_slow,
    nginx.nginx_down,
    nginx.nginx_frozen,
    nginx.upstream_port_mismatch,
    nginx.upstream_down,
    nginx.upstream_marked_failed,
    nginx.upstream_timeout_mismatch,
    certificates.certificate_not_reloaded,
    nginx.nginx_config_broken,
    nginx.nginx_config_not_loaded,
    host.host_disk,
    host.host_memory,
    host.host_cpu,
    wiring.wrong_database,
    wiring.sqlite_in_use,
    wiring.stale_environment,
    wiring.connection_budget,
)
"""Every cause that can be found. Of equally sure ones the first wins: what stands higher explains what stands lower."""
