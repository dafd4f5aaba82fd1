"""Run by `unshare --net --mount`: a lab in a network of its own. Reads names of rows, answers with their outcomes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.daemon.running import wait_for
from tests.daemon.watched import Watched, watching
from tests.faults.runner import QUIET, Outcome, Said, perform
from tests.faults.table import BY_NAME
from tests.lab import network_troubles
from tests.lab.lab import Lab
from tests.lab.places import LabError

BLIP: Final = "blip"
"""No row: new connections are dropped for a moment, as a single lost packet is."""

BLIP_SECONDS: Final = 1.5
FAILED: Final = "failed: "


def main() -> None:
    """Until its input ends."""
    network_troubles.open_up()
    with tempfile.TemporaryDirectory(prefix="lab-") as place:
        directory = Path(place) / "lab"
        with (
            network_troubles.names_served(directory),
            Lab(directory, database_host=network_troubles.DATABASE_NAME) as lab,
        ):
            print("ready", flush=True)  # noqa: T201 — its parent reads it
            for line in sys.stdin:
                print(_answer(lab, line.strip(), log=Path(place) / "daemon.log"), flush=True)  # noqa: T201 — same


def _answer(lab: Lab, name: str, *, log: Path) -> str:
    """The outcome, or in one line why there is none; whatever was broken is healed."""
    try:
        with watching(lab, log=log) as watched:
            outcome = _blip(watched) if name == BLIP else perform(watched, BY_NAME[name])
        return outcome.as_json()
    except (AssertionError, LabError) as error:
        return f"{FAILED}{' '.join(str(error).split())}"
    finally:
        lab.heal_all()


def _blip(watched: Watched) -> Outcome:
    places = watched.lab.places
    wait_for(watched.all_healthy, every=0.1)
    for _ in range(2):
        network_troubles.drop_new(places)
        time.sleep(BLIP_SECONDS)
        network_troubles.let_pass(places)
        time.sleep(6)
    wait_for(watched.all_healthy, every=0.1)
    time.sleep(QUIET)
    return Outcome(tuple(Said.of(each) for each in watched.notices()), {}, watched.daemon.statuses())


def start() -> subprocess.Popen[str]:
    """In a network namespace of its own."""
    return subprocess.Popen(
        ["unshare", "--net", "--mount", sys.executable, "-m", "tests.faults.namespaced"],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    main()
