"""Every error of pydantic that a kind of check or channel can bring about has a text of ours."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from monitor.config.explain import explain, keys_at, numbers_said_by_truth


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["cat"]
    lives: int = Field(default=9, ge=1, lt=10)


class Dog(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["dog", "hound"]
    legs: dict[str, Cat] = {}


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")
    yes: bool = True
    raw: bytes = b""
    mapping: dict[str, int] = {}
    number: float = Field(default=0.0, gt=-1, le=5)
    finite: FiniteFloat = 0.0
    whole: int = 0
    many: list[int] = Field(default=[], min_length=2, max_length=3)
    unique: set[int] = set()
    cat: Cat | None = None
    path: Path = Path()
    text: str = Field(default="ab", min_length=2, max_length=3)
    shape: str = Field(default="a", pattern="^a+$")
    url: AnyUrl | None = None
    colour: Colour = Colour.RED
    word: Literal["one", "two", "three"] = "one"
    single: Literal["only"] = "only"
    both: int | Literal["max"] | None = None
    pets: tuple[Annotated[Cat | Dog, Field(discriminator="kind")], ...] = ()


def _said(data: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate(data)
    return [(".".join(map(str, each.path)), each.text) for each in explain(caught.value, Everything, data)]


@pytest.mark.parametrize(
    ("data", "where", "text"),
    [
        ([], "", "must be a mapping (key: value)"),
        ({"yes": "maybe"}, "yes", "must be true or false"),
        ({"yes": []}, "yes", "must be true or false"),
        ({"yes": None}, "yes", "has no value"),
        ({"raw": 1}, "raw", "must be text"),
        ({"mapping": 1}, "mapping", "must be a mapping (key: value)"),
        ({"mapping": {"a": "x"}}, "mapping.a", "must be a whole number"),
        ({"number": "x"}, "number", "must be a number"),
        ({"number": []}, "number", "must be a number"),
        ({"number": -1}, "number", "must be more than -1"),
        ({"number": 6}, "number", "must be at most 5"),
        ({"finite": float("inf")}, "finite", "must be a finite number"),
        ({"whole": 1.5}, "whole", "must be a whole number"),
        ({"whole": "9" * 5000}, "whole", "must be a smaller number"),
        ({"whole": {}}, "whole", "must be a whole number"),
        ({"many": 1}, "many", "must be a list"),
        ({"many": [1]}, "many", "needs at least 2 entries"),
        ({"many": [1, 2, 3, 4]}, "many", "takes at most 3 entries"),
        ({"many": [1, "x"]}, "many.1", "must be a whole number"),
        ({"unique": 1}, "unique", "must be a list"),
        ({"cat": 1}, "cat", "must be a mapping (key: value)"),
        ({"cat": {"kind": "dog"}}, "cat.kind", "must be cat"),
        ({"cat": {"kind": "cat", "lives": 0}}, "cat.lives", "must be at least 1"),
        ({"cat": {"kind": "cat", "lives": 10}}, "cat.lives", "must be less than 10"),
        ({"path": 1}, "path", "must be a path"),
        ({"text": 1}, "text", "must be text, so put it in quotes"),
        ({"text": []}, "text", "must be text"),
        ({"text": "a"}, "text", "needs at least 2 characters"),
        ({"text": "abcd"}, "text", "takes at most 3 characters"),
        ({"shape": "b"}, "shape", "must look like ^a+$"),
        ({"url": "no url"}, "url", "is not a URL: relative URL without a base"),
        ({"url": 1}, "url", "must be a URL"),
        ({"colour": "bleu"}, "colour", "must be red or blue, did you mean blue?"),
        ({"word": "tree"}, "word", "must be one, two or three, did you mean three?"),
        ({"word": 1}, "word", "must be one, two or three"),
        ({"single": "x"}, "single", "must be only"),
        ({"both": "maximal"}, "both", "must be a whole number or max, did you mean max?"),
        ({"both": []}, "both", "must be a whole number or max"),
        ({"pets": [{"kind": "cow"}]}, "pets.0.kind", "unknown kind 'cow'; known: cat, dog, hound"),
        ({"pets": [{"kind": "dogg"}]}, "pets.0.kind", "unknown kind 'dogg', did you mean dog?"),
        ({"pets": [{"lives": 3}]}, "pets.0.kind", "is missing"),
        ({"pets": [{"kind": None}]}, "pets.0.kind", "has no value"),
        ({"pets": ["cat"]}, "pets.0", "must be a mapping (key: value)"),
        ({"pets": [{"kind": "cat", "lifes": 3}]}, "pets.0.lifes", "unknown key, did you mean lives?"),
        ({"pets": [{"kind": "cat", "zzz": 3}]}, "pets.0.zzz", "unknown key; known: kind, lives"),
        ({"pets": [{"kind": "cat", "cat": 3}]}, "pets.0.cat", "unknown key; known: kind, lives"),
        ({"pets": [{"kind": "hound", "leg": {}}]}, "pets.0.leg", "unknown key, did you mean legs?"),
        ({"pets": [{"kind": "dog", "legs": {"x": {"kind": "cat", "live": 1}}}]}, "pets.0.legs.x.live", "did you mean"),
        ({"wohle": 1}, "wohle", "unknown key, did you mean whole?"),
    ],
)
def test_each_error_has_a_place_and_a_plain_text(data: Any, where: str, text: str) -> None:
    ((path, said),) = _said(data)
    assert path == where
    assert text in said
    assert "Input should" not in said
    assert "pydantic" not in said


def test_many_errors_are_told_one_by_one() -> None:
    assert len(_said({"whole": "x", "word": "x", "pets": [{"kind": "cow"}, {"kind": "cat", "lives": "x"}]})) == 4


def test_the_keys_of_a_place_are_known_through_unions_lists_and_mappings() -> None:
    assert keys_at(("pets", 0, "dog", "legs", "x"), Everything) == ("kind", "lives")
    assert keys_at(("cat",), Everything) == ("kind", "lives")
    assert keys_at(("mapping", "x"), Everything) == ()


def test_true_is_no_number() -> None:
    data = {"whole": True, "yes": True, "both": False, "mapping": {"a": True}, "number": 1}
    found = numbers_said_by_truth(Everything.model_validate(data), data)
    assert [each.path for each in found] == [("whole",), ("both",), ("mapping", "a")]
