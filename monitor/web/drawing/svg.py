"""The elements that drawings are made of: escaped, and with numbers as short as a screen can tell apart."""

from __future__ import annotations

import re
from html import escape
from typing import Final

_NO_XML: Final = re.compile("[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold, half characters and controls among them."""
_TURNS: Final = re.compile("[\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What turns the direction of the text after it, or breaks a line."""


class Svg(str):
    """A drawing, or a part of one, that is escaped already."""

    __slots__ = ()

    def __html__(self) -> Svg:  # what jinja asks before it escapes
        return self


def text(value: str) -> Svg:
    """Other people's text, harmless between tags and in attributes."""
    return Svg(escape(_TURNS.sub(" ", _NO_XML.sub("\ufffd", value))))


def element(name: str, *children: str, **attributes: str | float | None) -> Svg:
    """`<name …>…</name>`. Children that are no `Svg` are escaped; `class_` is `class`, `data_status` is `data-status`;
    an attribute that is None is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(each if isinstance(each, Svg) else text(each) for each in children)
    return Svg(f"<{name}{said}>{inside}</{name}>" if children else f"<{name}{said}/>")


def picture(
    *children: str,
    width: float,
    height: float,
    label: str,
    class_: str,
    hover: str | None = None,
    stretched: bool = False,
) -> Svg:
    """A whole drawing that grows and shrinks with its place, or, `stretched`, fills it whatever its shape. `label` is
    what is said of it to who cannot see it, `hover` what is said wherever a reader points at it."""
    return element(
        "svg",
        *(() if hover is None else (element("title", hover),)),
        *children,
        class_=class_,
        viewBox=f"0 0 {number(width)} {number(height)}",
        preserveAspectRatio="none" if stretched else None,
        role="img",
        aria_label=label,
    )


def number(value: float) -> str:
    """To a tenth, without what says nothing: `12`, `0.5`."""
    said = f"{value:.1f}".removesuffix(".0")
    return "0" if said == "-0" else said


def _value(value: str | float) -> str:
    return text(value) if isinstance(value, str) else number(value)
