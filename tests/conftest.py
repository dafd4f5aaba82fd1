"""What holds for every test: a busy machine is no failure."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell starts what it puts into the background with Ctrl-C ignored, and what we start would inherit it."""

PATIENCE_SECONDS = 600
"""For a property with its thousand examples: they compute, and a busy machine computes slowly."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only what waits for something has to end soon."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker(pytest.mark.timeout(PATIENCE_SECONDS))
