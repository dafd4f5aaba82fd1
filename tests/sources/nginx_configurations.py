"""Configurations of Nginx made up at random: valid ones, and the same with a slip of the keyboard."""

from __future__ import annotations

import random
from collections.abc import Callable

SLIPS = "{};\"'#\\$ \n\t)"
PLAIN = ("text/html", "a.b", "x-1", "/srv/www", "a#b", "a'b", 'a"b', "a}b", "a\\;b", "a\\{", "ü", "a=b", "(x)")
QUOTED = ('"a b"', "'a b'", '"a;b{c}d#e"', "'it\\'s'", '"a\\"b"', '"$"', '"\\n\\t\\\\"', '"a\nb"', "'\"'", '")"')
VARIABLES = ("$host", "${host}x", "a${uri}b", "$uri$args", '"${host} $uri"', "${host}{", "'$host'")
BLANKS = (" ", " ", " ", "\n", "\t", "  ", " # a comment; with { marks }\n", "\r\n")


class Maker:
    """One source of randomness, and what it makes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def valid(self) -> str:
        """A whole configuration."""
        inner = "".join(self._some(self._http, 1, 5))
        events = self._random.choice(("events {}", "events { worker_connections 64; }", "events\n{\n}"))
        return f"error_log stderr;\npid nginx.pid;\n{events}\nhttp {{ access_log off; {inner} }}\n"

    def slipped(self) -> str:
        """A valid one with one to three characters too many, missing, or in the wrong place."""
        text = self.valid()
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            text = self._slip(text)
        return text

    def noise(self, text: str) -> str:
        """Anything at all: pieces cut out, doubled, moved; signs of meaning and arbitrary ones put in."""
        for _ in range(self._random.randint(1, 8)):
            at, to = sorted(self._random.randrange(len(text) + 1) for _ in "12")
            piece = self._random.choice(
                ("", text[at:to] * 2, self._random.choice(SLIPS) * self._random.randint(1, 3), chr(self._code()))
            )
            text = (text[:at] + piece + text[to:])[:20_000]
        return text

    def _code(self) -> int:
        return self._random.choice((0, 0x85, 0xA0, 0xDC80, 0xFEFF, 0x1F600, self._random.randrange(0x300)))

    def _slip(self, text: str) -> str:
        places = [at for at, sign in enumerate(text) if sign in SLIPS]
        at = (
            self._random.choice(places) if places and self._random.random() < 0.7 else self._random.randrange(len(text))
        )
        match self._random.randrange(4):
            case 0:
                return text[:at] + text[at + 1 :]
            case 1:
                return text[:at] + self._random.choice(SLIPS) + text[at:]
            case 2:
                return text[:at] + self._random.choice(SLIPS) + text[at + 1 :]
            case _:
                return text[:at]

    def _some(self, make: Callable[[int], str], least: int, most: int, depth: int = 0) -> list[str]:
        return [make(depth) for _ in range(self._random.randint(least, most))]

    def _blank(self) -> str:
        return self._random.choice(BLANKS)

    def _word(self) -> str:
        return self._random.choice(PLAIN if self._random.random() < 0.6 else QUOTED)

    def _words(self, least: int, most: int) -> str:
        return "".join(self._blank() + self._word() for _ in range(self._random.randint(least, most)))

    def _simple(self, name: str, least: int = 1, most: int = 3) -> str:
        return f"{name}{self._words(least, most)}{self._random.choice(('', ' ', self._blank()))};{self._blank()}"

    def _block(self, head: str, inside: list[str]) -> str:
        return (
            f"{head}{self._random.choice(('', ' ', self._blank()))}{{{self._blank()}{''.join(inside)}}}{self._blank()}"
        )

    def _http(self, _depth: int) -> str:
        match self._random.randrange(5):
            case 0:
                return self._block("types", [self._pair() for _ in range(self._random.randint(0, 4))])
            case 1:
                return self._block(f"map $host $m{self._random.randrange(10**9)}", self._map())
            case 2:
                peers = [f"server 127.0.0.1:{self._random.randrange(1, 65536)};{self._blank()}" for _ in range(2)]
                return self._block(f"upstream u{self._random.randrange(10**9)}", peers)
            case _:
                return self._block("server", self._some(self._in_server, 0, 4))

    def _pair(self) -> str:
        return self._simple(self._random.choice(("text/x", "'a b'", "${x", "a")))

    def _map(self) -> list[str]:
        return [f"k{number} {self._word()};{self._blank()}" for number in range(self._random.randint(0, 3))]

    def _in_server(self, depth: int) -> str:
        match self._random.randrange(6):
            case 0:
                return self._block(
                    f"location /{self._random.randrange(10**9)}", self._some(self._inside, 0, 3, depth + 1)
                )
            case 1:
                return f"listen 127.0.0.1:{self._random.randrange(1024, 65536)};{self._blank()}"
            case 2:
                return f"set{self._blank()}$v{self._blank()}{self._random.choice(VARIABLES)};"
            case _:
                return self._inside(depth)

    def _inside(self, depth: int) -> str:
        match self._random.randrange(5):
            case 0 if depth:
                return self._block("if ($host)", [f"set $w {self._random.choice(VARIABLES)};"])
            case 1 if depth == 0:
                address = f"http://127.0.0.1:{self._random.randrange(1, 65536)}"
                return self._block(
                    f"location /{self._random.randrange(10**9)}", [f"proxy_pass{self._blank()}{address};"]
                )
            case 2:
                return f"return{self._blank()}200{self._blank()}{self._random.choice(VARIABLES)};"
            case _:
                return self._simple(self._random.choice(("gzip_types", "index", "sub_filter_types")))
