"""How long from a fault to the notice at the receiver: `python -m tests.bench.detection --out runs.jsonl`.

The lab is watched in the shipped rhythm (15 s for most kinds, 5 s for `pm2`); only the firewall's rules are read every
10 s instead of every 5 minutes. Each run has a daemon without a past; its fault comes at a random moment of the rhythm.
As root everything is in a network namespace, so that packets can be dropped; otherwise those rows are left out.
Every run is a line in the file; what is in it already is counted, so that a bench can be continued. Then the table.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.daemon.running import wait_for
from tests.daemon.watched import Watched, watching
from tests.faults.row import AT_ONCE, Row
from tests.faults.runner import PATIENCE, Outcome, Said
from tests.faults.table import BY_NAME, DISK, NETWORK, NOT_LOADED
from tests.lab import network_troubles
from tests.lab.lab import Lab

RHYTHM: Final = 15.0
AFTERWARDS: Final = 3.0
"""Seconds in which a second page would come."""

KILLED_ONCE: Final = "node-worker-killed"
"""No row of the matrix: nobody is told. How long until it is counted."""


@dataclass(frozen=True)
class Usual:
    """What the usual stack took: the typical configuration and the fastest sensible one (medians, seconds), and the
    number of its alerts. None: it never told."""

    typical: float | None
    fastest: float
    alerts: str


BASELINE: Final[Mapping[str, Usual]] = {
    KILLED_ONCE: Usual(None, 1.1, "0 / 1"),
    "node-crash-loop": Usual(35.3, 1.0, "5 / 7"),
    "gunicorn-master-killed": Usual(None, 1.2, "0 / 4"),
    "pm2-killed": Usual(37.0, 1.0, "6 / 6"),
    "postgres-stopped": Usual(38.7, 1.0, "4 / 5"),
    "postgres-frozen": Usual(39.0, 1.3, "4 / 6"),
    "packets-dropped-and-the-rule-present": Usual(43.4, 1.5, "3 / 4"),
    "password-changed": Usual(48.8, 1.3, "2 / 1"),
    "nginx-stopped": Usual(41.6, 0.9, "5 / 5"),
    "port-mismatch-after-reload": Usual(41.3, 0.7, "2 / 2"),
}
"""Measured on a lab like ours, on a two-core machine, in 2026-11."""

LEFT_OUT: Final = (DISK.name, NOT_LOADED.name)
"""Unless asked for: the disk is everybody's, and an edited configuration has two minutes by design."""


def main() -> None:
    """Measure what is missing, and print the table."""
    arguments = _parser().parse_args()
    names = arguments.only or [*BASELINE, *(name for name in BY_NAME if name not in (*BASELINE, *LEFT_OUT))]
    wanted = {name: arguments.runs if name in BASELINE else arguments.others for name in names}
    if os.geteuid() == 0 and shutil.which("nft") and not arguments.inside:
        inside = ["unshare", "--net", "--mount", sys.executable, "-m", "tests.bench.detection", "--inside"]
        sys.exit(subprocess.run([*inside, *sys.argv[1:]], check=False).returncode)
    if not arguments.inside:
        wanted = {name: runs for name, runs in wanted.items() if BY_NAME.get(name) not in NETWORK}
    if not arguments.table:
        with _lab(inside=arguments.inside) as lab:
            _measure(lab, wanted, arguments.out)
    print(table(_read(arguments.out)))  # noqa: T201 — a bench prints


def _measure(lab: Lab, wanted: Mapping[str, int], out: Path) -> None:
    for turn in range(max(wanted.values())):
        for name, runs in wanted.items():
            if turn < runs and len(_read(out).get(name, [])) <= turn:
                run = _run(lab, name)
                with out.open("a") as file:
                    file.write(json.dumps(run) + "\n")
                print(turn + 1, run, file=sys.stderr, flush=True)  # noqa: T201 — it takes long


def _run(lab: Lab, name: str) -> dict[str, Any]:
    config = lab.places.monitor_config.with_name("shipped-rhythm.yaml")
    config.write_text(re.sub(r"every: 2s(, )?", "", lab.places.monitor_config.read_text()))
    log = lab.directory / "bench.log"
    try:
        with watching(lab, log=log, config=config) as watched:
            wait_for(watched.all_healthy, seconds=90)
            told = _killed_once(watched) if name == KILLED_ONCE else _told(watched, BY_NAME[name])
    finally:
        lab.heal_all()
    return {"name": name, "load": round(os.getloadavg()[0], 1), **told}


