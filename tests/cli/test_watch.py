"""`watch` on a terminal: a screen of its own, gone without a trace at q or Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from monitor.cli.drawing import shown
from tests.cli.conftest import Asked
from tests.daemon.running import environment

ROOT = Path(__file__).parents[2]


def read_until(terminal: int, words: bytes, seen: bytes = b"") -> bytes:
    end = time.monotonic() + 30
    while words not in seen:
        assert time.monotonic() < end, seen
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                seen += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
    return seen


@pytest.mark.parametrize("how", ["q", "ctrl-c"])
def test_it_draws_on_a_screen_of_its_own_and_puts_everything_back(asked: Asked, how: str) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "watch", "--every", "200ms", "--config", str(asked.config)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment({"TERM": "xterm", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}),
        start_new_session=True,
    )
    os.close(theirs)
    seen = read_until(ours, "✖ down".encode())
    seen = read_until(ours, b"(q to end)", seen[-1:])
    if how == "q":
        os.write(ours, b"q")
    else:
        process.send_signal(signal.SIGINT)
    last = read_until(ours, b"\x1b[?1049l")
    assert process.wait(20) == 0
    assert b"Traceback" not in last
    os.close(ours)


def on_terminal(asked: Asked, *arguments: str, columns: int) -> str:
    """What it shows on a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", *arguments, "--config", str(asked.config)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        env=environment({"TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}),
    )
    os.close(theirs)
    seen = read_until(ours, b"\0 it never says this")
    process.wait(20)
    os.close(ours)
    return seen.decode()


def test_nothing_is_wider_than_the_terminal_and_what_has_no_room_stands_below(asked: Asked) -> None:
    why = "데이터베이스 보안 그룹을 다시 여는 동안 알림을 멈춥니다 " * 3
    silence = asked.json(
        "silence", "add", "service=host", "severity=critical", "cause=unknown", "--for", "1h", "--reason", why
    )
    rule = asked.json("maintenance", "add", "host", "--cron", "0 3 * * 0", "--time-zone", "Asia/Seoul", "--for", "1h")
    (incident,) = asked.json("incidents")
    commands = [
        ("status",), ("status", "redis", "web"), ("monitoring",), ("alerts",), ("incidents",),
        ("incidents", incident["id"]), ("silence",), ("maintenance",), ("topology",), ("history", "host", "memory"),
    ]  # fmt: skip
    for words in commands:
        said = on_terminal(asked, *words, columns=80)
        too_wide = [line for line in said.splitlines() if shown(line.rstrip("\r")) > 80]
        assert (too_wide, "Traceback" in said, said.strip() != "") == ([], False, True), words
    said = " ".join(on_terminal(asked, "silence", columns=80).split())
    assert why.strip() in said
    assert "cause=unknown" in said
    for kind, entry in (("silence", silence), ("maintenance", rule)):
        asked.said(kind, "end", entry["id"])


def test_colours_are_for_terminals_and_not_for_those_who_want_none(asked: Asked) -> None:
    found = {}
    for name, more in (("colours", {}), ("none", {"NO_COLOR": "1"})):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "status", "--config", str(asked.config)],
            stdin=theirs,
            stdout=theirs,
            env=environment({"TERM": "xterm", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **more}),
        )
        os.close(theirs)
        found[name] = read_until(ours, b" samples")
        assert process.wait(20) == 2
        os.close(ours)
    assert b"\x1b[1;31m" in found["colours"]
    assert b"\x1b[" not in found["none"]
