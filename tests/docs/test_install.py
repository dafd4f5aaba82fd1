"""What the installation guide hands over is enough, and no more: the policy, the unit, the package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest

from monitor.cli.init import policy
from tests.docs.pages import ROOT, blocks

PAGE: Final = ROOT / "docs" / "install-ec2.md"
UNIT: Final = ROOT / "systemd" / "infra-monitor.service"
ACTION: Final = re.compile(r"\b(?:ec2|rds|iam|sts):[A-Z]\w+")
REGION: Final = "ap-northeast-2"


def block(page: Path, language: str, number: int = 0) -> str:
    return "\n".join([each for each in blocks(page) if each.language == language][number].lines)


def told(page: Path) -> Any:
    return json.loads(block(page, "json"))


def test_the_policy_and_the_table_below_it_are_just_the_calls_that_the_code_makes() -> None:
    called = set(ACTION.findall("\n".join(each.read_text() for each in (ROOT / "monitor/sources").glob("aws*.py"))))
    attached = set(ACTION.findall(json.dumps(told(PAGE))))
    named = set(ACTION.findall(PAGE.read_text())) - attached
    assert attached | named == called
    assert "`rds-db:connect`" in PAGE.read_text(), "a token is presigned here and shown to the database, not to AWS"


def test_every_call_reads_and_is_one_of_aws() -> None:
    for action in set(ACTION.findall(PAGE.read_text())):
        service, operation = action.split(":")
        assert operation.startswith(("Describe", "Get")), action
        assert operation in botocore.session.get_session().get_service_model(service).operation_names


def test_it_is_the_policy_of_the_other_page_and_of_the_command() -> None:
    def plain(said: Any) -> str:
        return re.sub(r":(?:\*|ACCOUNT|\d{12}):", ":any:", json.dumps(said, sort_keys=True))

    ours = plain(told(PAGE))
    assert ours == plain(told(ROOT / "docs" / "checks" / "security_group.md")) == plain(policy(REGION))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/infra-monitor", "/bin/true"))
    return unit


def verified(unit: Path) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    return done.returncode, "\n".join(line for line in done.stderr.splitlines() if unit.name in line)


def test_systemd_takes_the_unit_with_what_the_page_adds(unit: Path) -> None:
    assert verified(unit) == (0, "")
    more = unit.parent / f"{unit.name}.d" / "override.conf"
    more.parent.mkdir()
    more.write_text(block(PAGE, "ini", 1))
    assert verified(unit) == (0, "")
    more.write_text("[Service]\nNoSuchKey=1\n")
    assert "NoSuchKey" in verified(unit)[1], "and it would be noticed if not"


def test_the_unit_leaves_as_little_open_as_the_page_says(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=True,
    )
    (exposure,) = re.findall(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(exposure) < 2
    assert "rates it below 2" in PAGE.read_text()


def test_systemctl_enables_it(tmp_path: Path) -> None:
    there = tmp_path / "etc/systemd/system"
    there.mkdir(parents=True)
    shutil.copy(UNIT, there)
    subprocess.run(["systemctl", f"--root={tmp_path}", "enable", UNIT.name], capture_output=True, check=True)
    assert (there / "multi-user.target.wants" / UNIT.name).is_symlink()


def test_the_package_has_all_that_it_needs(tmp_path: Path) -> None:
    """What `pipx install .` makes of a clone: a wheel with the program, words, files and completions, which runs."""
    build = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "there")
        names = set(packed.namelist())
    ours = {f"monitor/{path.relative_to(ROOT / 'monitor')}" for path in (ROOT / "monitor").rglob("*") if path.is_file()}
    assert {name for name in ours if "__pycache__" not in name} - names == set()
    assert sum("/data/share/" in name for name in names) == 3  # a completion for each shell
    said = subprocess.run(
        [sys.executable, "-c", "from monitor.cli.main import main; main(['rules', 'prometheus.yml'])"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "there")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "scrape_configs" in said.stdout
