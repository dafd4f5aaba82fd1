"""Nginx: what it serves, how its peers answer, and whether its configuration is the one on disk."""

from __future__ import annotations

from typing import Final

from tools.dashboards.boards import Board, Section
from tools.dashboards.expressions import counted, days_until, growth, of, rate, total
from tools.dashboards.panels import Place, Query, Words, chart, number, timeline

here: Final = of("nginx")

_YES: Final[Words] = {0: ("no", "red"), 1: ("yes", "green")}
_SLOW: Final = ((2, "yellow"), (5, "red"))
_PEER: Final = "{{upstream}} {{peer}}"
_ROUTE: Final = "{{server_name}}{{location}} ({{listen}})"

_NOW: Final = (
    number(
        "Does Nginx answer?",
        "Whether Nginx itself answers. If not, nobody gets in: `systemctl status nginx`, then `nginx -t`.",
        [Query(here("infra_nginx_up"), "{{service}}")],
        Place(5, 5),
        words=_YES,
    ),
    number(
        "Would a reload work?",
        "Whether Nginx would take the configuration that is on disk. “no”: the next reload changes nothing, the next"
        " start or reboot fails. `nginx -t` names the line.",
        [Query(here("infra_nginx_config_valid"), "{{service}}")],
        Place(6, 5),
        words=_YES,
    ),
    number(
        "Is what is on disk loaded?",
        "“no”: somebody edited the configuration and did not reload, so what you read is not what runs. `nginx -s"
        " reload`, when “Would a reload work?” says yes.",
        [Query(here("infra_nginx_config_loaded"), "{{service}}")],
        Place(6, 5),
        words={0: ("no", "yellow"), 1: ("yes", "green")},
    ),
    number(
        "Certificates end in",
        "Days until the certificate ends that is served now, by name. It is renewed and still ends soon: reload Nginx.",
        [Query(days_until(here("infra_nginx_certificate_expiry_timestamp_seconds")), "{{server_name}}")],
        Place(7, 5),
        unit="d",
        steps=((None, "red"), (7, "yellow"), (21, "green")),
        decimals=0,
        nothing="no data: no certificate is served",
    ),
)

_PEERS: Final = Section(
    "Upstreams and routes",
    (
        timeline(
            "Does each peer answer, asked directly?",
            "The applications behind Nginx, asked past it. “no”: the application, not Nginx (dashboard 3).",
            [Query(here("infra_nginx_upstream_up"), _PEER)],
            Place(12),
            words=_YES,
        ),
        timeline(
            "Does each route serve, through Nginx?",
            "“no” while its peer answers directly: the fault is in Nginx, its configuration (a wrong port) or what it"
            " remembers of the peer.",
            [Query(here("infra_nginx_route_up"), _ROUTE)],
            Place(12),
            words=_YES,
        ),
        chart(
            "How long peers take, asked directly",
            "From 2 s on it is a warning, from 5 s on critical, unless config.yaml says otherwise.",
            [Query(here("infra_nginx_upstream_response_seconds"), _PEER)],
            Place(12),
            unit="s",
            steps=_SLOW,
        ),
        chart(
            "How long routes take, through Nginx",
            "Compare with the left: what is slow only here waits in Nginx.",
            [Query(here("infra_nginx_route_response_seconds"), _ROUTE)],
            Place(12),
            unit="s",
            steps=_SLOW,
        ),
        chart(
            "Faults of upstreams in the error log",
            "By class: refused (nobody listens), timeout (it hangs), reset, no_live_upstreams (Nginx has given all of"
            " them up) and others.",
            [
                Query(
                    total(counted(here("infra_nginx_upstream_errors_total")), "upstream", "class"),
                    "{{upstream}} {{class}}",
                )
            ],
            Place(12),
            bars=True,
            nothing="no fault so far",
        ),
        chart(
            "Faults of Nginx itself in the error log",
            "By class: no file descriptors, no connections left, a broken configuration at reload, and others.",
            [Query(total(counted(here("infra_nginx_errors_total")), "class"), "{{class}}")],
            Place(12),
            bars=True,
            nothing="no fault so far",
        ),
    ),
)

