"""Where the boxes of a graph stand and how the lines between them run: whoever uses something stands before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

Edge: TypeAlias = tuple[str, str]
Point: TypeAlias = tuple[float, float]

_SWEEPS: Final = 6
_LANE: Final = 10.0
"""How much room a line takes where it passes a layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How large boxes are, and what is between them. `upright`: layers stand below each other, not side by side."""

    width: float
    height: float
    between: float
    beside: float
    upright: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """One node: its left upper corner and its size."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """One edge, from the box that uses to the box that is used. `backwards`: it closes a circle, and runs against the
    others."""

    source: str
    target: str
    points: tuple[Point, ...]
    backwards: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything placed; the left upper corner is 0, 0."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Stop:
    """A box, or the place where a long line passes a layer; `at` is the middle, across the layers' direction."""

    key: str
    layer: int
    size: float
    at: float = 0.0


def arranged(names: Sequence[str], edges: Sequence[Edge], room: Room) -> Drawing:
    """The same for the same names and edges, in the same order. Edges to nobody or to oneself are left out."""
    known = dict.fromkeys(names)
    edges = [edge for edge in dict.fromkeys(edges) if edge[0] in known and edge[1] in known and edge[0] != edge[1]]
    turned = _closing(list(known), edges)
    forward = {edge: (edge[1], edge[0]) if edge in turned else edge for edge in edges}
    layers = _layers(list(known), list(forward.values()))
    across = room.width if room.upright else room.height
    stops = {name: _Stop(name, layer, across) for name, layer in layers.items()}
    ways = {edge: list(_way(stops, forward[edge])) for edge in edges}
    rows = _ordered(stops, list(ways.values()))
    _settle(rows, list(ways.values()), room.beside)
    return _drawn(list(known), stops, ways, turned, room)


def _closing(names: Sequence[str], edges: Sequence[Edge]) -> set[Edge]:
    """Edges that lead back to where one came from, walking on from each name in turn."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        after[source].append(target)
    done, found = set[str](), set[Edge]()
    for name in names:
        path: dict[str, Iterator[str]] = {} if name in done else {name: iter(after[name])}
        while path:
            here = next(reversed(path))
            there = next(path[here], None)
            if there is None:
                done.add(here)
                del path[here]
            elif there in path:
                found.add((here, there))
            elif there not in done:
                path[there] = iter(after[there])
    return found


def _layers(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """As far behind the first as the longest way there is; who is used by nobody, just before what it uses first."""
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        after[source].append(target)
        before[target].append(source)
    waiting = {name: len(before[name]) for name in names}
    ready = [name for name in names if not waiting[name]]
    layers = dict.fromkeys(names, 0)
    for name in ready:
        for each in after[name]:
            layers[each] = max(layers[each], layers[name] + 1)
            waiting[each] -= 1
            if not waiting[each]:
                ready.append(each)
    for name in names:
        if not before[name] and after[name]:
            layers[name] = min(layers[each] for each in after[name]) - 1
    return layers


def _way(stops: dict[str, _Stop], edge: Edge) -> Iterator[str]:
    """The keys of the stops along a forward edge; where it passes a layer, one is made."""
    source, target = edge
    yield source
    for layer in range(stops[source].layer + 1, stops[target].layer):
        key = f"{source}\0{target}\0{layer}"
        stops[key] = _Stop(key, layer, _LANE)
        yield key
    yield target


def _neighbours(ways: Sequence[Sequence[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before, after = dict[str, list[str]](), dict[str, list[str]]()
    for way in ways:
        for here, there in pairwise(way):
            before.setdefault(there, []).append(here)
            after.setdefault(here, []).append(there)
    return before, after


def _ordered(stops: Mapping[str, _Stop], ways: Sequence[Sequence[str]]) -> list[list[_Stop]]:
    """Each layer in an order in which lines cross little: every stop near the middle of what it is joined to."""
    rows: list[list[_Stop]] = [[] for _ in range(1 + max((each.layer for each in stops.values()), default=-1))]
    for stop in stops.values():
        rows[stop.layer].append(stop)
    sides = _neighbours(ways)
    place = {stop.key: float(n) for row in rows for n, stop in enumerate(row)}
    for sweep in range(_SWEEPS):
        joined = sides[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            middle = {
                each.key: _mean([place[key] for key in joined.get(each.key, ())], place[each.key]) for each in row
            }
            row[:] = [stop for _, _, stop in sorted((middle[each.key], n, each) for n, each in enumerate(row))]
            place |= {each.key: float(n) for n, each in enumerate(row)}
    return rows


def _settle(rows: Sequence[Sequence[_Stop]], ways: Sequence[Sequence[str]], gap: float) -> None:
    """Each stop as near to the middle of what it is joined to as its neighbours leave room."""
    sides = _neighbours(ways)
    known = {stop.key: stop for row in rows for stop in row}
    for row in rows:
        _spread(row, [0.0] * len(row), gap)
    for sweep in range(_SWEEPS):
        joined = sides[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _spread(row, [_mean([known[key].at for key in joined.get(each.key, ())], each.at) for each in row], gap)


def _spread(row: Sequence[_Stop], wanted: Sequence[float], gap: float) -> None:
    """In this order, nowhere closer than `gap`, and on the whole where they want to be."""
    at = 0.0
    for n, (stop, want) in enumerate(zip(row, wanted, strict=True)):
        least = at + (row[n - 1].size + stop.size) / 2 + gap if n else want
        at = stop.at = max(want, least)
    off = _mean([stop.at - want for stop, want in zip(row, wanted, strict=True)], 0.0)
    for stop in row:
        stop.at -= off


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _drawn(
    names: Sequence[str], stops: Mapping[str, _Stop], ways: Mapping[Edge, Sequence[str]], turned: set[Edge], room: Room
) -> Drawing:
    along = room.height if room.upright else room.width
    least = min((stop.at - stop.size / 2 for stop in stops.values()), default=0.0)
    most = max((stop.at + stop.size / 2 for stop in stops.values()), default=0.0)
    deep = 1 + max((stop.layer for stop in stops.values()), default=-1)

    def start(stop: _Stop) -> float:
        return stop.layer * (along + room.between)

    def points(way: Sequence[str]) -> Iterator[Point]:
        for n, stop in enumerate(stops[key] for key in way):
            middle = stop.at - least
            if n:
                yield (start(stop), middle)
            if n < len(way) - 1:
                yield (start(stop) + along, middle)

    def turn(point: Point) -> Point:
        return (point[1], point[0]) if room.upright else point

    boxes = []
    for name in names:
        x, y = turn((start(stops[name]), stops[name].at - stops[name].size / 2 - least))
        boxes.append(Box(name, x, y, room.width, room.height))
    lines = [Line(*edge, tuple(map(turn, points(way))), edge in turned) for edge, way in ways.items()]
    width, height = turn((max(0.0, deep * (along + room.between) - room.between), most - least))
    return Drawing(
        width,
        height,
        tuple(boxes),
        tuple(replace(each, points=each.points[::-1]) if each.backwards else each for each in lines),
    )
