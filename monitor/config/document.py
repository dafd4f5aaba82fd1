"""From YAML text to plain data that remembers where everything stood.

The parser's events are put together here, not by PyYAML's own composer: that one recurses in C without a bound (a file
of brackets ends the process), and it knows YAML 1.1's traps (`no`, `1:30`, `08`). Only `true`, `false`, `null`, whole
and decimal numbers are more than text here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from monitor.config.mistakes import Place, did_you_mean

Path: TypeAlias = tuple[str | int, ...]

DEPTH: Final = 40
"""How deep values may be nested."""
VALUES: Final = 200_000
"""How many values a document may have once its aliases are written out."""

_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
# exactly what libyaml refuses without a place to show for it, and the mark that it swallows
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")
_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]{1,3})?|[eE][-+]?[0-9]{1,3})")
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_TEXT_TAGS: Final = ("!", "tag:yaml.org,2002:str")


class Unreadable(Exception):  # noqa: N818 — it is a finding about the file, caught at once by `load`
    """The text is not a YAML document that can be used at all."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place = place
        self.text = text


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong with the document itself: a key that stands twice, a tag, a bad merge."""

    path: Path
    place: Place
    text: str


@dataclass(slots=True)
class Document:
    """`data` is made of dict, list, str, int, float, bool and None. `values` and `keys` tell where each path stands."""

    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the longest existing prefix of `path` stands; the key's own place when the path itself has one and it
        is asked for."""
        if key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if (found := self.values.get(path[:length])) is not None:
                return found
        return Place(1, 1)


@dataclass(frozen=True, slots=True)
class _Scalar:
    place: Place
    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class _Sequence:
    place: Place
    items: list[_Node]


@dataclass(frozen=True, slots=True)
class _Mapping:
    place: Place
    items: dict[str, tuple[Place, _Node]]


_Node: TypeAlias = _Scalar | _Sequence | _Mapping


def read(text: str) -> Document:
    """The document with its complaints. Raises Unreadable for broken YAML, with the place."""
    if odd := _FORBIDDEN.search(text):
        raise Unreadable(place_of(text, odd.start()), f"the character U+{ord(odd.group()):04X} must not stand here")
    composer = _Composer(text)
    try:
        root = composer.document()
    except yaml.MarkedYAMLError as error:
        place = composer.inside(error.problem_mark or error.context_mark)
        raise Unreadable(place, _said(error, _character(text, place))) from None
    document = Document(complaints=composer.complaints)
    if root is not None:
        document.data = _Writer(document).write(root, ())
    return document


def _said(error: yaml.MarkedYAMLError, character: str) -> str:
    problem = error.problem or error.context or "cannot be read"
    if problem == "found character that cannot start any token":
        if character == "\t":
            return "not YAML: a tab must not indent; use spaces"
        return f"not YAML: a text that begins with {character} must stand in quotes"
    if problem.startswith("mapping values are not allowed"):
        return "not YAML: no key: value may stand here; a text with a colon in it must stand in quotes"
    begun = f" begun in line {error.context_mark.line + 1}" if error.context_mark else ""
    return f"not YAML: {problem}" + (f" ({error.context}{begun})" if error.context and error.problem else "")


def _character(text: str, place: Place) -> str:
    """What stands there; nothing at the end of a line."""
    return _BREAK.split(text)[place.line - 1][place.column - 1 : place.column]


def place_of(text: str, index: int) -> Place:
    """The line and column of a character."""
    breaks = list(_BREAK.finditer(text, 0, index))
    return Place(len(breaks) + 1, index - (breaks[-1].end() if breaks else 0) + 1)


