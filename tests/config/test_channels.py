"""What config.yaml may say of channels, and what comes of it in the plan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monitor.config.load import ConfigError, load
from monitor.config.model import Config
from monitor.config.plan import plan
from monitor.core.model import ChannelPlan, Severity
from tests.config.conftest import Load

ROOT = Path(__file__).parents[2]
SERVICES = "services: {rds: {checks: [{kind: rds}]}, app: {checks: [{kind: rds}]}}\n"
SET = {
    "SLACK_URL": "https://s/x",
    "ALERT_WEBHOOK_SECRET": "x",
    "PAGERDUTY_KEY": "k",
    "SMTP_PASSWORD": "p",
    "TELEGRAM": "tgram://x/y",
}


def channels(loaded: Load, text: str) -> tuple[ChannelPlan, ...]:
    return plan(loaded(f"{SERVICES}notify: [{{kind: webhook, url: 'http://h/', {text}}}]\n", {}).config).channels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ChannelPlan("webhook")),
        ("severity: warning", ChannelPlan("webhook", (Severity.WARNING, Severity.ERROR, Severity.CRITICAL))),
        ("severity: critical", ChannelPlan("webhook", (Severity.CRITICAL,))),
        ("severity: [critical, info]", ChannelPlan("webhook", (Severity.CRITICAL, Severity.INFO))),
        ("services: [app], after: 10m, name: x", ChannelPlan("x", services=("app",), after=600.0)),
        ("after: 0s", ChannelPlan("webhook")),
    ],
)
def test_what_a_channel_says_of_itself(loaded: Load, text: str, expected: ChannelPlan) -> None:
    assert channels(loaded, text) == (expected,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: [ap]", "notify.0.services.0: there is no service 'ap', did you mean app?"),
        ("services: [nothing-near]", "notify.0.services.0: there is no service 'nothing-near'"),
        ("severity: loud", "notify.0.severity"),
        ("after: soon", "notify.0.after: 'soon' is not a duration"),
        ("after: -1", "notify.0.after"),
        ("after: true", "notify.0.after: must be a duration"),
        ("format: v5", "notify.0.format"),
    ],
)
def test_mistakes_are_told_where_they_stand(loaded: Load, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        channels(loaded, text)
    assert said in "\n".join(map(str, caught.value.mistakes))


def test_people_are_reminded_after_four_hours_unless_told_otherwise(loaded: Load) -> None:
    assert plan(loaded(SERVICES, {}).config).remind == 4 * 3600
    assert plan(loaded(f"{SERVICES}remind: 90m\n", {}).config).remind == 5400
    assert plan(loaded(f"{SERVICES}remind: never\n", {}).config).remind is None


def test_nothing_is_given_up_within_a_day(loaded: Load) -> None:
    assert loaded(SERVICES, {}).config.give_up == 3 * 86400
    assert loaded(f"{SERVICES}give_up: 24h\n", {}).config.give_up == 86400
    with pytest.raises(ConfigError, match="give_up"):
        loaded(f"{SERVICES}give_up: 23h\n", {})


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Asia/Seol", "did you mean Asia/Seoul?"),
        ("../etc/passwd", "is not a time zone"),
        ("Asia", "is not a time zone"),
    ],
)
def test_a_zone_that_does_not_exist_is_a_mistake(loaded: Load, zone: str, said: str) -> None:
    assert loaded(f"{SERVICES}timezone: Asia/Seoul\n", {}).config.timezone == "Asia/Seoul"
    with pytest.raises(ConfigError) as caught:
        loaded(f"{SERVICES}timezone: {zone}\n", {})
    assert said in str(caught.value.mistakes[0])


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "channels.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", examples(), ids=range(len(examples())))
def test_the_examples_of_the_documentation_are_good(tmp_path: Path, text: str) -> None:
    services = {name: {"checks": [{"kind": "rds"}]} for name in ("signalcraft-nodejs", "signalcraft-python")}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"services": services}) + text)
    assert load(tmp_path / "config.yaml", SET).config.notify


def test_the_examples_of_the_shipped_configuration_are_good(tmp_path: Path) -> None:
    """The channels that stand there as comments."""
    shipped = (ROOT / "config.yaml").read_text(encoding="utf-8")
    lines = re.findall(r"^  # - (\{kind: .*\})", shipped, re.MULTILINE)
    entries = [yaml.safe_load(line) for line in lines]
    (tmp_path / "config.yaml").write_text(SERVICES + yaml.safe_dump({"notify": entries}))
    found = load(tmp_path / "config.yaml", SET).config
    assert isinstance(found, Config)
    assert [channel.kind for channel in found.notify] == ["slack", "pagerduty", "alertmanager", "email", "apprise"]
