"""The monitor itself: does it look in time, is it heard, what does it cost."""

from __future__ import annotations

from typing import Final

from tools.dashboards.boards import Board, Section
from tools.dashboards.expressions import age, counted, growth, host, quantile, rate, total, worst
from tools.dashboards.panels import NONE_IS_GOOD, Place, Query, Words, chart, number, timeline

_TAKEN: Final[Words] = {0: ("not taken", "red"), 1: ("taken", "green")}

_NOW: Final = (
    number(
        "Version",
        "Of the monitor that runs.",
        [Query(host("infra_build_info"), "{{version}} on Python {{pythonversion}}")],
        Place(6, 4),
        names=True,
        nothing="no data: the monitor cannot be reached",
    ),
    number(
        "Running for",
        "Short, and nobody restarted it: `journalctl -u infra-monitor` says why it ended.",
        [Query(age(host("process_start_time_seconds")), "since the start")],
        Place(6, 4),
        unit="s",
    ),
    number(
        "Is config.yaml taken?",
        "“no”: the last edit has a mistake, and the configuration before it is used. `infra-monitor config check`"
        " names every mistake with its line.",
        [Query(host("infra_config_last_reload_successful"), "config.yaml")],
        Place(6, 4),
        words={0: ("no", "red"), 1: ("yes", "green")},
    ),
    number(
        "Taken last",
        "How long ago a configuration was taken, at the start or by a reload. Edited since then? `systemctl reload"
        " infra-monitor`.",
        [Query(age(host("infra_config_last_reload_success_timestamp_seconds")), "ago")],
        Place(6, 4),
        unit="s",
    ),
)

_LOOKS: Final = Section(
    "Does it look in time?",
    (
        chart(
            "How late it wakes",
            "The worst second of the last minute. Above 2 s looks come late, and response times read too long: the"
            " machine is too busy, or the monitor is.",
            [Query(host("infra_scheduler_lag_seconds"), "lag")],
            Place(8),
            unit="s",
            steps=((2, "red"),),
        ),
        chart(
            "Looks skipped",
            "Due, and not begun. overrun: the look before had not ended; what it looks at is slower than its interval.",
            [Query(total(counted(host("infra_looks_skipped_total")), "reason"), "{{reason}}")],
            Place(8),
            bars=True,
            nothing="none so far",
        ),
        chart(
            "Looks per second",
            "By what they brought back. 0 for minutes: it stands still, and all other numbers are old.",
            [Query(total(rate(host("infra_checks_total")), "outcome"), "{{outcome}}")],
            Place(8),
            unit="ops",
        ),
        chart(
            "How old the last look is",
            "Of each check. A saw as high as its interval is right; a line that climbs is a look that does not come"
            " back.",
            [
                Query(
                    worst(age(host("infra_check_last_look_timestamp_seconds")), "service", "check"),
                    "{{service}} {{check}}",
                )
            ],
            Place(12),
            unit="s",
        ),
        chart(
            "How long looks take (95th percentile)",
            "Of each check, whatever it brought back.",
            [
                Query(
                    quantile(0.95, host("infra_check_duration_seconds_bucket"), "service", "check"),
                    "{{service}} {{check}}",
                )
            ],
            Place(12),
            unit="s",
        ),
        chart(
            "What is watched",
            "For a reason to look at once: ends of processes, changes of files, PM2's bus. Less than before a reload:"
            " something is not watched any more, and is seen only at the next look.",
            [Query(total(host("infra_watched"), "sign"), "{{sign}}")],
            Place(12, 7),
        ),
        chart(
            "Signs that something changed",
            "Each of them asked for a look at once.",
            [Query(total(growth(host("infra_watch_signs_total")), "sign"), "{{sign}}")],
            Place(12, 7),
            bars=True,
        ),
    ),
)

