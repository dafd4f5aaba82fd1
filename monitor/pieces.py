"""The state in pieces, each kept in a row of its own, so that a look writes the few rows that it changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeAlias

from pydantic import TypeAdapter, ValidationError

from monitor.core.model import Change, Incident, Link, Maintenance, Notice, Recurring, ServiceState, Silence, State


class Key(NamedTuple):
    """Where a piece is kept."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What holds the pieces together: the sequence, and the order in which the listed ones stand."""

    sequence: int = 0
    incidents: tuple[str, ...] = ()
    silences: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()
    recurring: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lately:
    """What was changed lately, and who was seen to use what; it is short, and kept in one piece."""

    changes: tuple[Change, ...] = ()
    links: tuple[Link, ...] = ()


FRAME: Final = Key("frame", "")
LATELY: Final = Key("lately", "")

Piece: TypeAlias = ServiceState | Incident | Silence | Maintenance | Recurring | Frame | Lately

_SERVICE: Final = TypeAdapter(ServiceState)
_INCIDENT: Final = TypeAdapter(Incident)
_SILENCE: Final = TypeAdapter(Silence)
_MAINTENANCE: Final = TypeAdapter(Maintenance)
_RECURRING: Final = TypeAdapter(Recurring)
_FRAME: Final = TypeAdapter(Frame)
_LATELY: Final = TypeAdapter(Lately)
_NOTICE: Final = TypeAdapter(Notice)
_PIECES: Final[Mapping[str, TypeAdapter[Any]]] = {
    "service": _SERVICE,
    "incident": _INCIDENT,
    "silence": _SILENCE,
    "maintenance": _MAINTENANCE,
    "recurring": _RECURRING,
    "frame": _FRAME,
    "lately": _LATELY,
}
_ADAPTERS: Final[Mapping[type[Piece | Notice], TypeAdapter[Any]]] = {
    ServiceState: _SERVICE,
    Incident: _INCIDENT,
    Silence: _SILENCE,
    Maintenance: _MAINTENANCE,
    Recurring: _RECURRING,
    Frame: _FRAME,
    Lately: _LATELY,
    Notice: _NOTICE,
}


class Unreadable(Exception):  # noqa: N818 — it says what a row is, not what we did wrong
    """A row that this version cannot make sense of."""


def split(state: State) -> dict[Key, Piece]:
    """Every piece of the state under its key."""
    pieces: dict[Key, Piece] = {Key("service", name): each for name, each in state.services.items()}
    for kind, listed in _lists(state):
        pieces |= {Key(kind, each.id): each for each in listed}
    pieces[FRAME] = _frame(state)
    pieces[LATELY] = Lately(state.changes, state.links)
    return pieces


def join(pieces: Mapping[Key, Piece]) -> State:
    """The state again; `join(split(state)) == state`. Pieces that the frame does not list come last."""
    frame = pieces.get(FRAME)
    order = frame if isinstance(frame, Frame) else Frame()
    lately = pieces.get(LATELY)
    return State(
        services={key.id: each for key, each in pieces.items() if isinstance(each, ServiceState)},
        incidents=_ordered((each for each in pieces.values() if isinstance(each, Incident)), order.incidents),
        silences=_ordered((each for each in pieces.values() if isinstance(each, Silence)), order.silences),
        maintenance=_ordered((each for each in pieces.values() if isinstance(each, Maintenance)), order.maintenance),
        sequence=order.sequence,
        recurring=_ordered((each for each in pieces.values() if isinstance(each, Recurring)), order.recurring),
        changes=lately.changes if isinstance(lately, Lately) else (),
        links=lately.links if isinstance(lately, Lately) else (),
    )


def changed(before: State | None, after: State) -> frozenset[Key]:
    """The keys of the pieces that are new, different or gone; everything when nothing is known of before."""
    if before is None:
        return frozenset(split(after))
    keys = _differing("service", before.services, after.services)
    for (kind, old), (_, new) in zip(_lists(before), _lists(after), strict=True):
        if old is not new:
            keys |= _differing(kind, {each.id: each for each in old}, {each.id: each for each in new})
    if _frame(before) != _frame(after):
        keys.add(FRAME)
    if (before.changes, before.links) != (after.changes, after.links):
        keys.add(LATELY)
    return frozenset(keys)


def is_quiet(before: State | None, after: State, keys: Iterable[Key]) -> bool:
    """Whether the change is nothing but what another look brought, and no service is believed to be anything else by
    it. Losing that in a crash costs a look, which finds again what was changed, so that it may wait for company before
    it is written."""
    if before is None:
        return False
    for key in keys:
        if key == LATELY:
            continue
        old, new = before.services.get(key.id), after.services.get(key.id)
        if key.kind != "service" or old is None or new is None or replace(old, checks=new.checks) != new:
            return False
    return True


def dump(piece: Piece | Notice) -> str:
    """JSON in plain ASCII. Infinities, and characters that other people's texts got wrong, survive it."""
    return json.dumps(_ADAPTERS[type(piece)].dump_python(piece, warnings=False), default=dict, separators=(",", ":"))


def load(key: Key, body: str) -> Piece:
    """Reads what `dump` wrote; fields it does not know are passed over. Raises Unreadable."""
    if key.kind not in _PIECES:
        raise Unreadable(f"unknown kind {key.kind}")
    piece: Piece = _read(_PIECES[key.kind], body)
    return piece


def load_notice(body: str) -> Notice:
    """The notice of an outbox row. Raises Unreadable."""
    notice: Notice = _read(_NOTICE, body)
    return notice


def _read(adapter: TypeAdapter[Any], body: str) -> Any:
    try:
        return adapter.validate_python(json.loads(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Unreadable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _lists(state: State) -> tuple[tuple[str, tuple[Incident | Silence | Maintenance | Recurring, ...]], ...]:
    return (
        ("incident", state.incidents),
        ("silence", state.silences),
        ("maintenance", state.maintenance),
        ("recurring", state.recurring),
    )


def _frame(state: State) -> Frame:
    return Frame(state.sequence, *(tuple(each.id for each in listed) for _, listed in _lists(state)))


def _differing(kind: str, old: Mapping[str, Piece], new: Mapping[str, Piece]) -> set[Key]:
    return {
        Key(kind, each)
        for each in old.keys() | new.keys()
        if old.get(each) is not new.get(each) and old.get(each) != new.get(each)
    }


def _ordered(pieces: Iterable[Any], order: tuple[str, ...]) -> tuple[Any, ...]:
    place = {each: index for index, each in enumerate(order)}
    return tuple(sorted(pieces, key=lambda each: (place.get(each.id, len(place)), each.id)))
