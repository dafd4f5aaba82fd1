"""What commands say, in the language of whoever reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from monitor.cli.drawing import moment, number
from monitor.cli.terminal import can_show
from monitor.core.words import Message
from monitor.locale import ago, catalogue, lasting, speak


def words_on(stream: TextIO, language: str) -> Words:
    """Of that language, or English where the stream has no letters for it."""
    return Words(language if can_show(catalogue(language)["cli.none"], stream) else "en")


@dataclass(frozen=True, slots=True)
class Words:
    """The part of the catalogues that is for commands: `words("no_alerts")`."""

    language: str = "en"

    def __call__(self, key: str, /, **values: str | float) -> str:
        """In words. Raises KeyError for what the catalogue does not have."""
        return speak(Message(f"cli.{key}", values), self.language)

    def row(self, *headings: str) -> list[str]:
        """The first row of a table."""
        return [self(f"heading.{each}") for each in headings]

    def status(self, word: str) -> str:
        """A status as people say it."""
        return speak(Message(f"notice.status.{word}"), self.language)

    def severity(self, word: str) -> str:
        """A severity as people say it in the middle of a sentence."""
        return speak(Message(f"notice.severity.{word}"), self.language).lower()

    def lasting(self, seconds: float) -> str:
        """A time that something takes: `2h 5m`."""
        return lasting(max(0.0, seconds), self.language)

    def since(self, text: str | None, now: float) -> str:
        """How long ago that was, `-` for never."""
        return self.lasting(now - moment(text)) if text else "-"

    def ago(self, text: str | None, now: float) -> str:
        """The same as part of a sentence: `5m ago`."""
        return ago(max(0.0, now - moment(text)), self.language) if text else "-"

    def number(self, value: float, unit: str) -> str:
        """Short, with its unit, and a time in the words of the language."""
        return number(value, unit, self.language)
