"""What an earlier run left is damaged: it may cost the history or a model's kept answer, never the comparison."""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path

import pytest
from shop import put, shop_job

from perftracker_ai.cli import main

DAMAGES = {
    "nothing": lambda whole: b"",
    "cut off": lambda whole: whole[: len(whole) // 3],
    "not UTF-8": lambda whole: whole.replace(b"CREATE", b"CR\xe2ATE").replace(b'"', b'\xff"'),
    "noise": lambda whole: b"\xff" * 4096,
    "zeros": lambda whole: bytes(len(whole)),
    "nested": lambda whole: b'{"metadata":' * 100_000,
    "other types": lambda whole: b'{"metadata": {"run1": 3, "run2": [null]}, "replies": "x"}',
    "a list": lambda whole: b"[]",
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop") / "jobs"
    return put(folder, *(shop_job(n, f"1.{n}", slow=3.0 if n == 6 else 1.0) for n in range(1, 7)))


def ask(jobs):
    return ("analyze", "--product", "Shop", "--url", str(jobs), "--json")


def told(out):
    return json.loads(out)["products"][0]["result"]["verdict"]


def verdict(ran):
    assert "Traceback" not in ran.err
    return told(ran.out)


def left_by(folder, jobs, *before):
    """Compare the jobs in a folder, and give it with the verdict."""
    with chdir(folder), redirect_stdout(io.StringIO()) as said:
        for command in (*before, ask(jobs)):
            said.seek(said.truncate(0))
            assert main(command) == 0
    return folder, told(said.getvalue())


@pytest.fixture(scope="module")
def compared(jobs, tmp_path_factory):
    """Make what a run without a store leaves."""
    return left_by(tmp_path_factory.mktemp("compared"), jobs)


@pytest.fixture(scope="module")
def stored(jobs, tmp_path_factory):
    """Make what a run leaves that knows earlier jobs from a store."""
    sync = ("history", "sync", "--product", "Shop", "--url", str(jobs))
    return left_by(tmp_path_factory.mktemp("stored"), jobs, sync)


def copy(left, here):
    """Put what a run left into a folder, and give its verdict."""
    folder, expected = left
    shutil.copytree(folder, here, dirs_exist_ok=True)
    return expected


@pytest.mark.parametrize("damage", [*DAMAGES, "a folder"])
@pytest.mark.parametrize("name", ["result_v2.json", "llm_raw.json", "told.json"])
def test_a_damaged_file_of_an_earlier_run_costs_nothing(run, jobs, compared, tmp_path, name, damage):
    """Results, kept answers and what channels were told may hold anything: the verdict is the same, or one sentence."""
    folder = Path("reports/Shop/5 vs 6")
    expected = copy(compared, tmp_path)
    target = folder / name
    whole = target.read_bytes() if target.exists() else b"{}"
    target.unlink(missing_ok=True)
    if damage == "a folder":
        target.mkdir()
        ran = run(*ask(jobs))
        assert "fault of perftracker-ai" not in ran.err
        assert ran.code == 2 or verdict(ran) == expected
        return
    target.write_bytes(DAMAGES[damage](whole))
    ran = run(*ask(jobs))
    assert ran.code == 0
    assert verdict(ran) == expected


@pytest.mark.parametrize("damage", [*DAMAGES, "a folder"])
def test_a_damaged_store_costs_the_history_alone_and_doctor_names_it(run, jobs, stored, tmp_path, damage):
    """The comparison goes on with a warning; history and doctor say in a sentence which store it is and what to do."""
    expected = copy(stored, tmp_path)
    store = Path("data/history.sqlite3")
    whole = store.read_bytes()
    for file in store.parent.glob("history.sqlite3*"):
        file.unlink()
    if damage == "a folder":
        store.mkdir()
    else:
        store.write_bytes(DAMAGES[damage](whole))
    checked = run("doctor", "--product", "Shop", "--url", jobs)
    looked = run("history", "trends", "--product", "Shop", "--url", jobs)
    ran = run(*ask(jobs))
    assert verdict(ran) == expected
    for said in (checked, looked):
        assert "Traceback" not in said.err
        assert "fault of perftracker-ai" not in said.err + said.out
    assert looked.code == 2
    assert "history.sqlite3" in looked.err
    if damage not in ("nothing", "zeros"):  # SQLite takes these for a new store
        (line,) = [line for line in checked.out.splitlines() if "store of past jobs" in line]
        assert line.startswith("PROBLEM")
        assert "history.sqlite3" in line


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE history_job SET id = 'x'",
        "UPDATE history_job SET end_us = 9e300",
        "UPDATE history_job SET end_us = 'noon'",
        "UPDATE history_job SET hosts = '{'",
        "UPDATE history_job SET hosts = x'ff'",
        "UPDATE history_job SET title = x'ff00'",
        "UPDATE history_job SET product_ver = 7",
        "UPDATE history_job SET points = x'00'",
        "UPDATE history_job SET points = 'text'",
        "UPDATE history_job SET gone = 'maybe'",
        "UPDATE history_job SET begin_us = -9e18",
        "UPDATE history_layout SET content = x'00'",
        "UPDATE history_layout SET content = NULL",
        "DELETE FROM history_layout",
        "DROP TABLE history_layout",
        "UPDATE history_schema SET version = 'x'",
        "UPDATE history_schema SET version = 99",
    ],
)
def test_wrong_values_in_a_sound_store_cost_the_history_alone(run, jobs, stored, tmp_path, change):
    """SQLite keeps any type in any column: whatever a row holds, the comparison is made and nothing crashes."""
    expected = copy(stored, tmp_path)
    with sqlite3.connect("data/history.sqlite3") as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        try:
            database.execute(change)
        except sqlite3.IntegrityError:
            pytest.skip("the schema does not take it")
    database.close()
    for command in (ask(jobs), ("history", "trends", "--product", "Shop", "--url", jobs), ("doctor", "--url", jobs)):
        ran = run(*command)
        assert ran.code in (0, 2)
        assert "fault of perftracker-ai" not in ran.err + ran.out
        if command[0] == "analyze":
            assert verdict(ran) == expected


def test_a_locale_without_utf_8_judges_a_product_of_other_letters(tmp_path):
    """With LC_ALL=POSIX and without UTF-8 mode, a Cyrillic product is judged: gate, JSON and files."""
    names = {"product_name": "\u041c\u0430\u0433\u0430\u0437\u0438\u043d"}
    put(tmp_path / "jobs", shop_job(1, "1.0", **names), shop_job(2, "1.1", slow=3.0, **names))
    pair = ("analyze", "jobs/job-1.json", "jobs/job-2.json")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PERFTRACKER_AI_LLM": "off"}
    narrow = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    gate = ("--fail-on", "block", "--json", "--junit", "all.xml")
    for codes, more in (({1}, gate), ({0, 2}, ("--reports-dir", names["product_name"]))):
        command = [sys.executable, "-m", "perftracker_ai", *pair, *more]
        ran = subprocess.run(command, cwd=tmp_path, env=environment | narrow, capture_output=True, check=False)
        assert ran.returncode in codes, ran.stderr
        assert b"Traceback" not in ran.stderr
