"""`infra-monitor init`: find what there is, show a config.yaml for it, write it, look once, and say what to mend."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from monitor.cli.check import looked_at, show
from monitor.cli.exits import BAD_CONFIGURATION, CANNOT, OK, USAGE
from monitor.cli.settings import Commands
from monitor.cli.terminal import folded, printable
from monitor.cli.words import Words
from monitor.config.discover import discover
from monitor.config.discovered import Found, Supervisor
from monitor.config.draft import draft
from monitor.config.load import ConfigError, Loaded, load
from monitor.core.model import Message, Status
from monitor.locale import LANGUAGES, speak, spoken
from monitor.logs import configure

MODE: Final = 0o640
WIDTH: Final = 80
_DESCRIPTION: Final = (
    "Find the product's .env, PM2 and its apps, Nginx, the database, and AWS around it; show a config.yaml for them, "
    "write it after asking, look once, and say what to mend. Nothing is changed but that one file: --config FILE, else "
    "config.yaml in DIR. Run it as the user that owns PM2. Exit code: 0 written, 1 not written, 64 usage, 78 the "
    "settings that were found are broken."
)
_NOT_PERMITTED: Final = "not permitted: "
"""How the look at the rules begins when IAM is in the way."""


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "init",
        parents=[parent],
        help="write a config.yaml from what is found on this machine",
        description=_DESCRIPTION,
    )
    parser.add_argument("directory", nargs="?", type=Path, metavar="DIR", default=Path(), help="the product (here)")
    parser.add_argument("--yes", action="store_true", help="write without asking; a file that is there is kept as .old")
    parser.add_argument("--language", choices=LANGUAGES, default=None, help="en or ko (default: as $LANG says)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 when the file is there as it was shown."""
    language = arguments.language or spoken(os.environ)
    try:
        directory = arguments.directory.resolve(strict=True)
        path = (arguments.config or directory / "config.yaml").resolve()
        beside = path.parent.resolve(strict=True)
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}", USAGE)
    if not directory.is_dir():
        return _refuse(f"{directory} is no directory", USAGE)
    found = asyncio.run(discover(directory, os.environ))
    _tell_found(found, language)
    return _Writing(path, draft(found, beside=beside, language=language), found.supervisor, language).carry_out(
        unasked=arguments.yes
    )


class _Writing:
    """One text for one place."""

    def __init__(self, path: Path, text: str, supervisor: Supervisor, language: str) -> None:
        self._path = path
        self._text = text
        self._home = supervisor.home
        self._language = language

    def carry_out(self, *, unasked: bool) -> int:
        """The exit code of the command."""
        there = os.path.lexists(self._path)
        if there and self._is_the_same():
            self._say("same")
            return self._first_look()
        if not unasked:
            self._say("replaces" if there else "writes")
            print(f"\n{self._text}")
            if not sys.stdin.isatty():
                return _refuse(self._words("not_a_terminal"), CANNOT)
            if not self._agreed(there=there):
                self._say("nothing_written")
                return CANNOT
        try:
            self._write(there=there)
        except ConfigError as error:
            return _refuse("\n".join(map(str, error.mistakes)), BAD_CONFIGURATION)
        except OSError as error:
            return _refuse(self._words("cannot_write", why=error.strerror or str(error)), CANNOT)
        self._say("written")
        return self._first_look()

    def _is_the_same(self) -> bool:
        with suppress(OSError):
            return self._path.read_bytes() == self._text.encode()
        return False

    def _agreed(self, *, there: bool) -> bool:
        print(self._words("ask_replace" if there else "ask_write"), end=" ", flush=True)
        answer = sys.stdin.readline().strip().lower()
        return answer in ("y", "yes", "예", "네", "ㅛ")

    def _write(self, *, there: bool) -> None:
        """As a whole or not at all, and only what the monitor will take. Raises OSError and ConfigError."""
        descriptor, name = tempfile.mkstemp(prefix=".config.yaml.", dir=self._path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self._text)
                file.flush()
                os.fchmod(file.fileno(), MODE)
                self._hand_over(file.fileno())
                os.fsync(file.fileno())
            load(Path(name), os.environ)
            if there:
                os.link(self._path, self._kept())
                os.replace(name, self._path)  # noqa: PTH105 — beside the calls that Path does not have
            else:
                os.link(name, self._path)  # fails where somebody has written one meanwhile
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108 — same

    def _hand_over(self, descriptor: int) -> None:
        """Root writes it for the group of PM2's owner, as whom the monitor runs."""
        if os.geteuid() == 0 and self._home is not None:
            with suppress(OSError):
                os.fchown(descriptor, -1, self._home.stat().st_gid)

    def _kept(self) -> Path:
        names = (self._path.with_name(f"{self._path.name}.old{number or ''}") for number in count())
        return next(each for each in names if not os.path.lexists(each))

    def _first_look(self) -> int:
        """What the monitor sees with it. The file is good whatever that is."""
        try:
            loaded = load(self._path, os.environ)
        except ConfigError as error:
            return _refuse("\n".join(map(str, error.mistakes)), BAD_CONFIGURATION)
        configure(loaded)
        self._say("first_look")
        answer = asyncio.run(looked_at(loaded, tuple(loaded.config.services)))
        show(answer, Words(self._language))
        for line in _permissions(answer, loaded, self._language):
            print(line)
        key = "all_well" if answer["overall_status"] == Status.HEALTHY else "mend"
        self._say(key)
        if key == "mend":  # in one piece, to be copied
            print(f"  infra-monitor check --config {shlex.quote(printable(str(self._path)))}")
        return OK

    def _words(self, name: str, **values: str) -> str:
        return printable(speak(Message(f"init.{name}", {"path": str(self._path), **values}), self._language))

    def _say(self, name: str, **values: str) -> None:
        print("\n" + "\n".join(folded(self._words(name, **values), WIDTH)), flush=True)


