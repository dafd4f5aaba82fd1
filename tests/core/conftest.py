"""What the tests of the core can be told on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.firewall_cases import SG_CASES


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sg-cases", type=Path, default=SG_CASES, help="a file of security-group cases in the form of tests/data/sg"
    )
