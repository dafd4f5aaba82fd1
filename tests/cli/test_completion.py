"""The completion of bash, zsh and fish knows every command: each is asked in its own shell."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.cli.main import COMMANDS
from tests.cli.ask_zsh import offered_by_zsh

ROOT = Path(__file__).parents[2]
BASH = """
. completions/infra-monitor.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _infra_monitor; printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "source completions/infra-monitor.fish; complete -C $argv[1]"
Ask = Callable[..., set[str]]


def _said(*command: str) -> set[str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return {line.split("\t")[0].rstrip("/") for line in done.stdout.splitlines() if line}


@pytest.fixture(params=["bash", "zsh", "fish"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """What the shell offers after these words, the last of which is being typed."""

    def asked(*typed: str) -> set[str]:
        line = " ".join(["infra-monitor", *typed])
        match request.param:
            case "bash":
                return _said("bash", "-c", BASH, "bash", "infra-monitor", *typed)
            case "fish":
                return _said("fish", "--no-config", "-c", f"set argv {shlex.quote(line)}; {FISH}")
            case _:
                return offered_by_zsh(line, cwd=ROOT, tmp_path=tmp_path)

    return asked


def test_every_command_is_offered(ask: Ask) -> None:
    assert ask("") == set(COMMANDS)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["--config", "x.yaml", "conf"], {"config"}),
        (["config", ""], {"check", "schema", "show"}),
        (["init", "--la"], {"--language"}),
        (["init", "--language", ""], {"en", "ko"}),
        (["init", "monit"], {"monitor"}),
        (["check", "--config", "config.y"], {"config.yaml"}),
        (["alerts", "--severity", "crit"], {"critical"}),
        (["status", "--conf"], {"--config"}),
    ],
)
def test_it_follows_what_was_typed(ask: Ask, typed: list[str], offered: set[str]) -> None:
    assert ask(*typed) == offered


def test_each_of_them_is_installed_where_its_shell_looks() -> None:
    """Below `share/` of wherever the package goes, and so found at once when that is /usr/local."""
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "shared-data"
    ]
    assert {Path(source).name: shipped[source] for source in shipped} == {
        "infra-monitor.bash": "share/bash-completion/completions/infra-monitor",
        "_infra-monitor": "share/zsh/site-functions/_infra-monitor",
        "infra-monitor.fish": "share/fish/vendor_completions.d/infra-monitor.fish",
    }
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "completions").iterdir()} == set(shipped)