_HEARD: Final = Section(
    "Is it heard?",
    (
        number(
            "Notices that wait",
            "On disk, and not taken yet. They are sent until they are; nothing is lost.",
            [Query(host("infra_outbox_pending"), "waiting")],
            Place(6, 5),
            steps=((None, "green"), (1, "yellow"), (10, "red")),
        ),
        number(
            "The oldest of them",
            "How long it has been waiting.",
            [Query(host("infra_outbox_oldest_seconds"), "waits")],
            Place(6, 5),
            unit="s",
            steps=((None, "green"), (60, "yellow"), (600, "red")),
            nothing="nothing waits",
        ),
        number(
            "Does each channel take notices?",
            "The newest try. “not taken”: `infra-monitor notify status` says why, `infra-monitor notify test` tries"
            " it.",
            [Query(host("infra_channel_up"), "{{channel}}")],
            Place(6, 5),
            words=_TAKEN,
            nothing="nothing was sent yet",
        ),
        number(
            "Channels that stopped",
            "1: the receiver answered 410, it wants nothing more. Nobody hears of anything there until that is mended.",
            [Query(host("infra_channel_stopped"), "{{channel}}")],
            Place(6, 5),
            steps=NONE_IS_GOOD,
        ),
        chart(
            "Tries by what came of them",
            "delivered: taken. retried: again later. dead: refused for good or given up; stopped: see above;"
            " abandoned: the channel is gone from config.yaml. What is dead, nobody was told.",
            [Query(total(counted(host("infra_notices_total")), "channel", "outcome"), "{{channel}} {{outcome}}")],
            Place(12),
            bars=True,
            nothing="nothing was sent yet",
        ),
        chart(
            "Waiting, by channel",
            "0 is right. What only climbs is a receiver that is away.",
            [Query(host("infra_channel_pending"), "{{channel}}")],
            Place(12),
        ),
        timeline(
            "Each channel over time",
            "Whether the newest try was taken.",
            [Query(host("infra_channel_up"), "{{channel}}")],
            Place(12, 6),
            words=_TAKEN,
        ),
        chart(
            "Signs of life that did not arrive",
            "heartbeat: to the service that wakes people when it hears nothing; refresh: rounds in which an"
            " Alertmanager could not be told again of what is open.",
            [
                Query(growth(host("infra_heartbeat_failures_total")), "heartbeat"),
                Query(
                    total(counted(host("infra_channel_refresh_failures_total")), "channel"), "refresh of {{channel}}"
                ),
            ],
            Place(6, 6),
            bars=True,
            nothing="none is sent",
        ),
        number(
            "Last sign of life",
            "How long ago it arrived. Much longer than its interval: whoever waits for it calls soon.",
            [Query(age(host("infra_heartbeat_last_success_timestamp_seconds")), "ago")],
            Place(6, 6),
            unit="s",
            nothing="no heartbeat is configured, or none arrived",
        ),
    ),
)

_COST: Final = Section(
    "What it costs",
    (
        chart(
            "Processor",
            "100 % is one processor.",
            [Query(rate(host("process_cpu_seconds_total")), "used")],
            Place(8),
            unit="percentunit",
        ),
        chart(
            "Memory",
            "Resident. It is level after the first minutes; if it climbs for days, tell us.",
            [Query(host("process_resident_memory_bytes"), "resident")],
            Place(8),
            unit="bytes",
        ),
        chart(
            "Open files",
            "Sockets included, up to the dashed line.",
            [Query(host("process_open_fds"), "open"), Query(host("process_max_fds"), "limit")],
            Place(8),
            limits=("/^limit$/",),
        ),
        chart(
            "Troubles with its own memory",
            "Reads and writes of its state and of its history that failed. Anything but 0: look at the space and the"
            " owner of the state directory.",
            [
                Query(growth(host("infra_store_errors_total")), "state"),
                Query(growth(host("infra_history_errors_total")), "history"),
            ],
            Place(24, 6),
            bars=True,
        ),
    ),
)

BOARD: Final = Board(
    "monitor",
    "Infra 6: the monitor itself",
    "Whether the monitor looks in time, whether it is heard, and what it costs.",
    (Section("", _NOW), _LOOKS, _HEARD, _COST),
)
