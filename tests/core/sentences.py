"""A diagnosis in words."""

from __future__ import annotations

from monitor.core.model import Diagnosis
from monitor.locale import LANGUAGES, speak


def spoken(found: Diagnosis) -> list[str]:
    """Every sentence of it, in English; in the other languages each must have its words, too."""
    words = [found.summary, *(e.message for e in found.evidence), *(r.why for r in found.ruled_out)]
    words += [found.remedy] if found.remedy else []
    said = {language: [speak(each, language) for each in words] for language in LANGUAGES}
    assert all("{" not in text for texts in said.values() for text in texts)
    return said["en"]
