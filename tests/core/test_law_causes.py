"""Less evidence never makes a diagnosis surer, nor another one: whatever random looks the whole stack has had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.causes.scene import facts_of
from monitor.core.model import Blind, Confidence, Finding, Message, Observation, Reading, Seen, Status
from monitor.core.topology import dependencies
from tests.core.scenes import (
    CHECKS,
    PLAN,
    PM2,
    WELL,
    Look,
    Looked,
    Told,
    app,
    closed,
    failed,
    looked,
    nginx,
    of_app,
    peer,
    rds,
    rules,
    worker,
)

LATENT: Final = Finding(
    Status.CRITICAL, "latent_outage", Message("rds.latent_outage", {"host": "h", "phase": "tcp", "reason": "timeout"})
)
NGINX: Final = facts_of(Observation("nginx", "nginx", 0.0, 0.0, WELL["nginx", "nginx"]))
ENDS_SOON: Final = Reading("certificate_remaining", 86400.0, "seconds", {"server_name": "shop.test"})
FEWER: Final = of_app("fewer_than_expected", Status.WARNING, alive=1, expected=2)

DATABASE: Final = tuple(
    rds(phase, reason, status=status)
    for phase, reason, status in (
        ("resolve", "dns", Status.DOWN),
        ("tcp", "timeout", Status.DOWN),
        ("tcp", "refused", Status.DOWN),
        ("tcp", "unreachable", Status.DOWN),
        ("tls", "timeout", Status.DOWN),
        ("tls", "tls", Status.DOWN),
        ("auth", "credentials", Status.CRITICAL),
        ("auth", "slots", Status.CRITICAL),
        ("auth", "starting", Status.DOWN),
        ("query", "read_only", Status.CRITICAL),
    )
)
ASKED: Final = (
    failed("tcp", "refused"),
    failed("tcp", "timeout"),
    failed("answer", "timeout"),
    failed("answer", "status", status=Status.CRITICAL),
    Seen((Reading("response_time", 3.0),)),
)
APP: Final = (
    app(worker(status="waiting restart", code=0), found=of_app("not_alive"), kills=3),
    app(worker(status="waiting restart", code=0, ended_by="SIGKILL"), found=of_app("not_alive")),
    app(worker(status="waiting restart", code=3), found=of_app("not_alive"), kills=3),
    app(worker(status="stopped"), found=of_app("stopped")),
    app(worker(status="errored", gave_up=True), found=of_app("gave_up")),
    app(found=of_app("missing")),
    app(worker(), found=FEWER),
    app(worker(), worker(1, status="stopped"), found=FEWER),
    app(found=of_app("not_alive", key="pm2.died_with_daemon")),
)
POOL: Final[Mapping[Look, tuple[Looked, ...]]] = {
    ("wall", "security_group"): (
        *(
            rules(reachable=open_, state=state)
            for open_ in (True, False, None)
            for state in ("available", "stopped", "")
        ),
        *(rules(reachable=False, state=state, found=closed(Status.CRITICAL)) for state in ("available", "stopped")),
        rules(reachable=False, found=closed(Status.WARNING)),
    ),
    ("rds", "rds"): (
        *DATABASE,
        rds("tcp", "timeout", LATENT, status=Status.CRITICAL),
        Seen((Reading("response_time", 3.0), Reading("connections_used", 0.97, "ratio")), (PM2,)),
        Seen((Reading("certificate_remaining", 86400.0, "seconds"),)),
    ),
    ("pm2", "pm2"): (failed("connect", "refused"), failed("reply", "protocol")),
    ("node", "pm2"): APP,
    ("node", "http"): ASKED,
    ("node", "wiring"): tuple(
        Seen(facts=(of_app(reason, Status.CRITICAL, key="wiring.no_connection"),))
        for reason in ("wrong_host", "sqlite_in_use", "else")
    ),
    ("python", "pm2"): APP[:3],
    ("python", "http"): ASKED,
    ("nginx", "nginx"): (
        failed("process", "not_running"),
        failed("answer", "timeout"),
        nginx("upstream_port_mismatch", "", peer(), app="node", port=3100),
        nginx("upstream_down"),
        nginx("upstream_unresponsive"),
        nginx("nginx_config_not_loaded", status=Status.WARNING, path="/etc/nginx/nginx.conf"),
        nginx("certificate_not_reloaded", status=Status.WARNING, name="shop.test", readings=(ENDS_SOON,)),
        Seen((ENDS_SOON,), NGINX),
    ),
    ("host", "host"): (Seen((Reading("cpu", 0.97, "ratio"), Reading("memory", 0.97, "ratio"))),),
}


def near(root: str) -> list[Look]:
    """The checks of a service and of all that it needs: nothing else can lead to a cause."""
    return [look for look in CHECKS if look[0] in (root, *dependencies(PLAN, root))]


WRONG: Final = tuple((look, bad) for look, results in POOL.items() for bad in results)


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, dict[Look, Looked]]:
    """A service with something wrong, and perhaps one more thing wrong with it or with what it needs."""
    look, bad = draw(st.sampled_from(WRONG))
    others = draw(st.lists(st.sampled_from([each for each in WRONG if each[0] in near(look[0])]), max_size=1))
    return look[0], {**{each: WELL[each] for each in near(look[0])}, **dict(others), look: bad}


@st.composite
def losses(draw: st.DrawFn) -> tuple[str, dict[Look, Looked], dict[Look, str]]:
    """A situation, and which checks see less of it, and how."""
    root, stack = draw(situations())
    how = st.sampled_from(("absent", "blind", "since"))
    return root, stack, draw(st.dictionaries(st.sampled_from(sorted(stack)), how, min_size=1, max_size=2))


law = settings(max_examples=400, deadline=None)


def without(stack: Mapping[Look, Looked], lost: Mapping[Look, str]) -> Told:
    """The same world, where some checks were not looked at, could not see, or have lost sight since."""
    told = looked({look: Blind("dark") if lost.get(look) == "blind" else each for look, each in stack.items()
                   if lost.get(look) != "absent"})  # fmt: skip
    for look, how in lost.items():
        if how == "since":
            told.world.take(Observation(*look, told.world.now, 0.0, Blind("dark")))
    return told


@law
@given(losses())
def test_what_is_found_with_less_is_found_with_all_or_is_merely_possible(
    loss: tuple[str, dict[Look, Looked], dict[Look, str]],
) -> None:
    """Each cause that a rule finds with less evidence it finds with all of it, too, and no less surely; a cause that
    only the lack of evidence lets appear is never more than possible. So what is told with less is as it was, is
    weaker, is no more than possible, or is unknown."""
    root, stack, lost = loss
    whole, less = looked(stack).all_at(root), without(stack, lost)
    for cause, confidence in less.all_at(root).items():
        assert confidence is Confidence.POSSIBLE or confidence.rank <= whole.get(cause, Confidence.UNKNOWN).rank, cause
    told = less.at(root)
    assert told.cause not in {each.cause for each in told.ruled_out}
    assert told.confidence in (Confidence.POSSIBLE, Confidence.UNKNOWN) or told.cause in whole


@settings(law, max_examples=150)
@given(situations(), st.data())
def test_what_others_showed_before_the_trouble_is_as_good_as_nothing(
    situation: tuple[str, dict[Look, Looked]], data: st.DataObject
) -> None:
    """Looks at what the root needs that are older than its trouble lead to the same causes as no looks at all."""
    root, stack = situation
    above = [look for look in stack if look[0] != root]
    aged = data.draw(st.sets(st.sampled_from(above), min_size=1)) if above else set()
    early = looked(stack, earlier=dict.fromkeys(aged, 60.0)).all_at(root)
    assert early == looked({look: each for look, each in stack.items() if look not in aged}).all_at(root)
