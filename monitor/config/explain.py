"""pydantic's errors in our words: where in the file, what is wrong, and what was probably meant."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from monitor.config.document import Path
from monitor.config.mistakes import did_you_mean, listed

Loc: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One mistake by its path. `at_key`: the key is wrong, not its value."""

    path: Path
    text: str
    at_key: bool = False


def explain(error: ValidationError, model: type[BaseModel], data: Any) -> tuple[Explained, ...]:
    """Every error of `model` on `data`; what the branches of one union say becomes one mistake."""
    found: dict[tuple[Path, bool], list[str]] = {}
    for each in error.errors(include_url=False):
        if each["type"] == "too_short" and len(each["input"]) >= each["ctx"]["min_length"]:
            continue  # enough entries are there; pydantic counts only the good ones
        path = path_of(_wanted(each), data)
        text = _text(each, model)
        if each["type"] in ("missing", "union_tag_not_found"):
            key = _wanted(each)[-1]
            text = "has no value" if path[-1:] == (key,) else "is missing"  # nothing behind a key is missing, too
            path = path if text == "has no value" else (*path, key)
        at_key = each["type"] == "extra_forbidden" or each["loc"][-1:] == ("[key]",)
        found.setdefault((path, at_key), []).append(text)
    return tuple(Explained(path, _joined(texts), at_key) for (path, at_key), texts in found.items())


def path_of(loc: Loc, data: Any) -> Path:
    """The path in the document: without the tags of unions and the other parts that only pydantic knows."""
    path: list[str | int] = []
    for part in loc:
        known: Mapping[Any, Any] = _entries(data)
        if part in known:
            data = known[part]
            path.append(part)
    return tuple(path)


def _wanted(error: ErrorDetails) -> Loc:
    """The error's location; pydantic puts a wrong `kind` at the mapping, people look for it at the key."""
    return (*error["loc"], _tag_key(error["ctx"])) if error["type"].startswith("union_tag_") else error["loc"]


def _entries(data: Any) -> Mapping[Any, Any]:
    if isinstance(data, list):
        return dict(enumerate(data))
    return data if isinstance(data, dict) else {}


def numbers_said_by_truth(config: BaseModel, data: Any) -> Iterator[Explained]:
    """`true` where a number is wanted: pydantic takes it for 1, people do not."""
    for path in _truths(data, ()):
        value: Any = config
        for part in path:
            value = getattr(value, str(part), True) if isinstance(value, BaseModel) else value[part]
        if not isinstance(value, bool):
            yield Explained(path, "must be a number, not true or false")


def _truths(data: Any, path: Path) -> Iterator[Path]:
    if isinstance(data, bool):
        yield path
    for key, value in _entries(data).items():
        yield from _truths(value, (*path, key))


def _joined(texts: Sequence[str]) -> str:
    unique = list(dict.fromkeys(texts))
    wanted = [text.removeprefix("must be ") for text in unique if text.startswith("must be ")]
    return f"must be {listed(wanted)}" if len(wanted) == len(unique) else "; ".join(unique)


