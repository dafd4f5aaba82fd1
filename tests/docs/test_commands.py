"""Every command that a page tells to type does what the page says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import PAGES, Command, commands, name
from tests.docs.stage import Stage, fits
from tests.docs.ways import NotRun, Run, parts, way
from tests.lab.fixtures import turn

__all__ = ["turn"]

ALL: Final = [command for page in PAGES for command in commands(page)]


def _ways(command: Command) -> list[Run | NotRun | None]:
    return [way(words) for words in parts(command.text)]


def test_the_pages_have_commands() -> None:
    assert len(ALL) > 80


def test_each_has_its_way_and_what_cannot_be_run_says_why() -> None:
    """A new one is added to ways.py."""
    assert [f"{each.place}: {each.text}" for each in ALL if None in _ways(each)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_cannot_be_run_is_right_as_far_as_can_be_known(page: Path) -> None:
    for command in commands(page):
        subprocess.run(["bash", "-n", "-c", command.text], check=True)
        for words in parts(command.text):
            match way(words):
                case NotRun(_, instead) if instead:
                    instead(words)
                case _:
                    pass


@pytest.mark.lab
@pytest.mark.timeout(420)
def test_all_others_are_run(tmp_path: Path, turn: None) -> None:  # noqa: ARG001 — it has to be this test's turn
    """In the order of the pages, the READMEs' last: they break what they heal."""
    failed, done = list[str](), set[tuple[str, ...]]()
    with Stage(tmp_path) as stage:
        for command in sorted(ALL, key=lambda each: (each.place.startswith("README"), "pm2" in each.text)):
            if _once(command) not in done and all(isinstance(each, Run) for each in _ways(command)):
                done.add(_once(command))
                failed += _run(stage, command)
        stage.settle()
    assert failed == []
    assert "nothing is left behind" in stage.shown()
    assert len(done) > 40


def _once(command: Command) -> tuple[str, ...]:
    """The same for those that do the same: with another configuration, from the clone or installed."""
    return re.sub(r"  #.*|^sudo |^\.venv/bin/| --config \S+", "", command.text).strip(), *command.shown[:1]


def _run(stage: Stage, command: Command) -> list[str]:
    """What was wrong, if anything."""
    if command.text.startswith("make demo"):
        output = stage.shown()
    else:
        ways = [each for each in _ways(command) if isinstance(each, Run)]
        done = stage.run(command.text, in_product=any(each.in_product for each in ways))
        output = done.stdout + done.stderr
        if done.returncode not in ways[-1].codes:
            return [f"{command.place}: {command.text}: {done.returncode}: {output[-600:]}"]
        if "make break" in command.text:
            stage.notice()
        elif command.text.startswith(("make heal", "pm2")):
            stage.settle()
    if command.shown and not fits(command.shown[0], output):
        return [f"{command.place}: {command.text}: it shows no {command.shown[0]!r}, but {output[:1500]}"]
    return []
