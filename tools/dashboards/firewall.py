"""The security groups around the database: can we get in, who else can, and is that what was meant."""

from __future__ import annotations

from typing import Final

from tools.dashboards.boards import Board, Section
from tools.dashboards.expressions import age, growth, host, of, total
from tools.dashboards.panels import Place, Query, Words, chart, number, timeline

here: Final = of("firewall")

_OPEN: Final[Words] = {0: ("closed", "red"), 1: ("open", "green")}
_EXPOSED: Final[Words] = {0: ("nobody else", "green"), 1: ("a wide range", "yellow"), 2: ("the whole world", "red")}
_MEANT: Final[Words] = {0: ("no", "yellow"), 1: ("yes", "green")}
_EXPOSURE: Final = total(
    " or ".join(
        f"{here('infra_security_group_exposure', level)} * {rank}"
        for rank, level in enumerate(('level="none"', 'level="wide"', 'level="world"'))
    ),
    "service",
)
_READ: Final = age(here("infra_security_group_last_read_timestamp_seconds"))

_NOW: Final = (
    number(
        "The way from this host to the database",
        "What the rules say, not what was tried. “closed”: the application will get `connection timeout` as soon as it"
        " connects anew. `infra-monitor explain` prints the command that opens it. No data: AWS was not asked or did"
        " not say.",
        [Query(here("infra_security_group_path_open"), "{{service}}")],
        Place(6, 6),
        words=_OPEN,
        nothing="no data: the rules could not be read",
    ),
    number(
        "Who else may come in",
        "How far the database's port is open besides security groups: to nobody, to a wide range, or to the whole world"
        " (also in two halves). Take the range out, or say in config.yaml that it is meant.",
        [Query(_EXPOSURE, "{{service}}")],
        Place(6, 6),
        words=_EXPOSED,
        nothing="no data: the rules could not be read",
    ),
    number(
        "As intended?",
        "Whether the rules name the groups that config.yaml calls intended, and nobody else.",
        [Query(here("infra_security_group_as_intended"), "{{service}}")],
        Place(6, 6),
        words=_MEANT,
        nothing="no data: nothing is called intended",
    ),
    number(
        "Rules were read",
        "How long ago. They are read every 5 minutes, and at once when packets to the database vanish. Older than 15"
        " minutes: AWS does not answer, or permissions are missing; what stands beside is as old.",
        [Query(_READ, "{{service}}")],
        Place(6, 6),
        unit="s",
        steps=((None, "green"), (900, "yellow"), (3600, "red")),
        nothing="no data: never read",
    ),
)

_PAST: Final = Section(
    "Over time",
    (
        timeline(
            "The way to the database, over time",
            "From when to when the rules let this host in.",
            [Query(here("infra_security_group_path_open"), "{{service}}")],
            Place(12, 5),
            words=_OPEN,
        ),
        timeline(
            "Does the database let us in?",
            "A fresh login at each look, to compare: closed on the left and “no” here is one and the same trouble;"
            " closed and “yes” lasts only until the next connection.",
            [Query(host("infra_rds_up"), "{{service}}")],
            Place(12, 5),
            words={0: ("no", "red"), 1: ("yes", "green")},
        ),
        timeline(
            "Who else may come in, over time",
            "From when to when the port was open to more than security groups.",
            [Query(_EXPOSURE, "{{service}}")],
            Place(12, 5),
            words=_EXPOSED,
        ),
        timeline(
            "As intended, over time",
            "From when to when the rules were what config.yaml calls intended.",
            [Query(here("infra_security_group_as_intended"), "{{service}}")],
            Place(12, 5),
            words=_MEANT,
        ),
        chart(
            "Changes of the rules",
            "Looks that found the rules changed since the one before. A bar that nobody can explain: the timeline of"
            " the incident, or `infra-monitor explain`, says what was added and removed; CloudTrail says by whom.",
            [Query(total(growth(here("infra_security_group_rule_changes_total")), "service"), "{{service}}")],
            Place(12),
            bars=True,
        ),
        chart(
            "How long connecting takes (TCP)",
            "To the database, at each look. A closed way shows as a gap: the connection is never made.",
            [Query(host("infra_rds_phase_duration_seconds", 'phase="tcp"'), "{{service}}")],
            Place(12),
            unit="s",
        ),
    ),
)

_READING: Final = Section(
    "How the rules are read",
    (
        chart(
            "Age of the rules",
            "A saw of five minutes is right. A line that climbs: AWS does not answer, or does not let us ask.",
            [Query(_READ, "{{service}}")],
            Place(12),
            unit="s",
            steps=((900, "yellow"), (3600, "red")),
        ),
        chart(
            "Looks by what they brought back",
            "blind: AWS did not answer or refused, so nothing new is known; `infra-monitor status SERVICE` says which"
            " permission is missing.",
            [Query(total(growth(here("infra_checks_total")), "service", "outcome"), "{{service}} {{outcome}}")],
            Place(12),
        ),
    ),
)

BOARD: Final = Board(
    "firewall",
    "Infra 5: firewall of the database",
    "What the security groups around the database allow: whether this host gets in, who else does, and what was"
    " changed.",
    (Section("", _NOW), _PAST, _READING),
    page="/firewall",
    choice=("firewall", 'label_values(infra_security_group_last_read_timestamp_seconds{instance="$host"}, service)'),
)
