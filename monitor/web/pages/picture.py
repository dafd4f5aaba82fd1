"""The chain as a picture: client, Nginx, applications, the firewall before its database, and what they all run on."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from monitor.answers import Json
from monitor.core.words import Status
from monitor.web.pages.layers import Box, Drawing, Edge, Line, Point, Room, arranged

CLIENT: Final = ""
"""The name of who asks; no service has it."""

WIDE: Final = Room(width=178, height=58, between=68, beside=22)
TALL: Final = Room(width=162, height=58, between=44, beside=14, upright=True)
PHONE: Final = 340.0
"""The width that every telephone has room for."""

_LETTERS: Final = {False: 20, True: 18}
_ARROW: Final = 7.0
_FRONT: Final = "nginx"
_GATE: Final = ["security_group"]
_HOST: Final = ["host"]
_SUPERVISOR: Final = ["pm2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One box with what it stands for; `node` is None for the client."""

    box: Box
    node: Json | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One line: its path and head, for SVG; how long an answer took, and where that is written, from there on or up to
    there; `status` if what it leads to is broken."""

    path: str
    head: str
    label: Point
    anchor: str
    milliseconds: float | None
    status: str | None
    backwards: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One drawing, ready to be written."""

    width: float
    height: float
    shown: tuple[Shown, ...]
    arrows: tuple[Arrow, ...]
    upright: bool

    @property
    def fits(self) -> bool:
        """Whether a telephone shows all of it at once."""
        return self.width <= PHONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Everything there is to see: the chain side by side and upright, what it runs on, and what stands alone."""

    pictures: tuple[Picture, ...]
    ground: tuple[Json, ...]
    alone: tuple[Json, ...]
    needs: Mapping[str, tuple[Json, ...]]


def chain_of(topology: Json, *, front_ms: Mapping[str, float | None]) -> Chain:
    """Of a topology as the API answers it. `front_ms`: how long each service took to answer its last look."""
    services: list[Json] = topology["services"]
    nodes = {each["name"]: each for each in services}
    ground = [each for each in services if _is_ground(each, topology["edges"])]
    beneath = {each["name"] for each in ground}
    used = [each for each in topology["edges"] if not {each["from"], each["to"]} & beneath]
    fronts = [each["name"] for each in services if _FRONT in each["kinds"]]
    times = _gated({(each["from"], each["to"]): each["response_time_ms"] for each in used}, nodes)
    called = {target for _, target in times}
    times |= {(CLIENT, front): front_ms.get(front) for front in fronts if front not in called}
    joined = {name for edge in times for name in edge}
    names = [name for name in (CLIENT, *nodes) if name in joined]
    return Chain(
        pictures=tuple(_picture(names, times, nodes, room) for room in (WIDE, TALL)) if names else (),
        ground=tuple(ground),
        alone=tuple(each for each in services if each["name"] not in joined | beneath),
        needs={name: tuple(each for each in topology["edges"] if each["from"] == name) for name in nodes},
    )


def _is_ground(node: Json, edges: Sequence[Json]) -> bool:
    """The machine, and PM2 itself, which its applications need and which needs nobody."""
    if node["kinds"] == _HOST:
        return True
    return bool(node["kinds"] == _SUPERVISOR and not node["workers"] and all(e["from"] != node["name"] for e in edges))


def _gated(times: dict[Edge, float | None], nodes: Mapping[str, Json]) -> dict[Edge, float | None]:
    """A database needs its firewall to be open; what a request meets first is the firewall. So it is drawn before."""
    gates = dict[str, list[str]]()
    for name, other in times:
        if nodes[other]["kinds"] == _GATE and nodes[name]["kinds"] != _GATE:
            gates.setdefault(name, []).append(other)
    found = dict[Edge, float | None]()
    for (name, other), time in times.items():
        if other in gates.get(name, ()):
            continue
        for gate in gates.get(other, ()):
            found[(name, gate)] = None
            found[(gate, other)] = max(filter(None, (found.get((gate, other)), time)), default=None)
        if other not in gates:
            found[(name, other)] = time
    for name, before in gates.items():
        for gate in before:
            found.setdefault((gate, name), None)
    return found


def _picture(
    names: Sequence[str], times: Mapping[Edge, float | None], nodes: Mapping[str, Json], room: Room
) -> Picture:
    drawing = arranged(names, list(times), room)
    return Picture(
        width=drawing.width,
        height=drawing.height,
        shown=tuple(
            Shown(box=box, node=nodes.get(box.name), name=shortened(box.name, _LETTERS[room.upright]))
            for box in drawing.boxes
        ),
        arrows=tuple(_arrows(drawing, times, nodes, upright=room.upright)),
        upright=room.upright,
    )


def _arrows(
    drawing: Drawing, times: Mapping[Edge, float | None], nodes: Mapping[str, Json], *, upright: bool
) -> Iterator[Arrow]:
    for line in drawing.lines:
        status = Status(nodes[line.target]["status"])
        x, y = line.points[-1]
        turn = -1 if line.backwards else 1
        back, side = -_ARROW * turn, _ARROW * 0.6
        corners = ((side, back), (-side, back)) if upright else ((back, side), (back, -side))
        label, anchor = _label(line, upright=upright)
        yield Arrow(
            path=_path(line, upright=upright),
            head="M" + "L".join(_at((x + across, y + down)) for across, down in ((0.0, 0.0), *corners)) + "z",
            label=label,
            anchor=anchor,
            milliseconds=times[(line.source, line.target)],
            status=status.value if status.failing else None,
            backwards=line.backwards,
        )


def _path(line: Line, *, upright: bool) -> str:
    """Straight through the layers that it passes, curved between them."""
    text = f"M{_at(line.points[0])}"
    for (x, y), (to_x, to_y) in pairwise(line.points):
        if x == to_x or y == to_y:
            text += f"L{_at((to_x, to_y))}"
        elif upright:
            text += f"C{_at((x, (y + to_y) / 2))} {_at((to_x, (y + to_y) / 2))} {_at((to_x, to_y))}"
        else:
            text += f"C{_at(((x + to_x) / 2, y))} {_at(((x + to_x) / 2, to_y))} {_at((to_x, to_y))}"
    return text


def _label(line: Line, *, upright: bool) -> tuple[Point, str]:
    """Beside the head, on the side from which the line does not come."""
    (from_x, from_y), (x, y) = line.points[-2:]
    if upright:
        return ((x - 9, y - 13), "end") if from_x > x else ((x + 9, y - 13), "start")
    return ((x - 11, y + (17 if from_y < y else -7)), "end")


def _at(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def shortened(text: str, room: int) -> str:
    """No wider than so many Latin letters; Korean ones take the room of two."""
    taken = 0
    for n, letter in enumerate(text):
        taken += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if taken > room:
            return text[: max(0, n - 1)] + "…"
    return text


def roots_of(incidents: Collection[Mapping[str, Any]]) -> frozenset[str]:
    """Where the causes are."""
    return frozenset(each["root"] for each in incidents)
