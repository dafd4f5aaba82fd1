"""From many signs to few looks: the first sign has a look at once, those that follow have one together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from monitor.schedule import Key

SHORTEST_SECONDS: Final = 0.3
"""Between two looks that are wanted of one check; as in the confirmation of a trouble."""


@dataclass(slots=True)
class _Wish:
    """When the newest look was wanted to begin, when the one before it, and how far apart the next two shall be."""

    at: float
    before: float
    gap: float = SHORTEST_SECONDS


class Wishes:
    """While signs keep coming, the looks grow apart, up to the patience of the signs; after a pause it begins anew."""

    def __init__(self, *, want: Callable[[Key, float], None], now: Callable[[], float]) -> None:
        self._want = want
        self._now = now
        self._wishes = dict[Key, _Wish]()

    def tell(self, key: Key, *, patience: float) -> None:
        """There was a sign: have this check looked at, at once; or, where that has only just been wanted, after a while
        of at most `patience` seconds."""
        now = self._now()
        wish = self._wishes.get(key)
        if wish is None or now >= wish.at + wish.gap:
            self._wishes[key] = _Wish(now, now)
            self._want(key, 0.0)
        elif now >= wish.at:
            at = max(now, wish.at + min(wish.gap, patience))
            self._wishes[key] = _Wish(at, wish.at, max(SHORTEST_SECONDS, min(wish.gap * 2, patience)))
            self._want(key, at - now)
        elif (sooner := max(now, wish.before + patience)) < wish.at:
            wish.at = sooner
            self._want(key, sooner - now)

    def forget(self, key: Key) -> None:
        """This check is watched no longer."""
        self._wishes.pop(key, None)
