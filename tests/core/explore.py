"""Look for stories that break a law beyond those of every test run: `python -m tests.core.explore [N] [LAW]`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from hypothesis import settings

from tests.core import test_law_2, test_law_telling, test_laws


def main(examples: int, wanted: str) -> int:
    """Tell `examples` new stories for each law whose name contains `wanted`; how many laws broke."""
    broken = 0
    for module in (test_laws, test_law_2, test_law_telling):
        for name, test in vars(module).items():
            if name.startswith("test_") and wanted in name:
                broken += _breaks(name, test, examples)
    return broken


def _breaks(name: str, test: Callable[[], None], examples: int) -> bool:
    more = settings(test_laws.law, max_examples=examples, derandomize=False)
    test._hypothesis_internal_use_settings = more  # type: ignore[attr-defined]  # settings cannot be put on twice
    try:
        test()
    except BaseException:  # noqa: BLE001 — several failures come as a group of them
        print(f"{name} is broken")  # noqa: T201 — what this command is for
        traceback.print_exc()
        return True
    print(f"{name}: {examples} stories hold")  # noqa: T201 — what this command is for
    return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2] if len(sys.argv) > 2 else ""))
