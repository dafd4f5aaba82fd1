"""From the text of one configuration file to its directives, by Nginx's own rules for words, quotes and blocks.

What was read before a mistake is kept. Whether a directive exists is not known here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, NamedTuple

DEEPEST_BLOCK: Final = 100
LONGEST_WORD: Final = 4096
"""Nginx's buffer: a word or a comment of that many bytes is too long for it."""


class Directive(NamedTuple):
    """One directive as it stands in a file. `block` is None for one that ends with a semicolon."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    block: tuple[Directive, ...] | None


class Problem(NamedTuple):
    """Something that Nginx would refuse, or that could not be read. `unreadable`: only our rights are missing."""

    file: str
    line: int
    text: str
    unreadable: bool = False


_PLAIN: Final = r"[!%&(-:<-\[\]-z|~]"  # printable ASCII that means nothing to Nginx at the start of a word
_INNER: Final = r"(?:[!-#%-:<-\[\]-z|-~]|\$(?!\{))"  # the same, within a word
_STATEMENT: Final = re.compile(
    rf"(?:[ \t\r\n]++|\#[^\n]*+)*+({_PLAIN}{_INNER}*+)"
    rf"((?:[ \t\r\n]++(?:{_PLAIN}|\$(?!\{{)){_INNER}*+)*+)[ \t\r\n]*+([;{{])"
)
"""A whole directive without quotes, escapes and comments inside: nearly all are, and are read in one step."""
_BODY: Final = r"(?:[^ \t\r\n;{\\$]++|\\[\s\S]|\$\{*+)*+"
_TOKEN: Final = re.compile(
    rf"[ \t\r\n]*+(?:(?P<word>(?:[^ \t\r\n;{{}}\#\"'\\$]|\\[\s\S]|\$\{{*+){_BODY})"
    r"|(?P<double>\"(?:[^\"\\]|\\[\s\S])*+\")|(?P<single>'(?:[^'\\]|\\[\s\S])*+')"
    r"|(?P<comment>\#[^\n]*+)|(?P<mark>[;{}]))"
)
_AFTER_QUOTE: Final = frozenset(" \t\r\n;{)")
_ESCAPE: Final = re.compile(r"\\([\"'\\trn])")
_ESCAPED: Final = {"t": "\t", "r": "\r", "n": "\n"}
_LUA: Final = re.compile(
    r"--\[(=*)\[[\s\S]*?(?:\]\1\]|\Z)|--[^\n]*|\[(=*)\[[\s\S]*?(?:\]\2\]|\Z)"
    r"|\"(?:[^\"\\]|\\[\s\S])*+(?:\"|\Z)|'(?:[^'\\]|\\[\s\S])*+(?:'|\Z)|([{}])"
)


def parse(text: str, file: str) -> tuple[tuple[Directive, ...], Problem | None]:
    """The directives of a file, includes not followed, and why the reading ended early if it did."""
    parser = _Parser(text, file)
    try:
        parser.run()
    except _Wrong as wrong:
        return parser.finished(), Problem(file, parser.line_at(wrong.at), str(wrong))
    return parser.finished(), None


class _Wrong(Exception):  # noqa: N818 — it is about the file, and ends here
    def __init__(self, text: str, at: int) -> None:
        super().__init__(text)
        self.at = at


class _Parser:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._here = list[Directive]()
        self._open = list[tuple[str, tuple[str, ...], int, list[Directive]]]()
        self._may_be_too_long = _longest_line(len(text), self._newlines) >= LONGEST_WORD // 4

    def line_at(self, at: int) -> int:
        return bisect_right(self._newlines, at - 1) + 1

    def run(self) -> None:
        """Read everything, or raise _Wrong with what was read in `_here` and `_open`."""
        text, at = self._text, 0
        while at < len(text):
            match = None if self._may_be_too_long else _STATEMENT.match(text, at)
            if match is None:
                at = self._carefully(at)
                continue
            name, args, mark = match.groups()
            at = match.end()
            words = tuple(args.split()) if args else ()
            if mark == ";":
                line = bisect_right(self._newlines, match.start(1) - 1) + 1
                self._here.append(Directive(name, words, self._file, line, None))
            else:
                at = self._begin(name, words, match.start(1), at)
        if self._open:
            raise _Wrong('unexpected end of file, expecting "}"', len(text))

    def finished(self) -> tuple[Directive, ...]:
        """All directives; a block that was never closed ends where the reading ended."""
        while self._open:
            self._close()
        return tuple(self._here)

    def _carefully(self, at: int) -> int:
        """Read one directive or closing brace word by word; return where the next one begins."""
        words, begun = list[str](), at
        while True:
            match = _TOKEN.match(self._text, at)
            if match is None:
                return self._end(at, words)
            at, kind = match.end(), match.lastgroup
            if kind == "mark":
                return self._mark(match[kind], words, begun, at)
            start = match.start(kind or 0)
            self._check_length(start, at, quoted=kind in ("double", "single"))
            if kind == "comment":
                if not words:
                    return at
                continue
            if not words:
                begun = start
            words.append(self._word(match))
            if kind != "word" and at < len(self._text) and self._text[at] not in _AFTER_QUOTE:
                raise _Wrong(f'unexpected "{self._text[at]}"', at)

    def _mark(self, mark: str, words: list[str], begun: int, at: int) -> int:
        if mark == "}":
            if words or not self._open:
                raise _Wrong('unexpected "}"', at - 1)
            self._close()
            return at
        if not words:
            raise _Wrong(f'unexpected "{mark}"', at - 1)
        if mark == "{":
            return self._begin(words[0], tuple(words[1:]), begun, at)
        self._here.append(Directive(words[0], tuple(words[1:]), self._file, self.line_at(begun), None))
        return at

    def _end(self, at: int, words: list[str]) -> int:
        """Nothing more that is a word: the end, or a quote or escape that does not end."""
        if words or self._text[at:].strip(" \t\r\n"):
            raise _Wrong('unexpected end of file, expecting ";" or "}"', len(self._text))
        return len(self._text)

    def _word(self, match: re.Match[str]) -> str:
        word = match[match.lastgroup or 0]
        if match.lastgroup != "word":
            word = word[1:-1]
        return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), word) if "\\" in word else word

    def _check_length(self, start: int, end: int, *, quoted: bool) -> None:
        """Nginx holds a word in one buffer, without the quote that begins it."""
        if end - start >= LONGEST_WORD // 4:
            size = len(self._text[start:end].encode("utf-8", "surrogateescape")) - (2 if quoted else 0)
            if size >= LONGEST_WORD:
                raise _Wrong(f'too long parameter "{self._text[start : start + 10]}..." started', start)

    def _begin(self, name: str, args: tuple[str, ...], start: int, at: int) -> int:
        line = self.line_at(start)
        if name.endswith("_by_lua_block"):
            end = _end_of_lua(self._text, at)
            if end is None:
                raise _Wrong("unexpected end of file in a block of Lua", len(self._text))
            self._here.append(Directive(name, args, self._file, line, ()))
            return end
        if len(self._open) >= DEEPEST_BLOCK:
            raise _Wrong("blocks are nested too deeply", start)
        self._open.append((name, args, line, self._here))
        self._here = []
        return at

    def _close(self) -> None:
        name, args, line, outer = self._open.pop()
        outer.append(Directive(name, args, self._file, line, tuple(self._here)))
        self._here = outer


def _end_of_lua(text: str, at: int) -> int | None:
    """Just after the brace that closes a block of Lua; braces in its strings and comments do not count."""
    depth = 1
    for match in _LUA.finditer(text, at):
        if (brace := match[3]) is not None:
            depth += 1 if brace == "{" else -1
            if not depth:
                return match.end()
    return None


def _longest_line(size: int, newlines: list[int]) -> int:
    ends = [*newlines, size]
    return max(end - start for start, end in zip([0, *newlines], ends, strict=True))
