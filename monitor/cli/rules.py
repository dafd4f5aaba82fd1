"""`infra-monitor rules`: the files for Prometheus and Alertmanager that come with the package."""

from __future__ import annotations

import argparse
from importlib.resources import files
from typing import Final

from monitor.cli.client import Commands
from monitor.cli.exits import OK

FILES: Final = {
    "infra-monitor.rules.yml": "recording and alerting rules",
    "prometheus.yml": "a Prometheus that scrapes the daemon on its host",
    "prometheus-tls.yml": "the same over TLS, as a user",
    "prometheus-http-sd.yml": "the same, asking the daemon what it is",
    "alertmanager.yml": "routes, groups and inhibition for the rules",
}
"""What lies in `monitor/prometheus`, in the order in which one needs them."""


def add_parser(subparsers: Commands, parent: argparse.ArgumentParser) -> None:
    """Register the command."""
    listed = "; ".join(f"{name}: {said}" for name, said in FILES.items())
    parser = subparsers.add_parser(
        "rules",
        parents=[parent],
        help="rules and configurations for Prometheus and Alertmanager",
        description=f"Print a file for Prometheus or Alertmanager, to be kept where these read it. {listed}.",
    )
    first = next(iter(FILES))
    parser.add_argument("file", nargs="?", choices=FILES, default=first, metavar="FILE", help=f"default: {first}")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0; needs no daemon and no configuration."""
    print(files("monitor").joinpath("prometheus", arguments.file).read_text(encoding="utf-8"), end="")
    return OK