def _told(watched: Watched, row: Row) -> dict[str, Any]:
    time.sleep(1.0 + random.uniform(0, 2.0 if row.within == AT_ONCE else RHYTHM))
    began = time.time()
    for fault in row.faults:
        began = time.time()
        watched.lab.break_(fault)
    if row.counts_from_end:
        began = time.time()
    outcome = partial(_outcome, watched, row, began)
    wait_for(lambda: outcome().seconds(row) is not None, seconds=row.within + RHYTHM + PATIENCE, every=0.05)
    time.sleep(AFTERWARDS)
    seconds, said = outcome().seconds(row), outcome().said
    return {
        "seconds": round(seconds or 0.0, 2),
        "pages": [f"{each.kind} {each.root} {each.cause}" for each in said],
        "right": said[0].root == row.root and all(row.allows(each.cause) for each in said),
        "one": [each.kind for each in said].count("opened") == 1,
    }


def _outcome(watched: Watched, row: Row, began: float) -> Outcome:
    return Outcome(tuple(Said.of(each) for each in watched.notices()), {row.name: began}, {})


def _killed_once(watched: Watched) -> dict[str, Any]:
    time.sleep(1.0 + random.uniform(0, 2.0))
    before, began = _restarts(watched), time.time()
    watched.lab.break_(KILLED_ONCE)
    wait_for(lambda: _restarts(watched) > before, seconds=60, every=0.1)
    seconds = round(time.time() - began, 2)
    time.sleep(AFTERWARDS)
    return {"seconds": seconds, "pages": watched.told(), "right": not watched.told(), "one": not watched.told()}


def _restarts(watched: Watched) -> float:
    lines = watched.daemon.get("/metrics").splitlines()
    mine = [line for line in lines if line.startswith("infra_pm2_process_restarts_total{") and "nodejs" in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in mine)


def table(runs: Mapping[str, list[dict[str, Any]]]) -> str:
    """Markdown; ratios are ours to theirs, below 1 we were faster."""
    lines = [
        "| fault | runs | median s | max s | right, one page | typical s (×) | fastest s (×) | alerts of theirs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, each in runs.items():
        took = [run["seconds"] for run in each]
        median = statistics.median(took)
        right = sum(run["right"] and run["one"] for run in each)
        usual = BASELINE.get(name)
        theirs = ("", "", "")
        if usual:
            typical = "never" if usual.typical is None else f"{usual.typical} ({median / usual.typical:.2f})"
            ratio = "" if name == KILLED_ONCE else f" ({median / usual.fastest:.1f})"  # theirs is a page, ours is none
            theirs = (typical, f"{usual.fastest}{ratio}", usual.alerts)
        lines.append(
            f"| {name} | {len(each)} | {median:.2f} | {max(took):.2f} | {right} of {len(each)} | {' | '.join(theirs)} |"
        )
    return "\n".join(lines)


def _read(out: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in out.read_text().splitlines() if out.exists() else ():
        run = json.loads(line)
        found.setdefault(run["name"], []).append(run)
    return {name: found[name] for name in (*BASELINE, *BY_NAME) if name in found}


@contextmanager
def _lab(*, inside: bool) -> Iterator[Lab]:
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        directory = Path(place) / "lab"
        if not inside:
            with Lab(directory) as lab:
                yield lab
            return
        network_troubles.open_up()
        host = network_troubles.DATABASE_NAME
        with network_troubles.names_served(directory), Lab(directory, database_host=host) as lab:
            yield lab


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.detection", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file of runs, one a line")
    parser.add_argument("--runs", type=int, default=10, help="of each fault of the baseline")
    parser.add_argument("--others", type=int, default=3, help="of each other fault")
    parser.add_argument("--only", nargs="+", metavar="FAULT", choices=[KILLED_ONCE, *BY_NAME])
    parser.add_argument("--table", action="store_true", help="measure nothing, print what is there")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
