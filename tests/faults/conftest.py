"""A lab, and a daemon without a past for each row: two faults within ten minutes would be flapping."""

from __future__ import annotations

from tests.daemon.conftest import watched
from tests.lab.fixtures import healthy_lab, lab, turn

__all__ = ["healthy_lab", "lab", "turn", "watched"]
