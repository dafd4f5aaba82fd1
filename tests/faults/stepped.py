"""`infra-monitor` whose machine's clock is stepped by hand: by as many seconds as stand in the file $CLOCK_STEP."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import apscheduler.schedulers.base

from monitor.clock import SystemClock
from monitor.config.load import load
from monitor.daemon import Daemon
from monitor.logs import configure


class Stepped(SystemClock):
    """The real clock and the step."""

    def __init__(self, step: Path) -> None:
        super().__init__()
        self._step = step

    def wall(self) -> float:
        """As the machine would have it."""
        return super().wall() + float(self._step.read_text())


def main(*arguments: str) -> int:
    """`run --config FILE`, as the real one."""
    clock = Stepped(Path(os.environ["CLOCK_STEP"]))

    class SteppedDatetime(datetime):
        """What the scheduler asks for the time."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(clock.wall(), tz)

    apscheduler.schedulers.base.datetime = SteppedDatetime
    loaded = load(Path(arguments[-1]), os.environ)
    configure(loaded)
    return asyncio.run(Daemon(loaded, environ=os.environ, clock=clock).run())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
