"""`infra-monitor notify`: does a channel reach anybody?"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from dataclasses import dataclass, replace
from typing import Final

from monitor.cli.channels import drawn
from monitor.cli.client import client, complain, options
from monitor.cli.drawing import moment
from monitor.cli.exits import CANNOT, OK, UNKNOWN, USAGE
from monitor.cli.settings import Commands, load_or_exit
from monitor.cli.terminal import columns, print_json, printable, terminal_width
from monitor.cli.whereabouts import CannotAsk
from monitor.cli.words import words_on
from monitor.clock import SystemClock
from monitor.config.load import Loaded
from monitor.config.secrets import Veil, secrets_of
from monitor.core.model import Confidence, Diagnosis, Incident, Message, Notice, NoticeKind, Severity
from monitor.notify.alerts import TEST_CAUSE
from monitor.notify.base import Channel, Delivery, NotTaken, Post
from monitor.sources.resolver import Resolver
from monitor.troubles import of_channel

LONGEST_SECONDS: Final = 30.0
ROOT: Final = "infra-monitor-test"


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the commands."""
    group = subparsers.add_parser(
        "notify",
        parents=[parent],
        help="the channels: how they stand, try them",
        description="Work with the channels of `notify:`.",
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    parser = commands.add_parser(
        "test",
        parents=[parent],
        help="send a test notice and show what the receiver answers",
        description="Send a notice that is marked as a test to every channel (or the named ones), without the daemon, "
        "and show what each receiver answers. Where a receiver keeps what was opened, it is told at once that it is "
        "over. Exit code: 0 all were taken, 1 one was not, 64 usage, 78 bad configuration.",
    )
    parser.add_argument("channels", nargs="*", metavar="CHANNEL", help="only these, by name or kind")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    asking = commands.add_parser(
        "status",
        parents=[parent, options()],
        help="how every channel stands",
        description="What every channel has taken, what waits for it, and what is wrong with it, as the running daemon "
        "says. Exit code: 0 all is well, 1 something is wrong with one, 3 no daemon.",
    )
    asking.set_defaults(run=stand)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it at one channel."""

    channel: str
    kind: str
    taken: bool
    answer: str


def run(arguments: argparse.Namespace) -> int:
    """0 when every channel has taken it."""
    loaded = load_or_exit(arguments.config)
    for warning in loaded.warnings:
        print(f"infra-monitor: {warning}", file=sys.stderr)
    words = words_on(sys.stdout, loaded.config.language)
    known = {channel.label: channel for channel in loaded.config.notify}
    unknown = [name for name in arguments.channels if name not in known]
    if unknown or not known:
        said = words("unknown_channel", name=unknown[0], known=", ".join(known)) if unknown else words("no_channel")
        print(printable(f"infra-monitor: {said}"), file=sys.stderr)
        return USAGE if unknown else CANNOT
    outcomes = asyncio.run(_test([known[name] for name in arguments.channels or known], loaded))
    if arguments.json:
        shown = [{"channel": o.channel, "kind": o.kind, "taken": o.taken, "answer": o.answer} for o in outcomes]
        print_json(shown)
    else:
        width = max(columns(each.channel) for each in outcomes)
        for each in outcomes:
            said = words("taken" if each.taken else "not_taken", answer=each.answer)
            print(printable(f"{each.channel}{' ' * (width - columns(each.channel))}  {said}"))
    return OK if all(each.taken for each in outcomes) else CANNOT


def stand(arguments: argparse.Namespace) -> int:
    """0 when nothing is wrong with any channel."""
    try:
        daemon = client(arguments)
        monitoring = daemon.get("/api/v1/monitoring")
    except CannotAsk as error:
        code = complain(error)
        return UNKNOWN if code == CANNOT else code
    channels, now = monitoring["channels"], moment(monitoring["started_at"]) + monitoring["uptime_seconds"]
    if arguments.json:
        print_json(channels)
    else:
        words = daemon.words
        print(drawn(channels, now, words, width=terminal_width()) if channels else words("no_channels"))
    return CANNOT if any(of_channel(each, now, daemon.words.language) for each in channels) else OK


async def _test(channels: list[Channel], loaded: Loaded) -> list[Outcome]:
    """All at the same time; what their receivers say is shown without any secret that they repeat."""
    from monitor.sources.http import client  # noqa: PLC0415 — 0.1 s to load, and no other command needs it

    resolver, veil = Resolver(), Veil(secrets_of(loaded))
    try:
        async with client(resolver) as http:
            post = Post(http=http, clock=SystemClock(), quotes=True)
            outcomes = await asyncio.gather(*(_try(channel, post, loaded) for channel in channels))
    finally:
        resolver.close()
    return [replace(each, answer=veil.over(each.answer)) for each in outcomes]


async def _try(channel: Channel, post: Post, loaded: Loaded) -> Outcome:
    config = loaded.config
    opened = trial(
        post.clock.wall(),
        language=channel.language or config.language,
        url=f"http://{config.web.listen}",
        timezone=config.timezone,
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            answer = await channel.send(opened, post)
            if channel.keeps_open:
                await channel.send(_over(opened), post)
                answer = f"{answer} (and told that it is over)"
    except NotTaken as refusal:
        return Outcome(channel.label, channel.kind, taken=False, answer=refusal.reason)
    except TimeoutError:
        return Outcome(channel.label, channel.kind, taken=False, answer=f"no end within {LONGEST_SECONDS:g} s")
    return Outcome(channel.label, channel.kind, taken=True, answer=answer)


def trial(now: float, *, language: str, url: str, timezone: str) -> Delivery:
    """A notice about no incident, marked as a test in every format: kind `test`, cause `test`, severity info."""
    name = f"test-{secrets.token_hex(8)}"
    diagnosis = Diagnosis(TEST_CAUSE, Message("notice.test"), Confidence.CERTAIN)
    incident = Incident(name, ROOT, Severity.INFO, now, diagnosis=diagnosis)
    notice = Notice(NoticeKind.TEST, incident, {}, now)
    return Delivery(id=f"msg_{name}", notice=notice, language=language, url=url, timezone=timezone)


def _over(opened: Delivery) -> Delivery:
    incident = replace(opened.notice.incident, resolved_at=opened.notice.at)
    notice = Notice(NoticeKind.RESOLVED, incident, {}, opened.notice.at)
    return replace(opened, id=f"{opened.id}_over", notice=notice)
