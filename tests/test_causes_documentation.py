"""The pages about causes say what the code does: one for each cause, with words in every language."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from monitor.core.causes import RULES
from monitor.core.diagnose import UNKNOWN
from monitor.locale import LANGUAGES, catalogue

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "causes"
CAUSES = frozenset({rule.__name__ for rule in RULES} | {UNKNOWN})
PUBLIC = frozenset(
    """dns_failure security_group_blocks network_path_blocked rds_not_available database_refuses database_unresponsive
    database_tls database_credentials database_missing database_slots_exhausted database_starting database_read_only
    database_slow latent_outage pm2_daemon_down process_crash_loop process_gave_up process_stopped process_missing
    process_killed app_unresponsive app_errors app_slow nginx_down nginx_frozen upstream_port_mismatch upstream_down
    upstream_marked_failed upstream_timeout_mismatch nginx_config_broken nginx_config_not_loaded certificate_expiring
    certificate_not_reloaded database_exposed firewall_not_as_intended firewall_path_closed wrong_database sqlite_in_use
    stale_environment connection_budget host_cpu host_memory host_disk unknown""".split()  # noqa: SIM905 — to be read
)
"""What others rely on: programs match these ids, people silence them. None may vanish, and none comes by the way."""
HEADINGS = ("How it is recognised", "What it is not", "How to mend it", "Numbers")


def test_the_causes_are_those_that_others_rely_on() -> None:
    assert CAUSES == PUBLIC


def test_there_is_a_page_for_each_cause_and_for_nothing_else() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == CAUSES
    assert "docs/causes/README.md" in (ROOT / "README.md").read_text()


def test_the_index_links_each_page_once() -> None:
    linked = re.findall(r"\[`(\w+)`\]\((\w+)\.md\)", (PAGES / "README.md").read_text())
    assert all(name == page for name, page in linked)
    assert sorted(name for name, _ in linked) == sorted(CAUSES)


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_a_page_says_what_it_is_what_it_is_not_and_what_to_do(cause: str) -> None:
    text = (PAGES / f"{cause}.md").read_text()
    assert text.startswith(f"# `{cause}`\n\n")
    wanted = [each for each in HEADINGS if cause != UNKNOWN or each != "What it is not"]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == wanted
    assert re.search(r"^```sh\n.+\n```$", text, re.MULTILINE | re.DOTALL)
    for name, page in re.findall(r"\[`(\w+)`\]\((\w+)\.md\)", text):
        assert name == page != cause
        assert name in CAUSES
    metrics = (ROOT / "docs" / "metrics.md").read_text()
    for name in re.findall(r"`(infra_\w+?)(?:\{[^}]*\})?`", text):
        assert f"`{name}" in metrics, name
    for said in re.findall(r"\| (certain|likely|possible|unknown)\b", text):
        assert said in ("certain", "likely", "possible", "unknown")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cause_has_its_words_and_no_words_are_left_over(language: str) -> None:
    """Other words than the usual ones come in pairs: `cause.X.WORDS` and `cause.X.WORDS_remedy`."""
    told = dict[str, set[str]]()
    for key in catalogue(language):
        if key.startswith("cause."):
            _, cause, word = key.split(".")
            told.setdefault(cause, set()).add(word)
    assert told.keys() == CAUSES
    for cause, words in told.items():
        assert {"summary", "remedy"} <= words, cause
        others = {each.removesuffix("_remedy") for each in words - {"summary", "remedy"}}
        assert words == {"summary", "remedy"} | others | {f"{each}_remedy" for each in others}, cause


def test_whatever_is_ruled_out_is_a_cause_and_has_words() -> None:
    """The keys stand in the rules as `cause.why`; each of them has its words, and no words lack a rule."""
    source = "\n".join(file.read_text() for file in (ROOT / "monitor" / "core" / "causes").glob("*.py"))
    used = {
        f"ruled_out.{key}" for key in re.findall(r"\"([a-z0-9_]+\.[a-z_]+)\"", source) if key.split(".")[0] in CAUSES
    }
    known = {key for key in json.loads((ROOT / "monitor/locale/en.json").read_text()) if key.startswith("ruled_out.")}
    assert used == known
    assert {key.split(".")[1] for key in known} <= CAUSES
