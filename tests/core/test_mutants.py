"""The laws are no ornament: each of these ways to get the core wrong is caught by the law named beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CAUGHT, SURVIVED = 10, 0

RUN = """
import sys
sys.path.insert(0, {root!r})
from hypothesis import Phase, settings
import monitor.core
from tests.core import {module} as laws
assert monitor.core.__file__.startswith({root!r})
assert laws.__file__.startswith({root!r})
law = getattr(laws, {law!r})
law._hypothesis_internal_use_settings = settings(laws.law, phases=[Phase.generate], report_multiple_bugs=False{more})
try:
    law()
except AssertionError:
    sys.exit(10)
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: where, what stands there, what would stand there instead, and the law that forbids it."""

    name: str
    file: str
    right: str
    wrong: str
    law: str


ONE = "test_law_1_an_incident_opens_once_and_resolves_once"
TWO = "test_law_2_one_cause_one_page"
LATE = "test_law_2_a_root_that_shows_too_late_adopts_what_was_told"
THREE = "test_law_3_silence_is_always_somebody_elses_page"
FOUR = "test_law_4_time_standing_still_changes_nothing"
FIVE = "test_law_5_same_story_same_ending"
SIX = "test_law_6_blind_neither_breaks_nor_heals"
SEVEN = "test_law_7_what_was_told_is_never_untold"
EIGHT = "test_law_8_a_mute_mutes_notices_not_state"
NINE = "test_law_9_flapping_is_told_once_and_the_next_notice_comes_when_it_has_settled"
TEN = "test_law_10_what_an_opened_notice_names_is_failing_at_that_instant"
HEARD = "test_law_7_a_channel_that_was_told_that_it_began_is_told_that_it_is_over_and_no_other_is"
ELEVEN = "test_law_11_nobody_forgets_and_nobody_is_nagged"
TWELVE = "test_law_12_a_channel_hears_of_what_concerns_it_as_soon_as_it_does_and_of_nothing_else"

LINKED = "test_law_13_what_is_found_out_adds_to_the_configuration_and_contradicts_it_nowhere"
LESS = "test_what_is_found_with_less_is_found_with_all_or_is_merely_possible"
OLD = "test_what_others_showed_before_the_trouble_is_as_good_as_nothing"

KEPT = "test_law_14_what_was_told_is_not_replaced_by_what_tells_less"

MODULES = {
    KEPT: "test_law_replacing",
    LINKED: "test_law_links",
    **dict.fromkeys((LESS, OLD), "test_law_causes"),
    **dict.fromkeys((TWO, LATE), "test_law_2"),
    **dict.fromkeys((HEARD, ELEVEN, TWELVE), "test_law_telling"),
}
ALL = (ONE, TWO, LATE, THREE, FOUR, FIVE, SIX, SEVEN, HEARD, EIGHT, NINE, TEN, ELEVEN, TWELVE, LINKED, LESS, OLD, KEPT)

MUTANTS = (
    Mutant(
        "what was seen may close a circle",
        "topology.py",
        "service != needs and service not in _reach(up, needs)",
        "service != needs",
        LINKED,
    ),
    Mutant("what was seen last counts", "topology.py", "sorted(links, key=_by_age)", "links", LINKED),
    Mutant(
        "who left is forgotten",
        "notices.py",
        "return heard_ever(turn, incident)",
        "return heard(turn, incident)",
        HEARD,
    ),
    Mutant("it is told again and again", "notices.py", "known = is_told(incident)", "known = False", ONE),
    Mutant("what is reopened is forgotten", "incidents.py", "reopens=reopens)\n", "reopens=None)\n", ONE),
    Mutant(
        "nothing is held back",
        "hold.py",
        "    if turn.now >= incident.hold_until:\n",
        "    if turn.now >= 0:\n        return True\n    if turn.now >= incident.hold_until:\n",
        TWO,
    ),
    Mutant("any old look will do", "hold.py", "known.last.began >= since and not", "not", TWO),
    Mutant("an unconfirmed look has ended", "hold.py", " and not unconfirmed(known)", "", TWO),
    Mutant("an echo is a page", "hold.py", "settled.looked_at >= recovered", "True", TWO),
    Mutant(
        "members are let go at once",
        "letting_go.py",
        "return turn.now >= end and not is_improving(turn, name)",
        "return True",
        TWO,
    ),
    Mutant("a told incident vanishes", "incidents.py", "if not is_told(incident):\n", "if True:\n", LATE),
    Mutant(
        "an incident keeps the root it began with",
        "incidents.py",
        "groups.setdefault(root_of(turn, incident.root), [])",
        "groups.setdefault(incident.root, [])",
        TWO,
    ),
    Mutant(
        "what was resolved by hand never fails again",
        "roots.py",
        "    return settled.looked_at <= settled.dismissed_at or not settled.recent[-1].failing\n",
        "    return True\n",
        THREE,
    ),
    Mutant(
        "the settling is noticed a step too late",
        "step.py",
        "    incidents.raise_alerts(turn)\n    letting_go.let_go(turn)\n",
        "    letting_go.let_go(turn)\n    incidents.raise_alerts(turn)\n",
        FOUR,
    ),
    Mutant("the settling ends a step too late", "letting_go.py", "not _lost(turn, rest)", "not lost", FOUR),
    Mutant(
        "a restart forgets the last looks",
        "step.py",
        "    return replace(known, settled=",
        "    return CheckState(settled=",
        FIVE,
    ),
    Mutant(
        "what is broken grows stale too",
        "settle.py",
        "if each.status is Status.HEALTHY]",
        "if each.status is not Status.UNKNOWN]",
        SIX,
    ),
    Mutant(
        "a blind look heals",
        "settle.py",
        "    return replace(known, last=observation, blind_since=since",
        "    return replace(known, settled={}, last=observation, blind_since=since",
        SIX,
    ),
    Mutant(
        "a mute holds the end back",
        "incidents.py",
        "    if is_told(ended):\n",
        "    if is_told(ended) and not notices.is_muted(turn, ended):\n",
        SEVEN,
    ),
    Mutant(
        "what was adopted never ends",
        "incidents.py",
        "        if each.adopted_by == incident.id and each.resolved_at is None:\n",
        "        if each.adopted_by == incident.id and each.resolved_at is not None:\n",
        SEVEN,
    ),
    Mutant(
        "a mute mutes nothing",
        "notices.py",
        "    if is_muted(turn, incident) or (incident.quiet and not known):\n",
        "    if incident.quiet and not known:\n",
        EIGHT,
    ),
    Mutant(
        "what is worked on is not broken",
        "incidents.py",
        "        if turn.status(service).failing:\n",
        "        if turn.status(service).failing and not turn.state.maintenance:\n",
        EIGHT,
    ),
    Mutant(
        "flapping is told each time",
        "notices.py",
        "if not incident.flapping and (known or",
        "if (known or",
        NINE,
    ),
    Mutant(
        "flapping ends with the first good look",
        "incidents.py",
        "if over and not turn.service(incident.root).flapping:",
        "if over:",
        NINE,
    ),
    Mutant(
        "the impacted are those of the first root",
        "incidents.py",
        "        impacted=dependants(turn.plan, root),\n        diagnosis=None,",
        "        diagnosis=None,",
        TEN,
    ),
    Mutant(
        "a notice names what is over",
        "notices.py",
        "    if kind is not NoticeKind.RESOLVED:\n",
        "    if kind is NoticeKind.UPDATED:\n",
        TEN,
    ),
    Mutant(
        "the end is told to whom it concerns by then",
        "notices.py",
        "    if kind is NoticeKind.OPENED:\n        return audience(turn, incident)\n",
        "    if kind in (NoticeKind.OPENED, NoticeKind.RESOLVED):\n        return audience(turn, incident)\n",
        HEARD,
    ),
    Mutant(
        "news is for everybody",
        "notices.py",
        "    return heard(turn, incident)\n",
        "    return audience(turn, incident)\n",
        HEARD,
    ),
    Mutant("nobody joins later", "notices.py", "if channels := late(turn, incident):", "if channels := ():", TWELVE),
    Mutant("nobody is late", "audience.py", "    if not channel.after:\n", "    if True:\n", TWELVE),
    Mutant("somebody on it changes nothing", "audience.py", " and not is_acknowledged(incident)", "", TWELVE),
    Mutant(
        "the loud ones hear everything",
        "audience.py",
        "    if incident.severity not in channel.severities:\n",
        "    if not channel.severities:\n",
        TWELVE,
    ),
    Mutant(
        "a mute mutes only what is due",
        "notices.py",
        "if is_told(incident) and not is_muted(turn, incident):",
        "if is_told(incident):",
        EIGHT,
    ),
    Mutant(
        "reminders do not grow rare", "notices.py", "* 2.0 ** min(reminders, 32)", "* 1.0 ** min(reminders, 32)", ELEVEN
    ),
    Mutant("who is on it is reminded", "notices.py", " or is_acknowledged(incident):", ":", ELEVEN),
    Mutant(
        "the first reminder is the last",
        "notices.py",
        "turn.now >= incident.told[-1].at +",
        "not reminders and turn.now >= incident.told[-1].at +",
        ELEVEN,
    ),
    Mutant(
        "rules that nobody read are as good as open ones",
        "causes/database.py",
        "        Confidence.POSSIBLE if rules else Confidence.LIKELY,\n",
        "        Confidence.CERTAIN,\n",
        LESS,
    ),
    Mutant(
        "nobody listens, and PM2 need not be asked",
        "causes/apps.py",
        "        Confidence.POSSIBLE if _may_be_gone(scene) else Confidence.LIKELY,\n",
        "        Confidence.LIKELY if _may_be_gone(scene) else Confidence.POSSIBLE,\n",
        LESS,
    ),
    Mutant(
        "closed rules are sure even when AWS says no more of the instance",
        "causes/firewall.py",
        "Confidence.CERTAIN if rules.facts else Confidence.POSSIBLE",
        "Confidence.CERTAIN",
        LESS,
    ),
    Mutant("old rules are evidence", "causes/firewall.py", "found if each.in_time else None", "found", OLD),
    Mutant("as sure is as good", "superseding.py", "    wins = explains_more or", "    wins = True or", KEPT),
    Mutant(
        "what is mended is what is wrong",
        "superseding.py",
        "    if old.cause in AFTERMATH.get(new.cause, ()):\n        return old\n",
        "",
        KEPT,
    ),
    Mutant("old health is evidence", "causes/scene.py", "return self.in_time and", "return", OLD),
)


HELPERS = ("story", "random_stories", "world", "scenes")


def _copy(to: Path) -> None:
    """The core and its laws, and nothing else, so that what is run is surely the copy."""
    shutil.copytree(ROOT / "monitor" / "core", to / "monitor" / "core", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "monitor" / "__init__.py", to / "monitor")
    (to / "tests" / "core").mkdir(parents=True)
    for name in (*HELPERS, "test_laws", *dict.fromkeys(MODULES.values())):
        shutil.copy(ROOT / "tests" / "core" / f"{name}.py", to / "tests" / "core")


def _run(root: Path, law: str, *, more: str = "") -> subprocess.CompletedProcess[str]:
    module = MODULES.get(law, "test_laws")
    program = RUN.format(root=str(root), module=module, law=law, more=more)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False, timeout=110
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_laws_catch(mutant: Mutant, tmp_path: Path) -> None:
    _copy(tmp_path)
    file = tmp_path / "monitor" / "core" / mutant.file
    text = file.read_text(encoding="utf-8")
    assert text.count(mutant.right) == 1, "the mutant must change exactly one place"
    file.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")
    # the laws of causes hold for single situations among many: by chance, one run might not meet the one that tells
    run = _run(tmp_path, mutant.law, more=", max_examples=3000" if mutant.law in (LESS, OLD, KEPT) else "")
    assert run.returncode == CAUGHT, run.stderr


@pytest.mark.parametrize("law", ALL)
def test_the_laws_let_the_right_core_pass(law: str, tmp_path: Path) -> None:
    _copy(tmp_path)
    run = _run(tmp_path, law, more=", max_examples=20")
    assert run.returncode == SURVIVED, run.stderr


def test_every_law_catches_something() -> None:
    assert {mutant.law for mutant in MUTANTS} == set(ALL)
