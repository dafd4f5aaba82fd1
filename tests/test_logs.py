"""What the monitor says of itself: events, one line each, and never a secret."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from monitor import logs
from monitor.config.load import Loaded, load


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, show = root.handlers[:], root.level, warnings.showwarning
    yield
    logging.captureWarnings(False)
    root.handlers[:], warnings.showwarning = handlers, show
    root.setLevel(level)
    structlog.reset_defaults()


def _fail(text: str) -> None:
    raise ValueError(text)


def _loaded(tmp_path: Path, log: str = "{}", environ: dict[str, str] | None = None) -> Loaded:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"log: {log}\nservices: {{rds: {{checks: [{{kind: rds}}]}}}}\n"
        "notify: [{kind: webhook, url: '${HOOK:-http://a/}', secret: '${SIGN:-}'}]\n"
    )
    return load(path, environ or {})


def _said(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_off_a_terminal_every_line_is_one_json_object(tmp_path: Path) -> None:
    out = io.StringIO()
    logs.configure(_loaded(tmp_path), stream=out)
    structlog.get_logger("monitor.x").warning("incident.opened", root="rds", why="línea\ntwo", name="한글")
    (said,) = _said(out)
    assert list(said)[:4] == ["timestamp", "level", "event", "logger"]
    assert said["timestamp"].endswith("Z")
    assert (said["level"], said["event"], said["logger"]) == ("warning", "incident.opened", "monitor.x")
    assert (said["root"], said["why"]) == ("rds", "línea\ntwo")
    assert "한글" in out.getvalue()


def test_on_a_terminal_it_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = _Terminal()
    logs.configure(_loaded(tmp_path), stream=out)
    structlog.get_logger().info("daemon.ready", listen="127.0.0.1:1")
    assert "daemon.ready" in out.getvalue()
    assert "listen=127.0.0.1:1" in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(("wanted", "out", "begins"), [("json", _Terminal(), "{"), ("text", io.StringIO(), "2")])
def test_the_format_can_be_said(tmp_path: Path, wanted: str, out: io.StringIO, begins: str) -> None:
    logs.configure(_loaded(tmp_path, f"{{format: {wanted}}}"), stream=out)
    structlog.get_logger().info("daemon.ready")
    assert out.getvalue()[0] == begins


def test_less_than_the_level_is_not_said(tmp_path: Path) -> None:
    out = io.StringIO()
    logs.configure(_loaded(tmp_path, "{level: warning}"), stream=out)
    structlog.get_logger().info("look.done")
    logging.getLogger("other").info("chatter")
    structlog.get_logger().error("look.crashed")
    assert [each["event"] for each in _said(out)] == ["look.crashed"]


def test_the_scheduler_is_heard_from_warning_on(tmp_path: Path) -> None:
    out = io.StringIO()
    logs.configure(_loaded(tmp_path, "{level: debug}"), stream=out)
    logging.getLogger("apscheduler.executors.default").info("Running job")
    logging.getLogger("apscheduler.scheduler").warning("missed by %s", "3 s")
    assert [(each["logger"], each["event"]) for each in _said(out)] == [("apscheduler.scheduler", "missed by 3 s")]


def test_records_and_warnings_of_others_have_the_same_shape(tmp_path: Path) -> None:
    out = io.StringIO()
    logs.configure(_loaded(tmp_path), stream=out)
    try:
        _fail("boom")
    except ValueError:
        logging.getLogger("somebody").exception("it %s", "broke")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    first, second = _said(out)
    assert (first["level"], first["event"], first["logger"]) == ("error", "it broke", "somebody")
    assert "ValueError: boom" in first["exception"]
    assert "old thing" in second["event"]


SECRET = 'z"ebra\\ é/@giraffe'


@pytest.mark.parametrize("wanted", ["{format: json}", "{format: text}"])
def test_a_secret_is_in_no_line_however_it_gets_there(tmp_path: Path, wanted: str) -> None:
    out = io.StringIO()
    loaded = _loaded(
        tmp_path, wanted, {"SIGN": SECRET, "DB_PASSWORD": "db-canary-7", "HOOK": "http://u:pw%2Dcanary@h/p"}
    )
    logs.configure(loaded, stream=out)
    log = structlog.get_logger()
    log.info(SECRET, key=SECRET, nested={"a": [SECRET, {"b": SECRET}]}, thing=ValueError(SECRET))
    log.info("dsn", dsn="postgresql://u:db-canary-7@h/n", hook="http://u:pw%2Dcanary@h/p", plain="pw-canary")
    logging.getLogger("other").warning("with %s", {"password": "db-canary-7"})
    try:
        _fail(f"login with {SECRET} and db-canary-7")
    except ValueError:
        log.exception("look.crashed")
    said = out.getvalue()
    assert "canary" not in said
    assert "ebra" not in said
    assert "giraffe" not in said
    assert said.count("***") >= 9


def test_a_secret_that_is_learnt_later_is_hidden_from_then_on(tmp_path: Path) -> None:
    out = io.StringIO()
    logs.configure(_loaded(tmp_path), stream=out)
    logs.hide("token-of-the-day")
    structlog.get_logger().info("token", value="token-of-the-day")
    assert [each["value"] for each in _said(out)] == ["***"]


def test_short_values_are_not_hidden_because_that_would_spoil_every_line(tmp_path: Path) -> None:
    out = io.StringIO()
    logs.configure(_loaded(tmp_path, environ={"DB_PASSWORD": "root"}), stream=out)
    structlog.get_logger().info("root.event")
    assert [each["event"] for each in _said(out)] == ["root.event"]
