"""Whole stories: what is seen on the left, what people are told on the right."""

from __future__ import annotations

import itertools

import pytest

from tests.core.story import story


def test_one_fault_is_one_page_and_its_dependant_is_impacted() -> None:
    assert story(rds="..xxx..", nodejs="...xx..", every=30) == ["rds opened", "nodejs impacted", "rds resolved"]


def test_who_still_fails_after_its_root_has_recovered_has_a_trouble_of_its_own() -> None:
    assert story(rds="..xx...", nodejs="..xxxx.", every=30) == [
        "rds opened",
        "nodejs impacted",
        "rds resolved",
        "nodejs opened",
        "nodejs resolved",
    ]


def test_a_chain_of_three_is_one_page_whoever_is_seen_first() -> None:
    line = "..xx.."
    told = {"rds opened", "nodejs impacted", "nginx impacted", "rds resolved"}
    for order in itertools.permutations(("rds", "nodejs", "nginx")):
        words = story(depends_on=CHAIN, **dict.fromkeys(order, line))  # type: ignore[arg-type]  # the lines, by name
        assert set(words) == told
        assert len(words) == len(told)


CHAIN = {"nginx": ("nodejs",), "nodejs": ("rds",)}


def test_a_mere_warning_of_the_database_does_not_hide_an_application_that_is_down() -> None:
    assert story(rds=".wwww.", nodejs="..xx..", every=30) == [
        "rds opened",
        "nodejs opened",
        "nodejs resolved",
        "rds resolved",
    ]


def test_a_warning_explains_a_warning() -> None:
    assert story(rds="..ww..", nodejs="..ww..", every=30) == ["rds opened", "nodejs impacted", "rds resolved"]


def test_two_independent_faults_are_two_pages() -> None:
    assert story(rds="..xx..", redis="..xx..", depends_on={}) == [
        "rds opened",
        "redis opened",
        "rds resolved",
        "redis resolved",
    ]


def test_a_root_that_fails_again_while_its_members_settle_goes_on_without_a_word() -> None:
    assert story(rds="..X.X..", nodejs="..XXX..", every=5) == ["rds opened", "nodejs impacted", "rds resolved"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (".......", []),
        ("..x....", ["rds opened", "rds resolved"]),
        ("..w....", ["rds opened", "rds resolved"]),
        ("??.?...", []),
        ("..xx???", ["rds opened"]),
        ("..????.", []),
        ("xxxx...", ["rds opened", "rds resolved"]),
        ("..wwxx.", ["rds opened", "rds updated", "rds resolved"]),
        ("..xxww.", ["rds opened", "rds resolved"]),
        ("..xwxw.", ["rds opened", "rds resolved"]),
    ],
)
def test_one_service(line: str, told: list[str]) -> None:
    assert story(rds=line) == told
