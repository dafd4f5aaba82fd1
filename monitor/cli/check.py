"""`infra-monitor check`: look once at everything, without a daemon, and say what was found."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from monitor import answers
from monitor.cli.client import complain
from monitor.cli.exits import USAGE, exit_code
from monitor.cli.once import glance
from monitor.cli.settings import Commands, load_or_exit
from monitor.cli.terminal import print_json, printable, state, wrapped
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import Words, words_on
from monitor.config.load import Loaded
from monitor.core.model import Plan, State, Status
from monitor.logs import configure

_WORST_FIRST = (Status.DOWN, Status.CRITICAL, Status.WARNING, Status.UNKNOWN, Status.HEALTHY)


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "check",
        parents=[parent],
        help="look once at everything, without a daemon",
        description="Look once at every service (or the named ones) and say what was found. "
        "Exit code: 0 healthy, 1 warning, 2 critical or down, 3 unknown, 64 usage, 78 bad configuration.",
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these services")
    parser.add_argument("--json", action="store_true", help="print JSON, as the API answers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit code of the overall status."""
    loaded = load_or_exit(arguments.config)
    names = tuple(arguments.services) or tuple(loaded.config.services)
    words = words_on(sys.stdout, loaded.config.language)
    if unknown := [name for name in names if name not in loaded.config.services]:
        return complain(unknown_service(unknown[0], loaded, words))
    configure(loaded)
    for warning in loaded.warnings:
        print(f"infra-monitor: {warning}", file=sys.stderr)
    answer = asyncio.run(looked_at(loaded, names))
    if arguments.json:
        print_json(answer)
    else:
        show(answer, words)
    return exit_code(Status(answer["overall_status"]))


async def looked_at(loaded: Loaded, names: tuple[str, ...]) -> dict[str, Any]:
    """What one look at these services has found, as `--json` prints it."""
    seen = await glance(loaded, names)
    services = [_service(seen.plan, seen.state, name, seen.now, loaded.config.language) for name in names]
    worst = next(s for s in _WORST_FIRST if s is Status.HEALTHY or s in {each["status"] for each in services})
    return {"overall_status": worst.value, "services": services}


def _service(planned: Plan, believed: State, name: str, now: float, language: str) -> dict[str, Any]:
    """The API's answer, with the worst verdict as status: one look has no time to let a supervisor mend things."""
    answer = answers.service(planned, believed, name, now, language)
    verdicts = {check["verdict"] for check in answer["checks"]}
    return answer | {"status": next(s.value for s in _WORST_FIRST if s is Status.HEALTHY or s in verdicts)}


def unknown_service(name: str, loaded: Loaded, words: Words) -> CannotAsk:
    """That nothing of the configuration is called so."""
    return CannotAsk(words("unknown_service", name=name, known=", ".join(loaded.config.services)), USAGE)


def show(answer: dict[str, Any], words: Words) -> None:
    """The same for people."""
    width = max(len(each["name"]) for each in answer["services"])
    for each in answer["services"]:
        time = each["response_time_ms"]
        tail = "" if time is None else f"  {time:.0f} ms"
        status = state(Status(each["status"]), width=13, word=words.status(each["status"]))
        print(f"{each['name'].ljust(width)}  {status}{tail}".rstrip())
        for check in each["checks"]:
            if check["verdict"] == Status.HEALTHY:
                continue
            where = f"{check['phase']}: {check['reason']}" if check["phase"] else check["reason"]
            said = f" — {check['message']}" if check["message"] else ""
            print(wrapped(printable(f"{check['check']}: {where}{said}"), indent=width + 2))
        if each["diagnosis"] and each["diagnosis"]["remedy"]:
            what, *commands = each["diagnosis"]["remedy"].splitlines()
            print(wrapped(printable(f"→ {what}"), indent=width + 2))
            for command in commands:  # in one piece, to be copied
                print(f"{' ' * (width + 2)}{printable(command)}")
