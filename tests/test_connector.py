"""The earlier script's name and arguments, started as its users start it: by path, from any folder."""

import os
import subprocess
import sys
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


def test_without_package_and_environment_it_says_what_to_do(tmp_path):
    """A Python that lacks the package, with no environment beside the script, is told the two ways to install it."""
    bare = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"PYTHONNOUSERSITE": "1"}
    copy = tmp_path / SCRIPT.name
    copy.write_bytes(SCRIPT.read_bytes())
    command = [sys.executable, "-I", "-S", str(copy), "--product", "Shop"]
    ran = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True, env=bare)
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: ")
    assert "make demo" in ran.stderr
    assert "pip install ." in ran.stderr
    assert "Traceback" not in ran.stderr
