"""Every answer of every asking command, in both languages: it fits 80 columns, steers no terminal, survives `head`."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from monitor.cli.terminal import columns
from monitor.locale import LANGUAGES
from tests.cli.conftest import Asked
from tests.cli.terminals import OnTerminal
from tests.daemon.running import environment, wait_for

ROOT = Path(__file__).parents[2]
ASKING: Final = {
    "status": 2,
    "status host redis": 2,
    "summary": 2,
    "alerts --all": 0,
    "incidents": 0,
    "topology": 0,
    "monitoring": 0,
    "history host": 0,
    "history host memory": 0,
    "silence": 0,
    "maintenance": 0,
    "notify status": 0,
    "explain": 2,
    "dashboard": 0,
    "rules": 0,
    "--help": 0,
    "status --help": 0,
}
"""With the exit code. Text of files that are made for programs (`rules`) may be as wide as it is."""

_HANGUL: Final = re.compile("[가-힣]")
_COLOUR: Final = re.compile("\x1b\\[[0-9;]*m")


def _arguments(asked: Asked, command: str) -> list[str]:
    asks_nobody = command in ("dashboard", "rules") or command.endswith("--help")
    return [*command.split(), *([] if asks_nobody else ["--config", str(asked.config)])]


@pytest.fixture(scope="module", params=LANGUAGES)
def speaking(asked: Asked, request: pytest.FixtureRequest) -> str:
    """The language that the daemon and whoever asks it have from now on."""
    language = str(request.param)
    text = re.sub(r"language: .*\n", "", asked.config.read_text())
    asked.config.write_text(f"{text}language: {language}\n")
    os.kill(asked.daemon.pid, signal.SIGHUP)
    wait_for(lambda: bool(_HANGUL.search(str(asked.daemon.get("/api/v1/explanation")))) == (language == "ko"))
    return language


@pytest.mark.parametrize("command", ASKING)
def test_it_fits_80_columns_and_only_colours_the_terminal(asked: Asked, speaking: str, command: str) -> None:
    arguments = _arguments(asked, command)
    with OnTerminal(*arguments, size=(80, 24), lines=True, more={"LC_ALL": "C.UTF-8"}) as terminal:
        assert terminal.ended() == ASKING[command], terminal.raw
        said = _COLOUR.sub("", terminal.raw.decode()).replace("\r\n", "\n")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)
    if command != "rules":
        assert [line for line in said.splitlines() if columns(line) > 80] == []
    if "--config" in arguments:
        assert bool(_HANGUL.search(said)) == (speaking == "ko"), said


@pytest.mark.parametrize("command", [*ASKING, "watch --count 1"])  # whose screen is its own, and has its own tests
def test_whoever_reads_only_the_beginning_sees_no_traceback(asked: Asked, command: str) -> None:
    line = shlex.join([sys.executable, "-m", "monitor", *_arguments(asked, command)])
    done = subprocess.run(
        ["bash", "-c", f"{line} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
        env=environment({"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}),
    )
    assert done.returncode in {0, ASKING.get(command, 0)}, done
    assert not re.search(r"Traceback|Exception|Error|\x1b", done.stderr), done
