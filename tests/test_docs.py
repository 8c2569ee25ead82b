"""The documents say what the program does."""

import argparse
import re
from pathlib import Path

import pytest
from msgspec import structs

from perftracker_ai import errors, settings
from perftracker_ai.cli.options import parser

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
SECTIONS = {
    "discovery": settings.DiscoverySettings,
    "curves": settings.CurveSettings,
    "detect": settings.DetectSettings,
    "policy": settings.PolicySettings,
    "dashboard": settings.DashboardSettings,
}


def commands():
    (subparsers,) = (action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    return subparsers.choices


def options():
    return sorted({text for command in commands().values() for a in command._actions for text in a.option_strings})


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_reference(command):
    """Every command is listed with the others."""
    assert f"perftracker-ai {command}" in REFERENCE


@pytest.mark.parametrize("option", [text for text in options() if text not in {"-h", "--help"}])
def test_every_option_is_in_the_reference(option):
    """Every option of every command is described."""
    assert f"`{option}" in REFERENCE


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", REFERENCE))))
def test_the_reference_invents_no_option(option):
    """Every option named exists."""
    assert option in {*options(), "--version", "--help"}


@pytest.mark.parametrize("key", [f"{name}.{f.name}" for name, s in SECTIONS.items() for f in structs.fields(s)])
def test_every_setting_is_in_the_reference(key):
    """Every setting of a product is described."""
    assert f"`{key}`" in REFERENCE


@pytest.mark.parametrize("key", sorted(set(settings.Settings.__struct_fields__) - {"defaults", "products"}))
def test_every_setting_of_the_run_is_in_the_reference(key):
    """Every setting of a run is named."""
    assert f"`{key}`" in REFERENCE


@pytest.mark.parametrize("section", ["detect", "policy"])
def test_defaults_in_the_reference_are_the_program_s(section):
    """A default that is written down is the one in force."""
    for field in structs.fields(SECTIONS[section]):
        (row,) = (line for line in REFERENCE.splitlines() if line.startswith(f"| `{section}.{field.name}`"))
        default = row.split("|")[3].strip(" `")
        assert (default if isinstance(field.default, str) else float(default)) == field.default


def test_the_tree_of_errors_is_drawn_as_it_is():
    """Every exception class is in the tree of its module's docstring."""
    classes = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert all(name in errors.__doc__ for name in classes)
    assert len(classes) > 5


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(page):
    """Every relative link of a document names a file that exists."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_map_of_contributing_is_the_tree():
    """Every room of the package is on the map, and every place that a first change is sent to is there."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    source = ROOT / "src" / "perftracker_ai"
    for room in source.iterdir():
        inside = (room / "__init__.py").exists() or (room.suffix == ".py" and not room.stem.startswith("__"))
        assert not inside or room.name in text, room.name
    for folder in ("commands", "model"):
        rooms = {path.stem for path in (source / folder).glob("*.py")} - {"__init__", "ranges", "versions"}
        assert rooms <= set(re.findall(r"\w+", text)), rooms
    for place in re.findall(r"`((?:tests|docs|benchmarks)?[\w/]*/[\w.]*|\w+\.py)`", text):
        assert (ROOT / place).exists() or (source / place).exists(), place


def test_the_page_of_benchmarks_is_read_in_one_sitting():
    """Tables and sentences, about 2,500 words; the rest stands in the full tables."""
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert len(page.split()) < 2750
    assert page.index("To renew a table") < page.index("\n## ")


@pytest.mark.parametrize("page", ["benchmarks.md", "benchmarks-full.md"])
def test_every_figure_names_a_command_that_exists(page):
    """Each section that holds a table names the program that makes it, with options it has."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    commands = re.findall(r"(benchmarks/\w+\.py)([^`]*)`", text)
    for program, rest in commands:
        source = (ROOT / program).read_text(encoding="utf-8")
        assert all(f'"{option}"' in source for option in re.findall(r"--[a-z-]+", rest)), (program, rest)
    assert len({program for program, _ in commands}) >= {"benchmarks.md": 7, "benchmarks-full.md": 2}[page]
    if page == "benchmarks.md":
        parts = re.split(r"\n## ", text)[1:]
        assert all("benchmarks/" in part for part in parts if "\n| " in part)


def test_every_test_that_reliability_names_exists():
    """Each promise in docs/reliability.md is held by a test of that name, in a file of that name."""
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    found = re.findall(r"`(?:tests/)?(test_\w+\.py)?(?:::)?(test_\w+)?`", text)
    known, file = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py")}, ""
    for named, test in found:
        file = named or file
        assert file in known or not (named or test), file
        assert not test or f"def {test}(" in known[file], f"{file} has no {test}"
    assert sum(bool(test) for _, test in found) > 30
