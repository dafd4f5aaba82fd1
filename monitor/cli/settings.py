"""The configuration as every command reads it: the file that was named, or the one that is found."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TypeAlias

from monitor.cli.exits import BAD_CONFIGURATION
from monitor.config.load import ConfigError, Loaded, find_config, load

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 — it has no public name
"""Where a command group registers itself."""


def load_or_exit(path: Path | None) -> Loaded:
    """The validated configuration. Bad configuration: every mistake on a line of its own, then exit 78."""
    try:
        loaded = load(find_config(path, Path.cwd()), os.environ)
    except ConfigError as error:
        for mistake in error.mistakes:
            print(mistake, file=sys.stderr)
        raise SystemExit(BAD_CONFIGURATION) from None
    return loaded
