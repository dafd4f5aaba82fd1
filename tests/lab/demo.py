"""The lab and the daemon on it, to be looked at and broken by hand: what `make demo` runs."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.core.durations import parse_duration
from tests.lab.faults import FAULTS
from tests.lab.lab import Lab
from tests.lab.places import LabError, Places, is_free
from tests.lab.processes import environment, wait_until
from tests.lab.reach import answers

_USUAL_PORT = 10142


def main() -> int:
    """0 when it was stopped, 1 when something is in the way or the daemon ended by itself."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lab = Lab(arguments.dir, progress=_say, daemon_port=_USUAL_PORT if is_free(_USUAL_PORT) else None)
    try:
        with _only_one(arguments.dir), lab:
            return _watch(lab.places, arguments.seconds)
    except KeyboardInterrupt:
        _say("stopped; nothing is left behind")
        return 0
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _watch(places: Places, seconds: float | None) -> int:
    """The daemon in the foreground: its log goes where ours goes."""
    _say("the daemon")
    with _daemon(places) as daemon:
        if not _is_ready(places, daemon):
            print(f"demo: the daemon ended with {daemon.returncode}", file=sys.stderr)
            return 1
        print(_invitation(places), flush=True)
        deadline = None if seconds is None else time.monotonic() + seconds
        while daemon.poll() is None:
            if deadline and time.monotonic() > deadline:
                _say("time is up")
                return 0
            time.sleep(0.2)
        print(f"demo: the daemon ended with {daemon.returncode}", file=sys.stderr)
        return 1


@contextmanager
def _daemon(places: Places) -> Iterator[subprocess.Popen[bytes]]:
    """In a session of its own, so that Ctrl-C reaches it once; with the lab's mark, so that it ends with the lab."""
    terminal = {name: os.environ[name] for name in ("TERM", "NO_COLOR") if name in os.environ}
    program = str(Path(sys.executable).parent / "infra-monitor")
    daemon = subprocess.Popen(
        [program, "run", "--config", str(places.monitor_config)],
        env=environment(places.directory, **terminal),
        cwd=places.product,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield daemon
    finally:
        if daemon.poll() is None:
            daemon.terminate()
        try:
            daemon.wait(timeout=15)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _is_ready(places: Places, daemon: subprocess.Popen[bytes]) -> bool:
    """Every service has a status, or has had its time; false when the daemon ended before that."""

    def settled() -> bool:
        if daemon.poll() is not None:
            return True
        return answers(f"{places.daemon}/-/ready") and "unknown" not in _statuses(places).values()

    with suppress(LabError):
        wait_until(settled, "a status for each service", seconds=20, every=0.1)
    return daemon.poll() is None


def _statuses(places: Places) -> dict[str, str]:
    with urllib.request.urlopen(f"{places.daemon}/api/v1/services", timeout=5) as response:
        services = json.load(response)["data"]
    return {service["name"]: service["status"] for service in services}


def _invitation(places: Places) -> str:
    services = "\n".join(f"    {name:20} {status}" for name, status in _statuses(places).items())
    faults = "\n".join(f"    {name:20} {fault.story}" for name, fault in FAULTS.items())
    here = Path.cwd()
    program, config = (
        path.relative_to(here) if path.is_relative_to(here) else path
        for path in (Path(sys.executable).parent / "infra-monitor", places.monitor_config)
    )
    return f"""
  infra-monitor is watching: {places.daemon}/

{services}

  Look at it      {places.daemon}/ in a browser
  Ask it          {program} status --config {config}
                  {program} explain --config {config}
                  curl {places.daemon}/metrics
  Notices go to   {places.receiver_log}

  In another terminal:

    make break FAULT=postgres-stopped
    make heal FAULT=postgres-stopped

{faults}

  Ctrl-C stops everything.
"""


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Two demos in one directory would end each other; the abstract name goes with the process that holds it."""
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(f"\0signalcraft-demo-{name}")
        except OSError:
            raise LabError("a demo is already running in this directory") from None
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".lab"), help="the lab's directory (default .lab)")
    parser.add_argument("--for", dest="seconds", type=_duration, help="stop by itself after, for example, 60s")
    return parser


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _say(line: str) -> None:
    print(f"demo: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
