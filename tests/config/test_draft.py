"""What `init` writes is read back as it was meant, whatever the apps are called."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from monitor.checks.nginx import NginxCheck
from monitor.checks.pm2 import Pm2Check
from monitor.checks.wiring import WiringCheck
from monitor.config.discovered import App, Cloud, Found, Front, Gap, Supervisor
from monitor.config.draft import draft, quoted
from monitor.config.load import Loaded, load
from monitor.config.plan import plan
from monitor.core.model import Message
from monitor.database.settings import DatabaseConfig
from monitor.locale import LANGUAGES, catalogue

HOSTILE = [
    'a"b',
    "a: b",
    "# a",
    "${PATH}",
    "$$",
    "yes",
    "null",
    "1",
    "- a",
    "{a}",
    "결제 서버",
    "\\",
    "'",
    "rds",
    "a b",
    "a-b",
]


def _loaded(found: Found, directory: Path, language: str = "en") -> Loaded:
    path = directory / "config.yaml"
    path.write_text(draft(found, beside=directory, language=language))
    return load(path, {})


@given(st.text(max_size=60))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"[{quoted(text)}]") == [text.replace("$", "$$") if "$" in text else text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_apps_of_any_name_are_watched_under_their_own(tmp_path: Path, language: str) -> None:
    apps = tuple(App(name=name, instances=2, ports=(3000,), uses_database=True) for name in HOSTILE)
    found = Found(
        directory=tmp_path,
        supervisor=Supervisor(home=Path("/home/a b/${x}/.pm2"), apps=apps, running=True),
        front=Front(config='/etc/"nginx"/nginx.conf', prefix="/etc/$x", apps=tuple(HOSTILE)),
    )
    services = _loaded(found, tmp_path, language).config.services
    checks = [check for service in services.values() for check in service.checks]
    supervised = [check for check in checks if isinstance(check, Pm2Check)]
    wired = [check for check in checks if isinstance(check, WiringCheck)]
    assert [check.app for check in supervised] == [None, *HOSTILE]
    assert [check.app for check in wired] == HOSTILE
    homes = {str(home) for home in (*(check.home for check in supervised), *(check.home for check in wired))}
    assert homes == {"/home/a b/${x}/.pm2"}
    (nginx,) = (check for check in checks if isinstance(check, NginxCheck))
    assert (str(nginx.config), str(nginx.prefix)) == ('/etc/"nginx"/nginx.conf', "/etc/$x")


def test_where_nothing_was_found_the_file_is_good_and_says_what_is_missing(tmp_path: Path) -> None:
    gap = Gap(Message("init.gap.pm2", {"home": "/x", "why": "a\nservices: {}"}), Message("init.todo.pm2"))
    found = Found(directory=tmp_path, gaps=(gap,))
    assert set(_loaded(found, tmp_path).config.services) == {"rds", "host"}
    text = (tmp_path / "config.yaml").read_text()
    assert "a�services: {}" in text.replace("\n#   ", " ")


def test_no_password_and_no_setting_stands_in_the_file(tmp_path: Path) -> None:
    database = DatabaseConfig(host="db.example", name="app", user="canary-user", password=SecretStr("canary-password"))
    found = Found(
        directory=tmp_path,
        env_file=tmp_path / "sub" / ".env",
        database=database,
        variables=frozenset({"ALERT_WEBHOOK_URL", "SLACK_WEBHOOK_URL", "REDIS_HOST"}),
        cloud=Cloud(region="ap-northeast-2", groups=("sg-1",), endpoint="x.rds.amazonaws.com"),
        behind_firewall=True,
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".env").write_text("REDIS_HOST=redis\nALERT_WEBHOOK_URL=https://a/canary\n")
    loaded = _loaded(found, tmp_path)
    assert "canary" not in (tmp_path / "config.yaml").read_text()
    assert [channel.label for channel in loaded.config.notify] == ["webhook"]
    assert plan(loaded.config).services["rds"].depends_on == ("rds-firewall",)
    assert loaded.config.aws.region == "ap-northeast-2"
    assert set(loaded.config.services) == {"rds", "rds-firewall", "redis", "host"}


def test_every_gap_has_its_remedy_in_every_language() -> None:
    keys = catalogue("en")
    gaps = {key.removeprefix("init.gap.") for key in keys if key.startswith("init.gap.")}
    assert gaps == {key.removeprefix("init.todo.") for key in keys if key.startswith("init.todo.")}
