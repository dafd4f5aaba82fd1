"""PM2's applications, their wiring to the database, their answers, and the machine they run on."""

from __future__ import annotations

from typing import Final

from tools.dashboards.boards import Board, Section
from tools.dashboards.expressions import age, counted, days_until, growth, host, of, rate, total
from tools.dashboards.panels import NONE_IS_GOOD, Place, Query, Words, chart, number, timeline

here: Final = of("backend")

_YES: Final[Words] = {0: ("no", "red"), 1: ("yes", "green")}
_NAMES: Final = '__name__=~"infra_pm2_app_instances|infra_http_up|infra_tcp_up"'
_USED: Final = ((None, "green"), (0.8, "yellow"), (0.95, "red"))


def _instances(state: str) -> str:
    return total(here("infra_pm2_app_instances", f'state="{state}"'), "app")


_NOW: Final = (
    number(
        "Does PM2 answer?",
        "PM2's daemon. If not, applications may still serve, but nobody restarts them any more: `pm2 resurrect` as its"
        " owner.",
        [Query(host("infra_pm2_up"), "{{service}}")],
        Place(5, 5),
        words=_YES,
    ),
    number(
        "Processes that are missing",
        "Expected less alive, by the kernel and not by PM2's word. 0 is right.",
        [Query(f"{_instances('expected')} - {_instances('alive')}", "{{app}}")],
        Place(7, 5),
        steps=NONE_IS_GOOD,
    ),
    number(
        "Given up by PM2",
        "Processes that PM2 will not start again, whatever status it shows. Mend the reason (the application's error"
        " log), then `pm2 restart` it.",
        [Query(total(here("infra_pm2_process_gave_up"), "app"), "{{app}}")],
        Place(6, 5),
        steps=NONE_IS_GOOD,
    ),
    number(
        "Wired as it should be?",
        "Whether every worker talks to the database that the .env names and nothing else (another host, SQLite). If"
        " not: `infra-monitor explain` says which worker and why.",
        [Query(here("infra_wiring_ok"), "{{app}}")],
        Place(6, 5),
        words=_YES,
    ),
)

_PROCESSES: Final = Section(
    "Processes",
    (
        timeline(
            "Is each process there?",
            "What PM2 lists, asked of the kernel. “no” although PM2 says online: PM2 has not noticed, or cannot.",
            [Query(here("infra_pm2_process_up"), "{{app}} {{worker}}")],
            Place(12),
            words=_YES,
        ),
        chart(
            "Alive, and expected",
            "How many processes of each application live; dashed: how many there should be.",
            [
                Query(_instances("alive"), "{{app}}"),
                Query(_instances("expected"), "{{app}} expected"),
            ],
            Place(12),
            limits=("/ expected$/",),
        ),
        chart(
            "Restarts",
            "By PM2, whatever the reason: a crash, max_memory_restart, a deployment. Bars that go on are a crash loop.",
            [Query(total(growth(here("infra_pm2_process_restarts_total")), "app"), "{{app}}")],
            Place(12),
            bars=True,
        ),
        chart(
            "Time since the last start",
            "Of each process; a saw shows how regularly they are restarted.",
            [Query(age(here("infra_pm2_process_start_timestamp_seconds")), "{{app}} {{worker}}")],
            Place(12),
            unit="s",
        ),
        chart(
            "CPU",
            "Of each process with all below it (Gunicorn's workers, too). 100 % is one processor: a Node worker cannot"
            " have more.",
            [Query(rate(here("infra_pm2_process_cpu_seconds_total")), "{{app}} {{worker}}")],
            Place(12),
            unit="percentunit",
        ),
        chart(
            "Memory",
            "Resident, of each process with all below it. What only grows between restarts is a leak.",
            [Query(here("infra_pm2_process_resident_memory_bytes"), "{{app}} {{worker}}")],
            Place(12),
            unit="bytes",
        ),
        chart(
            "Processes below",
            "With Gunicorn its workers. A dip: a worker died, or was killed by the timeout.",
            [Query(here("infra_pm2_process_children"), "{{app}} {{worker}}")],
            Place(12, 6),
        ),
        chart(
            "Connections to the database",
            "“endpoint”: to the database that the .env names; idle pools close theirs, so 0 is no trouble."
            " “elsewhere”: to another database server, which is.",
            [Query(total(here("infra_wiring_connections"), "app", "to"), "{{app}} {{to}}")],
            Place(12, 6),
        ),
    ),
)

_WIRING: Final = Section(
    "Wiring",
    (
        number(
            "SQLite files open",
            "0 is right after the move to PostgreSQL. Whoever has one open writes where nobody looks.",
            [Query(total(here("infra_wiring_sqlite_files"), "app"), "{{app}}")],
            Place(6, 5),
            steps=NONE_IS_GOOD,
        ),
        number(
            ".env files that speak of a database",
            "1 is right. Of two, one is read and the other is edited.",
            [Query(total(here("infra_wiring_env_files"), "app"), "{{app}}")],
            Place(6, 5),
            steps=((None, "green"), (2, "yellow")),
        ),
        number(
            "Processes that were looked at",
            "Workers and what is below them, whose sockets and files were read.",
            [Query(total(here("infra_wiring_processes"), "app"), "{{app}}")],
            Place(6, 5),
        ),
        number(
            "Sessions that the pools may open",
            "Processes × pool_max. Compare it with the usable sessions of the database (dashboard 2).",
            [Query(total(here("infra_wiring_pool_connections"), "app"), "{{app}}")],
            Place(6, 5),
            nothing="no data: pool_max is not set",
        ),
    ),
)

