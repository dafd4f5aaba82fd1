"""The chain as a tree: whoever is asked stands above what it needs, down to the firewall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from monitor.cli.drawing import cut
from monitor.cli.terminal import can_show, columns, folded, printable, state
from monitor.core.words import Message, Status
from monitor.locale import speak

WIDTH: Final = 80
MOST_LINES: Final = 2
_FRONT: Final = "nginx"
_LINES: Final = {True: ("├─ ", "│  ", "└─ ", "   "), False: ("|- ", "|  ", "`- ", "   ")}


@dataclass(slots=True)
class Tree:
    """Draws one topology, as the API answers it. `roots` are the services where the causes are; `brief`: a line each,
    without what is wrong and what was seen."""

    topology: Mapping[str, Any]
    roots: frozenset[str]
    language: str
    stream: TextIO
    brief: bool = False
    _drawn: set[str] = field(default_factory=set)

    def lines(self) -> Iterator[str]:
        """Those who are needed by nobody begin, whoever faces the clients first. No line is wider than WIDTH."""
        needed = {edge["to"] for edge in self.topology["edges"]}
        tops = [each for each in self.topology["services"] if each["name"] not in needed]
        fronts = [each for each in tops if _FRONT in each["kinds"]]
        if fronts:
            yield speak(Message("explain.client"), self.language)
            yield from self._below(fronts, "", by={})
        for each in tops:
            if each not in fronts:
                yield from self._node(each, "", "", by=None)

    def _below(self, nodes: list[Mapping[str, Any]], margin: str, *, by: Mapping[str, str | None]) -> Iterator[str]:
        branch, bar, last, blank = _LINES[can_show("├│└─", self.stream)]
        for number, each in enumerate(nodes, 1):
            end = number == len(nodes)
            head, rest = (last, blank) if end else (branch, bar)
            yield from self._node(each, margin + head, margin + rest, by=by.get(each["name"]))

    def _node(self, node: Mapping[str, Any], head: str, margin: str, *, by: str | None) -> Iterator[str]:
        name, status = str(node["name"]), Status(node["status"])
        seen = name in self._drawn
        self._drawn.add(name)
        yield head + self._title(node, status, seen=seen)
        yield from self._said(by, margin)
        if seen:
            return
        if status in (Status.DOWN, Status.CRITICAL, Status.WARNING, Status.UNKNOWN):
            yield from self._said(node["message"], margin)
        services = {each["name"]: each for each in self.topology["services"]}
        edges = [edge for edge in self.topology["edges"] if edge["from"] == name and edge["to"] in services]
        needs = [services[edge["to"]] for edge in edges]
        yield from self._below(needs, margin, by={edge["to"]: edge["evidence"] for edge in edges})

    def _title(self, node: Mapping[str, Any], status: Status, *, seen: bool) -> str:
        word = speak(Message(f"notice.status.{status.value}"), self.language)
        said = [state(status, stream=self.stream, word=word), str(node["name"])]
        if node["workers"] and not seen:
            said.append(speak(Message("explain.workers", node["workers"]), self.language))
        if node["name"] in self.roots:
            said.append(speak(Message("explain.root"), self.language))
        if seen:
            said.append(speak(Message("explain.above"), self.language))
        return "  ".join(said)

    def _said(self, text: str | None, margin: str) -> Iterator[str]:
        """Below its node, no more than two lines: the whole of it stands with the incident."""
        if not text or self.brief:
            return
        room = WIDTH - columns(margin) - 2
        lines = folded(printable(text), room)
        if len(lines) > MOST_LINES:
            lines[MOST_LINES - 1] += "…" if can_show("…", self.stream) else "..."
        for line in lines[:MOST_LINES]:
            yield f"{margin}  {cut(line, room)}"


def levels(topology: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """Those whom the clients reach through the front, by how far they are from it at most; empty without a front."""
    services = {each["name"]: each for each in topology["services"]}
    needed = {edge["to"] for edge in topology["edges"]}
    place = {name: 0 for name, each in services.items() if _FRONT in each["kinds"] and name not in needed}
    waiting = list(place)
    while waiting:
        name = waiting.pop(0)
        for edge in topology["edges"]:
            if edge["from"] == name and edge["to"] in services and place.get(edge["to"], -1) <= place[name]:
                place[edge["to"]] = place[name] + 1
                waiting.append(edge["to"])
    return [[services[each] for each in place if place[each] == far] for far in sorted(set(place.values()))]
