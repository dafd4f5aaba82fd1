"""docs/metrics.md says what the code publishes, and every kind of check publishes what promtool likes."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.checks import KINDS
from monitor.checks.base import Check
from monitor.core.model import (
    CheckState,
    Confidence,
    Diagnosis,
    Incident,
    Message,
    Observation,
    Plan,
    Reading,
    Seen,
    ServicePlan,
    ServiceState,
    Severity,
    State,
    Status,
    StatusChanged,
)
from monitor.heartbeat import Sent
from monitor.metrics import Metrics
from monitor.standings import Standing, Try
from monitor.store import Backlog
from tests.test_metrics_own import Counted

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (.+) \|$", re.MULTILINE)
KIND_NAMES = [get_args(kind.model_fields["kind"].annotation)[0] for kind in KINDS]


class Described(NamedTuple):
    """A metric as the page or the code has it."""

    type: str
    meaning: str


def checks() -> dict[str, tuple[Check, ...]]:
    """One of each kind, unconfigured: only what it publishes matters here."""
    return {name: (kind.model_construct(kind=name),) for name, kind in zip(KIND_NAMES, KINDS, strict=True)}


@pytest.fixture(scope="module")
def everything() -> Metrics:
    """A series of every metric there is."""
    services = checks()
    metrics = Metrics(services, "1.2.3")
    for name, (check,) in services.items():
        readings = tuple(Reading(family.reading, 1.0) for family in check.families)
        unusable = Reading(check.families[0].reading, 1.0, labels={"instance": "x"})
        metrics.looked(Observation(name, check.label, 1.7e9, 0.1, Seen((*readings, unusable))))
    cause = Diagnosis("unknown", Message("cause.unknown.summary"), Confidence.UNKNOWN)
    rules = {"security_group": CheckState(rules_of="5432", seen_at=1.0)}
    state = State(
        {"rds": ServiceState(Status.DOWN, checks=rules)},
        (Incident("i1", "rds", Severity.CRITICAL, 1.0, diagnosis=cause),),
    )
    changed = StatusChanged("rds", Status.HEALTHY, Status.DOWN, 1.0)
    metrics.changed(Plan({"rds": ServicePlan("rds", ())}), state, (changed,), 1.0)
    metrics.skipped("overrun")
    metrics.lag(0.1)
    metrics.notice("webhook", "opened", "delivered")
    metrics.watch_watchers(watched=lambda: {"process": 1}, events=lambda: {"process": 1})
    metrics.watch_reloads(lambda: (True, 1.0))
    metrics.watch_upkeep(store=Counted(0), history=Counted(0), heartbeat=lambda: Sent(0, 1.0, None))
    standing = Standing(channel="webhook", kind="webhook", newest=Try(1.0, "delivered"), owed=Backlog(1, 0, 1.0))
    metrics.watch_channels(lambda: (standing,), refresh_failures=lambda: {"alertmanager": 1}, now=lambda: 2.0)
    return metrics


def documented() -> dict[str, tuple[Described, frozenset[str]]]:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len({name for name, *_ in rows}) == len(rows), "a metric stands there twice"
    return {
        name: (Described(kind, meaning), frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, meaning in rows
    }


def rendered(metrics: Metrics) -> dict[str, tuple[Described, frozenset[str]]]:
    found = {}
    for family in text_string_to_metric_families(metrics.render(None)[0].decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = frozenset(label for sample in family.samples for label in sample.labels if label != "le")
        found[name] = (Described(family.type, family.documentation), labels)
    return found


def test_every_metric_is_documented_with_its_type_and_meaning_and_no_other_is(everything: Metrics) -> None:
    on_page = {name: described for name, (described, _) in documented().items()}
    in_code = {name: described for name, (described, _) in rendered(everything).items()}
    assert on_page == in_code


def test_the_labels_of_what_every_check_has_and_of_the_monitor_itself_are_as_documented(everything: Metrics) -> None:
    """The labels of a kind's own metrics come with its readings; of those, the page must at least name `service`."""
    on_page = {name: labels for name, (_, labels) in documented().items()}
    for name, (_, labels) in rendered(everything).items():
        if name.startswith(tuple(f"infra_{kind}_" for kind in KIND_NAMES)):
            assert on_page[name] >= labels == {"service"}, name
        else:
            assert on_page[name] == labels, name


@pytest.mark.parametrize(("name", "kind"), list(zip(KIND_NAMES, KINDS, strict=True)))
def test_a_kind_publishes_under_its_own_prefix(name: str, kind: type[Check]) -> None:
    assert kind.families
    assert all(family.metric.startswith(f"infra_{name}_") for family in kind.families)


def test_promtool_has_nothing_to_say_of_any_metric(everything: Metrics) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=everything.render(None)[0],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
