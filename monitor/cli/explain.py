"""`infra-monitor explain`: what is broken, why, and what to do; from the daemon, or by one look."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from monitor import chain
from monitor.cli.client import Commands, NobodyAnswers, client, complain, options
from monitor.cli.drawing import when
from monitor.cli.exits import CANNOT, UNKNOWN, USAGE, exit_code
from monitor.cli.remedy import remedy
from monitor.cli.status import because
from monitor.cli.terminal import folded, harmless, print_json, printable, state
from monitor.cli.tree import WIDTH, Tree
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import Words, words_on
from monitor.core.model import Message
from monitor.core.words import Status
from monitor.locale import speak

_MOST_CHANGES: Final = 8


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "explain",
        parents=[parent, options()],
        help="what is broken, why, and what to do",
        description="Draw the chain with its states, and for each open incident the cause, the evidence, what was "
        "ruled out, what was changed lately and what to do. Asks the running daemon; where none runs, looks once. "
        "Exit code: 0 healthy, 1 warning, 2 critical or down, 3 unknown, 64 usage, 78 bad configuration.",
    )
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only what concerns these services")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The exit code of the overall status."""
    note = ""
    try:
        names = tuple(arguments.services)
        daemon = client(arguments)
        try:
            answer = daemon.get("/api/v1/explanation", services=",".join(names) or None)
        except NobodyAnswers:
            if arguments.url is not None:
                raise
            answer = _look_once(arguments, names)
            note = speak(Message("explain.once", {"url": daemon.url}), answer["language"])
    except CannotAsk as error:
        code = complain(error)
        return UNKNOWN if code == CANNOT else code
    if arguments.json:
        print_json(answer)
    else:
        print("\n".join((*([*folded(note, WIDTH), ""] if note else ()), *drawn(answer))))
    return exit_code(Status(answer["overall_status"]))


def drawn(answer: Mapping[str, Any]) -> Iterator[str]:
    """The tree, then each incident; no line but that of a long word is wider than 80 columns."""
    language, incidents = answer["language"], answer["incidents"]
    roots = frozenset(each["root"] for each in incidents)
    yield from Tree(answer["topology"], roots, language, sys.stdout).lines()
    for incident in incidents:
        yield ""
        yield from _incident(incident, language)
    if not incidents:
        yield ""
        yield speak(Message("explain.nothing_open"), language)


def _look_once(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """At everything, for the cause may lie with a service that was not named. Raises CannotAsk for an unknown name."""
    from monitor.cli.once import glance  # noqa: PLC0415 — asking the daemon does not need the whole house
    from monitor.cli.settings import load_or_exit  # noqa: PLC0415 — same
    from monitor.logs import configure  # noqa: PLC0415 — same

    loaded = load_or_exit(arguments.config)
    services = tuple(loaded.config.services)
    if unknown := [name for name in names if name not in services]:
        words = words_on(sys.stdout, loaded.config.language)
        raise CannotAsk(words("unknown_service", name=unknown[0], known=", ".join(services)), USAGE)
    configure(loaded)
    for warning in loaded.warnings:
        print(f"infra-monitor: {warning}", file=sys.stderr)
    seen = asyncio.run(glance(loaded, services))
    answer = chain.explained(seen.plan, seen.state, seen.now, names=names, language=loaded.config.language)
    return answer if arguments.json else harmless(answer)


def _incident(incident: Mapping[str, Any], language: str) -> Iterator[str]:
    worst = max((Status(each["status"]) for each in incident["alerts"]), key=lambda status: status.rank)
    word = _status({"status": worst.value}, language)
    yield f"{state(worst, word=word)}  {printable(incident['title'])}"
    opened = speak(Message("explain.opened", {"when": when(incident["opened_at"])}), language)
    yield f"  {incident['id']}  {opened}"
    cause = incident["cause"]
    if cause:
        yield from _folded(because(cause, Words(language)), 2)
        said = [f"{each['service']}: {each['message']}" for each in cause["evidence"]]
        yield from _listed("evidence", said, language)
        said = [f"{each['cause']}: {each['why']}" for each in cause["ruled_out"]]
        yield from _listed("ruled_out", said, language)
    yield from _changes(incident, language)
    impacted = ", ".join(f"{each['name']} ({_status(each, language)})" for each in incident["impacted"])
    yield from _listed("impacted", [impacted] if impacted else [], language)
    if cause and cause["remedy"]:
        yield from remedy(cause["remedy"])


def _status(thing: Mapping[str, Any], language: str) -> str:
    return speak(Message(f"notice.status.{thing['status']}"), language)


def _changes(incident: Mapping[str, Any], language: str) -> Iterator[str]:
    """The last ones that do not stand among the evidence."""
    cause = incident["cause"]
    told = [each["message"] for each in cause["evidence"]] if cause else []
    rest = [each for each in incident["changes"] if f"{each['message']} ({each['when']})" not in told]
    said = [f"{when(each['at'])}  {each['message']}" for each in rest[-_MOST_CHANGES:]]
    if said:
        yield f"  {speak(Message('explain.changes'), language)}"
        for each in said:
            yield from _folded(each, 4)


def _listed(label: str, texts: list[str], language: str) -> Iterator[str]:
    lines = [line for text in texts for line in _folded(text, 4)]
    if lines:
        yield f"  {speak(Message(f'notice.label.{label}'), language)}"
        yield from lines


def _folded(text: str, indent: int) -> Iterator[str]:
    return (" " * indent + line for line in folded(printable(text), WIDTH - indent))
