"""On the reference stack `init` comes to the configuration that was written by hand."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from monitor.config.load import Loaded, load
from monitor.config.plan import plan
from tests.daemon.running import command
from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

FOR_THE_LAB_ALONE = ("every", "edit_grace", "thresholds", "disks", "timeout")
"""Looks that come more often, and bounds that suit a machine on which tests run."""
NOT_TO_BE_SEEN = ("pool_max",)
"""What an app's pool may open stands in its code."""


def _in_effect(loaded: Loaded) -> dict[str, Any]:
    """Who depends on whom, and each check with what it looks at; the order of a service's checks means nothing."""
    planned = plan(loaded.config)
    return {
        name: (
            sorted(planned.services[name].depends_on),
            sorted((_check(each.model_dump()) for each in service.checks), key=lambda each: str(each["kind"])),
        )
        for name, service in loaded.config.services.items()
    }


def _check(said: dict[str, Any]) -> dict[str, Any]:
    if said["kind"] == "pm2" and said["app"]:
        said["instances"] = os.cpu_count() if said["instances"] == "max" else said["instances"] or 1
    return {key: value for key, value in said.items() if key not in (*FOR_THE_LAB_ALONE, *NOT_TO_BE_SEEN)}


def test_the_lab_is_found_as_it_was_written_by_hand(healthy_lab: Lab, tmp_path: Path) -> None:
    """In 5 seconds; on a machine that is busy with other tests in ten times what the command needs to say its help."""
    places, config = healthy_lab.places, tmp_path / "found.yaml"
    more = {"AWS_ENDPOINT_URL": places.aws, "LC_ALL": "C.UTF-8"}
    began = time.monotonic()
    command("init", "--help")
    start = time.monotonic() - began
    began = time.monotonic()
    shown = command("init", places.product, "--config", config, more=more)
    assert time.monotonic() - began <= max(5, 10 * start)
    assert (shown.returncode, config.exists()) == (1, False)
    done = command("init", places.product, "--config", config, "--yes", more=more)
    assert (done.returncode, done.stderr) == (0, ""), done
    again = command("init", places.product, "--config", config, more=more)
    assert (again.returncode, again.stderr) == (0, "")
    assert "says just this already" in " ".join(again.stdout.split())
    assert "not be found out" not in done.stdout, done.stdout
    assert done.stdout.count("● healthy") >= 5, done.stdout

    ours, theirs = load(config, os.environ), load(places.monitor_config, os.environ)
    assert _in_effect(ours) == _in_effect(theirs)
    assert ours.databases == theirs.databases
    assert [each.model_dump() for each in ours.config.notify] == [each.model_dump() for each in theirs.config.notify]
    assert (ours.config.aws.region, ours.config.aws.endpoint_url) == ("ap-northeast-2", places.aws)
    for secret in (places.app_password, places.webhook_secret, places.receiver):
        assert secret not in config.read_text() + shown.stdout + done.stdout + done.stderr