def _refuse(text: str, code: int) -> int:
    for line in text.splitlines():
        print(f"infra-monitor: {printable(line)}", file=sys.stderr)
    return code


def _tell_found(found: Found, language: str) -> None:
    print(speak(Message("init.found"), language))
    for line in _listed(_summary(found), language, "+ "):
        print(line)
    if found.gaps:
        print(f"\n{speak(Message('init.not_found'), language)}")
    for gap in found.gaps:
        for line in (*_listed([gap.what], language, "- "), *_listed([gap.todo], language, "  → ")):
            print(line)


def _listed(messages: list[Message], language: str, bullet: str) -> Iterator[str]:
    for each in messages:
        first, *rest = folded(printable(speak(each, language)), WIDTH - 2 - len(bullet))
        yield f"  {bullet}{first}"
        yield from (" " * (2 + len(bullet)) + line for line in rest)


def _summary(found: Found) -> list[Message]:
    """What is known, without a word of it that is secret."""
    said = list[Message]()
    if found.env_file is not None:
        said.append(Message("init.known.env", {"file": str(found.env_file)}))
    if (database := found.database) is not None:
        said.append(
            Message("init.known.database", {"host": database.host, "port": database.port, "name": database.name})
        )
    supervisor = found.supervisor
    if supervisor.running:
        said.append(Message("init.known.pm2", {"home": str(supervisor.home), "count": len(supervisor.apps)}))
    for app in supervisor.apps:
        ports = ", ".join(map(str, app.ports)) or "–"
        said.append(Message("init.known.app", {"app": app.name, "instances": app.instances or "–", "ports": ports}))
    if found.front is not None:
        apps = ", ".join(found.front.apps) or "–"
        said.append(Message("init.known.nginx", {"config": found.front.config, "apps": apps}))
    if found.cloud is not None:
        groups = ", ".join(found.cloud.groups) or "–"
        said.append(Message("init.known.aws", {"region": found.cloud.region, "groups": groups}))
    return [*said, *found.notes]


def _permissions(answer: Mapping[str, Any], loaded: Loaded, language: str) -> Iterator[str]:
    """The policy to attach, where AWS has refused to say something."""
    checks = [check for each in answer["services"] for check in each["checks"]]
    if not any(_NOT_PERMITTED in f"{check['reason']} {check['message']}" for check in checks):
        return
    yield ""
    yield from folded(speak(Message("init.policy"), language), WIDTH)
    yield json.dumps(policy(loaded.config.aws.region or "*"), indent=2)


def policy(region: str) -> dict[str, Any]:
    """What the role of the instance needs, and no more (docs/checks/security_group.md)."""
    rules: dict[str, Any] = {
        "Effect": "Allow",
        "Action": ["ec2:DescribeSecurityGroups", "ec2:GetManagedPrefixListEntries"],
        "Resource": "*",
    }
    if region != "*":
        rules["Condition"] = {"StringEquals": {"aws:RequestedRegion": region}}
    database = {"Effect": "Allow", "Action": "rds:DescribeDBInstances", "Resource": f"arn:aws:rds:{region}:*:db:*"}
    return {"Version": "2012-10-17", "Statement": [{"Sid": "Rules", **rules}, {"Sid": "Database", **database}]}
