"""A login held against the firewall before it and the state of the instance: what could be taken for another is held
apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.model import (
    Blind,
    Confidence,
    Failed,
    Finding,
    Firewall,
    Message,
    Seen,
    Status,
)
from tests.core.scenes import (
    AUTHORIZE,
    HOST,
    WELL,
    Looked,
    closed,
    looked,
    rds,
    rules,
    stack,
)
from tests.core.sentences import spoken

CERTAIN, LIKELY, POSSIBLE, UNKNOWN = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE, Confidence.UNKNOWN
SILENT, REFUSED = rds("tcp", "timeout"), rds("tcp", "refused")
OPEN, SHUT = rules(reachable=True), rules(reachable=False)
SHUT_AND_SILENT = rules(reachable=False, found=closed(Status.CRITICAL))
SHUT_AND_STOPPED = rules(reachable=False, state="stopped", found=closed(Status.CRITICAL))
SHUT_BUT_ANSWERS = rules(reachable=False, found=closed(Status.WARNING))
DENIED = Blind("not permitted: ec2:DescribeSecurityGroups")


# Probe × rules × state of the instance ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probe", "wall", "root", "cause", "confidence"),
    [
        (rds("resolve", "dns"), OPEN, "rds", "dns_failure", CERTAIN),
        (rds("resolve", "dns"), rules(reachable=True, state="stopped"), "rds", "dns_failure", CERTAIN),
        (rds("resolve", "dns"), DENIED, "rds", "dns_failure", CERTAIN),
        (SILENT, SHUT_AND_SILENT, "wall", "security_group_blocks", CERTAIN),
        (SILENT, SHUT, "rds", "security_group_blocks", LIKELY),
        (SILENT, OPEN, "rds", "network_path_blocked", LIKELY),
        (SILENT, DENIED, "rds", "network_path_blocked", POSSIBLE),
        (SILENT, rules(reachable=None), "rds", "network_path_blocked", POSSIBLE),
        *(
            (probe, rules(reachable=reachable, state=state), "rds", "rds_not_available", CERTAIN)
            for probe in (SILENT, REFUSED)
            for reachable in (True, False, None)
            for state in ("rebooting", "maintenance", "stopped", "storage-full", "incompatible-network")
        ),
        (SILENT, SHUT_AND_STOPPED, "wall", "rds_not_available", CERTAIN),
        (REFUSED, OPEN, "rds", "rds_not_available", LIKELY),
        (rds("tls", "timeout"), OPEN, "rds", "database_unresponsive", LIKELY),
        (rds("tls", "timeout"), SHUT, "rds", "database_unresponsive", LIKELY),
        (rds("tls", "tls"), OPEN, "rds", "database_tls", CERTAIN),
        (rds("auth", "credentials", status=Status.CRITICAL), OPEN, "rds", "database_credentials", CERTAIN),
        (rds("auth", "not_permitted", status=Status.CRITICAL), OPEN, "rds", "database_refuses", CERTAIN),
        (rds("auth", "resources", status=Status.CRITICAL), OPEN, "rds", "database_refuses", CERTAIN),
        (rds("query", "rejected", status=Status.CRITICAL), OPEN, "rds", "database_refuses", CERTAIN),
        (rds("auth", "database_missing", status=Status.CRITICAL), OPEN, "rds", "database_missing", CERTAIN),
        (rds("auth", "slots", status=Status.CRITICAL), OPEN, "rds", "database_slots_exhausted", CERTAIN),
        (rds("auth", "starting"), OPEN, "rds", "database_starting", CERTAIN),
        (rds("auth", "shutting_down"), OPEN, "rds", "database_starting", LIKELY),
        (rds("query", "read_only", status=Status.CRITICAL), OPEN, "rds", "database_read_only", CERTAIN),
        (WELL["rds", "rds"], SHUT_BUT_ANSWERS, "wall", "firewall_path_closed", CERTAIN),
    ],
)  # fmt: skip
def test_a_login_held_against_the_rules_and_the_state(
    *, probe: Looked, wall: Looked, root: str, cause: str, confidence: Confidence
) -> None:
    told = looked(stack(rds=probe, wall=wall))
    assert told.roots == [root]
    found = told.at(root)
    assert (found.cause, found.confidence) == (cause, confidence)
    spoken(found)


def latent(phase: str = "tcp", reason: str = "timeout") -> Failed:
    words = Message("rds.latent_outage", {"host": HOST, "phase": phase, "reason": reason})
    return rds(phase, reason, Finding(Status.CRITICAL, "latent_outage", words), status=Status.CRITICAL)


def test_sessions_that_live_on_make_it_latent_whatever_the_rules_say() -> None:
    for wall in (OPEN, SHUT, DENIED):
        found = looked(stack(rds=latent(), wall=wall)).at("rds")
        assert (found.cause, found.confidence) == ("latent_outage", CERTAIN)
        assert (AUTHORIZE in found.commands) is (wall is SHUT)
    # whoever sees that the rules are closed and the port is silent names the wall, and the sessions are its evidence
    told = looked(stack(rds=latent(), wall=SHUT_AND_SILENT))
    assert told.roots == ["wall"]


def test_connections_of_apps_that_still_stand_are_evidence_only() -> None:
    found = looked(stack(rds=SILENT)).at("rds")
    assert "node still has 4 connection(s) to it that were made before; a restart would lose them" in spoken(found)
    assert found.cause == "network_path_blocked"


def test_rules_that_were_read_before_the_trouble_say_nothing_about_it() -> None:
    for wall in (OPEN, SHUT, rules(reachable=True, state="stopped")):
        found = looked(stack(rds=SILENT, wall=wall), earlier={("wall", "security_group"): 60.0}).at("rds")
        assert (found.cause, found.confidence) == ("network_path_blocked", POSSIBLE)
        assert "evidence.rules_before" in [each.message.key for each in found.evidence]
        assert not {"security_group_blocks", "rds_not_available"} & {each.cause for each in found.ruled_out}


def test_what_was_ruled_out_says_with_which_values() -> None:
    said = spoken(looked(stack(rds=rds("auth", "credentials", status=Status.CRITICAL))).at("rds"))
    assert "the name was resolved to 10.0.2.20 (resolve 1 ms, tcp 1 ms, tls 1 ms, auth 1 ms)" in said
    assert "the server answered: credentials it was" in said
    said = spoken(looked(stack(rds=SILENT)).at("rds"))
    assert "the rules of wall were read since this began, and they let this host in (sg-ref)" in said
    assert "the rules of wall, read since this began, let this host in: in sg-db tcp 5432 from sg-app" in said


def test_many_rules_are_shown_in_part() -> None:
    lines = tuple(f"in sg-db tcp 5432 from sg-{n}" for n in range(5))
    (fact,) = OPEN.facts
    assert isinstance(fact, Firewall)
    wall = Seen(facts=(replace(fact, lines=lines),))
    said = " ".join(spoken(looked(stack(rds=SILENT, wall=wall)).at("rds")))
    assert "sg-2; +2" in said
