"""One lab for each test process, and for each test that asks a healthy one.

A conftest.py takes them in with `from tests.lab.fixtures import healthy_lab, lab`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Up until the end of the session; it goes too when the test process is killed."""
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def healthy_lab(lab: Lab) -> Iterator[Lab]:
    """Whatever the test broke and did not heal is healed after it."""
    yield lab
    lab.heal_all()
