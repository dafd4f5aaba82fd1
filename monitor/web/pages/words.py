"""What the templates say: texts of the catalogue, times in the configured zone, numbers with units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.answers import rfc3339
from monitor.core.words import Message
from monitor.locale import ago, amount, lasting, speak


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """To one reader, at one moment."""

    language: str
    zone: ZoneInfo
    now: float

    def say(self, key: str, **values: str | float) -> str:
        """The text of the catalogue. Raises KeyError when it lacks the key, or the text a value."""
        return speak(Message(key, values), self.language)

    def status(self, status: str) -> str:
        """A status by its word."""
        return self.say(f"notice.status.{status}")

    @property
    def moment(self) -> str:
        """Now, as the API says it."""
        return rfc3339(self.now) or ""

    def when(self, text: str) -> str:
        """A time as the API says it, for people: `2026-11-24 12:12:08 KST`."""
        return self._at(text).strftime("%Y-%m-%d %H:%M:%S %Z")

    def briefly(self, text: str) -> str:
        """The same to the minute; without the date if it is of today."""
        at = self._at(text)
        today = at.date() == datetime.fromtimestamp(self.now, self.zone).date()
        return at.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")

    def clock(self, at: float) -> str:
        """The time of day of a Unix second."""
        return datetime.fromtimestamp(at, self.zone).strftime("%H:%M")

    def day(self, at: float) -> str:
        """The day of a Unix second, without its year."""
        return datetime.fromtimestamp(at, self.zone).strftime("%m-%d")

    def moment_of(self, at: float) -> str:
        """A Unix second, to the minute: `2026-11-24 12:12`."""
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d %H:%M")

    def for_how_long(self, since: str, until: str | None = None) -> str:
        """From one time to another, or to now: `2h 5m`."""
        end = self.now if until is None else self._at(until).timestamp()
        return self.lasting(max(0.0, end - self._at(since).timestamp()))

    def ago(self, text: str) -> str:
        """`5m ago`."""
        return ago(max(0.0, self.now - self._at(text).timestamp()), self.language)

    def lasting(self, seconds: float) -> str:
        """`2h 5m`, `2시간 5분`."""
        return lasting(seconds, self.language) if seconds >= 1 else self.say("notice.unit.s", count=0)

    def amount(self, value: float, unit: str) -> str:
        """A number with its unit: `12.5 ms`, `3.2 GiB`, `81 %`."""
        return amount(value, unit, self.language)

    def _at(self, text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(self.zone)
