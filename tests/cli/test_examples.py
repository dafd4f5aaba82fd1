"""Every command shows how it is typed, and what it shows can be typed."""

from __future__ import annotations

import shlex

import pytest

from monitor.cli.examples import EXAMPLES
from monitor.cli.main import COMMANDS, parser


def test_every_command_has_examples() -> None:
    assert list(EXAMPLES) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_shows_them_and_they_are_understood(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parser(name).parse_args([name, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    for example in EXAMPLES[name]:
        assert f"\n  {example}\n" in shown
        program, *arguments = shlex.split(example)
        assert program == "infra-monitor"
        assert callable(parser(name).parse_args(arguments).run)