_MUST_BE: Final[Mapping[str, str]] = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "bytes_type": "text",
    "dict_type": "a mapping (key: value)",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "list_type": "a list",
    "mapping_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "path_type": "a path",
    "set_type": "a list",
    "string_type": "text",
    "tuple_type": "a list",
    "url_type": "a URL",
}
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _text(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, given = error["type"], error.get("input")
    context: dict[str, Any] = error.get("ctx", {})
    if given is None and kind in _MUST_BE:
        return "has no value"
    if kind in _MUST_BE:
        quoted = kind == "string_type" and isinstance(given, bool | int | float)
        return f"must be {_MUST_BE[kind]}" + (", so put it in quotes" if quoted else "")
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"must be {words} {context[bound]:g}" if isinstance(context[bound], int | float) else f"must be {words}"
    if (explainer := _EXPLAINERS.get(kind)) is not None:
        return explainer(error, context, model)
    if kind.startswith("url_"):
        return "is not a URL: " + str(error["msg"]).rpartition("Input should be a valid URL, ")[2]
    return str(context["error"]) if isinstance(context.get("error"), Exception) else str(error["msg"])


def _unknown_key(error: ErrorDetails, _context: Mapping[str, Any], model: type[BaseModel]) -> str:
    known = keys_at(error["loc"][:-1], model)
    return "unknown key" + (
        did_you_mean(str(error["loc"][-1]), known) or (f"; known: {', '.join(known)}" if known else "")
    )


def _unknown_tag(error: ErrorDetails, context: Mapping[str, Any], _model: type[BaseModel]) -> str:
    if error["input"].get(_tag_key(context)) is None:
        return "has no value"
    known = [tag.strip("'") for tag in str(context["expected_tags"]).split(", ")]
    return f"unknown {_tag_key(context)} {context['tag']!r}{_or_known(str(context['tag']), known)}"


def _tag_key(context: Mapping[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")


def _literal(error: ErrorDetails, context: Mapping[str, Any], _model: type[BaseModel]) -> str:
    known = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
    given = error.get("input")
    return f"must be {listed(known)}" + (did_you_mean(given, known) if isinstance(given, str) else "")


def _or_known(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known) or f"; known: {', '.join(known)}"


def _pattern(_error: ErrorDetails, context: Mapping[str, Any], _model: type[BaseModel]) -> str:
    if str(context["pattern"]) == r"^[A-Za-z0-9_.-]{1,64}$":
        return "a name has 1 to 64 letters (a-z), digits, '_', '.' or '-'"
    return f"must look like {context['pattern']}"


def _too_short(error: ErrorDetails, context: Mapping[str, Any], _model: type[BaseModel]) -> str:
    return f"needs at least {_count(context['min_length'], error)}"


def _too_long(error: ErrorDetails, context: Mapping[str, Any], _model: type[BaseModel]) -> str:
    return f"takes at most {_count(context['max_length'], error)}"


def _count(number: int, error: ErrorDetails) -> str:
    word = "character" if str(error["type"]).startswith("string") else "entry"
    plural = {"character": "characters", "entry": "entries"}[word]
    return f"{number} {word if number == 1 else plural}"


_EXPLAINERS: Final[Mapping[str, Callable[[ErrorDetails, Mapping[str, Any], type[BaseModel]], str]]] = {
    "enum": _literal,
    "extra_forbidden": _unknown_key,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "string_too_long": _too_long,
    "string_too_short": _too_short,
    "too_long": _too_long,
    "too_short": _too_short,
    "union_tag_invalid": _unknown_tag,
}


def keys_at(loc: Loc, model: type[BaseModel]) -> tuple[str, ...]:
    """The keys of the model that stands at an error's location."""
    places: list[Any] = [model]
    for part in loc:
        places = [below for place in places for below in _below(place, part)]
    keys = [key for place in places for each in _models(place) for key in keys_of(each)]
    return tuple(dict.fromkeys(keys))


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the keys that people write."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _below(annotation: Any, part: str | int) -> Iterator[Any]:
    """What stands under `part`: a field, an entry, or the member of a union that `part` is the tag of."""
    for each in _branches(annotation):
        origin, arguments = get_origin(each), get_args(each)
        if isinstance(each, type) and issubclass(each, BaseModel):
            if (field := keys_of(each).get(str(part))) is not None:
                yield field.annotation
            elif part in kind_of(each):
                yield each
        elif isinstance(part, int) and origin in (list, tuple):
            yield arguments[0]
        elif origin in (dict, Mapping) and len(arguments) > 1:
            yield arguments[1]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for each in _branches(annotation):
        if isinstance(each, type) and issubclass(each, BaseModel):
            yield each


def _branches(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _branches(each)
    else:
        yield annotation


def kind_of(model: type[BaseModel]) -> tuple[Any, ...]:
    """The values of `kind` that mean this model."""
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind is not None and get_origin(kind.annotation) is Literal else ()
