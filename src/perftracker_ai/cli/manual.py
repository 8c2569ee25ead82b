"""The grammar for shells and for `man`: completions for bash, zsh and fish, and a man page.

In: the grammar that `options` builds. Out: text. Nothing is listed here: a new command or option is in all of them.
"""

from __future__ import annotations

import argparse
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "perftracker-ai"

_BASH = """\
# bash and zsh completion of perftracker-ai, written by `perftracker-ai completion`
_perftracker_ai() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} last=${{COMP_WORDS[COMP_CWORD-1]}} words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    case "${{COMP_WORDS[1]}} $last" in
{values}
    esac
    case "$word" in
        -*) case "${{COMP_WORDS[1]}}" in
{options}
            esac ;;
        *) case "${{COMP_WORDS[1]}}" in
{words}
           esac ;;
    esac
    if [ -n "$words" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -o filenames -F _perftracker_ai perftracker-ai
"""
_ZSH = "#compdef perftracker-ai\nautoload -U +X bashcompinit && bashcompinit\n"


def completion(top: argparse.ArgumentParser, shell: str) -> str:
    """Return the completion script of a shell."""
    if shell == "fish":
        return "\n".join(_fish(top))
    return (_ZSH if shell == "zsh" else "") + _bash(top)


def commands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the commands' own grammars by name."""
    found = (action.choices for action in top._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001 - argparse offers no other way to what it was told
    return dict(next(found))


def named(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options of a command."""
    yield from (action for action in command._actions if action.option_strings)  # noqa: SLF001 - the same


def _positional(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    yield from (action for action in command._actions if not action.option_strings)  # noqa: SLF001 - the same


# ── shells ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _bash(top: argparse.ArgumentParser) -> str:
    every = commands(top)
    values = [
        f'        "{name} {option}") COMPREPLY=($(compgen -W "{_words(action)}" -- "$word")); return ;;'
        for name, command in every.items()
        for action in named(command)
        if action.choices
        for option in action.option_strings
    ]
    options = [
        f'            {name}) words="{" ".join(chain(*(one.option_strings for one in named(command))))}" ;;'
        for name, command in every.items()
    ]
    words = [f'            {name}) words="{_choices(command)}" ;;' for name, command in every.items()]
    return _BASH.format(
        commands=" ".join(every), values="\n".join(values), options="\n".join(options), words="\n".join(words)
    )


def _choices(command: argparse.ArgumentParser) -> str:
    return " ".join(_words(action) for action in _positional(command) if action.choices)


def _words(action: argparse.Action) -> str:
    return " ".join(map(str, action.choices or ()))


def _fish(top: argparse.ArgumentParser) -> Iterator[str]:
    yield "# fish completion of perftracker-ai, written by `perftracker-ai completion`"
    for name, command in commands(top).items():
        about = _quoted((command.description or "").partition("\n")[0])
        yield f"complete -c {PROGRAM} -n __fish_use_subcommand -a {name} -d {about}"
        seen = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {name}'"
        if _choices(command):
            yield f"{seen} -f -a '{_choices(command)}'"
        for action in named(command):
            long = next(text[2:] for text in action.option_strings if text.startswith("--"))
            taken = f" -x -a '{_words(action)}'" if action.choices else "" if action.nargs == 0 else " -r"
            yield f"{seen} -l {long}{taken} -d {_quoted(action.help or '')}"
    yield ""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# ── man ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def man_page(top: argparse.ArgumentParser) -> str:
    """Return the man page, in the man macros of roff."""
    lines = [
        '.TH PERFTRACKER\\-AI 1 "" "" "User Commands"',
        ".SH NAME",
        f"perftracker\\-ai \\- {_roff((top.description or '').rstrip('.'))}",
        ".SH SYNOPSIS",
        ".B perftracker\\-ai",
        ".I COMMAND",
        "[options]",
        ".SH COMMANDS",
    ]
    for name, command in commands(top).items():
        lines += [f".SS {_roff(name)}", *_paragraphs(command.description or "")]
        for action in (*_positional(command), *named(command)):
            lines += [".TP", f".B {_roff(_signature(action))}", _roff(action.help or "")]
    return "\n".join([*lines, ".SH NOTES", *_paragraphs(top.epilog or ""), ""])


def _signature(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    return " ".join(filter(None, (", ".join(action.option_strings), value)))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        kept = ".nf" if any(line.startswith(" ") for line in paragraph.splitlines()) else ""
        yield from (".PP", *filter(None, (kept,)), *map(_roff, paragraph.splitlines()), *([".fi"] if kept else []))


def _roff(text: str) -> str:
    """Return text with nothing in it that roff acts upon."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("%%", "%").replace("\n", " ")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    from perftracker_ai.cli.options import parser
    from perftracker_ai.cli.streams import show

    show(man_page(parser()).rstrip("\n"))
