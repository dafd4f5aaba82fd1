# noqa: INP001 — a program, not a package
"""Writes the completion files of bash, zsh and fish from the command line itself. With `--check`: are they current?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from monitor.cli.main import parser

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "completions"
FILES_AFTER: Final = ("--config", "--ca-file", "--client-cert")

Words = dict[str, dict[str, str]]


def words() -> Words:
    """What may follow each path of commands, with what it is for: subcommands, else options.

    The choices of an option follow its name.
    """
    found: Words = {}
    for path, each in _parsers("", parser()):
        found[path] = _subcommands(each) | _options(each)
        for action in _actions(each):
            if action.option_strings and action.choices:
                found[f"{path} {action.option_strings[-1]}".strip()] = {str(choice): "" for choice in action.choices}
    return found


def _parsers(path: str, top: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield path, top
    for group in _groups(top):
        for name, each in group.choices.items():
            yield from _parsers(f"{path} {name}".strip(), each)


def _actions(each: argparse.ArgumentParser) -> list[argparse.Action]:
    return each._actions  # noqa: SLF001 — argparse has no public way to ask a parser what it takes


def _groups(each: argparse.ArgumentParser) -> Iterator[argparse._SubParsersAction[argparse.ArgumentParser]]:
    return (action for action in _actions(each) if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001 — the same


def _subcommands(each: argparse.ArgumentParser) -> dict[str, str]:
    listed = [choice for group in _groups(each) for choice in group._choices_actions]  # noqa: SLF001 — the same
    return {choice.dest: choice.help or "" for choice in listed}


def _options(each: argparse.ArgumentParser) -> dict[str, str]:
    found = {
        option: action.help or ""
        for action in _actions(each)
        for option in action.option_strings
        if option.startswith("--")
    }
    return dict(sorted(found.items()))


def _quoted(text: str) -> str:
    """Between single quotes, in all three shells."""
    return "'" + text.replace("\\", "\\\\").replace("'", "’").replace("%%", "%") + "'"


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


def zsh() -> str:
    """For zsh: the same table with what each word is for, and the same walk."""
    table = "\n".join(
        f"        {_quoted(path)}) reply=({' '.join(_quoted(f'{word}:{use}') for word, use in said.items())}) ;;"
        for path, said in words().items()
    )
    return f"""#compdef infra-monitor
# zsh completion for infra-monitor. Written by tools/completion.py.
_infra_monitor_words() {{
    reply=()
    case "$1" in
{table}
    esac
}}

_infra_monitor() {{
    local current="${{words[CURRENT]}}" before="${{words[CURRENT-1]}}" typed="" word
    local -a reply
    case "$before" in {"|".join(FILES_AFTER)}) _files; return ;; esac
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        _infra_monitor_words "${{typed:+$typed }}$word"
        [[ "$word" != -* && -n "$reply" ]] && typed="${{typed:+$typed }}$word"
    done
    if [[ "$before" == --* ]]; then
        _infra_monitor_words "${{typed:+$typed }}$before"
    fi
    if [[ "$before" != --* || -z "$reply" ]]; then
        _infra_monitor_words "$typed"
        [[ "$current" == -* || "$before" == --* ]] || reply=("${{(@)reply:#--*}}")
    fi
    _describe infra-monitor reply || {{ [[ "$typed" == init ]] && _files -/ }}
}}

if [[ "$funcstack[1]" == _infra-monitor ]]; then _infra_monitor "$@"; else compdef _infra_monitor infra-monitor; fi
"""


def fish() -> str:
    """For fish: the same."""
    table = "\n".join(
        f"        case {_quoted(path)}\n            printf '%s\\t%s\\n' "
        + " ".join(f"{word} {_quoted(use)}" for word, use in said.items())
        for path, said in words().items()
    )
    return f"""# fish completion for infra-monitor. Written by tools/completion.py.
function __infra_monitor_words
    switch "$argv[1]"
{table}
    end
end

function __infra_monitor
    set -l typed
    set -l before (commandline -opc)[-1]
    set -l current (commandline -ct)
    if contains -- "$before" {" ".join(FILES_AFTER)}
        __fish_complete_path "$current"
        return
    end
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$typed $word")
        if not string match -q -- '-*' "$word"; and test -n "$(__infra_monitor_words "$longer" | string collect)"
            set typed "$longer"
        end
    end
    set -l choices (__infra_monitor_words (string trim -- "$typed $before"))
    if string match -q -- '--*' "$before"; and test -n "$choices"
        string join \\n -- $choices
        return
    end
    if string match -q -- '-*' "$current$before"
        __infra_monitor_words "$typed"
    else
        __infra_monitor_words "$typed" | string match -v -- '--*'
    end
    if test "$typed" = init; and not string match -q -- '-*' "$current"
        __fish_complete_directories "$current" ''
    end
end

complete -c infra-monitor -f -a '(__infra_monitor)'
"""


FILES: Final = {"infra-monitor.bash": bash, "_infra-monitor": zsh, "infra-monitor.fish": fish}
"""Each under the name by which its shell finds it (bash: under the command's name)."""


def main() -> int:
    """0, or with --check 1 when a file is not what it would be."""
    stale = [
        name for name, text in FILES.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text()
    ]
    if "--check" in sys.argv[1:]:
        sys.stderr.write(f"{', '.join(stale)}: not current; run tools/completion.py\n" if stale else "")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(FILES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
