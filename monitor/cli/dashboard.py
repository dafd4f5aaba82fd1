"""`infra-monitor dashboard`: the dashboards for Grafana that come with the package, and how it takes them in."""

from __future__ import annotations

import argparse
import os
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

from monitor.cli.client import Commands
from monitor.cli.exits import CANNOT, OK
from monitor.cli.terminal import printable, wrapped
from monitor.core.words import Message
from monitor.locale import speak, spoken

DASHBOARDS: Final = {
    "overview": "is all well, the cause if not, uptime, notices",
    "database": "connecting phase by phase, failures, sessions",
    "backends": "PM2's processes, wiring, HTTP answers, the machine",
    "nginx": "peers and routes, users' requests, configuration",
    "firewall": "who may reach the database, and what was changed",
    "monitor": "does it look in time, is it heard, what it costs",
}
PROVISIONING: Final = {
    "datasource.yml": "provisioning: the Prometheus to ask",
    "provider.yml": "provisioning: the folder to read them from",
}
"""What lies in `monitor/grafana`: dashboards as `NAME.json`, and what Grafana reads at its start."""

PAGE: Final = "http://127.0.0.1:10142"
"""Where the dashboards' links lead unless another address is given."""


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "dashboard",
        parents=[parent],
        help="dashboards for Grafana",
        description="Print a dashboard for Grafana as JSON, or write all of them into a directory. Without arguments:"
        " list what there is. In Grafana: Dashboards → New → Import, or let it read the directory (docs/grafana.md).",
    )
    parser.add_argument("name", nargs="?", choices=(*DASHBOARDS, *PROVISIONING), metavar="NAME", help="which one")
    parser.add_argument("--out", type=Path, metavar="DIR", default=None, help="write into this directory: all, or NAME")
    parser.add_argument(
        "--page", type=_address, metavar="URL", default=PAGE, help=f"where browsers reach the status page ({PAGE})"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0, or 1 when the directory cannot be written; needs no daemon and no configuration."""
    if arguments.out is not None:
        return _write(arguments.out, (arguments.name,) if arguments.name else tuple(DASHBOARDS), arguments.page)
    if arguments.name:
        print(_text(_file(arguments.name), arguments.page), end="")
    else:
        for name, said in {**DASHBOARDS, **PROVISIONING}.items():
            print(f"{name:<16}{said}")
        _say("dashboard.how")
    return OK


def _write(directory: Path, names: tuple[str, ...], page: str) -> int:
    """What is there under their names is replaced: they are ours, and come anew with each version."""
    for name in names:
        path = directory / _file(name)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.new")
            beside.write_text(_text(path.name, page), encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            _say("dashboard.cannot_write", path=str(path), why=error.strerror or str(error))
            return CANNOT
        print(path)
    _say("dashboard.then", directory=str(directory.resolve()))
    return OK


def _file(name: str) -> str:
    return f"{name}.json" if name in DASHBOARDS else name


def _text(name: str, page: str) -> str:
    return files("monitor").joinpath("grafana", name).read_text(encoding="utf-8").replace(PAGE, page)


def _address(text: str) -> str:
    """A web address that may stand in JSON as it is. Raises ArgumentTypeError."""
    if not re.fullmatch(r"https?://[^\s\"\\$<>]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address; write it as https://monitor.example.com")
    return text.rstrip("/")


def _say(key: str, **values: str) -> None:
    print(wrapped(printable(speak(Message(key, values), spoken(os.environ))), indent=0), file=sys.stderr)
