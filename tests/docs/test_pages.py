"""Nothing that the pages name is missing: files, headings, commands, options."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from monitor.cli.main import COMMANDS
from tests.docs.pages import PAGES, ROOT, anchors, blocks, commands, headings, links, name, spans
from tests.docs.ways import parts
from tools.completion import words

WORDS: Final = words()
ENGLISH, KOREAN = ROOT / "README.md", ROOT / "README.ko.md"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if link.startswith(("http://", "https://")):
            continue
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    assert broken == []


def test_every_guide_is_in_the_index_and_the_index_is_in_the_readmes() -> None:
    """`docs/checks` and `docs/causes` have their own lists."""
    guides = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert guides - set(links(ROOT / "docs" / "README.md")) == set()
    for readme in (ENGLISH, KOREAN):
        assert "docs/README.md" in links(readme)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_and_option_of_ours_exists(page: Path) -> None:
    said = [command.text for command in commands(page)] + spans(page)
    if page.name == "cli.md":  # its table leaves the program's name out
        said += [f"infra-monitor {text}" for text in spans(page) if text.split()[0] in COMMANDS]
    assert [words for words in map(_ours, said) if words and not _understood(words)] == []


def _ours(text: str) -> list[str]:
    """The words of a command of ours, as in `[DIR] [--yes]`, too; none of another."""
    with suppress(ValueError):  # a quotation mark in a sentence about something else
        for words in parts(re.sub(r"[\[\]…]", " ", text)):
            if words and words[0].endswith("infra-monitor") and len(words) > 1:
                return words
    return []


def _understood(words: list[str]) -> bool:
    """Whether each option belongs to the command before it; what is no word of ours is an argument."""
    path = ""
    for word in words[1:]:
        plain = word.split("=")[0]
        if plain.startswith("--"):
            if plain not in WORDS[path]:
                return False
        elif f"{path} {plain}".strip() in WORDS:
            path = f"{path} {plain}".strip()
        elif not path and not plain.isupper():  # COMMAND stands for any
            return False
    return True


def test_an_option_that_does_not_exist_would_be_noticed() -> None:
    assert _understood(_ours("sudo -u ann infra-monitor silence add service=rds [--for 2h]   # --no-option"))
    assert not _understood(_ours("infra-monitor silence list --for 2h"))
    assert not _understood(_ours("infra-monitor reload"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_its_language(page: Path) -> None:
    """What a reader types stands in `console`, with `$ `: so it is found and run (test_commands.py)."""
    assert [each.line for each in blocks(page) if not each.language and any("$ " in line for line in each.lines)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_shell_reads_every_command(page: Path) -> None:
    for command in commands(page):
        shlex.split(command.text, comments=True)


def test_the_korean_readme_has_what_the_english_one_has() -> None:
    """Chapters, tables and commands in the same order, and as many links to the same: it cannot fall behind."""
    assert [depth for depth, _ in headings(KOREAN)] == [depth for depth, _ in headings(ENGLISH)]
    assert _code(KOREAN) == _code(ENGLISH)
    assert sorted(map(_elsewhere, links(KOREAN))) == sorted(map(_elsewhere, links(ENGLISH)))
    rows = [
        [len(line.split("|")) for line in page.read_text().splitlines() if line.startswith("|")]
        for page in (ENGLISH, KOREAN)
    ]
    assert rows[0] == rows[1]


def test_the_korean_readme_is_korean() -> None:
    text = "\n".join(line for line in KOREAN.read_text().splitlines() if not line.startswith(("|", "```", "$")))
    korean, latin = (len(re.findall(letters, text)) for letters in ("[가-힣]", "[A-Za-z]"))
    assert korean > latin / 2


def _rows(page: Path) -> list[int]:
    return [line.count("|") for line in page.read_text().splitlines() if line.startswith("|")]


def _elsewhere(link: str) -> str:
    return "the other one" if link in ("README.md", "README.ko.md") else link


def _code(page: Path) -> list[tuple[str, list[str]]]:
    """Of each block what a machine reads: commands without their comments; of other languages, all but comments."""
    return [
        (block.language, [re.sub(r"\s*#.*", "", line) for line in block.lines if _for_machines(block.language, line)])
        for block in blocks(page)
        if block.language
    ]


def _for_machines(language: str, line: str) -> bool:
    return line.startswith("$ ") if language == "console" else True
