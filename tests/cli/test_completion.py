"""Bash's completion knows every command, and is what the command line is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from monitor.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
ASK = """
. completions/infra-monitor.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _infra_monitor; echo "${COMPREPLY[@]}"
"""


def _offered(*typed: str) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", "infra-monitor", *typed], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_every_command_is_offered() -> None:
    assert _offered("") == list(COMMANDS)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["--config", "x.yaml", "co"], ["config"]),
        (["config", ""], ["check", "schema", "show"]),
        (["init", "--la"], ["--language"]),
        (["init", "--language", ""], ["en", "ko"]),
        (["init", "monit"], ["monitor"]),
        (["check", "--config", "config.y"], ["config.yaml"]),
        (["nonsense", "x"], []),
    ],
)
def test_it_follows_what_was_typed(typed: list[str], offered: list[str]) -> None:
    assert _offered(*typed) == offered
