"""What promtool and amtool say of the files of the package, without anything running."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from monitor.cli.rules import FILES
from tests.daemon.running import command
from tests.prometheus.files import DIRECTORY, REPOSITORY, alerting, rules, selectors

CASES = sorted(Path(__file__).parent.glob("*.test.yml"))
KINDS = ("incident", "symptom", "trend", "blind", "monitor")


def run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_and_amtool_accept_every_file() -> None:
    assert {path.name for path in DIRECTORY.iterdir()} == FILES.keys()
    run("promtool", "check", "rules", DIRECTORY / "infra-monitor.rules.yml")
    for name in FILES:
        if name.startswith("prometheus"):
            run("promtool", "check", "config", DIRECTORY / name)
    run("amtool", "check-config", DIRECTORY / "alertmanager.yml")


def test_the_cases_of_promtool_hold() -> None:
    run("promtool", "test", "rules", *CASES)


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    samples = [
        sample["labels"]
        for case in CASES
        for each in yaml.safe_load(case.read_text())["tests"]
        for expected in each["promql_expr_test"]
        for sample in expected["exp_samples"]
    ]
    fired = {tuple(re.findall(r'(?:alertname|severity)="(\w+)"', labels)) for labels in samples}
    assert fired == {(rule["alert"], rule["labels"]["severity"]) for rule in alerting()}


@pytest.mark.parametrize("rule", alerting(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_every_alert_says_in_both_languages_what_happened_and_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    said = rule["annotations"]
    assert {"summary", "description", "summary_ko", "description_ko"} <= said.keys() <= _ANNOTATIONS
    assert all(re.search("[가-힣]", said[key]) for key in ("summary_ko", "description_ko"))
    assert rule["labels"]["kind"] in KINDS
    for key in ("summary", "description"):
        assert set(re.findall(r"\$labels\.\w+", said[key])) == set(re.findall(r"\$labels\.\w+", said[f"{key}_ko"])), key


_ANNOTATIONS = {"summary", "description", "summary_ko", "description_ko", "runbook"}


def test_every_metric_in_a_rule_is_documented() -> None:
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    named = {re.split("[{]", each)[0] for rule in rules() for each in selectors(rule["expr"])} - {"up"}
    assert len(named) > 15
    assert {name for name in named if f"| `{re.sub('_bucket$', '', name)}` |" not in page} == set()


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_every_metric_that_a_guide_names_is_documented(name: str) -> None:
    guide, page = ((REPOSITORY / "docs" / f"{each}.md").read_text() for each in (name, "metrics"))
    named = {each for each in re.findall(r"(?<![:\w])infra_\w+(?![:\w*])", guide) if not each.endswith("_")}
    assert {each for each in named if f"| `{each}` |" not in page} == set()


def test_the_guide_lists_every_recorded_series() -> None:
    guide = (REPOSITORY / "docs" / "prometheus.md").read_text()
    listed = set(re.findall(r"^\| `(\w+:\w+:\w+)` \|", guide, re.MULTILINE))
    assert listed == {rule["record"] for rule in rules() if "record" in rule}


def test_every_cause_that_is_routed_by_name_is_one() -> None:
    pages = {path.stem for path in (REPOSITORY / "docs" / "causes").glob("*.md")}
    routes = yaml.safe_load((DIRECTORY / "alertmanager.yml").read_text())["route"]["routes"]
    (named,) = (each for route in routes for each in route.get("matchers", ()) if each.startswith("cause"))
    for pattern in re.search('"(.*)"', named)[1].split("|"):  # type: ignore[index]
        assert [page for page in pages if re.fullmatch(pattern, page)], pattern


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (
            {"alertname": "InfraIncident", "severity": "critical", "service": "rds", "cause": "rds_not_available"},
            "pager",
        ),
        ({"alertname": "InfraIncident", "severity": "critical", "cause": "security_group_blocks"}, "cloud,pager"),
        ({"alertname": "InfraIncident", "severity": "warning", "cause": "firewall_path_closed"}, "cloud,chat"),
        ({"alertname": "InfraIncident", "severity": "warning", "cause": "host_disk"}, "chat"),
        ({"alertname": "InfraIncidentInMaintenance", "severity": "none", "cause": "security_group_blocks"}, "nobody"),
        ({"alertname": "InfraMonitorDown", "severity": "critical", "kind": "monitor"}, "pager"),
        ({"alertname": "InfraConfigRefused", "severity": "warning", "kind": "monitor"}, "chat"),
        ({"alertname": "Watchdog", "severity": "none", "kind": "monitor"}, "dead-mans-switch"),
    ],
)
def test_an_alert_goes_to(labels: dict[str, str], receivers: str) -> None:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    config = f"--config.file={DIRECTORY / 'alertmanager.yml'}"
    said = run("amtool", "config", "routes", "test", config, *pairs)
    assert said.strip() == receivers


def test_the_command_prints_them(tmp_path: Path) -> None:
    """Without a daemon and without a configuration."""
    for arguments, name in (((), "infra-monitor.rules.yml"), (("alertmanager.yml",), "alertmanager.yml")):
        done = command("rules", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, (DIRECTORY / name).read_text(), "")
    assert command("rules", "other.yml").returncode == 64