_USERS: Final = Section(
    "What users get (access log)",
    (
        chart(
            "Requests of the last minute",
            "By upstream, if the format of the access log tells ($upstream_addr).",
            [Query(here("infra_nginx_upstream_requests"), "{{upstream}}")],
            Place(8),
            nothing="no data: the access log does not tell",
        ),
        chart(
            "Share that ended with 500 or more",
            "Of the requests of the last minute. From 5 % on it is a warning, from 10 % on critical.",
            [Query(here("infra_nginx_upstream_error_ratio"), "{{upstream}}")],
            Place(8),
            unit="percentunit",
            steps=((0.05, "yellow"), (0.1, "red")),
            nothing="no data: the access log does not tell",
        ),
        chart(
            "How long the upstream took for them",
            "By percentile, if the format of the access log tells ($upstream_response_time).",
            [Query(here("infra_nginx_upstream_request_seconds"), "{{upstream}} p{{percentile}}")],
            Place(8),
            unit="s",
            steps=_SLOW,
            nothing="no data: the access log does not tell",
        ),
    ),
)

_TRAFFIC: Final = Section(
    "Connections and requests",
    (
        chart(
            "Requests per second",
            "All of them, the monitor's own looks included. 0 is an answer: nobody asks. A gap is no data.",
            [Query(total(rate(here("infra_nginx_http_requests_total")), "service"), "{{service}}")],
            Place(12),
            unit="reqps",
        ),
        chart(
            "Connections now",
            "waiting: kept open by browsers. writing: being answered; many of these: the backends are slow.",
            [Query(total(here("infra_nginx_connections", 'state!="active"'), "state"), "{{state}}")],
            Place(12),
            stacked=True,
        ),
        chart(
            "Connections per second",
            "Accepted, and handled by a worker. Both lines are one, unless connections are dropped.",
            [
                Query(total(rate(here("infra_nginx_connections_accepted_total")), "service"), "{{service}} accepted"),
                Query(total(rate(here("infra_nginx_connections_handled_total")), "service"), "{{service}} handled"),
            ],
            Place(8),
            unit="cps",
        ),
        chart(
            "Dropped connections",
            "Accepted, but no worker had room: worker_connections is too small. They are in no access log. 0 is right.",
            [Query(total(growth(here("infra_nginx_connections_dropped_total")), "service"), "{{service}}")],
            Place(8),
            bars=True,
        ),
        chart(
            "Workers",
            "Running and stopped. Stopped ones take connections and never answer.",
            [Query(total(here("infra_nginx_workers"), "state"), "{{state}}")],
            Place(8),
            stacked=True,
        ),
    ),
)

_CONFIGURATION: Final = Section(
    "Configuration over time",
    (
        timeline(
            "Valid on disk, loaded, all of it readable?",
            "When it was broken or edited, and for how long nobody reloaded. Logs that are not readable: errors and"
            " users' requests are not seen; let the monitor's user read them.",
            [
                Query(here("infra_nginx_config_valid"), "{{service}} valid"),
                Query(here("infra_nginx_config_loaded"), "{{service}} loaded"),
                Query(here("infra_nginx_config_files", 'state="unreadable"') + " == bool 0", "{{service}} readable"),
                Query(here("infra_nginx_logs_unreadable") + " == bool 0", "{{service}} logs readable"),
            ],
            Place(24, 6),
            words=_YES,
        ),
    ),
)

BOARD: Final = Board(
    "nginx",
    "Infra 4: Nginx",
    "Whether Nginx and each of its routes and peers answer, what users get, and whether its configuration is the one"
    " on disk.",
    (Section("", _NOW), _PEERS, _USERS, _TRAFFIC, _CONFIGURATION),
    choice=("nginx", 'label_values(infra_nginx_up{instance="$host"}, service)'),
)
