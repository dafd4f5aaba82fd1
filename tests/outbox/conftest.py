"""The outbox's house and its receiver, for every test here."""

from tests.outbox.house import house, receiver

__all__ = ["house", "receiver"]
