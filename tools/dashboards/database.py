"""The database as the monitor's fresh logins see it."""

from __future__ import annotations

from typing import Final

from tools.dashboards.boards import Board, Section
from tools.dashboards.expressions import age, counted, days_until, growth, of, quantile, total
from tools.dashboards.panels import Place, Query, chart, number, timeline

here: Final = of("database")

_LOGIN: Final = "infra_rds_connect_duration_seconds_bucket"

_NOW: Final = (
    number(
        "Does it let us in, and take writes?",
        "Whether the last fresh login was answered and may write. If not, the phases below say where it ended:"
        " resolve, tcp (network, security group), tls, auth (password, slots), query.",
        [Query(here("infra_rds_up"), "{{service}}")],
        Place(6, 5),
        words={0: ("no", "red"), 1: ("yes", "green")},
        nothing="no data: the monitor could not look",
    ),
    number(
        "Role",
        "Primary or standby, and whether it takes writes. After a failover the address may lead to a standby for a"
        " while.",
        [
            Query(here("infra_rds_in_recovery"), "{{service}} standby?"),
            Query(here("infra_rds_read_only"), "{{service}} read-only?"),
        ],
        Place(6, 5),
        words={0: ("no", "green"), 1: ("yes", "yellow")},
    ),
    number(
        "Sessions in use",
        "Of those that clients without special rights can have. From 80 % on it is a warning, from 95 % on critical:"
        " at 100 % every new login is refused. See who holds them below.",
        [Query(here("infra_rds_connections_used_ratio"), "{{service}}")],
        Place(6, 5),
        unit="percentunit",
        steps=((None, "green"), (0.8, "yellow"), (0.95, "red")),
    ),
    number(
        "Server certificate ends in",
        "Days until the certificate of the server ends; clients that verify it are refused from then on. RDS renews it"
        " by itself if the authority is current.",
        [Query(days_until(here("infra_rds_server_certificate_expiry_timestamp_seconds")), "{{service}}")],
        Place(6, 5),
        unit="d",
        steps=((None, "red"), (7, "yellow"), (21, "green")),
        decimals=0,
        nothing="no data: no TLS, or no login",
    ),
)

_CONNECTING: Final = Section(
    "Connecting",
    (
        chart(
            "Phases of the last look, one upon the other",
            "Where the time of a fresh login goes. tcp grows: network. tls: the server's processor. auth: the server"
            " is busy, or the directory behind it. query: the database. A phase that is missing was not reached.",
            [Query(here("infra_rds_phase_duration_seconds"), "{{service}} {{phase}}")],
            Place(12),
            unit="s",
            stacked=True,
        ),
        chart(
            "How long a fresh login takes",
            "From the name to the end of authentication: the usual case (p50) and the slow ones (p95, p99).",
            [
                Query(quantile(0.5, here(_LOGIN), "service"), "{{service}} p50"),
                Query(quantile(0.95, here(_LOGIN), "service"), "{{service}} p95"),
                Query(quantile(0.99, here(_LOGIN), "service"), "{{service}} p99"),
            ],
            Place(12),
            unit="s",
        ),
        chart(
            "Failures by phase and reason",
            "tcp timeout: packets vanish (security group, network). tcp refused: nobody listens. auth credentials: the"
            " password. auth slots: no session is free. An empty chart is good as long as “All looks” beside it goes"
            " on.",
            [
                Query(
                    total(counted(here("infra_rds_failures_total")), "service", "phase", "reason"),
                    "{{service}} {{phase}} {{reason}}",
                )
            ],
            Place(12),
            bars=True,
            nothing="no failure so far",
        ),
        chart(
            "All looks",
            "How many looks there were, and what came of them. A line at 0 is an answer, a gap is no data.",
            [Query(total(growth(here("infra_checks_total")), "service", "outcome"), "{{service}} {{outcome}}")],
            Place(12),
        ),
        chart(
            "How long the whole look takes",
            "Login and questions together. From 2 s on it is a warning, from 5 s on critical, unless config.yaml says"
            " otherwise.",
            [Query(here("infra_rds_response_time_seconds"), "{{service}}")],
            Place(24, 7),
            unit="s",
            steps=((2, "yellow"), (5, "red")),
        ),
    ),
)

_SESSIONS: Final = Section(
    "Sessions",
    (
        chart(
            "Sessions against usable ones",
            "By what they do, up to the dashed line: what clients may have. Many “idle in transaction”: somebody"
            " begins and does not end.",
            [
                Query(total(here("infra_rds_connections"), "state"), "{{state}}"),
                Query(f"sum({here('infra_rds_usable_connections')})", "usable"),
            ],
            Place(12),
            stacked=True,
            limits=("/^usable$/",),
        ),
        chart(
            "Who holds them",
            "By application name (`application_name` of the connection); all but the 20 largest are “other”. What"
            " grows after a deployment is the leak.",
            [Query(total(here("infra_rds_application_connections"), "application"), "{{application}}")],
            Place(12),
            stacked=True,
        ),
        chart(
            "Oldest open transaction",
            "How long anybody's oldest transaction has been open. Hours of it keep tables from being cleaned up.",
            [Query(here("infra_rds_longest_transaction_seconds"), "{{service}}")],
            Place(8),
            unit="s",
        ),
        chart(
            "Replication lag",
            "How far a standby is behind, or the slowest standby of a primary.",
            [Query(here("infra_rds_replication_lag_seconds"), "{{service}}")],
            Place(8),
            unit="s",
            nothing="no data: no standby",
        ),
        chart(
            "Size of the database",
            "On disk. Compare its slope with the storage of the instance.",
            [Query(here("infra_rds_database_size_bytes"), "{{service}}")],
            Place(8),
            unit="bytes",
        ),
    ),
)

_PAST: Final = Section(
    "Standing",
    (
        timeline(
            "Does it let us in, over time",
            "Each look, before the monitor made sure of it. A gap: the monitor could not look, or was not scraped.",
            [Query(here("infra_rds_up"), "{{service}}")],
            Place(18, 5),
            words={0: ("no", "red"), 1: ("yes", "green")},
        ),
        number(
            "Running for",
            "Since the server was started. Short, and nobody restarted it: a crash or a failover; look at the events"
            " of RDS.",
            [Query(age(here("infra_rds_start_timestamp_seconds")), "{{service}}")],
            Place(6, 5),
            unit="s",
        ),
    ),
)

BOARD: Final = Board(
    "database",
    "Infra 2: database",
    "PostgreSQL, seen by a fresh login at each look: where connecting takes its time or ends, and who holds the"
    " sessions.",
    (Section("", _NOW), _CONNECTING, _SESSIONS, _PAST),
    choice=("database", 'label_values(infra_rds_up{instance="$host"}, service)'),
)
