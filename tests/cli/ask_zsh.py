"""Types a line into a real zsh, presses Tab, and says what the completion system was given to offer."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path
from typing import Final

SETUP: Final = """
PROMPT= RPROMPT=
fpath=("$COMPLETIONS" $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
    local -a hits
    [[ " $* " == *" -"[OAD]" "* ]] && { builtin compadd "$@"; return }
    builtin compadd -O hits "$@"
    print -rl -- $hits >>$OFFERED
    return $(( ! $#hits ))
}
finished() { : >$OFFERED.done }
comppostfuncs=(finished)
bindkey '^I' complete-word
: >$OFFERED.ready
"""
PATIENCE: Final = 60.0


def offered_by_zsh(typed: str, *, cwd: Path, tmp_path: Path) -> set[str]:
    """What zsh would show after `typed`; the completions are those in `cwd`/completions."""
    said = tmp_path / "offered"
    said.touch()
    (tmp_path / ".zshrc").write_text(SETUP)
    ours, its = pty.openpty()
    environment = {**os.environ, "ZDOTDIR": str(tmp_path), "OFFERED": str(said), "TERM": "dumb"}
    shell = subprocess.Popen(
        ["zsh", "-d", "-i"],  # -d: nothing of this machine's
        cwd=cwd,
        env=environment | {"COMPLETIONS": str(cwd / "completions")},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    try:
        _until(Path(f"{said}.ready"), ours)
        os.write(ours, typed.encode() + b"\t")
        _until(Path(f"{said}.done"), ours)
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)
    return {line.strip() for line in said.read_text().splitlines() if line.strip()}


def _until(there: Path, terminal: int) -> None:
    """The shell writes whatever it echoes; somebody has to take it."""
    end = time.monotonic() + PATIENCE
    while not there.exists():
        assert time.monotonic() < end, f"zsh did not get to {there.name}"
        if select.select([terminal], [], [], 0.02)[0]:
            os.read(terminal, 4096)
