"""A program of our own that is asked one thing: JSON on stdin, JSON on stdout, and an end whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = str(Path(__file__).parents[2])


@dataclass(frozen=True, slots=True)
class Said:
    """What it wrote to stdout and to stderr, and its exit code."""

    answer: bytes
    noise: bytes
    code: int | None

    @property
    def last_words(self) -> str:
        """The end of its stderr."""
        return (self.noise.decode(errors="replace").strip().splitlines() or ["nothing said"])[-1][:200]


async def ask(module: str, question: Mapping[str, Any], *, environ: Mapping[str, str], deadline: float) -> Said:
    """Run the module with this question, by `deadline` (on the loop's clock). Raises TimeoutError; either way it, and
    whatever it has started, is gone afterwards."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", module,  # -P: the working directory is nobody's library
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**environ, "PYTHONPATH": os.pathsep.join((_PACKAGES, *filter(None, [environ.get("PYTHONPATH")])))},
        start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout_at(deadline):
            answer, noise = await child.communicate(json.dumps(question).encode())
    finally:
        await _end(child)  # also when nobody waits for the answer any more
    return Said(answer, noise, child.returncode)


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
