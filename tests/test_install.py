"""What a newcomer types: requirements that cannot drift from the package, and a Makefile that keeps up with them."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(name):
    """Give what a lock file asks for, by name."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[A-Za-z0-9]", line)]
    return {canonicalize_name(one.name): one for one in asked}


def holds(lock, wanted):
    """Tell whether a lock file has a package at a version that is wanted, with every extra that is asked of it."""
    one = lock.get(canonicalize_name(wanted.name))
    return one is not None and wanted.extras <= one.extras and all(wanted.specifier.contains(v) for v in pinned(one))


def pinned(one):
    return [each.version for each in one.specifier]


def test_requirements_are_the_lock_file():
    """`pip install -r requirements.txt` takes the lock file and nothing else, so that the two cannot differ."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["-r requirements.lock"]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-build.lock", PROJECT["build-system"]["requires"] + PROJECT["dependency-groups"]["build"]),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]),
    ],
)
def test_a_lock_holds_what_the_project_asks_for(name, asked):
    """Every dependency of `pyproject.toml` is in its lock file at a version it allows; none is left to be resolved."""
    lock = locked(name)
    assert [one for one in asked if not holds(lock, Requirement(one))] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_extras_are_locked_by_name(name):
    """What one package asks of another with an extra is locked with it: pip resolves it anew otherwise, and fails."""
    lock, asked = locked(name), []
    for package, one in lock.items():
        try:
            needs = map(Requirement, requires(package) or ())
        except PackageNotFoundError:  # of another platform
            continue
        marked = [{"extra": extra} for extra in (one.extras or {""})]
        asked += [need for need in needs if not need.marker or any(map(need.marker.evaluate, marked))]
    assert [str(need) for need in asked if not holds(lock, need)] == []
    assert asked


# ── the Makefile ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def checkout(tmp_path):
    """Make a folder with the Makefile, lock files, and an environment whose programs only note that they ran."""
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "perftracker-ai"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/ran"\n')
        (programs / name).chmod(0o755)
    return tmp_path


def made(checkout, *arguments):
    """Run make, and give what it had the environment's programs do."""
    (checkout / "ran").write_text("")
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", *arguments]
    ran = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, env=env)
    assert ran.returncode == 0, ran.stderr
    return (checkout / "ran").read_text()


def test_the_package_is_built_with_what_is_locked(checkout):
    """Building resolves nothing anew: a build tool released next month cannot break an installation."""
    ran = made(checkout, "demo")
    assert "--require-hashes -r requirements.lock -r requirements-build.lock" in ran
    (build,) = (line for line in ran.splitlines() if "--editable" in line)
    assert "--no-deps --no-build-isolation" in build


def test_a_changed_lock_is_installed_whatever_its_date(checkout):
    """An environment made from another lock file is brought up to this one, forwards and backwards, once each."""
    lock = checkout / "requirements.lock"
    before = lock.read_bytes()
    assert "-r requirements.lock" in made(checkout, "demo")
    assert "install" not in made(checkout, "demo")
    for content in (before + b"# newer\n", before):
        lock.write_bytes(content)
        os.utime(lock, (0, 0))
        assert "-r requirements.lock" in made(checkout, "demo")
        assert made(checkout, "demo") == "perftracker-ai demo\n"


def test_an_environment_without_its_python_is_made_again(checkout):
    """Where the system's Python went away under the environment, it is made anew and filled."""
    made(checkout, "demo")
    python = checkout / ".venv" / "bin" / "python"
    stub = python.rename(checkout / "python")
    python.symlink_to("/nowhere/python3")
    maker = checkout / "maker"
    maker.write_text(f'#!/bin/sh\n[ "$1" = -m ] && cp "{stub}" "{python}"\nexit 0\n')
    maker.chmod(0o755)
    assert "-r requirements.lock" in made(checkout, "demo", f"PYTHON={maker}")