_HTTP: Final = Section(
    "Answers (HTTP and TCP checks)",
    (
        timeline(
            "Is the answer as it should be?",
            "Each look at the address in config.yaml. A gap: it could not be looked at.",
            [Query(here("infra_http_up"), "{{service}}"), Query(here("infra_tcp_up"), "{{service}} (tcp)")],
            Place(12, 7),
            words=_YES,
        ),
        number(
            "Status of the last answer",
            "HTTP status. 5xx: the application answers, and fails; 502 and 504 are Nginx' and belong to dashboard 4.",
            [Query(here("infra_http_status_code"), "{{service}}")],
            Place(4, 7),
            unit="none",
            steps=((None, "green"), (400, "yellow"), (500, "red")),
            nothing="no data: no answer",
        ),
        number(
            "Took in all",
            "The last look. From 2 s on it is a warning, from 5 s on critical, unless config.yaml says otherwise.",
            [
                Query(here("infra_http_response_time_seconds"), "{{service}}"),
                Query(here("infra_tcp_response_time_seconds"), "{{service}} (tcp)"),
            ],
            Place(4, 7),
            unit="s",
            steps=((None, "green"), (2, "yellow"), (5, "red")),
        ),
        number(
            "Certificates end in",
            "Days until the certificate of an https address ends; browsers refuse it from then on.",
            [Query(days_until(here("infra_http_certificate_expiry_timestamp_seconds")), "{{service}}")],
            Place(4, 7),
            unit="d",
            steps=((None, "red"), (7, "yellow"), (21, "green")),
            decimals=0,
            nothing="no data: no https",
        ),
        chart(
            "Phases of the last look, one upon the other",
            "answer: the application thinks. tcp: nobody takes the connection. resolve: the name.",
            [
                Query(here("infra_http_phase_duration_seconds"), "{{service}} {{phase}}"),
                Query(here("infra_tcp_phase_duration_seconds"), "{{service}} {{phase}} (tcp)"),
            ],
            Place(12),
            unit="s",
            stacked=True,
        ),
        chart(
            "Failures by phase and reason",
            "tcp refused: nobody listens. answer timeout: it hangs. An empty chart is good while the line above goes"
            " on.",
            [
                Query(
                    total(counted(here(f"infra_{kind}_failures_total")), "service", "phase", "reason"),
                    f"{{{{service}}}} {{{{phase}}}} {{{{reason}}}}{suffix}",
                )
                for kind, suffix in (("http", ""), ("tcp", " (tcp)"))
            ],
            Place(12),
            bars=True,
            nothing="no failure so far",
        ),
    ),
)

_MACHINE: Final = Section(
    "The machine",
    (
        number(
            "Processor in use",
            "Time that was not idle, over the last minute. From 70 % on it is a warning, from 90 % on critical.",
            [Query(host("infra_host_cpu_used_ratio"), "used")],
            Place(6, 5),
            unit="percentunit",
            steps=((None, "green"), (0.7, "yellow"), (0.9, "red")),
        ),
        number(
            "Memory in use",
            "What programs cannot have any more. At 100 % the kernel kills somebody, most often a worker.",
            [Query(host("infra_host_memory_used_ratio"), "used")],
            Place(6, 5),
            unit="percentunit",
            steps=_USED,
        ),
        number(
            "Disk in use",
            "Space and inodes in use, as df counts them. Logs of PM2 and Nginx are what fills it most often.",
            [
                Query(host("infra_host_disk_used_ratio"), "{{mountpoint}}"),
                Query(host("infra_host_disk_inodes_used_ratio"), "{{mountpoint}} inodes"),
            ],
            Place(6, 5),
            unit="percentunit",
            steps=((None, "green"), (0.85, "yellow"), (0.95, "red")),
        ),
        number(
            "Open files of the machine",
            "Over the kernel's limit.",
            [Query(host("infra_host_descriptors_used_ratio"), "used")],
            Place(6, 5),
            unit="percentunit",
            steps=_USED,
        ),
        chart(
            "What the processors do",
            "In processors; the dashed line is how many there are. Much iowait: the disk is slow. Much steal: the"
            " instance's credit is used up.",
            [
                Query(total(rate(host("infra_host_cpu_seconds_total", 'mode!="idle"')), "mode"), "{{mode}}"),
                Query(host("infra_host_processors"), "processors"),
            ],
            Place(12),
            stacked=True,
            limits=("/^processors$/",),
        ),
        chart(
            "Load",
            "Processes that run or wait to. More than the dashed line for long: too much work for this machine.",
            [
                Query(host("infra_host_load"), "{{minutes}} min"),
                Query(host("infra_host_processors"), "processors"),
            ],
            Place(12),
            limits=("/^processors$/",),
        ),
        chart(
            "Memory and disk that are left",
            "What programs can still have, and what users can still write.",
            [
                Query(host("infra_host_memory_available_bytes"), "memory"),
                Query(host("infra_host_disk_available_bytes"), "{{mountpoint}}"),
            ],
            Place(12),
            unit="bytes",
        ),
        chart(
            "Network",
            "Of each device that carries anything.",
            [
                Query(rate(host("infra_host_network_received_bytes_total")), "{{device}} in"),
                Query(rate(host("infra_host_network_sent_bytes_total")), "{{device}} out"),
            ],
            Place(12),
            unit="Bps",
        ),
    ),
)

BOARD: Final = Board(
    "backends",
    "Infra 3: backends and their machine",
    "PM2's applications as the kernel sees them, whether they talk to the right database, how they answer, and what the"
    " machine has left.",
    (Section("", _NOW), _PROCESSES, _WIRING, _HTTP, _MACHINE),
    choice=("backend", f"label_values({host('', _NAMES)}, service)"),
)
