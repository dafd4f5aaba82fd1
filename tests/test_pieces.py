"""The state survives being taken to pieces, written down, and put together again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.core.model import (
    CheckState,
    Failed,
    Failure,
    Incident,
    Maintenance,
    Notice,
    Observation,
    Reading,
    Seen,
    ServiceState,
    Severity,
    Silence,
    State,
    Status,
)
from monitor.pieces import (
    FRAME,
    Frame,
    Key,
    Piece,
    Unreadable,
    changed,
    dump,
    is_quiet,
    join,
    load,
    load_notice,
    split,
)


def anything(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value of a type of the model, kept small; a type that is added to the model is covered by itself."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is tuple and args[-1] is Ellipsis:
        return st.lists(anything(args[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(anything, args))
    if origin is Mapping:  # not `st.from_type`: it would make a ChainMap
        return st.dictionaries(anything(args[0]), anything(args[1]), max_size=2)
    if origin in (Union, UnionType):
        return st.one_of(*map(anything, args))
    if isinstance(annotation, type) and is_dataclass(annotation):
        return small(annotation)
    return SIMPLE[annotation] if annotation in SIMPLE else st.sampled_from(list(annotation))


@cache
def small(model: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(model)
    return st.builds(model, **{each.name: anything(hints[each.name]) for each in fields(model)})


SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=3),
    int: st.integers(-(2**60), 2**60),
    float: st.floats(),
    bool: st.booleans(),
    type(None): st.none(),
}


def unique(model: Any) -> st.SearchStrategy[Any]:
    return st.lists(small(model), unique_by=lambda each: str(each.id), max_size=2).map(tuple)


STATES = st.builds(
    State,
    services=st.dictionaries(st.text(min_size=1, max_size=4), small(ServiceState), max_size=2),
    incidents=unique(Incident),
    silences=unique(Silence),
    maintenance=unique(Maintenance),
    sequence=st.integers(0, 2**53),
)
slow = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def reread(pieces: dict[Key, Piece]) -> dict[Key, Piece]:
    return {key: load(key, dump(piece)) for key, piece in pieces.items()}


@slow
@given(STATES)
def test_what_is_written_reads_the_same_100_states(state: State) -> None:
    """By `repr`, which tells 1 from 1.0 and takes one NaN for another."""
    again = join(reread(split(state)))
    assert repr(sorted(again.services.items())) == repr(sorted(state.services.items()))
    assert repr(replace(again, services={})) == repr(replace(state, services={}))


@slow
@given(small(Notice))
def test_a_notice_reads_the_same_100_notices(notice: Notice) -> None:
    assert repr(load_notice(dump(notice))) == repr(notice)


@slow
@given(STATES, STATES)
def test_writing_only_what_changed_is_enough_100_pairs(before: State, after: State) -> None:
    kept = split(before)
    new = split(after)
    for key in changed(before, after):
        if key in new:
            kept[key] = new[key]
        else:
            del kept[key]
    assert repr(sorted(kept.items(), key=repr)) == repr(sorted(new.items(), key=repr))


def test_infinities_frozen_labels_and_broken_characters_survive() -> None:
    readings = (Reading("a", math.inf, labels=MappingProxyType({"x": "y"})), Reading("b", 1.0))
    failed = Failed(Failure("query", "protocol", "half a character: \udc80 ✓ 한"), readings)
    last = Observation("rds", "rds", 1.0, 0.5, failed)
    service = ServiceState(checks={"rds": CheckState(last=last)})
    key = Key("service", "rds")
    assert load(key, dump(service)) == service
    assert dump(service).isascii()


@pytest.mark.parametrize("result", [Seen(), Failed(Failure("tcp", "refused", "no"))])
def test_the_empty_results_are_told_apart(result: Seen | Failed) -> None:
    service = ServiceState(checks={"c": CheckState(last=Observation("s", "c", 1.0, 1.0, result))})
    assert load(Key("service", "s"), dump(service)) == service


def test_a_row_of_another_version_reads_as_far_as_it_can() -> None:
    """Fields of tomorrow are passed over; fields that yesterday did not have get their default."""
    body = json.loads(dump(ServiceState(Status.DOWN, 5.0)))
    body["invented_tomorrow"] = {"a": 1}
    del body["flapping"]
    assert load(Key("service", "rds"), json.dumps(body)) == ServiceState(Status.DOWN, 5.0)


@pytest.mark.parametrize(
    ("key", "body", "why"),
    [
        (Key("incident", "i1"), "{}", "id: Field required"),
        (Key("incident", "i1"), '{"id"', "Expecting"),
        (Key("service", "rds"), '{"status": "purple"}', "status: Input should be"),
        (Key("colour", "i1"), "{}", "unknown kind colour"),
    ],
)
def test_a_row_that_makes_no_sense_says_why(key: Key, body: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        load(key, body)


def test_pieces_that_the_frame_forgot_come_last() -> None:
    first, second = (Incident(name, "rds", Severity.CRITICAL, 1.0) for name in ("a", "b"))
    pieces: dict[Key, Piece] = {
        Key("incident", "a"): first,
        Key("incident", "b"): second,
        FRAME: Frame(7, incidents=("b",)),
    }
    assert join(pieces) == State(incidents=(second, first), sequence=7)


class TestQuiet:
    looked = ServiceState(Status.HEALTHY, 1.0)
    before = State({"rds": looked})

    def is_quiet(self, after: State) -> bool:
        return is_quiet(self.before, after, changed(self.before, after))

    def test_another_look_that_changes_no_belief_is_quiet(self) -> None:
        assert self.is_quiet(State({"rds": replace(self.looked, checks={"rds": CheckState(seen_at=5.0)})}))

    @pytest.mark.parametrize(
        "after",
        [
            State({"rds": replace(looked, status=Status.DOWN)}),
            State({"rds": replace(looked, flapping=True)}),
            State({"rds": looked, "pm2": looked}),
            State(),
            State({"rds": looked}, sequence=1),
            State({"rds": looked}, silences=(Silence("s1", {}, 0.0, 1.0, "me"),)),
            State({"rds": looked}, incidents=(Incident("i1", "rds", Severity.WARNING, 1.0),)),
        ],
    )
    def test_anything_else_is_not(self, after: State) -> None:
        assert not self.is_quiet(after)

    def test_the_first_state_is_not(self) -> None:
        assert not is_quiet(None, self.before, changed(None, self.before))
