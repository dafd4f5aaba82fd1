"""`python -m tests.lab up|down|break FAULT|heal [FAULT]|status`: the reference stack from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.lab.faults import FAULTS
from tests.lab.lab import Lab
from tests.lab.places import LabError


def main() -> int:
    """0, or 1 with one line that says what went wrong."""
    arguments = _parser().parse_args()
    lab = Lab(arguments.dir, progress=lambda line: print(line, file=sys.stderr, flush=True))
    try:
        _act(lab, arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _act(lab: Lab, arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "up":
            places = lab.up()
            if arguments.json:
                print(json.dumps({**places.describe(), "pids": lab.pids()}, indent=2))
        case "down":
            lab.down()
        case "break":
            lab.break_(arguments.fault)
        case "heal" if arguments.fault:
            lab.heal(arguments.fault)
        case "heal":
            lab.heal_all()
        case _:
            print(json.dumps(lab.status(), indent=2))


def _parser() -> argparse.ArgumentParser:
    faults = "\n".join(f"  {name:20} {fault.story}" for name, fault in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab",
        description=__doc__,
        epilog=f"faults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dir", type=Path, default=Path(".lab"), help="the lab's directory (default .lab)")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a new lab")
    up.add_argument("--json", action="store_true", help="print where everything is")
    commands.add_parser("down", help="end it and remove its directory")
    commands.add_parser("break", help="make a fault").add_argument("fault", choices=FAULTS, metavar="FAULT")
    heal = commands.add_parser("heal", help="undo a fault, or all of them")
    heal.add_argument("fault", nargs="?", choices=FAULTS, metavar="FAULT")
    commands.add_parser("status", help="what serves now")
    return parser


if __name__ == "__main__":
    sys.exit(main())
