"""How each command of the pages is held by a test: it is run, or it cannot be, and then something stands in for it."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import botocore.session
import jmespath
from botocore import xform_name


@dataclass(frozen=True, kw_only=True)
class Run:
    """Run against a living stack, in `product` or where config.yaml is; it has to end with one of the codes."""

    codes: tuple[int, ...] = (0,)
    in_product: bool = False


@dataclass(frozen=True)
class NotRun:
    """Only read by a shell, and held by `instead`."""

    reason: str
    instead: Callable[[list[str]], None] | None = None


Way = Run | NotRun


def aws(words: list[str]) -> None:
    """AWS' own model of the service knows the operation and its parameters, and the query can be parsed."""
    _, service, operation, *rest = words
    model = botocore.session.get_session().get_service_model(service)
    called = {xform_name(each, "-"): each for each in model.operation_names}[operation]
    shape = model.operation_model(called).input_shape
    known = {xform_name(each, "-"): each for each in shape.members} if shape else {}
    assert len(rest) % 2 == 0, rest
    for option, value in zip(rest[::2], rest[1::2], strict=True):
        plain = option.removeprefix("--")
        assert plain in known or plain in _OF_THE_COMMAND or plain in _SHORT_FORMS.get(operation, ()), option
        if plain == "query":
            jmespath.compile(value)
        if plain == "ip-permissions":
            inner = shape.members[known[plain]].member.members
            named = {*inner, *(each for member in inner.values() for each in _members(member))}
            assert set(re.findall(r"(\w+)=", value)) <= named, value


_OF_THE_COMMAND: Final = ("query", "region", "output")
_SHORT_FORMS: Final = {"authorize-security-group-ingress": ("protocol", "port", "source-group", "cidr")}
"""What the command line has beside the operation's own parameters."""


def _members(member: object) -> Iterator[str]:
    inner = getattr(member, "member", None)
    yield from getattr(inner, "members", ())


def systemctl(words: list[str]) -> None:
    """Its verb and its options are known."""
    verb, *_ = [word for word in words[1:] if not word.startswith("-")]
    assert f" {verb} " in _help_of("systemctl"), verb
    for option in (word for word in words[1:] if word.startswith("--")):
        assert option.split("=")[0] in _help_of("systemctl"), option


def journalctl(words: list[str]) -> None:
    """Its options are known."""
    for option in (word for word in words[1:] if word.startswith("--")):
        assert option.split("=")[0] in _help_of("journalctl"), option


def make(words: list[str]) -> None:
    """The target is there."""
    subprocess.run(["make", "-n", *words[1:]], check=True, capture_output=True)


@cache
def _help_of(program: str) -> str:
    done = subprocess.run([program, "--help", "--no-pager"], capture_output=True, text=True, check=True)
    return done.stdout


_FILTER: Final = Run(codes=(0, 1))
_STATUS: Final = Run(codes=(0, 1, 2, 3))
_SERVICES: Final = NotRun("no systemd runs where tests run", systemctl)
_OTHERS: Final = NotRun("a program of the operator's machine that the tests do not need")

WAYS: Final[dict[str, Way]] = {
    "infra-monitor": Run(),
    "infra-monitor check": _STATUS,
    "infra-monitor explain": _STATUS,
    "infra-monitor status": _STATUS,
    "infra-monitor summary": _STATUS,
    "infra-monitor run": NotRun("it runs until it is stopped; every test of the daemon runs it"),
    ".venv/bin/infra-monitor": _STATUS,
    ".venv/bin/python tools/": NotRun("test_generated.py runs the tools"),
    "make break": Run(),
    "make heal": Run(),
    "make status": Run(),
    "make demo": Run(),
    "make": NotRun("what CI runs, or changes this clone", make),
    "pm2": Run(in_product=True),
    "pm2 flush": NotRun("takes the lab's logs from whoever looks for an error in them"),
    "pm2 scale": NotRun("the lab's application would not be what its configuration says"),
    "psql": Run(),
    "nginx": Run(),
    "promtool": Run(),
    "amtool": Run(),
    "grep": Run(codes=(0, 1), in_product=True),
    "tee": Run(),
    "head": Run(),
    "tail": Run(),
    "sort": Run(),
    "sed": Run(),
    "install": Run(),
    "cat": Run(),
    "ls": Run(),
    "sqlite3": NotRun("no program of the tests, which use Python's own SQLite"),
    "ps": _FILTER,
    "ss": Run(),
    "top": Run(),
    "free": Run(),
    "df": Run(),
    "du": Run(),
    "uptime": Run(),
    "getent": Run(),
    "openssl": Run(),
    "systemd-analyze": Run(codes=(0, 1)),
    "curl": _OTHERS,
    "nc": _OTHERS,
    "resolvectl": _OTHERS,
    "certbot": _OTHERS,
    "aws": NotRun("it asks or changes an account at AWS", aws),
    "systemctl": _SERVICES,
    "journalctl": NotRun("a journal of systemd is not there where tests run", journalctl),
    "pkill": NotRun("its process is one of an example"),
    "pipx": NotRun("it asks a package index; test_install.py builds the package itself"),
    "apt": NotRun("it changes the machine"),
    "usermod": NotRun("it changes the users of the machine"),
    "chmod": NotRun("its files are those of somebody's PM2"),
    "for": NotRun("the one loop there is asks a Grafana, and there is none here"),
    "ssh": NotRun("there is no other host"),
    "git": NotRun("it needs a repository elsewhere"),
    "cp": Run(),
}
"""Program and first words → way; the longest that fits counts. A command that is not here is run by no test."""


def parts(text: str) -> list[list[str]]:
    """The simple commands of a line, each without `sudo` and what is set before it. A loop is one."""
    if text.startswith("for "):
        return [text.split()]
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for token in lexer:
        if set(token) <= set("|&;("):
            found.append([])
        elif not set(token) <= set("<>)"):
            found[-1].append(token)
    return [_bare(words) for words in found if words]


def _bare(words: list[str]) -> list[str]:
    while words and (words[0] == "sudo" or re.match(r"[A-Z_0-9]+=", words[0])):
        words = words[3 if words[:2] == ["sudo", "-u"] else 1 :]
    return words


def way(words: list[str]) -> Way | None:
    """None: nobody has thought of it."""
    line = " ".join(words) + " "
    fits = [known for known in WAYS if line.startswith((known + " ", known if known.endswith("/") else known + " "))]
    return WAYS[max(fits, key=len)] if fits else None
