"""`watch` on a terminal: a screen of its own, gone without a trace at q or Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.cli.drawing import shown
from tests.cli.conftest import Asked
from tests.cli.terminals import OnTerminal
from tests.daemon.running import RunningDaemon, free_port

ROOT = Path(__file__).parents[2]


def watching(asked: Asked, size: tuple[int, int] = (80, 24)) -> OnTerminal:
    return OnTerminal("watch", "--every", "200ms", "--config", asked.config, size=size)


def shows(*words: str) -> Callable[[list[str]], bool]:
    return lambda lines: all(any(word in line for line in lines) for word in words)


@pytest.mark.parametrize("how", ["q", "ctrl-c", "terminated", "hung up"])
def test_it_draws_on_a_screen_of_its_own_and_puts_everything_back(asked: Asked, how: str) -> None:
    with watching(asked) as terminal:
        terminal.until(shows("✖ down", "(q to end)", "app_unresponsive (likely)", "→ Look whether redis runs"))
        assert ("1049" in terminal.screen.modes, "25" in terminal.screen.modes) == (True, False)
        assert terminal.modes() != terminal.before
        match how:
            case "q":
                terminal.press(b"q")
            case "ctrl-c":
                terminal.process.send_signal(signal.SIGINT)
            case "terminated":
                terminal.process.send_signal(signal.SIGTERM)
            case _:
                terminal.process.send_signal(signal.SIGHUP)
        assert terminal.ended() == {"terminated": 143, "hung up": 129}.get(how, 0)
        assert ("1049" in terminal.screen.modes, "25" in terminal.screen.modes) == (False, True)
        assert terminal.modes() == terminal.before
        assert b"Traceback" not in terminal.raw


def test_a_stopped_one_gives_the_terminal_to_the_shell_and_takes_it_again(asked: Asked) -> None:
    with watching(asked) as terminal:
        terminal.until(shows("✖ down"))
        terminal.process.send_signal(signal.SIGTSTP)
        # it has no shell here that would wake it, so that the kernel lets it go on at once
        terminal.until(lambda _: terminal.raw.count(b"\x1b[?1049h") == 2)
        assert b"\x1b[?1049l" in terminal.raw
        terminal.until(shows("✖ down"))
        terminal.press(b"q")
        assert terminal.ended() == 0


def test_the_picture_is_as_large_as_the_terminal_at_every_moment(asked: Asked) -> None:
    """The screen of the test fails at a line that is wider than it, or below it."""
    with watching(asked) as terminal:
        terminal.until(shows("last hour", "redis"))
        for size, there in (
            ((60, 24), shows("redis", "✖ down")),
            ((200, 50), shows("last hour", "numbers", "memory")),
            ((40, 10), shows("✖ down")),
            ((80, 24), shows("last hour", "numbers")),
        ):
            terminal.resize(size)
            terminal.until(lambda lines, there=there: not terminal.screen.is_another_size and there(lines))  # type: ignore[misc]
        terminal.press(b"q")
        assert terminal.ended() == 0


def test_what_has_not_changed_is_not_drawn_again(asked: Asked) -> None:
    with watching(asked) as terminal:
        terminal.until(shows("the cause is here"))
        terminal.until(lambda _: terminal.raw.count(b"(q to end)") >= 5)
        assert terminal.raw.count(b"the cause is here") == "\n".join(terminal.screen.text()).count("the cause is here")
        assert terminal.raw.count(b"\x1b[2J") == 1
        terminal.press(b"q")
        assert terminal.ended() == 0


def test_a_daemon_that_is_gone_is_said_and_asked_again(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
web: {{listen: "127.0.0.1:{free_port()}"}}
state: {{directory: state}}
services:
  web: {{checks: [{{kind: tcp, address: "127.0.0.1:{free_port()}", every: 1h}}]}}
"""
    )
    with (
        RunningDaemon(config, log=tmp_path / "daemon.log") as daemon,
        OnTerminal("watch", "--every", "100ms", "--config", config) as terminal,
    ):
        terminal.until(shows("✖ down", "(q to end)"))
        daemon.stop()
        gone = terminal.until(shows("! nothing answers at", "trying again"))
        assert any("✖ down" in line for line in gone), "what was known is still there"
        daemon.start()
        terminal.until(lambda lines: not shows("nothing answers at")(lines))
        terminal.press(b"q")
        assert terminal.ended() == 0


def test_without_a_terminal_that_moves_its_cursor_it_is_tables_as_in_a_pipe(asked: Asked) -> None:
    twice = ("watch", "--every", "100ms", "--count", "2", "--config", asked.config)
    with OnTerminal(*twice, more={"TERM": "dumb"}, lines=True) as terminal:
        assert terminal.ended() == 0
        assert terminal.raw.count(b"service  status") == 2
        assert b"\x1b" not in terminal.raw


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_and_not_for_those_who_want_none(
    asked: Asked, more: dict[str, str], *, coloured: bool
) -> None:
    with OnTerminal("status", "--config", asked.config, more=more, lines=True) as terminal:
        assert terminal.ended() == 2
        assert (b"\x1b[1;31m" in terminal.raw, b"\x1b[" in terminal.raw) == (coloured, coloured)
    with OnTerminal("watch", "--count", "1", "--config", asked.config, more=more) as terminal:
        assert terminal.ended() == 0
        assert (b"\x1b[1;31m" in terminal.raw) == coloured


def on_terminal(asked: Asked, *arguments: str) -> str:
    """What it sends to a terminal of 80 columns."""
    with OnTerminal(*arguments, "--config", asked.config, more={"NO_COLOR": "1"}, lines=True) as terminal:
        terminal.ended()
        return terminal.raw.decode()


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
        said = on_terminal(asked, *words)
        too_wide = [line for line in said.splitlines() if shown(line.rstrip("\r")) > 80]
        assert (too_wide, "Traceback" in said, said.strip() != "") == ([], False, True), words
    said = " ".join(on_terminal(asked, "silence").split())
    assert why.strip() in said
    assert "cause=unknown" in said
    for kind, entry in (("silence", silence), ("maintenance", rule)):
        asked.said(kind, "end", entry["id"])
