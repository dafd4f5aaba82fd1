# noqa: INP001 — a program, not a package
"""Writes bash's completion file from the command line itself. With `--check`: says whether it is current."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from monitor.cli.main import parser

ROOT: Final = Path(__file__).parents[1]
BASH: Final = ROOT / "completions" / "infra-monitor.bash"
FILES_AFTER: Final = ("--config", "--ca-file", "--client-cert")


def words() -> dict[str, list[str]]:
    """What may follow each path of commands: subcommands, else options; choices of an option follow its name."""
    found = dict[str, list[str]]()
    for path, each in _parsers("", parser()):
        found[path] = [*_subcommands(each), *_options(each)]
        for action in each._actions:  # noqa: SLF001 — argparse has no public way to ask a parser what it takes
            if action.option_strings and action.choices:
                found[f"{path} {action.option_strings[-1]}".strip()] = [str(choice) for choice in action.choices]
    return found


def _parsers(path: str, top: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield path, top
    for name, each in _subcommands(top).items():
        yield from _parsers(f"{path} {name}".strip(), each)


def _subcommands(each: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    listed = each._actions  # noqa: SLF001 — see above
    groups = [action for action in listed if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 — see above
    return dict(groups[0].choices) if groups else {}


def _options(each: argparse.ArgumentParser) -> list[str]:
    listed = each._actions  # noqa: SLF001 — see above
    return sorted({option for action in listed for option in action.option_strings if option.startswith("--")})


def bash() -> str:
    """For bash: a table, and the walk along the commands that were typed."""
    table = "\n".join(f"        '{path}') echo '{' '.join(said)}' ;;" for path, said in words().items())
    return f"""# bash completion for infra-monitor. Written by tools/completion.py.
_infra_monitor_words() {{
    case "$1" in
{table}
    esac
}}

_infra_monitor() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" path="" word longer
    case "$before" in {"|".join(FILES_AFTER)}) COMPREPLY=($(compgen -f -- "$current")); return ;; esac
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        longer="${{path:+$path }}$word"
        [[ "$word" != -* && -n "$(_infra_monitor_words "$longer")" ]] && path="$longer"
    done
    word="$(_infra_monitor_words "${{path:+$path }}$before")"
    [[ "$before" == --* && -n "$word" ]] || word="$(_infra_monitor_words "$path")"
    [[ "$current" == -* || "$before" == --* ]] || word="$(tr ' ' '\\n' <<< "$word" | grep -v '^--')"
    COMPREPLY=($(compgen -W "$word" -- "$current"))
    [[ "$path" != init || -n "${{COMPREPLY[*]}}" ]] || COMPREPLY=($(compgen -d -- "$current"))
}}
complete -F _infra_monitor infra-monitor
"""


def main() -> int:
    """0, or with --check 1 when the file is not what it would be."""
    if "--check" in sys.argv[1:]:
        current = BASH.exists() and BASH.read_text() == bash()
        sys.stderr.write("" if current else f"{BASH.name} is not current; run tools/completion.py\n")
        return 0 if current else 1
    BASH.parent.mkdir(exist_ok=True)
    BASH.write_text(bash())
    return 0


if __name__ == "__main__":
    sys.exit(main())
