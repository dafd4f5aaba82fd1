"""Laws of the picture's layout: nothing covers anything, and lines lead forwards."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.web.pages.layers import Box, Drawing, Edge, Room, arranged

WIDE = Room(width=180, height=56, between=70, beside=18)
TALL = Room(width=160, height=56, between=40, beside=12, upright=True)
NAMES = st.lists(st.sampled_from("abcdefghijkl"), min_size=1, max_size=12, unique=True)
ROOMS = pytest.mark.parametrize("room", [WIDE, TALL], ids=["wide", "tall"])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[Edge]]:
    names = draw(NAMES)
    return names, draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=24))


def boxes(drawing: Drawing) -> dict[str, Box]:
    return {each.name: each for each in drawing.boxes}


def apart(one: Box, other: Box) -> bool:
    gap = 1e-6
    return (
        one.x + one.width <= other.x + gap
        or other.x + other.width <= one.x + gap
        or one.y + one.height <= other.y + gap
        or other.y + other.height <= one.y + gap
    )


def within(point: tuple[float, float], box: Box) -> bool:
    gap = 1e-6
    return box.x + gap < point[0] < box.x + box.width - gap and box.y + gap < point[1] < box.y + box.height - gap


@ROOMS
@given(graph=graphs())
def test_every_name_has_a_box_and_no_box_covers_another_or_leaves_the_picture(
    room: Room, graph: tuple[list[str], list[Edge]]
) -> None:
    drawing = arranged(*graph, room)
    assert [each.name for each in drawing.boxes] == graph[0]
    assert all(apart(one, other) for one, other in combinations(drawing.boxes, 2))
    for box in drawing.boxes:
        assert -1e-6 <= box.x <= drawing.width - box.width + 1e-6
        assert -1e-6 <= box.y <= drawing.height - box.height + 1e-6


@ROOMS
@given(graph=graphs())
def test_every_edge_is_a_line_that_leads_forwards_unless_it_closes_a_circle(
    room: Room, graph: tuple[list[str], list[Edge]]
) -> None:
    drawing, placed = arranged(*graph, room), boxes(arranged(*graph, room))
    assert {(each.source, each.target) for each in drawing.lines} == {edge for edge in graph[1] if edge[0] != edge[1]}
    for line in drawing.lines:
        source, target = placed[line.source], placed[line.target]
        forwards = source.y + source.height < target.y if room.upright else source.x + source.width < target.x
        assert forwards is not line.backwards
        assert not any(within(point, box) for point in line.points for box in drawing.boxes)
    forward = [(each.source, each.target) for each in drawing.lines if not each.backwards]
    assert not any(each.backwards for each in arranged(graph[0], forward, room).lines)


@ROOMS
@given(graph=graphs())
def test_a_line_begins_and_ends_at_the_middle_of_the_sides_that_face_each_other(
    room: Room, graph: tuple[list[str], list[Edge]]
) -> None:
    drawing = arranged(*graph, room)
    placed = boxes(drawing)
    for line in drawing.lines:
        ends = [(line.points[0], placed[line.source]), (line.points[-1], placed[line.target])]
        for (x, y), box in ends:
            if room.upright:
                assert y in (pytest.approx(box.y), pytest.approx(box.y + box.height))
                assert x == pytest.approx(box.x + box.width / 2)
            else:
                assert x in (pytest.approx(box.x), pytest.approx(box.x + box.width))
                assert y == pytest.approx(box.y + box.height / 2)


@given(graph=graphs())
def test_the_same_graph_is_drawn_the_same(graph: tuple[list[str], list[Edge]]) -> None:
    assert arranged(*graph, WIDE) == arranged(*graph, WIDE)


def test_nothing_is_an_empty_picture() -> None:
    assert arranged([], [], WIDE) == Drawing(0, 0, (), ())


def test_the_chain_stands_in_the_order_of_a_request_and_what_is_beside_each_other_is_centred() -> None:
    names = ["rds", "firewall", "nodejs", "python", "nginx", "client"]
    edges = [
        ("firewall", "rds"),
        ("nodejs", "firewall"),
        ("python", "firewall"),
        ("nginx", "nodejs"),
        ("nginx", "python"),
        ("client", "nginx"),
    ]
    placed = boxes(arranged(names, edges, WIDE))
    assert sorted(names, key=lambda name: placed[name].x) == ["client", "nginx", "nodejs", "python", "firewall", "rds"]
    assert placed["nodejs"].x == placed["python"].x
    middle = placed["nginx"].y
    assert {placed[name].y for name in ("client", "firewall", "rds")} == {middle}
    assert placed["nodejs"].y < middle < placed["python"].y


def test_a_long_line_passes_beside_the_boxes_between() -> None:
    drawing = arranged(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")], WIDE)
    (line,) = [each for each in drawing.lines if (each.source, each.target) == ("a", "c")]
    assert len(line.points) == 4
    between = boxes(drawing)["b"]
    assert not between.y <= line.points[1][1] <= between.y + between.height
