"""Where words, comments and blocks of a configuration end, by Nginx's own rules."""

from __future__ import annotations

import pytest

from monitor.sources.nginx_conf.lexer import parse


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b;", ["a", "b"]),
        ("a\tb\r\n c ;", ["a", "b", "c"]),
        ("a \"b c\" 'd e';", ["a", "b c", "d e"]),
        (r'a "x\"y" "\t\n\r\\" \q;', ["a", 'x"y', "\t\n\r\\", r"\q"]),
        ("a b#c # d\n e;", ["a", "b#c", "e"]),
        ("a b'c d\"e f}g;", ["a", "b'c", 'd"e', "f}g"]),
        ("a ${b}c $d{;", None),
        ("a ${b}c x\\;y;", ["a", "${b}c", r"x\;y"]),
        ('if ("a")b;', ["if", '("a")b']),
        ('a "b")c;', ["a", "b", ")c"]),
        ("a '';", ["a", ""]),
        ("a 한글 b\xa0c;", ["a", "한글", "b\xa0c"]),
    ],
)
def test_words_end_where_nginx_ends_them(text: str, words: list[str] | None) -> None:
    (first, *_), problem = parse(text, "f")
    if words is None:
        assert problem is not None
        assert first.block == ()
    else:
        assert problem is None
        assert [first.name, *first.args] == words


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a;\nb c", 2, 'unexpected end of file, expecting ";" or "}"'),
        ("a;\n'b", 2, 'unexpected end of file, expecting ";" or "}"'),
        ("a;\nb {\n c;\n", 4, 'unexpected end of file, expecting "}"'),
        ("a;\n}", 2, 'unexpected "}"'),
        ("a;\nb }", 2, 'unexpected "}"'),
        ("a;\n;", 2, 'unexpected ";"'),
        ("a;\n{", 2, 'unexpected "{"'),
        ('a;\nb "c"d;', 2, 'unexpected "d"'),
        ("a;\nb " + "c" * 4096 + ";", 2, 'too long parameter "cccccccccc..." started'),
        ("a;\n#" + "c" * 4095 + "\n", 2, 'too long parameter "#ccccccccc..." started'),
        ("a;\n" + "b {" * 101, 2, "blocks are nested too deeply"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_stood_before_is_kept(text: str, line: int, why: str) -> None:
    directives, problem = parse(text, "f")
    assert directives[0].name == "a"
    assert problem is not None
    assert (problem.line, problem.text) == (line, why)
