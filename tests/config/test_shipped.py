"""What is committed beside the code fits the code: config.yaml, its schema, its reference."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from monitor.checks.base import Check
from monitor.checks.host import HostCheck
from monitor.checks.rds import RdsCheck
from monitor.config.absent import NotConfiguredCheck
from monitor.config.load import load
from monitor.config.model import Config
from monitor.config.plan import plan
from monitor.config.schema import schema_text
from monitor.database import DatabaseConfig, NotConfigured

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "DB_HOST": "db.internal",
    "DB_NAME": "signalcraft",
    "DB_USER": "app",
    "DB_PASSWORD": "geheim",
    "ALERT_WEBHOOK_URL": "https://receiver/hook",
    "REDIS_HOST": "redis.internal",
    "AI_SERVICE_URL": "https://ai.internal/health",
    "PAYMENT_SERVICE_URL": "https://payment.internal/health",
    "NOTIFICATION_SERVICE_URL": "https://notification.internal/health",
    "NODEJS_URL": "http://127.0.0.1:3000",
    "PYTHON_URL": "http://127.0.0.1:8000",
    "APP_SECURITY_GROUP": "sg-0123456789abcdef0",
}
ELSEWHERE = {
    "redis": "REDIS_HOST",
    "ai_service": "AI_SERVICE_URL",
    "payment_service": "PAYMENT_SERVICE_URL",
    "notification_service": "NOTIFICATION_SERVICE_URL",
}


def test_the_shipped_configuration_is_good_where_nothing_is_set(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    loaded = load(tmp_path / "config.yaml", {})
    assert {"rds", "pm2", "signalcraft-nodejs", "signalcraft-python", "host", *ELSEWHERE} <= set(loaded.config.services)
    assert isinstance(loaded.databases["default"], NotConfigured)
    assert loaded.config.notify == ()
    warned = [warning.split(": ", 2)[1].partition(".checks")[0] for warning in loaded.warnings]
    assert {"env_file", "notify.0", *(f"services.{name}" for name in ELSEWHERE)} <= set(warned)


def test_a_service_whose_address_nobody_has_set_says_which_variable_is_missing(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    services = load(tmp_path / "config.yaml", {}).config.services
    for name, variable in ELSEWHERE.items():
        (check,) = services[name].checks
        assert isinstance(check, NotConfiguredCheck)
        assert check.missing == (variable,)


def test_the_shipped_configuration_is_whole_where_everything_is_set(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
    loaded = load(tmp_path / "config.yaml", {})
    assert loaded.warnings == ()
    assert isinstance(loaded.databases["default"], DatabaseConfig)
    assert [channel.label for channel in loaded.config.notify] == ["webhook"]
    planned = plan(loaded.config)
    assert planned.services["signalcraft-nodejs"].depends_on == ("rds", "pm2")
    assert planned.services["signalcraft-python"].depends_on == ("rds", "redis", "pm2")


def test_the_shipped_bounds_are_the_default_ones(tmp_path: Path) -> None:
    """They stand there to be seen and edited; leaving them out changes nothing."""
    shutil.copy(ROOT / "config.yaml", tmp_path)
    services = load(tmp_path / "config.yaml", {}).config.services
    (rds,), (host,) = services["rds"].checks, services["host"].checks
    assert host.judged_by() == HostCheck.default_thresholds
    assert rds.judged_by() == RdsCheck.default_thresholds
    assert (rds.every, rds.timeout) == (Check.model_fields["every"].default, RdsCheck.model_fields["timeout"].default)


def test_the_committed_schema_is_what_the_command_prints() -> None:
    assert (ROOT / "config.schema.json").read_text(encoding="utf-8") == schema_text()


def test_every_key_is_explained_in_the_documentation() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert all(f"| `{key}` |" in text for key in Config.model_fields)


def test_reading_the_configuration_loads_nothing_heavy() -> None:
    """A mistake in the configuration is told without the libraries that the checks will need one day."""
    heavy = ("psycopg", "psycopg_pool", "boto3", "botocore", "aiohttp", "apscheduler", "jinja2", "prometheus_client")
    code = f"import sys, monitor.config.load, monitor.config.plan; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
