"""What the import contracts cannot say: every word of the vocabulary is spoken, and every error is one of ours."""

import ast
import inspect
import pkgutil
import re
import tomllib
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from analyses import notice

import perftracker_ai
from perftracker_ai import errors, model
from perftracker_ai.cli import program
from perftracker_ai.model import NOTICES, CoverageKind, Method, Severity, Verdict
from perftracker_ai.words import wording

SOURCE = Path(perftracker_ai.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("kind", NOTICES.values())
def test_every_notice_has_a_sentence_with_a_next_step(kind):
    """A notice is one sentence: what and why, then what to do."""
    text = wording.notice_text(notice(kind))
    assert ": " in text
    assert text.endswith(".")
    assert "{" not in text


@pytest.mark.parametrize(
    ("word", "member"),
    [
        *((wording.verdict_text, verdict) for verdict in Verdict),
        *((wording.recommendation, verdict) for verdict in Verdict),
        *((wording.coverage_label, kind) for kind in CoverageKind),
        *((wording.method_text, method) for method in Method),
        *((wording.severity_headline, severity) for severity in Severity),
    ],
)
def test_every_member_has_its_words(word, member):
    """No verdict, gap, method or severity is left without words."""
    assert word(member).strip()


def test_every_error_knows_its_exit_code_and_is_drawn_in_the_tree():
    """Each class of error is one of the tree in the module's docstring, and exits with 2, or as from the keyboard."""
    classes = [item for _, item in inspect.getmembers(errors, inspect.isclass) if item.__module__ == errors.__name__]
    for item in classes:
        assert issubclass(item, errors.PerfTrackerAIError)
        assert item.exit_code == (130 if item is errors.Interrupted else 2)
        assert f"{item.__name__} " in errors.__doc__, item


def test_values_of_the_model_are_frozen_and_results_have_no_defaults():
    """What stages hand to each other cannot be changed, and no result can be left half filled in."""
    rooms = [model, *(import_module(f"{model.__name__}.{room.name}") for room in pkgutil.iter_modules(model.__path__))]
    classes = {item for room in rooms for _, item in inspect.getmembers(room, inspect.isclass)}
    values = [
        item for item in classes if issubclass(item, msgspec.Struct) and item.__module__.startswith(model.__name__)
    ]
    for item in values:
        assert item.__struct_config__.frozen, item
        assert not item.__struct_defaults__, item
    assert len(values) > 90


def calls(path, name):
    """Give the lines on which a name is called."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node.lineno for node in nodes if isinstance(node.func, ast.Name) and node.func.id == name]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_streams_module_prints(path):
    """Nothing but the module that knows broken pipes and closed streams prints."""
    assert path.relative_to(SOURCE) == Path("cli/streams.py") or calls(path, "print") == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_settings_are_read_from_the_environment(path):
    """The environment is handed to `config` by the command line and read nowhere else."""
    text = path.read_text(encoding="utf-8")
    reads = "os.environ" in text or "os.getenv" in text or "getenv(" in text
    assert not reads or path.relative_to(SOURCE) in {Path("cli/__init__.py"), Path("config/__init__.py")}


def test_only_the_decoding_module_lets_msgspec_learn_a_type():
    """A type is read in one place, where one thread at a time learns it."""
    learns = re.compile(r"json\.decode\([^\n]*type=|msgspec\.convert\(|Decoder\(")
    reading = {path.relative_to(SOURCE) for path in MODULES if learns.search(path.read_text(encoding="utf-8"))}
    assert reading == {Path("decoding.py")}


def test_help_imports_nothing_heavy():
    """Building the grammar imports neither NumPy nor an HTTP client, so that --help is quick."""
    import subprocess
    import sys

    heavy = "{'numpy', 'httpx2', 'rich', 'msgspec'}"
    program = f"import sys; from perftracker_ai.cli.options import parser; parser(); print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout == "set()\n"


def test_the_package_carries_its_examples_its_types_and_the_earlier_script():
    """What an installed copy needs, its command included, is named in the build settings and lies where named."""
    root = SOURCE.parent.parent
    build = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert len(list((SOURCE / "examples").glob("job-*.json.gz"))) == 3
    assert (SOURCE / "py.typed").exists()
    assert build["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {
        "perftracker_connector.py": "perftracker_connector.py"
    }
    assert (root / "perftracker_connector.py").exists()
    assert build["project"]["scripts"] == {"perftracker-ai": f"{program.__module__}:{program.__name__}"}


def test_an_error_is_one_sentence_of_problem_and_cure():
    """What is wrong and what to do come apart without cutting a sentence, and together as one."""
    error = errors.UsageError("The file a.json is empty", "download it again")
    assert (error.problem, error.cure) == ("The file a.json is empty", "download it again")
    assert str(error) == "The file a.json is empty; download it again."
    assert str(errors.BadAnswer("It answered nothing", "is it a server?")) == "It answered nothing; is it a server?"
    assert str(errors.UsageError("Give one.")) == "Give one."


def test_nothing_cuts_a_sentence_into_problem_and_cure():
    """No room looks for a semicolon in what another one said."""
    assert [path for path in MODULES if 'partition("; ")' in path.read_text(encoding="utf-8")] == []
