"""Apps, Nginx and the machine at one instant, and the cause that is told of it: what could be taken for another is
held apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from monitor.core.causes.scene import facts_of
from monitor.core.model import (
    Blind,
    Confidence,
    Fact,
    Failed,
    Finding,
    Message,
    Observation,
    Reading,
    Seen,
    Status,
)
from tests.core.scenes import (
    ENDPOINT,
    WELL,
    Looked,
    app,
    closed,
    failed,
    looked,
    nginx,
    of_app,
    peer,
    rds,
    rules,
    stack,
    worker,
)
from tests.core.sentences import spoken
from tests.core.story import World

CERTAIN, LIKELY, POSSIBLE, UNKNOWN = Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE, Confidence.UNKNOWN
SILENT = rds("tcp", "timeout")
SHUT_AND_SILENT = rules(reachable=False, found=closed(Status.CRITICAL))
WELL_NGINX = facts_of(Observation("nginx", "nginx", 0.0, 0.0, WELL["nginx", "nginx"]))
NODE_PM2 = ("node", "pm2")
DENIED = Blind("not permitted: ec2:DescribeSecurityGroups")


# Applications -----------------------------------------------------------------------------------------------------


RESTARTING = of_app("not_alive")
DEAD_0, DEAD_3 = worker(status="waiting restart", code=0), worker(status="waiting restart", code=3)
KILLED = worker(status="waiting restart", code=0, clustered=True, ended_by="SIGKILL")
KILLED_TOO = replace(KILLED, worker=1, ended_by="SIGTERM")
FAULTY = replace(KILLED, ended_by="SIGSEGV")
REFUSING, MUTE = failed("tcp", "refused"), failed("answer", "timeout")


@pytest.mark.parametrize(
    ("looks", "cause", "confidence"),
    [
        ({"node_http": MUTE}, "app_unresponsive", CERTAIN),
        ({"node_http": REFUSING}, "app_unresponsive", LIKELY),
        ({"node_http": failed("answer", "status", status=Status.CRITICAL)}, "app_errors", CERTAIN),
        ({"node_http": Seen((Reading("response_time", 3.0),))}, "app_slow", CERTAIN),
        ({"node_http": REFUSING, "node_pm2": app(found=of_app("missing"))}, "process_missing", CERTAIN),
        ({"node_http": REFUSING, "node_pm2": app(DEAD_0, found=of_app("stopped"))}, "process_stopped", CERTAIN),
        (
            {"node_http": REFUSING, "node_pm2": app(DEAD_0, found=of_app("gave_up", key="pm2.all_gave_up"))},
            "process_gave_up",
            CERTAIN,
        ),
        ({"node_http": REFUSING, "node_pm2": app(DEAD_0, found=RESTARTING)}, "process_killed", POSSIBLE),
        ({"node_pm2": app(DEAD_0, found=RESTARTING)}, "process_killed", POSSIBLE),
        ({"node_pm2": app(replace(DEAD_0, clustered=True), found=RESTARTING)}, "unknown", UNKNOWN),
        ({"node_pm2": app(DEAD_3, found=RESTARTING)}, "process_crash_loop", POSSIBLE),
        ({"node_pm2": app(KILLED, KILLED_TOO, found=RESTARTING)}, "process_killed", CERTAIN),
        ({"node_pm2": app(KILLED, replace(DEAD_0, clustered=True), found=RESTARTING)}, "unknown", UNKNOWN),
        ({"node_pm2": app(KILLED, DEAD_0, found=RESTARTING)}, "process_killed", POSSIBLE),
        (
            {"node_pm2": app(KILLED, found=RESTARTING), "node_http": failed("answer", "reset")},
            "process_killed",
            CERTAIN,
        ),
        (
            {"node_pm2": app(DEAD_0, found=RESTARTING), "node_http": failed("answer", "closed")},
            "process_killed",
            POSSIBLE,
        ),
        ({"node_http": failed("answer", "closed")}, "app_unresponsive", CERTAIN),
        ({"node_pm2": app(FAULTY, found=RESTARTING)}, "process_crash_loop", POSSIBLE),
        ({"node_pm2": app(DEAD_0, DEAD_3, found=RESTARTING)}, "process_crash_loop", POSSIBLE),
        ({"node_pm2": app(worker(status="waiting restart"), found=RESTARTING)}, "unknown", UNKNOWN),
        ({"node_pm2": app(worker(status="online", code=0, alive=False), found=RESTARTING)}, "unknown", UNKNOWN),
        ({"node_pm2": app(found=of_app("not_alive", key="pm2.died_with_daemon"))}, "pm2_daemon_down", LIKELY),
        (
            {"node_pm2": app(worker(), found=of_app("fewer_than_expected", Status.WARNING, alive=1, expected=2))},
            "process_missing",
            CERTAIN,
        ),
        (
            {
                "node_pm2": app(
                    worker(),
                    worker(1, status="stopped"),
                    found=of_app("fewer_than_expected", Status.WARNING, alive=1, expected=2),
                )
            },
            "process_stopped",
            LIKELY,
        ),
        (
            {
                "node_pm2": app(
                    worker(),
                    worker(1, status="waiting restart", code=0),
                    found=of_app("restarting", Status.WARNING, alive=1, expected=2),
                )
            },
            "process_killed",
            POSSIBLE,
        ),
        (
            {
                "node_pm2": app(
                    worker(),
                    worker(1, status="stopped", gave_up=True),
                    found=of_app("fewer_than_expected", Status.WARNING, alive=1, expected=2),
                )
            },
            "unknown",
            UNKNOWN,
        ),
    ],
)
def test_an_app_that_does_not_serve(looks: Mapping[str, Looked], cause: str, confidence: Confidence) -> None:
    told = looked(stack(**looks))
    assert told.roots == ["node"]
    found = told.at("node")
    assert (found.cause, found.confidence) == (cause, confidence)
    spoken(found)


def test_an_app_that_ended_by_itself_is_told_in_other_words_than_one_that_was_stopped() -> None:
    ended = looked(stack(node_pm2=app(DEAD_0, found=of_app("stopped", key="pm2.ended")))).at("node")
    assert ended.summary.key == "cause.process_stopped.ended"
    spoken(ended)


def test_the_signal_is_named_and_so_is_who_sends_it() -> None:
    killed = looked(stack(node_pm2=app(KILLED, KILLED_TOO, found=RESTARTING))).at("node")
    said = spoken(killed)
    assert said[0] == "A process of node was killed (SIGKILL, SIGTERM), and not by PM2; PM2 is starting it again"
    assert "PM2 shows worker 1 of node as waiting restart; its last process was ended by SIGTERM" in said
    crashed = looked(stack(node_pm2=app(FAULTY, found=RESTARTING))).at("node")
    assert "SIGSEGV" in spoken(crashed)[0]
    assert {"process_killed"} <= {each.cause for each in crashed.ruled_out}
    worked = looked(stack(node_pm2=app(worker(), kills=7)), earlier={NODE_PM2: 5.0})
    _look(worked.world, "node", app(KILLED, found=RESTARTING, kills=8))
    memory = worked.at("node")
    assert (memory.summary.key, memory.confidence) == ("cause.process_killed.memory", CERTAIN)
    spoken(memory)


def test_the_kernels_word_that_it_killed_for_want_of_memory_makes_it_likely() -> None:
    """Only just before the process was gone: what the kernel kills later, or killed long ago, was another."""
    for age, sure in ((5.0, LIKELY), (40.0, POSSIBLE)):
        told = looked(stack(node_pm2=app(worker(), kills=7)), earlier={("node", "pm2"): age + 5.0})
        told.world.now -= age
        world = told.world
        if age > 30:
            _look(world, "node", app(worker(), kills=8))
            world.now += age
            _look(world, "node", app(DEAD_0, found=RESTARTING, kills=8))
        else:
            _look(world, "node", app(DEAD_0, found=RESTARTING, kills=8))
        found = told.at("node")
        assert (found.cause, found.confidence) == ("process_killed", sure)
        spoken(found)


def test_a_count_of_kills_that_went_down_began_anew_with_the_machine() -> None:
    told = looked(stack(node_pm2=app(worker(), kills=7)), earlier={("node", "pm2"): 5.0})
    _look(told.world, "node", app(DEAD_0, found=RESTARTING, kills=1))
    assert told.at("node").confidence is POSSIBLE


def test_what_the_kernel_killed_is_evidence_of_a_crash_loop() -> None:
    told = looked(stack(node_pm2=app(worker(), kills=0)), earlier={("node", "pm2"): 60.0})
    for restarts in (1, 2, 3):
        told.world.now += 10
        _look(told.world, "node", app(worker(restarts=restarts), kills=restarts))
    found = told.at("node")
    assert (found.cause, found.confidence) == ("process_crash_loop", CERTAIN)
    assert [each.message.key for each in found.evidence].count("evidence.memory_kills") == 3


def _look(world: World, service: str, result: Looked, check: str = "pm2") -> None:
    world.take(Observation(service, check, world.now, 0.0, result))


def test_an_app_that_is_alive_and_whose_needs_are_well_says_so() -> None:
    found = looked(stack(node_http=MUTE)).at("node")
    said = spoken(found)
    assert "all 2 process(es) of node are alive, by PM2 and the kernel (process 1000, 1001)" in said
    assert "rds answered a fresh login since this began" in said
    assert "PM2 (pm2) answered since this began" in said
    assert {each.cause for each in found.ruled_out} >= {
        "network_path_blocked",
        "process_stopped",
        "firewall_path_closed",
    }
    assert found.commands == (
        "top -b -n 1 -p 1000,1001",
        "pm2 logs node --err --nostream --lines 50",
        "pm2 restart node",
    )


def test_what_was_looked_at_before_the_trouble_rules_nothing_out() -> None:
    before = {("node", "pm2"): 60.0, ("rds", "rds"): 60.0, ("pm2", "pm2"): 60.0, ("wall", "security_group"): 60.0}
    found = looked(stack(node_http=MUTE), earlier=before).at("node")
    assert [each.cause for each in found.ruled_out] == ["network_path_blocked"]


def test_a_machine_that_is_busy_is_evidence_for_all_that_is_slow_on_it() -> None:
    busy = Seen((Reading("cpu", 0.97, "ratio"),))
    for looks in ({"node_http": MUTE}, {"node_http": Seen((Reading("response_time", 3.0),))}):
        said = spoken(looked(stack(host=busy, **looks)).at("node"))
        assert "cpu is 97 %; the limit is 95 %" in said


def test_pm2_that_is_gone_leaves_what_still_answers() -> None:
    told = looked(stack(pm2=failed("connect", "refused"), node_pm2=Blind("PM2"), python_pm2=Blind("PM2")))
    found = told.at("pm2")
    assert (found.cause, found.confidence) == ("pm2_daemon_down", CERTAIN)
    assert "python still answers; nobody would start it again, though" in spoken(found)


# Nginx ------------------------------------------------------------------------------------------------------------


MISMATCH = nginx("upstream_port_mismatch", app="node", port=3100)


@pytest.mark.parametrize(
    ("look", "cause", "confidence"),
    [
        (failed("process", "not_running"), "nginx_down", CERTAIN),
        (failed("connect", "refused"), "nginx_down", CERTAIN),
        (failed("answer", "frozen"), "nginx_frozen", CERTAIN),
        (failed("answer", "timeout"), "nginx_frozen", LIKELY),
        (MISMATCH, "upstream_port_mismatch", CERTAIN),
        (nginx("upstream_port_mismatch", app="other", port=9100), "upstream_port_mismatch", LIKELY),
        (nginx("upstream_down", why="refused"), "upstream_down", CERTAIN),
        (nginx("upstream_unresponsive"), "upstream_down", CERTAIN),
        (nginx("redundancy_lost", status=Status.WARNING, alive=1, all=2), "upstream_down", CERTAIN),
        (nginx("upstream_marked_failed", "", peer()), "upstream_marked_failed", CERTAIN),
        (nginx("upstream_timeout_mismatch", "", peer(), took="3.0", limit="2"), "upstream_timeout_mismatch", CERTAIN),
        (nginx("upstream_timeout_mismatch", "gateway_timeout", peer()), "upstream_timeout_mismatch", LIKELY),
        (
            nginx("nginx_config_broken", "config_broken", status=Status.WARNING, text="x"),
            "nginx_config_broken",
            CERTAIN,
        ),
        (
            nginx(
                "nginx_config_not_loaded",
                "config_not_loaded",
                status=Status.WARNING,
                readings=(Reading("config_valid", 1.0),),
                path="/etc/nginx/nginx.conf",
            ),
            "nginx_config_not_loaded",
            CERTAIN,
        ),
        (nginx("route_failing"), "unknown", UNKNOWN),
    ],
)
def test_nginx_and_its_routes(look: Looked, cause: str, confidence: Confidence) -> None:
    if isinstance(look, Seen):
        fixed = {"status": 502, **_values(look)}
        look = Seen(look.readings, tuple(_with(fact, fixed) for fact in look.facts))
    found = looked(stack(nginx=look)).at("nginx")
    assert (found.cause, found.confidence) == (cause, confidence)
    spoken(found)


def _values(look: Seen) -> Mapping[str, str | int | float]:
    return next(fact.message.values for fact in look.facts if isinstance(fact, Finding))


def _with(fact: Fact, values: Mapping[str, str | int | float]) -> Fact:
    if not isinstance(fact, Finding):
        return fact
    return Finding(fact.status, fact.reason, Message(fact.message.key, values), fact.grace_seconds, fact.harmless)


def test_peers_that_are_lost_do_not_explain_what_is_worse_than_that() -> None:
    slow = (Reading("response_time", 6.0),)
    look = nginx("redundancy_lost", status=Status.WARNING, readings=slow, alive=1, all=2)
    assert looked(stack(nginx=look)).at("nginx").cause == "unknown"


def test_a_port_mismatch_is_less_sure_where_the_app_was_not_seen_to_be_well() -> None:
    for other in ({"node_pm2": Blind("PM2")}, {"node_pm2": app(worker(), worker(1, alive=False, status="online"))}):
        assert looked(stack(nginx=MISMATCH, **other)).at("nginx").confidence is LIKELY


@pytest.mark.parametrize(
    ("looks", "root", "cause"),
    [
        ({"node_http": MUTE, "nginx": nginx("upstream_unresponsive")}, "node", "app_unresponsive"),
        ({"nginx": nginx("upstream_unresponsive")}, "nginx", "upstream_down"),
        ({"node_http": REFUSING, "nginx": nginx("upstream_down", why="refused")}, "node", "app_unresponsive"),
        (
            {"node_pm2": app(worker(status="stopped"), found=of_app("stopped")), "nginx": MISMATCH},
            "node",
            "process_stopped",
        ),
        ({"rds": SILENT, "node_http": MUTE, "nginx": nginx("upstream_unresponsive")}, "rds", "network_path_blocked"),
        ({"rds": SILENT, "wall": SHUT_AND_SILENT, "node_http": MUTE}, "wall", "security_group_blocks"),
        ({"pm2": failed("connect", "refused"), "node_http": REFUSING}, "pm2", "pm2_daemon_down"),
    ],
)
def test_what_is_needed_explains_what_needs_it(looks: Mapping[str, Looked], root: str, cause: str) -> None:
    told = looked(stack(**looks))
    assert told.roots == [root]
    assert told.at(root).cause == cause


@pytest.mark.parametrize(("valid", "key"), [(0.0, "evidence.config_invalid"), (1.0, ""), (None, "")])
def test_nginx_that_is_gone_is_held_against_what_it_would_start_with(valid: float | None, key: str) -> None:
    readings = () if valid is None else (Reading("config_valid", valid),)
    gone = failed("process", "not_running")
    found = looked(stack(nginx=Failed(gone.failure, readings))).at("nginx")
    assert (key in [each.message.key for each in found.evidence]) is bool(key)
    assert ("nginx_config_broken" in [each.cause for each in found.ruled_out]) is (valid == 1.0)


def certificate(days: float, name: str = "shop.test") -> Reading:
    return Reading("certificate_remaining", days * 86400, "seconds", {"server_name": name})


def not_reloaded(name: str, *readings: Reading) -> Seen:
    return nginx("certificate_not_reloaded", status=Status.WARNING, readings=readings, name=name)


@pytest.mark.parametrize(
    ("look", "cause"),
    [
        (not_reloaded("shop.test", certificate(5)), "certificate_not_reloaded"),
        (not_reloaded("the default server", certificate(5, "")), "certificate_not_reloaded"),
        (not_reloaded("other.test", certificate(5)), "certificate_expiring"),
        (not_reloaded("shop.test"), "certificate_not_reloaded"),
        (Seen((certificate(5),), WELL_NGINX), "certificate_expiring"),
    ],
)
def test_a_certificate_that_was_renewed_has_only_to_be_loaded(look: Looked, cause: str) -> None:
    found = looked(stack(nginx=look)).at("nginx")
    assert (found.cause, found.confidence) == (cause, CERTAIN)


# Mild trouble beside a severe one -----------------------------------------------------------------------------------


def test_what_lets_a_service_go_on_serving_does_not_explain_why_it_is_down() -> None:
    """A number that is not spoken of stays as it was: the certificate still ends soon while the login is silent."""
    weak = Seen((Reading("certificate_remaining", 3 * 86400.0, "seconds"), Reading("response_time", 3.0)), (ENDPOINT,))
    told = looked(stack(rds=weak), earlier={("rds", "rds"): 15.0})
    assert told.at("rds").cause == "certificate_expiring"
    _look(told.world, "rds", rds("tls", "protocol"), "rds")
    assert told.at("rds").cause == "unknown"
    _look(told.world, "rds", SILENT, "rds")
    found = told.at("rds")
    assert found.cause == "network_path_blocked"
    assert any(each.message.values.get("metric") == "certificate_remaining" for each in found.evidence)


def test_of_several_shortages_the_worst_is_the_cause() -> None:
    found = looked(stack(host=Seen((Reading("cpu", 0.99, "ratio"), Reading("disk", 0.85, "ratio"))))).at("host")
    assert found.cause == "host_cpu"


def test_an_honest_unknown_says_what_was_well_and_what_could_not_be_seen() -> None:
    found = looked(stack(node_http=failed("tcp", "timeout"), node_wiring=Blind("not permitted"), wall=DENIED)).at(
        "node"
    )
    assert found.cause == "unknown"
    said = spoken(found)
    assert "the check pm2 was looked at since this began and finds nothing wrong" in said
    assert "the check wiring of node could not see: not permitted" in said
    assert "the check security_group of wall could not see: not permitted: ec2:DescribeSecurityGroups" in said
