"""The earlier script's name and arguments, started as its users start it: by path, from any folder."""

import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from importlib import util
from pathlib import Path

import pytest
from fake_perftracker import FakePerfTracker
from shop import put, shop_jobs

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "perftracker_connector.py"


def connector(cwd, *arguments, python=sys.executable, env=None):
    command = [python, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, check=False, cwd=cwd, capture_output=True, text=True, env=env)


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


def test_a_product_by_the_earlier_arguments(server, tmp_path):
    """Product, project, address and folder as before give the files under their earlier names."""
    arguments = ("--product", "Shop", "--project", "1", "--url", server.url, "--output-dir", "old-data")
    ran = connector(tmp_path, *arguments)
    assert ran.returncode == 0, ran.stderr
    assert "BLOCK" in ran.stdout
    assert (tmp_path / "old-data/job-3.json").exists()
    assert {path.name for path in (tmp_path / "reports/Shop/2 vs 3").iterdir()} >= {"result_v2.json", "llm_report.md"}


def test_two_ids_by_the_earlier_arguments(server, tmp_path):
    """Two job ids compare these two."""
    assert connector(tmp_path, "1", "3", "--url", server.url).returncode == 0
    assert (tmp_path / "reports/Shop/1 vs 3/result_v2.json").exists()


def test_bad_arguments_end_in_a_sentence(tmp_path):
    """The script has the exit codes and sentences of the tool."""
    ran = connector(tmp_path, "85817")
    assert ran.returncode == 2
    assert ran.stderr == "error: A comparison takes two jobs, baseline and candidate; 1 given.\n"


def test_it_runs_from_the_repository_itself(tmp_path):
    """Started from the repository root by its bare name, it works on a folder and writes where it is told."""
    folder = put(tmp_path / "jobs", *shop_jobs())
    command = [
        sys.executable,
        SCRIPT.name,
        "--product",
        "Shop",
        "--url",
        str(folder),
        "--reports-dir",
        str(tmp_path / "out"),
    ]
    ran = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "out/Shop/2 vs 3/llm_report.md").exists()


def bare_environment(folder, *, dependencies):
    """Make an environment without the package and without pip, with what the package needs or with nothing."""
    venv.create(folder, with_pip=False)
    if dependencies:  # a plain path: what lies there is importable, and an editable install there is not followed
        packages = next((folder / "lib").glob("python*")) / "site-packages"
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def test_requirements_are_enough(tmp_path):
    """With what requirements.txt installs, and the package itself not installed, it runs from the repository."""
    python = bare_environment(tmp_path / "env", dependencies=True)
    found = subprocess.run([python, "-c", "import perftracker_ai"], check=False, capture_output=True, cwd=tmp_path)
    assert found.returncode != 0
    folder = put(tmp_path / "jobs", *shop_jobs())
    ran = connector(tmp_path, "--product", "Shop", "--url", folder, python=python)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "reports/Shop/2 vs 3/llm_report.md").exists()


def test_it_looks_for_everything_the_package_needs():
    """What it looks for before it starts is what the package depends on, so that no import fails later."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    spec = util.spec_from_file_location("perftracker_connector", SCRIPT)
    script = util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert set(script.NEEDED) == {re.match(r"[\w-]+", one)[0] for one in asked} | {"perftracker_ai"}


def test_without_package_and_environment_it_says_what_to_do(tmp_path):
    """A Python that lacks what is needed, with no environment beside the script, is told how to install it."""
    copy = tmp_path / SCRIPT.name
    copy.write_bytes(SCRIPT.read_bytes())
    python = bare_environment(tmp_path / "env", dependencies=False)
    command = [str(python), str(copy), "--product", "Shop"]
    ran = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: ")
    for way in ("pip install -r requirements.txt", "make demo", "pip install ."):
        assert way in ran.stderr
    assert "numpy" in ran.stderr
    assert "Traceback" not in ran.stderr