class _Composer:
    """Puts the parser's events together, no deeper than DEPTH, with merges (<<) done."""

    def __init__(self, text: str) -> None:
        self._end = place_of(text, len(text.rstrip()))
        self._events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, _Node | None] = {}
        self._merged = 0
        self.complaints: list[Complaint] = []

    def inside(self, mark: Any) -> Place:
        """The mark's place; a mark behind the end becomes the end of the last line that holds anything."""
        if mark is None:
            return Place(1, 1)
        if mark.line > self._end.line - 1:
            return self._end
        return Place(mark.line + 1, mark.column + 1)

    def document(self) -> _Node | None:
        """The root, or None for an empty file."""
        root: _Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise Unreadable(self.inside(event.start_mark), "a second document begins here; only one is read")
                root = self._node(next(self._events), ())
        return root

    def _node(self, event: Any, path: Path) -> _Node:
        place = self.inside(event.start_mark)
        if len(path) > DEPTH:
            raise Unreadable(place, f"nested deeper than {DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place)
        self._check_tag(event, path, place)
        if event.anchor:
            self._anchors[event.anchor] = None
        node = self._content(event, path, place)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _content(self, event: Any, path: Path, place: Place) -> _Node:
        if isinstance(event, yaml.ScalarEvent):
            return _Scalar(place, event.value, plain=not event.style and event.tag is None)
        if isinstance(event, yaml.SequenceStartEvent):
            items = enumerate(self._until(yaml.SequenceEndEvent))
            return _Sequence(place, [self._node(item, (*path, index)) for index, item in items])
        return _Mapping(place, self._pairs(path))

    def _until(self, end: type[Any]) -> Iterator[Any]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _pairs(self, path: Path) -> dict[str, tuple[Place, _Node]]:
        """Own keys win over merged ones, and earlier merges over later ones."""
        own: dict[str, tuple[Place, _Node]] = {}
        merges: list[_Node] = []
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, (*path, ""))
            name = key.text if isinstance(key, _Scalar) else ""
            value = self._node(next(self._events), (*path, name))
            if not isinstance(key, _Scalar) or not name:
                self._complain(path, key.place, "a key must be text")
            elif key.plain and name == "<<":
                merges.extend(value.items if isinstance(value, _Sequence) else [value])
            elif name in own:
                self._complain((*path, name), key.place, f"stands twice; first in line {own[name][0].line}")
            else:
                own[name] = (key.place, value)
        for source in merges:
            self._merge(source, own, path)
        return own

    def _merge(self, source: _Node, own: dict[str, tuple[Place, _Node]], path: Path) -> None:
        if not isinstance(source, _Mapping):
            self._complain(path, source.place, "<< takes a mapping or a list of mappings")
            return
        self._merged += len(source.items)
        if self._merged > VALUES:
            raise Unreadable(source.place, f"merges (<<) of more than {VALUES} values")
        for name, pair in source.items.items():
            own.setdefault(name, pair)

    def _alias(self, anchor: str, place: Place) -> _Node:
        if anchor not in self._anchors:
            raise Unreadable(place, f"*{anchor} has no anchor &{anchor} before it{did_you_mean(anchor, self._anchors)}")
        node = self._anchors[anchor]
        if node is None:
            raise Unreadable(place, f"*{anchor} stands inside of what it means")
        return node

    def _check_tag(self, event: Any, path: Path, place: Place) -> None:
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag in _TEXT_TAGS):
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._complain(path, place, f"the tag {shown} is not known here; remove it")

    def _complain(self, path: Path, place: Place, text: str) -> None:
        self.complaints.append(Complaint(path, place, text))


class _Writer:
    """Writes the nodes out as plain data, aliases as copies, and notes the places."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def write(self, node: _Node, path: Path) -> Any:
        """The plain data of `node`, which stands at `path`."""
        values = self._document.values
        values[path] = node.place
        if len(path) > DEPTH or len(values) > VALUES:
            raise Unreadable(node.place, f"with its aliases written out, more than {VALUES} values or {DEPTH} levels")
        match node:
            case _Scalar(_, text, plain):
                return _resolve(text) if plain else text
            case _Sequence(_, items):
                return [self.write(item, (*path, index)) for index, item in enumerate(items)]
            case _Mapping(_, pairs):
                for name, (place, _) in pairs.items():
                    self._document.keys[*path, name] = place
                return {name: self.write(value, (*path, name)) for name, (_, value) in pairs.items()}


def _resolve(text: str) -> Any:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
