"""The matrix: every fault that is injected, with what the monitor has to make of it."""

from __future__ import annotations

from typing import Final

from monitor.checks.nginx import EDITING_SECONDS, RELOAD_SECONDS
from monitor.checks.nginx_verdicts import RESTART_SECONDS
from monitor.core.workers import PLANNED_GRACE
from tests.faults.row import AT_A_LOOK, AT_A_READING_OF_THE_RULES, AT_ONCE, LOOKS_EVERY, STALLED, Row

RDS, WALL, PM2, HOST = "rds", "rds-firewall", "pm2", "host"
NODE, PYTHON, NGINX = "signalcraft-nodejs", "signalcraft-python", "nginx"
NOBODY: Final = frozenset[str]()
FRONT: Final = frozenset({NGINX})
STACK: Final = frozenset({NODE, PYTHON, NGINX})

DATABASE: Final = (
    Row(
        name="postgres-stopped",
        faults=("postgres-stopped",),
        root=RDS,
        status="down",
        impacted=STACK,
        cause="rds_not_available",
        on_the_way={"database_starting": "a server that shuts down says so until its sockets are closed"},
        within=AT_ONCE,
    ),
    Row(
        name="postgres-frozen",
        faults=("postgres-frozen",),
        root=RDS,
        status="down",
        impacted=STACK,
        cause="database_unresponsive",
        within=STALLED,
    ),
    Row(
        name="password-changed",
        faults=("postgres-password",),
        root=RDS,
        status="critical",
        impacted=STACK,
        cause="database_credentials",
        within=AT_A_LOOK,
    ),
    Row(
        name="slots-exhausted",
        faults=("postgres-slots",),
        root=RDS,
        status="critical",
        impacted=STACK,
        cause="database_slots_exhausted",
        within=AT_A_LOOK,
        counts_from_end=True,
    ),
    Row(
        name="database-renamed",
        faults=("postgres-renamed",),
        root=RDS,
        status="critical",
        impacted=STACK,
        cause="database_missing",
        on_the_way={"database_refuses": "nobody may be in a database that is renamed, so it refuses everybody before"},
        within=AT_A_LOOK,
    ),
    Row(
        name="database-slow",
        faults=("postgres-slow",),
        root=RDS,
        status="warning",
        severity="warning",
        impacted=STACK,
        cause="database_slow",
        within=LOOKS_EVERY + 3 * 3.0 + 2 * 0.3 + 2.0,  # three looks that take three seconds each, or it was a blip
    ),
    Row(
        name="database-read-only",
        faults=("postgres-read-only",),
        root=RDS,
        status="critical",
        impacted=STACK,
        cause="database_read_only",
        within=AT_A_LOOK,
    ),
)

PROCESSES: Final = (
    Row(
        name="node-crash-loop",
        faults=("node-crash-loop",),
        root=NODE,
        status="down",
        impacted=FRONT,
        cause="process_crash_loop",
        within=AT_ONCE,
        until_certain=True,  # PM2 tries anew every ten seconds: only then can anybody know that it is a loop
        says="keeps crashing",
    ),
    Row(
        name="node-gave-up",
        faults=("node-gave-up",),
        root=NODE,
        status="down",
        impacted=FRONT,
        cause="process_gave_up",
        on_the_way={"process_crash_loop": "it died and was started again, until PM2 gave up"},
        within=AT_A_LOOK,
        counts_from_end=True,
        counts_to_cause=True,
    ),
    Row(
        name="node-workers-all-killed",
        faults=("node-killed",),
        root=NODE,
        status="down",
        impacted=FRONT,
        cause="process_killed",
        within=AT_ONCE,
        says="SIGKILL",
    ),
    Row(
        name="node-stopped-by-the-operator",
        faults=("node-stopped",),
        root=NODE,
        status="down",
        impacted=FRONT,
        cause="process_stopped",
        within=PLANNED_GRACE + AT_A_LOOK,
    ),
    Row(
        name="pm2-killed",
        faults=("pm2-killed",),
        root=PM2,
        status="down",
        impacted=STACK,
        cause="pm2_daemon_down",
        within=AT_ONCE,
        never_down=(PYTHON,),
    ),
    Row(
        name="pm2-frozen",
        faults=("pm2-frozen",),
        root=PM2,
        status="down",
        impacted=STACK,
        cause="pm2_daemon_down",
        within=STALLED,
        never_down=(PYTHON,),
    ),
    Row(
        name="gunicorn-master-killed",
        faults=("python-killed",),
        root=PYTHON,
        status="down",
        impacted=FRONT,
        cause="process_killed",
        within=AT_ONCE,
    ),
    Row(
        name="gunicorn-workers-busy",
        faults=("gunicorn-busy",),
        root=PYTHON,
        status="down",
        impacted=FRONT,
        cause="app_unresponsive",
        within=STALLED,
    ),
    Row(
        name="node-event-loop-blocked",
        faults=("node-blocked",),
        root=NODE,
        status="down",
        impacted=FRONT,
        cause="app_unresponsive",
        within=STALLED,
    ),
    Row(
        name="app-answers-500",
        faults=("app-500",),
        root=NODE,
        status="critical",
        impacted=FRONT,
        cause="app_errors",
        within=AT_A_LOOK,
    ),
)

