"""What the exit codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.core.words import Status

OK: Final = 0
CANNOT: Final = 1
"""Something of this machine is in the way: a port, a directory."""
UNKNOWN: Final = 3
"""How things are could not be found out."""
USAGE: Final = 64
"""The command line is wrong (EX_USAGE)."""
BAD_CONFIGURATION: Final = 78
"""The configuration is wrong (EX_CONFIG)."""

_CODES: Final[Mapping[Status, int]] = {
    Status.HEALTHY: 0,
    Status.MAINTENANCE: 0,
    Status.WARNING: 1,
    Status.CRITICAL: 2,
    Status.DOWN: 2,
    Status.UNKNOWN: 3,
}


def exit_code(overall: Status) -> int:
    """0 healthy, 1 warning, 2 critical or down, 3 unknown."""
    return _CODES[overall]
