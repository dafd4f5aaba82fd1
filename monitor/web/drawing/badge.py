"""A badge: a name and a word, for pages of others. It says nothing beyond the status."""

from __future__ import annotations

from typing import Final
from unicodedata import east_asian_width

from monitor.web.drawing.svg import Svg, element

HEIGHT: Final = 20.0
_EM: Final = 11.0
_PADDING: Final = 6.0
_UNITS: Final = 2048
_FONT: Final = "Verdana,Geneva,DejaVu Sans,sans-serif"
_LONGEST: Final = 60
_INKS: Final = {
    "healthy": "#16754a",
    "warning": "#8a5a00",
    "critical": "#b3261e",
    "down": "#8e0f1c",
    "maintenance": "#2b5cb0",
    "unknown": "#56616f",
}
_SHAPES: Final = {
    "healthy": "●",
    "warning": "▲",
    "critical": "■",
    "down": "✖",
    "maintenance": "◆",
    "unknown": "?",
}
# Verdana's own widths, in 2048ths of its size
_WIDTHS: Final = {
    letter: width
    for width, letters in {
        550: "'", 562: "il", 705: "j", 720: " f", 745: ",.", 806: "!", 807: "t", 862: "I", 874: "r", 930: "()-/:;[]|\\",
        931: "J", 940: '"', 1067: "cs", 1076: "z", 1117: "?", 1140: "L", 1177: "F", 1212: "kvxy", 1220: "e", 1230: "a",
        1235: "P", 1243: "o", 1260: "Y", 1262: "T", 1276: "bdgpq", 1295: "E", 1296: "hnu", 1300: "{}",
        1302: "$*0123456789_`", 1400: "ASV", 1403: "XZ", 1404: "B", 1419: "K", 1424: "R", 1430: "C", 1488: "&",
        1499: "U", 1532: "N", 1539: "H", 1578: "D", 1588: "G", 1612: "OQ", 1676: "#+<=>^~w", 1726: "M", 1992: "m",
        2025: "W", 2048: "@", 2204: "%",
    }.items()
    for letter in letters
}  # fmt: skip
_OTHER: Final = 1400


def badge(name: str, status: str, *, said: str) -> Svg:
    """`said` is the status in words."""
    name = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    word = f"{_SHAPES[status]} {said}"
    left, right = width(name) + 2 * _PADDING, width(word) + 2 * _PADDING
    return element(
        "svg",
        element("title", f"{name}: {said}"),
        element("rect", width=left, height=HEIGHT, fill="#444c56"),
        element("rect", x=left, width=right, height=HEIGHT, fill=_INKS[status]),
        element(
            "g", _text(name, _PADDING), _text(word, left + _PADDING), fill="#fff", font_family=_FONT, font_size=_EM
        ),
        xmlns="http://www.w3.org/2000/svg",
        width=left + right,
        height=HEIGHT,
        role="img",
        aria_label=f"{name}: {said}",
    )


def width(text: str) -> float:
    """Of the text in Verdana; Hangul and its like are as wide as high."""
    return sum(_width(letter) for letter in text) * _EM / _UNITS


def _width(letter: str) -> int:
    return _WIDTHS.get(letter) or (_UNITS if east_asian_width(letter) in "WF" else _OTHER)


def _text(text: str, x: float) -> Svg:
    """As wide as was reckoned, whatever font it is written with."""
    return element("text", text, x=x, y=14.0, textLength=width(text))
