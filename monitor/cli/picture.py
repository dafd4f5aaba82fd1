"""One picture of how everything is, as large as the terminal: what `watch` shows."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.cli.channels import troubles
from monitor.cli.drawing import cut, shown, table
from monitor.cli.numbers import key_numbers
from monitor.cli.remedy import arrow
from monitor.cli.status import SPARKS, because, itself, moment_of, worst_of
from monitor.cli.terminal import can_show, folded, mark, state
from monitor.cli.tree import Tree, levels
from monitor.cli.words import Words
from monitor.core.words import Status

BESIDE: Final = 140
"""Columns from which the chain stands beside the table."""
MOST_INCIDENTS: Final = 3
_LINES: Final = 2
"""Of a sentence; the whole of it is what `explain` is for."""
_BETWEEN: Final = "   "
_GAP: Final = 2
_LEAST_NUMBERS: Final = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What the daemon answered last, the lines of the last hour, and how old that is in seconds; `trouble` is why there
    is nothing newer."""

    answer: Mapping[str, Any]
    lines: Mapping[str, str]
    age: float
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """For a terminal of that size, at that time of the clock on the wall."""

    words: Words
    width: int
    height: int
    clock: str
    url: str

    def lines(self, seen: Seen) -> list[str]:
        """No more of them than the terminal has, and none wider."""
        answer, room = seen.answer, self.width
        now = moment_of(answer)
        top = [*self._head(seen), *self._incidents(answer, now)]
        bottom = ["", *self._itself(answer, now)]
        rows = self._rows(seen, now)
        tree = list(Tree(answer["topology"], _roots(answer), self.words.language, sys.stdout, brief=True).lines())
        free = self.height - len(top) - len(bottom)
        if room >= BESIDE and max(len(rows), len(tree)) <= free:
            middle = _beside(self._table(rows, room - max(map(shown, tree)) - len(_BETWEEN)), tree)
        elif len(rows) + 1 + len(tree) <= free:
            middle = [*self._table(rows, room), "", *tree]
        else:
            chain = self._chain(answer)
            middle = [*self._fewer(self._table(rows, room), free - len(chain)), *chain]
        return [cut(line, room) for line in (*top, *middle, *bottom)][: self.height]

    def _head(self, seen: Seen) -> Iterator[str]:
        services = seen.answer["services"]
        overall = Status(seen.answer["overall_status"])
        counted = [(each, sum(service["status"] == each for service in services)) for each in Status]
        said = ", ".join(
            self.words("so_many", count=count, status=self.words.status(each)) for each, count in counted if count
        )
        left = f"{state(overall, word=self.words.status(overall))}  {said}"
        right = self.words("watch.seen", clock=self.clock, age=self.words.lasting(math.ceil(seen.age)))
        if shown(left) + _GAP + shown(right) > self.width:
            yield right
            yield left
        else:
            yield left + " " * (self.width - shown(left) - shown(right)) + right
        if seen.trouble:
            yield from folded(f"! {seen.trouble}", self.width)
            yield self.words("watch.old", age=self.words.lasting(math.ceil(seen.age)))

    def _incidents(self, answer: Mapping[str, Any], now: float) -> Iterator[str]:
        incidents = answer["incidents"]
        for each in incidents[:MOST_INCIDENTS]:
            worst, cause = worst_of(each), each["cause"]
            since = self.words.ago(each["opened_at"], now)
            yield ""
            yield f"{state(worst, word=self.words.status(worst))}  {each['title']}  {since}"
            if cause:
                yield from self._briefly(because(cause, self.words))
            if cause and cause["remedy"]:
                yield from self._briefly(f"{arrow()} {cause['remedy'].splitlines()[0]}")
        if more := len(incidents) - MOST_INCIDENTS:
            yield from [self.words("watch.more_incidents", count=more)] if more > 0 else []
        yield ""

    def _briefly(self, text: str) -> Iterator[str]:
        lines = folded(text, self.width - 2)
        if len(lines) > _LINES:
            lines[_LINES - 1] += f" {_more()}"
        for line in lines[:_LINES]:
            yield f"  {line}"

    def _rows(self, seen: Seen, now: float) -> list[list[str]]:
        """Headings, then the worst first where not all would be seen."""
        services = seen.answer["services"]
        rates = any(each["error_rate"] is not None for each in services)
        rows = [self.words.row("service", "status", "since", "response", *(["error_rate"] if rates else []))]
        rows[0] += self.words.row("last_hour", "numbers")
        if len(services) + len(self._fixed(seen.answer)) > self.height:
            services = sorted(services, key=lambda each: -Status(each["status"]).rank)
        for each in services:
            response, rate = each["response_time_ms"], each["error_rate"]
            rows.append(
                [
                    each["name"],
                    state(Status(each["status"]), word=self.words.status(each["status"])),
                    self.words.since(each["since"], now),
                    "-" if response is None else self.words.number(response / 1000, "seconds"),
                    *(["-" if rate is None else self.words.number(rate, "percent")] if rates else []),
                    seen.lines.get(each["name"], "")[:SPARKS],
                    "\n".join(key_numbers(each["metrics"], self.words)),
                ]
            )
        return rows

    def _table(self, rows: Sequence[Sequence[str]], width: int) -> list[str]:
        """As many columns as there is room for; of the numbers, as many as fit."""
        fixed = [list(row[:-1]) for row in rows]
        while len(fixed[0]) > 1 and max(map(shown, table(fixed).split("\n"))) > width:
            fixed = [row[:-1] for row in fixed]
        room = width - max(map(shown, table(fixed).split("\n"))) - _GAP
        if len(fixed[0]) < len(rows[0]) - 1 or room < _LEAST_NUMBERS:
            return table(fixed, width=width).split("\n")
        numbers = [rows[0][-1], *(_fitting(row[-1].split("\n"), room) for row in rows[1:])]
        return table([[*row, last] for row, last in zip(fixed, numbers, strict=True)], width=width).split("\n")

    def _fewer(self, lines: list[str], room: int) -> list[str]:
        if len(lines) <= room or room < _GAP:
            return lines
        return [*lines[: room - 1], self.words("watch.more_services", count=len(lines) - room + 1)]

    def _chain(self, answer: Mapping[str, Any]) -> list[str]:
        """Who asks whom, in a line or two."""
        if self.height < _SMALL:
            return []
        step_to = f" {arrow()} "
        steps = [
            ", ".join(f"{mark(Status(each['status']))} {each['name']}" for each in level)
            for level in levels(answer["topology"])
        ]
        if not steps:
            return []
        lines = [self.words("watch.chain")]
        for step in steps:
            longer = f"{lines[-1]}{step_to}{step}"
            if shown(longer) > self.width and lines[-1].strip():
                lines.append(f" {step_to}{step}")
            else:
                lines[-1] = longer
        return ["", *lines]

    def _itself(self, answer: Mapping[str, Any], now: float) -> Iterator[str]:
        if wrong := troubles(answer["monitoring"], now, self.words):
            yield from wrong.split("\n")[:2]
        line = itself(answer["monitoring"], self.words)
        whole = f"{line}  {self.url}"
        yield whole if shown(whole) <= self.width else line

    def _fixed(self, answer: Mapping[str, Any]) -> list[str]:
        return ["", "", "", "", *self._chain(answer)]


_SMALL: Final = 12


def _roots(answer: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(each["root"] for each in answer["incidents"])


def _beside(left: list[str], right: list[str]) -> list[str]:
    wide = max(map(shown, left))
    rows = max(len(left), len(right))
    left, right = left + [""] * (rows - len(left)), right + [""] * (rows - len(right))
    return [f"{a}{' ' * (wide - shown(a))}{_BETWEEN}{b}".rstrip() for a, b in zip(left, right, strict=True)]


def _fitting(texts: list[str], room: int) -> str:
    said = ""
    for text in texts:
        longer = f"{said}, {text}" if said else text
        if shown(longer) > room:
            break
        said = longer
    return said


def _more() -> str:
    return "…" if can_show("…", sys.stdout) else "..."
