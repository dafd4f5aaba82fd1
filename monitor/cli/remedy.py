"""What to do, with commands that can be copied."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Final

from monitor.cli.terminal import can_show, folded, printable
from monitor.cli.tree import WIDTH

_OPTION: Final = re.compile(r" (?=--)")


def arrow() -> str:
    """Before what is to be done."""
    return "→" if can_show("→", sys.stdout) else "->"


def remedy(text: str) -> Iterator[str]:
    """Lines behind an arrow; a command is broken so that a shell takes it up again."""
    what, *commands = text.splitlines()
    yield from (f"  {line}" for line in folded(printable(f"{arrow()} {what}"), WIDTH - 2))
    for command in commands:
        *lines, last = _broken(printable(command))
        yield from (f"{line} \\" for line in lines)
        yield last


def _broken(command: str) -> list[str]:
    """Before options, where a line would be too wide."""
    first, *parts = _OPTION.split(command)
    lines = [f"    {first}"]
    for part in parts:
        if len(lines[-1]) + len(part) > WIDTH - 3:
            lines.append(f"      {part}")
        else:
            lines[-1] += f" {part}"
    return lines
