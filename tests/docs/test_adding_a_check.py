"""The example of a new kind of check, put where the page says, looks at a real directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT, blocks
from tests.docs.stage import fits

PAGE = ROOT / "docs" / "adding-a-check.md"
LONGEST = 40


def block(language: str) -> str:
    """The page has one of each."""
    (found,) = [each for each in blocks(PAGE) if each.language == language]
    return "\n".join(found.lines) + "\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one file more, and its name in the registry."""
    house = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "monitor", house / "monitor")
    (house / "monitor/checks/backup.py").write_text(block("python"))
    registry = house / "monitor/checks/__init__.py"
    text = registry.read_text()
    for before, after in (
        ("from monitor.checks.host", "from monitor.checks.backup import BackupCheck\nfrom monitor.checks.host"),
        ("| WiringCheck", "| WiringCheck | BackupCheck"),
        ("    WiringCheck,\n", "    WiringCheck,\n    BackupCheck,\n"),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    registry.write_text(text)
    return house


def check(house: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """`infra-monitor check` on the page's configuration, with this directory."""
    services = yaml.safe_load(block("yaml"))
    services["services"]["backups"]["checks"][0]["directory"] = str(directory)
    (house / "config.yaml").write_text(yaml.safe_dump(services))
    return subprocess.run(
        [sys.executable, "-m", "monitor", "check", "--config", house / "config.yaml"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_short_and_passes_the_lint() -> None:
    assert block("python").count("\n") <= LONGEST
    for command in (["check"], ["format", "--check"]):
        subprocess.run(
            [ROOT / ".venv/bin/ruff", *command, "--stdin-filename", "monitor/checks/backup.py", "-"],
            input=block("python"),
            text=True,
            cwd=ROOT,
            check=True,
        )


def test_it_looks(house: Path, tmp_path: Path) -> None:
    done = check(house, tmp_path)
    assert done.returncode == 2, done
    assert all(fits(line, done.stdout) for line in block("text").splitlines())
    backup = tmp_path / "today.dump"
    backup.touch()
    assert check(house, tmp_path).returncode == 0
    os.utime(backup, (0, backup.stat().st_mtime - 27 * 3600))
    assert check(house, tmp_path).returncode == 1
    assert check(house, tmp_path / "gone").returncode == 3
