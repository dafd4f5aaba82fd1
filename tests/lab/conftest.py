"""The lab's tests use the lab as everybody does."""

from tests.lab.fixtures import healthy_lab, lab, turn

__all__ = ["healthy_lab", "lab", "turn"]
