"""Makes the faults of a row, waits, heals, waits for the end, and writes down what was told meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Self

from tests.daemon.notices import Taken
from tests.daemon.running import wait_for
from tests.daemon.watched import Watched
from tests.faults.row import Row
from tests.lab import pm2

PATIENCE: Final = 30.0
"""How much later than promised a notice is still waited for, so that the test can say how late it was."""

RECOVERY: Final = 90.0
CERTAINTY: Final = 90.0
QUIET: Final = 3.0
"""After the end: what would still page, does so now."""


@dataclass(frozen=True)
class Said:
    """One notice, as far as the matrix looks at it."""

    kind: str
    incident: str
    root: str
    severity: str
    impacted: tuple[str, ...]
    cause: str
    text: str
    at: float

    @classmethod
    def of(cls, notice: Taken) -> Self:
        """From what the receiver took."""
        incident = notice.incident
        return cls(
            kind=notice.kind,
            incident=incident["id"],
            root=incident["root"],
            severity=incident["severity"],
            impacted=tuple(each["name"] for each in incident["impacted"]),
            cause=incident["cause"]["id"] if incident["cause"] else "",
            text=json.dumps([incident["cause"], incident["alerts"]], ensure_ascii=False),
            at=notice.at,
        )


@dataclass(frozen=True)
class Outcome:
    """All notices of a run, when each row's fault began, and how the services stood at the end of the fault."""

    said: tuple[Said, ...]
    began: Mapping[str, float]
    statuses: Mapping[str, str]

    def opened(self, root: str) -> Said | None:
        """The first notice that names this root."""
        return next((each for each in self.said if each.kind == "opened" and each.root == root), None)

    def seconds(self, row: Row) -> float | None:
        """From the fault to its notice at the receiver; None if there was none."""
        told = self.opened(row.root)
        if row.counts_to_cause:
            told = next((each for each in self.said if (each.root, each.cause) == (row.root, row.cause)), None)
        return told.at - self.began[row.name] if told else None

    def times(self, rows: Iterable[Row]) -> str:
        """How long each took, for people."""
        told = ((row, self.seconds(row)) for row in rows)
        return "\n".join(f"{row.name}: told after {took or 0.0:.2f} s" for row, took in told)

    def as_json(self) -> str:
        """In one line."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """What `as_json` wrote."""
        told: dict[str, Any] = json.loads(line)
        said = tuple(Said(**{**each, "impacted": tuple(each["impacted"])}) for each in told["said"])
        return cls(said, told["began"], told["statuses"])


def perform(watched: Watched, *rows: Row) -> Outcome:
    """All faults of all rows at once, to the end."""
    wait_for(watched.all_healthy, every=0.1)
    wait_for(lambda: pm2.is_listened_to(watched.lab.places))  # only its bus tells by which signal a process ended
    began = {row.name: _break(watched, row) for row in rows}
    for row in rows:
        _wait_for_notice(watched, row, began[row.name] + row.within + PATIENCE)
        if row.until_certain:
            wait_for(partial(_is_certain, watched, row), seconds=CERTAINTY, every=0.2)
    time.sleep(max(row.dwell for row in rows))
    statuses = watched.daemon.statuses()
    for row in reversed(rows):
        for fault in reversed(row.faults):
            watched.lab.heal(fault)
    wait_for(lambda: _ended(watched) and watched.all_healthy(), seconds=RECOVERY, every=0.1)
    time.sleep(QUIET)
    return Outcome(tuple(Said.of(each) for each in watched.notices()), began, statuses)


def _break(watched: Watched, row: Row) -> float:
    began = time.time()
    for fault in row.faults:
        began = time.time()
        watched.lab.break_(fault)
    return time.time() if row.counts_from_end else began


def _wait_for_notice(watched: Watched, row: Row, until: float) -> None:
    """Of this row's root, or of whatever else was told by then: the verdict will say what was wrong with it."""
    while time.time() < until:
        if any(each == f"opened {row.root}" for each in watched.told()):
            return
        time.sleep(0.05)
    assert watched.told(), f"nobody was told of {row.name}: {watched.daemon.statuses()}"


def _is_certain(watched: Watched, row: Row) -> bool:
    causes = [each["cause"] for each in watched.daemon.get("/api/v1/incidents") if each["root"] == row.root]
    return any(cause and (cause["id"], cause["confidence"]) == (row.cause, "certain") for cause in causes)


def _ended(watched: Watched) -> bool:
    notices = watched.notices()
    return {each.incident["id"] for each in notices if each.kind == "resolved"} >= {
        each.incident["id"] for each in notices
    }


def wrongs(rows: Iterable[Row], outcome: Outcome, *, room: float) -> list[str]:
    """All that is not as it has to be, in words. `room`: seconds that a busy machine may take beyond the promise."""
    expected = {row.root: row for row in rows}
    found = [
        f"{kind}: {told} instead of one for each of {sorted(expected)}"
        for kind in ("opened", "resolved")
        if (told := sorted(each.root for each in outcome.said if each.kind == kind)) != sorted(expected)
    ]
    incidents = {each.incident for each in outcome.said}
    if len(incidents) != len(expected):
        found.append(f"{len(incidents)} incidents")
    for row in expected.values():
        found += _of_row(row, outcome, room)
    return found


def _of_row(row: Row, outcome: Outcome, room: float) -> list[str]:
    opened, seconds = outcome.opened(row.root), outcome.seconds(row)
    if opened is None or seconds is None:
        return [f"{row.name}: nobody was told of {row.root}"]
    own = [each for each in outcome.said if each.incident == opened.incident]
    causes = [each.cause for each in own]
    before_the_end = [each.cause for each in own if each.kind != "resolved"]
    text = " ".join(each.text for each in own)
    checks = (
        (seconds <= row.within + room, f"told after {seconds:.1f} s, promised were {row.within:.1f} s"),
        (all(row.allows(cause) for cause in causes), f"causes {causes}"),
        (row.cause in before_the_end or {*before_the_end} == {"unknown"}, f"{row.cause} was never told"),
        (frozenset(opened.impacted) == row.impacted, f"impacted: {sorted(opened.impacted)}"),
        (opened.severity == row.severity, f"severity {opened.severity}"),
        (outcome.statuses[row.root] == row.status, f"{row.root} was {outcome.statuses[row.root]}, not {row.status}"),
        (all(outcome.statuses[name] != "down" for name in row.never_down), f"down: {outcome.statuses}"),
        (row.says in text, f"{row.says!r} stands nowhere in {text}"),
    )
    return [f"{row.name}: {words}" for well, words in checks if not well]
