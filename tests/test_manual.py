"""`cli.manual`: shells and `man` know every command and option there is, and a mistyped option is named."""

import shutil
import subprocess

import pytest

from perftracker_ai.cli.manual import commands, completion, man_page, named
from perftracker_ai.cli.options import parse, parser
from perftracker_ai.errors import UsageError

TOP = parser()
OPTIONS = sorted({text for one in commands(TOP).values() for action in named(one) for text in action.option_strings})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_knows_every_command_and_option(shell):
    """Nothing is listed by hand: what the grammar has, the script has."""
    script = completion(TOP, shell)
    assert all(name in script for name in commands(TOP))
    long = [text.removeprefix("--") for text in OPTIONS if text.startswith("--")]
    assert [text for text in long if text not in script] == []


def completed(*words):
    """What bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _perftracker_ai; echo ${{COMPREPLY[@]}}"
    program = completion(TOP, "bash") + ask
    return subprocess.run(["bash", "-c", program], check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("perftracker-ai", "ana"), ["analyze"]),
        (("perftracker-ai", "analyze", "--candidate-v"), ["--candidate-version"]),
        (("perftracker-ai", "analyze", "--llm", "re"), ["required"]),
        (("perftracker-ai", "history", "s"), ["sync"]),
        (("perftracker-ai", "config", ""), ["show", "init", "check"]),
        (("perftracker-ai", "jobs", "--junit"), []),
    ],
)
def test_bash_completes_commands_options_and_choices(words, offered):
    """Of a command its own options are offered, of an option its choices, of an action its names."""
    assert completed(*words) == offered


def test_the_man_page_has_every_command_and_option():
    """The page is made of the grammar, and no text of it is taken for a macro."""
    page = man_page(TOP).replace("\\-", "-")
    assert [text for text in (*commands(TOP), *OPTIONS) if text not in page] == []
    macros = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert macros <= {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I", ".nf", ".fi"}


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["analyze", "--prodct", "LAB"], "--product"),
        (["jobs", "--prodct", "LAB"], "--product"),
        (["history", "sync", "--product", "LAB", "--sinse=2026-01-01"], "--since"),
        (["--versoin"], "--version"),
    ],
)
def test_a_mistyped_option_is_named(argv, meant):
    """Whatever else is missing, the option that was probably meant is in the sentence."""
    with pytest.raises(UsageError, match=f"did you mean {meant}"):
        parse(argv)


@pytest.mark.parametrize("argv", [["analyze", "--zzzzzz"], ["jobs"], ["analyze", "--product"]])
def test_nothing_is_suggested_where_nothing_is_near(argv):
    """A mistake of another kind is refused with where to look."""
    with pytest.raises(UsageError) as caught:
        parse(argv)
    assert "did you mean" not in str(caught.value)
    assert "--help" in str(caught.value)
