"""Is all well, what is the cause if not, and how well was it of late."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.models import dashboard

from tools.dashboards.boards import Board, Section
from tools.dashboards.expressions import counted, growth, host, of, quantile, status_number, total, worst, worst_number
from tools.dashboards.panels import GREY, STATUS_WORDS, Place, Query, Words, chart, listing, number, timeline

here: Final = of("service")

_SENTENCES: Final[Words] = {
    0: ("All is well", "green"),
    1: ("Nothing is broken that can be seen, but not all can be seen", GREY),
    2: ("Works, but something is not as it should be", "yellow"),
    3: ("Broken: something refuses, or is past its limit", "orange"),
    4: ("Down: something does not answer", "red"),
}
_UP: Final = "infra_service_up"
_SHARES: Final = ((None, "red"), (0.99, "yellow"), (0.999, "green"))
_BUDGET: Final = ((None, "red"), (0, "yellow"), (0.25, "green"))


def _budget() -> d.CustomVariable:
    options = [dashboard.VariableOption(text=each, value=each, selected=each == "99.9") for each in _GOALS]
    chosen = next(option for option in options if option.selected)
    return (
        d.CustomVariable("goal")
        .label("Goal in %")
        .description("How much of 30 days each service is meant to answer.")
        .values(",".join(_GOALS))
        .options(options)
        .current(chosen)
    )


_GOALS: Final = ("99", "99.5", "99.9", "99.95", "99.99")

_NOW: Final = (
    number(
        "In one sentence",
        "The worst of what is going on; services in maintenance are left out. Grey with “no data” means that Prometheus"
        " does not reach the monitor, so nobody knows: look at the monitor's host first.",
        [Query(f"max({worst_number(host(''))})")],
        Place(12, 5),
        words=_SENTENCES,
        nothing="no data: the monitor cannot be reached",
    ),
    number(
        "Open incidents",
        "One for each cause, however many services it takes along. 0 is a good answer, “no data” is none.",
        [Query(f"sum({host('infra_incidents')})", "open")],
        Place(4, 5),
        steps=((None, "green"), (1, "red")),
    ),
    number(
        "The cause",
        "What broke first, and why. A click leads to the service's page: the evidence, what was ruled out, and the"
        " commands that mend it. A cause that is not known is called “unknown”, never guessed.",
        [Query(f"{host('infra_incident_cause')} == 1", "{{service}}: {{cause}}")],
        Place(8, 5),
        steps=((None, "red"),),
        names=True,
        nothing="none known",
        leads=True,
    ),
    number(
        "Services by status",
        "How many of the chosen services are in which status now. “unknown”: they could not be looked at, which is"
        " neither good nor bad news. “maintenance”: somebody declared it.",
        [Query(total(here("infra_service_status"), "status"), "{{status}}")],
        Place(24, 4),
    ),
    timeline(
        "Each service, over time",
        "What the monitor believed, after it had made sure. A gap is a time in which Prometheus did not reach the"
        " monitor.",
        [Query(total(status_number(here("")), "service"), "{{service}}")],
        Place(24, 10),
        words=STATUS_WORDS,
        leads=True,
    ),
)

_GOAL: Final = Section(
    "How well it was",
    (
        listing(
            "Share of time that each service answered",
            "Over the last 24 hours, 7 and 30 days, as far as Prometheus remembers; times in which it was unknown do"
            " not count. “Budget left”: how much of the downtime that the goal allows in 30 days is still unused;"
            " negative is overdrawn.",
            {
                "24 hours": total(f"avg_over_time({here(_UP)}[24h])", "service"),
                "7 days": total(f"avg_over_time({here(_UP)}[7d])", "service"),
                "30 days": total(f"avg_over_time({here(_UP)}[30d])", "service"),
                "Budget left": f"1 - (1 - {total(f'avg_over_time({here(_UP)}[30d])', 'service')}) / (1 - $goal / 100)",
            },
            Place(14, 9),
            by="service",
            unit="percentunit",
            steps=_SHARES,
            apart={"Budget left": _BUDGET},
        ),
        chart(
            "Turns for the worse",
            "How often a service became warning, critical or down; these are counted by the monitor, so also what came"
            " and went between two scrapes is seen. Many of them: something flaps, and what mends it does not last.",
            [
                Query(
                    total(
                        growth(here("infra_service_status_changes_total", 'status=~"warning|critical|down"')),
                        "service",
                        "status",
                    ),
                    "{{service}} {{status}}",
                )
            ],
            Place(10, 9),
            bars=True,
        ),
    ),
)

_LOOKS: Final = Section(
    "How it is looked at",
    (
        chart(
            "How long looks take (95th percentile)",
            "Of each check, everything included: name, connection, answer. What grows slowly here is what will page"
            " next.",
            [
                Query(
                    quantile(0.95, here("infra_check_duration_seconds_bucket"), "service", "check"),
                    "{{service}} {{check}}",
                )
            ],
            Place(12),
            unit="s",
        ),
        chart(
            "Looks that failed, or could not look",
            "Failed: what was looked at was not as it should be. Blind: the monitor could not look (a permission, a"
            " setting), so that nothing is known; `infra-monitor status SERVICE` says what is missing. A line at 0 is"
            " good, a gap is no data.",
            [
                Query(
                    total(growth(here("infra_checks_total", 'outcome=~"failed|blind"')), "service", "outcome"),
                    "{{service}} {{outcome}}",
                )
            ],
            Place(12),
        ),
    ),
)

_TOLD: Final = Section(
    "Who was told",
    (
        chart(
            "Notices",
            "Tries to hand a notice to a channel, by what came of it. “retried” goes on by itself, “dead” and"
            " “stopped” do not: see the dashboard of the monitor itself.",
            [
                Query(
                    total(counted(host("infra_notices_total")), "channel", "kind", "outcome"),
                    "{{channel}}: {{kind}} {{outcome}}",
                )
            ],
            Place(16),
            bars=True,
            nothing="no notice yet",
        ),
        number(
            "Notices that wait",
            "On disk, and not taken by their channel yet. 0 is right; more for minutes means that a receiver is away.",
            [Query(host("infra_outbox_pending"), "waiting")],
            Place(8),
            steps=((None, "green"), (1, "yellow"), (10, "red")),
        ),
    ),
)

_HOSTS: Final = Section(
    "All hosts",
    (
        timeline(
            "The worst status on each host",
            "Every monitor that this Prometheus scrapes, whatever is chosen above. Choose a host above to see it in"
            " detail.",
            [Query(worst(worst_number('{instance=~".+"}'), "instance"), "{{instance}}")],
            Place(24, 6),
            words=STATUS_WORDS,
        ),
    ),
)

BOARD: Final = Board(
    "overview",
    "Infra 1: is all well?",
    "Begin here. What is the state of everything, which cause does it have, and how well was it of late.",
    (Section("", _NOW), _GOAL, _LOOKS, _TOLD, _HOSTS),
    choice=("service", 'label_values(infra_service_status{instance="$host"}, service)'),
    more=(_budget(),),
)
