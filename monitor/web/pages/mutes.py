"""What is muted at this moment and later, each in a sentence with the form that ends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from monitor.answers import Json
from monitor.questions import Questions
from monitor.web.pages.words import Words


class Mute(NamedTuple):
    """`ends_by`: the form that ends it."""

    id: str
    ends_by: str
    said: str
    by: str
    reason: str


def mutes(questions: Questions, words: Words, service: str | None = None) -> list[Mute]:
    """Silences, then maintenance; of one service, or all there are."""
    return [
        *(_silence(each, words) for each in questions.silences() if service in (None, each["matchers"].get("service"))),
        *(_maintenance(each, words) for each in questions.maintenance() if service in (None, each["service"])),
    ]


def _silence(silence: Json, words: Words) -> Mute:
    what = ", ".join(_matched(silence))
    times = {"starts": words.briefly(silence["starts_at"]), "until": words.briefly(silence["ends_at"])}
    key = "page.mute.silence" if silence["active"] else "page.mute.silence_later"
    said = words.say(key, what=what, **times)
    return Mute(silence["id"], "end_silence", said, silence["by"], silence["reason"])


def _matched(silence: Json) -> Iterator[str]:
    for name, value in silence["matchers"].items():
        yield value if name == "service" else f"{name} {value}"


def _maintenance(entry: Json, words: Words) -> Mute:
    service = entry["service"]
    if entry["kind"] == "recurring":
        said = words.say(
            "page.mute.recurring",
            service=service,
            cron=entry["cron"],
            zone=entry["time_zone"],
            duration=words.lasting(entry["seconds"]),
        )
    else:
        times = {"starts": words.briefly(entry["starts_at"]), "until": words.briefly(entry["ends_at"])}
        key = "page.mute.maintenance" if entry["active"] else "page.mute.maintenance_later"
        said = words.say(key, service=service, **times)
    return Mute(entry["id"], "end_maintenance", said, entry["by"], entry["reason"])
