"""The store, for every test here."""

from tests.store.rooms import store

__all__ = ["store"]
