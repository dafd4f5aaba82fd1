"""Writes monitor/grafana/*.json. With `--check`: writes nothing, names what is not current, and exits 1."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tools.dashboards import backends, database, firewall, itself, nginx, overview

ROOT: Final = Path(__file__).parents[2]
WHERE: Final = ROOT / "monitor" / "grafana"
BOARDS: Final = (overview.BOARD, database.BOARD, backends.BOARD, nginx.BOARD, firewall.BOARD, itself.BOARD)


def main(arguments: list[str]) -> int:
    """0, or 1 when `--check` finds something that is not current."""
    wanted = {WHERE / f"{board.name}.json": board.text() for board in BOARDS}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    stale += [path for path in WHERE.glob("*.json") if path not in wanted]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not current; run python tools/dashboards\n")
        return 1 if stale else 0
    WHERE.mkdir(exist_ok=True)
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
