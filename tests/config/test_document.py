"""read(): YAML as plain data, with places, without traps."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from monitor.config.document import DEPTH, VALUES, Unreadable, read
from monitor.config.mistakes import Place


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("2.5", 2.5),
        ("1e3", 1000.0),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("True", "True"),
        ("1:30", "1:30"),
        ("08", "08"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("+", "+"),
        ("1.", "1."),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("2026-11-24", "2026-11-24"),
        ("=", "="),
        ("'7'", "7"),
        ('"true"', "true"),
        ("!!str 7", "7"),
        ("! 7", "7"),
        ('"\\u00e9\\n"', "é\n"),
        ("|\n    a\n    b\n", "a\nb\n"),
    ],
)
def test_only_plain_true_false_null_and_numbers_are_more_than_text(text: str, value: Any) -> None:
    data = read(f"a: {text}").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_every_path_knows_its_place() -> None:
    document = read("a:\n  - b: 1\n    c: [x, y]\n")
    assert document.place(("a", 0, "c", 1)) == Place(3, 12)
    assert document.place(("a", 0, "c"), key=True) == Place(3, 5)
    assert document.place(("a", 0, "c")) == Place(3, 8)
    assert document.place(("a", 0, "nothing", 7)) == Place(2, 5)
    assert document.place(("nothing",)) == Place(1, 1)


def test_columns_count_characters() -> None:
    assert read("가나: {다: 라}").place(("가나", "다")) == Place(1, 9)


def test_a_byte_order_mark_inside_is_refused_with_its_place() -> None:
    with pytest.raises(Unreadable) as caught:
        read("a: 1\nb: x\ufeffy")
    assert (caught.value.place, caught.value.text) == (Place(2, 5), "the character U+FEFF must not stand here")


def test_every_character_that_the_parser_would_refuse_is_refused_with_its_place() -> None:
    """So that none of its errors comes without one."""
    for code in [*range(0x800), *range(0x2000, 0x2070), *range(0xD7F0, 0xD800), *range(0xE000, 0x10010), 0x10FFFF]:
        with suppress(Unreadable):  # anything else would be the parser's own
            read(f'a: "{chr(code)}"')


def test_a_key_that_stands_twice_is_a_complaint_and_the_first_one_counts() -> None:
    document = read("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert [(c.path, c.place, c.text) for c in document.complaints] == [
        (("b", "c"), Place(4, 3), "stands twice; first in line 3"),
        (("a",), Place(5, 1), "stands twice; first in line 1"),
    ]


def test_merges_give_way_to_own_keys_and_earlier_ones_to_none() -> None:
    document = read("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 9}\nd: {<<: *b}\ne: {'<<': 1}\n")
    assert document.data["c"] == {"x": 9, "y": 1, "z": 2}
    assert document.data["d"] == {"y": 2, "z": 2}
    assert document.data["e"] == {"<<": 1}
    assert document.place(("c", "z")) == Place(2, 17)
    assert document.complaints == []


def test_merges_may_merge_in_their_turn() -> None:
    assert read("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}").data["c"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: {<<: 1}", Place(1, 9), "<< takes a mapping or a list of mappings"),
        ("? [a]\n: 1", Place(1, 3), "a key must be text"),
        ("'': 1", Place(1, 1), "a key must be text"),
        (
            "a: !!python/object:os.system x",
            Place(1, 4),
            "the tag !!python/object:os.system is not known here; remove it",
        ),
        ("a: !!set {b}", Place(1, 4), "the tag !!set is not known here; remove it"),
    ],
)
def test_what_has_no_meaning_here_is_a_complaint(text: str, place: Place, said: str) -> None:
    (complaint,) = read(text).complaints
    assert (complaint.place, complaint.text) == (place, said)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: [1", Place(1, 6), "did not find expected ',' or ']' (while parsing a flow sequence begun in line 1)"),
        ("a: 'x", Place(1, 6), "found unexpected end of stream"),
        ("a: b: c", Place(1, 5), "a text with a colon in it must stand in quotes"),
        ("a:\n\tb: 1", Place(2, 1), "a tab must not indent; use spaces"),
        ("a: *b", Place(1, 4), "*b has no anchor &b before it"),
        ("a: &base 1\nb: *bas", Place(2, 4), "*bas has no anchor &bas before it, did you mean base?"),
        ("a: &a [*a]", Place(1, 8), "*a stands inside of what it means"),
        ("a: 1\n---\nb: 1", Place(2, 1), "a second document begins here; only one is read"),
        ("%YAML 3.0\n---\na: 1", Place(1, 1), "found incompatible YAML document"),
        ("a: \x07", Place(1, 4), "the character U+0007 must not stand here"),
        ("a: \x00", Place(1, 4), "the character U+0000 must not stand here"),
        ("a: @x", Place(1, 4), "a text that begins with @ must stand in quotes"),
    ],
)
def test_broken_yaml_is_one_finding_with_its_place(text: str, place: Place, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(text)
    assert caught.value.place == place
    assert said in caught.value.text
    assert "\n" not in caught.value.text


def test_deep_nesting_is_refused_and_does_not_end_the_process() -> None:
    """PyYAML's own composer recurses in C: 200,000 brackets end the process with a segmentation fault."""
    with pytest.raises(Unreadable, match=f"nested deeper than {DEPTH} levels"):
        read("[" * 200_000 + "]" * 200_000)
    assert read("[" * DEPTH + "]" * DEPTH).data


def test_depth_by_way_of_aliases_is_refused_too() -> None:
    text = "a0: &a0 [[[[1]]]]\n" + "".join(f"a{n}: &a{n} [[[[*a{n - 1}]]]]\n" for n in range(1, 30))
    with pytest.raises(Unreadable, match="levels"):
        read(text)


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    with pytest.raises(Unreadable, match=f"more than {VALUES} values"):
        read(text)


def test_a_bomb_of_merges_is_refused_before_it_grows() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    text = f"a: &a {{{keys}}}\nb: {{<<: [{', '.join(['*a'] * 300)}]}}\n"
    with pytest.raises(Unreadable, match=f"merges \\(<<\\) of more than {VALUES} values"):
        read(text)