FRONT_DOOR: Final = (
    Row(
        name="nginx-stopped",
        faults=("nginx-stopped",),
        root=NGINX,
        status="down",
        impacted=NOBODY,
        cause="nginx_down",
        within=AT_ONCE,
        says="no Nginx runs with",
    ),
    Row(
        name="nginx-workers-frozen",
        faults=("nginx-frozen",),
        root=NGINX,
        status="down",
        impacted=NOBODY,
        cause="nginx_frozen",
        within=STALLED,
        says="worker(s) are stopped",
    ),
    Row(
        name="port-mismatch-after-reload",
        faults=("nginx-port-mismatch",),
        root=NGINX,
        status="critical",
        impacted=NOBODY,
        cause="upstream_port_mismatch",
        within=RESTART_SECONDS + AT_A_LOOK,
        says="signalcraft-python listens on port",
    ),
    Row(
        name="one-of-two-peers-down",
        faults=("one-peer-down",),
        root=NGINX,
        status="warning",
        severity="warning",
        impacted=NOBODY,
        cause="upstream_down",
        within=RESTART_SECONDS + AT_A_LOOK,
        says="1 of 2 peers of flask answer",
    ),
    Row(
        name="broken-configuration-on-disk",
        faults=("nginx-broken-config",),
        root=NGINX,
        status="warning",
        severity="warning",
        impacted=NOBODY,
        cause="nginx_config_broken",
        within=EDITING_SECONDS + AT_A_LOOK,
        says="proxy_http_versoin",
    ),
    Row(
        name="certificate-renewed-not-reloaded",
        faults=("nginx-certificate",),
        root=NGINX,
        status="warning",
        severity="warning",
        impacted=NOBODY,
        cause="certificate_not_reloaded",
        within=AT_A_LOOK,
        counts_from_end=True,
    ),
)

RULES: Final = (
    Row(
        name="group-opened-to-the-world-by-two-halves",
        faults=("sg-open-halves",),
        root=WALL,
        status="warning",
        severity="warning",
        impacted=STACK | {RDS},
        cause="database_exposed",
        within=AT_A_READING_OF_THE_RULES,
    ),
    Row(
        name="path-closed-while-packets-pass",
        faults=("sg-rule-revoked",),
        root=WALL,
        status="warning",
        severity="warning",
        impacted=STACK | {RDS},
        cause="firewall_path_closed",
        within=AT_A_READING_OF_THE_RULES,
        says="removed: in ",
    ),
)

WIRING: Final = (
    Row(
        name="worker-on-the-wrong-database",
        faults=("wrong-db-host",),
        root=PYTHON,
        status="critical",
        impacted=FRONT,
        cause="wrong_database",
        within=PLANNED_GRACE + AT_A_LOOK,  # somebody restarted it, and that has its grace
        says="DB_HOST in its environment: 127.0.0.2:",
    ),
    Row(
        name="sqlite-in-use",
        faults=("sqlite-open",),
        root=PYTHON,
        status="warning",
        severity="warning",
        impacted=FRONT,
        cause="sqlite_in_use",
        within=AT_A_LOOK,
        says="legacy.db",
    ),
    Row(
        name="stale-environment",
        faults=("stale-environment-python",),
        root=PYTHON,
        status="warning",
        severity="warning",
        impacted=FRONT,
        cause="stale_environment",
        within=3.0 + AT_A_LOOK,  # the lab's `edit_grace`
        says="DB_POOL_MAX changed in ",
    ),
)

DISK: Final = Row(
    name="disk-over-threshold",
    faults=("disk-full",),
    root=HOST,
    status="critical",
    impacted=NOBODY,
    cause="host_disk",
    within=AT_A_LOOK,
    alone=True,
)

NETWORK: Final = (
    Row(
        name="packets-dropped-and-the-rule-revoked",
        faults=("sg-rule-revoked", "packets-dropped"),
        root=WALL,
        status="critical",
        impacted=STACK | {RDS},
        cause="security_group_blocks",
        within=STALLED,
    ),
    Row(
        name="packets-dropped-and-the-rule-present",
        faults=("packets-dropped",),
        root=RDS,
        status="down",
        impacted=STACK,
        cause="network_path_blocked",
        within=STALLED,
    ),
    Row(
        name="pooled-sessions-live-while-new-ones-fail",
        faults=("new-connections-dropped",),
        root=RDS,
        status="critical",
        impacted=STACK,
        cause="latent_outage",
        within=STALLED,
    ),
    Row(
        name="path-closed-while-pools-live",
        faults=("sg-rule-revoked", "new-connections-dropped"),
        root=WALL,
        status="critical",
        impacted=STACK | {RDS},
        cause="security_group_blocks",
        within=STALLED,
    ),
    Row(
        name="name-gone",
        faults=("name-gone",),
        root=RDS,
        status="down",
        impacted=STACK,
        cause="dns_failure",
        within=AT_A_LOOK,
    ),
)

NOT_LOADED: Final = Row(
    name="configuration-not-loaded",
    faults=("nginx-not-loaded",),
    root=NGINX,
    status="warning",
    severity="warning",
    impacted=NOBODY,
    cause="nginx_config_not_loaded",
    within=RELOAD_SECONDS + AT_A_LOOK,
)

HERE: Final = (*DATABASE, *PROCESSES, *FRONT_DOOR, *RULES, *WIRING)
"""What any machine can do at any time."""

BY_NAME: Final = {row.name: row for row in (*HERE, NOT_LOADED, DISK, *NETWORK)}

PAIRS: Final = (
    (BY_NAME["group-opened-to-the-world-by-two-halves"], NOT_LOADED),
    (BY_NAME["app-answers-500"], BY_NAME["sqlite-in-use"]),
)
"""Two faults at once that have nothing to do with each other."""
