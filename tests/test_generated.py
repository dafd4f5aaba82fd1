"""What is generated and committed is what its tool would write now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("tool", ["tools/configuration.py", "tools/completion.py", "tools/dashboards"])
def test_the_committed_files_are_current(tool: str) -> None:
    """Otherwise: `PYTHONPATH=. .venv/bin/python` and the tool's name."""
    done = subprocess.run(
        [sys.executable, tool, "--check"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
