"""Whatever bytes job files, saved results, settings, store, servers and kept answers hold: a sentence, and never 1.

Each reader is handed damaged copies of what it reads, through the command line. What ever broke one is kept under
``tests/data/corpus`` and tried again each time. ``PERFTRACKER_FUZZ=300`` tries so many of each.
"""

import contextlib
import io
import json
import os
import random
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from damage import ODD, change, damaged_bytes, damaged_document, encoded
from fake_llm import FakeLLM
from fake_perftracker import FakePerfTracker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop import put, shop_job

from perftracker_ai.cli import main

CORPUS = Path(__file__).parent / "data" / "corpus"
EXAMPLES = int(os.environ.get("PERFTRACKER_FUZZ", "0"))
GATE = ("--fail-on", "never")
UNTIL = ("--reason", "known", "--until", "2099-12-31")


class Place(SimpleNamespace):
    """What the fuzzers work in; shown by its folder alone, for what it holds is long."""

    def __repr__(self):
        return f"Place({self.folder})"


def tried(examples, test):
    """Try a test with so many dice, the same ones each time."""
    usual = settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    return usual(given(dice=st.integers(0, 2**32 - 1).map(random.Random))(test))


def fuzzed(examples):
    return lambda test: tried(examples, test)


def told(*arguments):
    """Run the command line; whatever it read, it ends in a sentence."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    ran = SimpleNamespace(code=code, out=out.getvalue(), err=err.getvalue())
    assert code in (0, 2), ran
    assert "Traceback" not in ran.out + ran.err
    assert "fault of perftracker-ai" not in ran.out + ran.err
    assert code == 0 or any(line.startswith(("error: ", "PROBLEM")) for line in (ran.err + ran.out).splitlines())
    return ran


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Give a folder with jobs, a store of them, and a report of the last two."""
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        jobs = [shop_job(n, f"1.{(n + 1) // 2}", slow=3.0 if n > 6 else 1.0) for n in range(1, 9)]
        put(folder / "jobs", *jobs)
        assert told("history", "sync", "--product", "Shop", "--url", "jobs").code == 0
        assert told("analyze", "--product", "Shop", "--url", "jobs", *GATE).code == 0
        (result,) = folder.glob("reports/Shop/*/result_v2.json")
        saved = json.loads(result.read_bytes())
        assert saved["chronicle"]["onsets"]
        assert saved["clusters"]
        (folder / "saved").mkdir()
        shutil.copy("data/history.sqlite3", "whole.sqlite3")
        yield Place(folder=folder, jobs=jobs, saved=saved, store=Path("whole.sqlite3").read_bytes())


def damaged(document, dice):
    """Damage a document in its values, or less often in its bytes."""
    if dice.random() < 0.7:
        return encoded(damaged_document(document, dice)[0])
    return damaged_bytes(encoded(document), dice)


# ── job files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def compare(place, content):
    (place.folder / "candidate.json").write_bytes(content)
    told("analyze", "jobs/job-6.json", "candidate.json", "--reports-dir", "other", *GATE)


@fuzzed(40)
def test_any_job_file(place, dice):
    """A job file of whatever bytes is compared or refused."""
    compare(place, damaged(place.jobs[7], dice))


@pytest.mark.parametrize("kept", sorted(CORPUS.glob("jobs/*")), ids=lambda path: path.name)
def test_job_files_that_broke_it_once(place, kept):
    """What ever broke the reading of a job is refused or compared for good."""
    compare(place, kept.read_bytes())


# ── saved results ───────────────────────────────────────────────────────────────────────────────────────────────────


def show_and_accept(place, content):
    result, settings_file = place.folder / "saved/result_v2.json", place.folder / "accepted.toml"
    result.write_bytes(content)
    settings_file.unlink(missing_ok=True)
    told("report", result)
    told("accept", result, "C1", *UNTIL, "--config", settings_file)


@fuzzed(40)
def test_any_saved_results(place, dice):
    """Saved results of whatever bytes are shown and accepted from, or refused."""
    show_and_accept(place, damaged(place.saved, dice))


@pytest.mark.parametrize("kept", json.loads((CORPUS / "results.json").read_bytes()), ids=str)
def test_saved_results_that_broke_it_once(place, kept):
    """What ever broke the showing of results is refused or shown for good."""
    document = json.loads(encoded(place.saved))
    for path, value in kept:
        change(document, path, value)
    show_and_accept(place, encoded(document))


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────

SETTINGS = """\
url = "https://perftracker.example"
project = 3
timeout_s = 12.5
fail_on = "severe"
store = "postgresql://reader@db.example:5432/past"

[detect]
moderate = 0.2

[policy]
block_severe = 5

[product."Shop"]
baseline_version = "1.0"
less_better = [["latency", true]]

[[notify]]
address = "mailto://ci:word@mail.example"
when = "block"

[[accept]]
product = "Shop"
endpoint = "POST /orders"
loads = [1000, 4000]
slowdown = 0.5
reason = "known"
until = 2099-12-31
"""


def check_settings(place, content):
    file = place.folder / "any.toml"
    file.write_bytes(content)
    for command in (("config", "check"), ("config", "show")):
        told(*command, "--config", file)


@fuzzed(60)
def test_any_settings_file(place, dice):
    """A settings file of whatever bytes is in force or refused."""
    lines = SETTINGS.splitlines(keepends=True)
    if dice.random() < 0.5:
        value = json.dumps(dice.choice(ODD))
        at = dice.randrange(len(lines))
        lines[at] = f"{lines[at].partition('=')[0]}= {value}\n" if "=" in lines[at] else dice.choice(lines)
    text = "".join(lines).encode()
    check_settings(place, text if dice.random() < 0.4 else damaged_bytes(text, dice))


@pytest.mark.parametrize("kept", sorted(CORPUS.glob("settings/*")), ids=lambda path: path.name)
def test_settings_files_that_broke_it_once(place, kept):
    """What ever broke the reading of settings is refused or in force for good."""
    check_settings(place, kept.read_bytes())


# ── the store ───────────────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS = (
    *(("history_job", name) for name in ("id", "uuid", "title", "product_ver", "hosts", "hardware", "suite_name")),
    *(("history_job", name) for name in ("begin_us", "end_us", "upload", "gone", "reading", "layout", "points")),
    ("history_layout", "content"),
    ("history_schema", "version"),
)
CELLS = (None, -1, 0, 7, 2**62, -(2**62), 1e300, "", "x", "[]", '["a", 1]', b"", b"\x00", b"\xff" * 9, "9" * 400)


def remember(place, content):
    store = place.folder / "any.sqlite3"
    for file in place.folder.glob("any.sqlite3*"):
        file.unlink()
    store.write_bytes(content)
    ran = told("analyze", "--product", "Shop", "--url", "jobs", "--store", store, "--reports-dir", "other", *GATE)
    assert ran.code == 0, ran.err
    told("history", "trends", "--product", "Shop", "--url", "jobs", "--store", store)
    told("doctor", "--url", "jobs", "--store", store)


def with_cell(place, table, column, value):
    """Return the bytes of the store with one value in all or one of its rows."""
    file = place.folder / "cell.sqlite3"
    file.write_bytes(place.store)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA ignore_check_constraints = ON")
        with contextlib.suppress(sqlite3.Error):
            database.execute(f"UPDATE {table} SET {column} = ?", (value,))
    return file.read_bytes()


@fuzzed(25)
def test_any_store(place, dice):
    """A store of whatever bytes and values may cost the history, never the comparison."""
    if dice.random() < 0.6:
        remember(place, with_cell(place, *dice.choice(COLUMNS), dice.choice(CELLS)))
    else:
        remember(place, damaged_bytes(place.store, dice))


@pytest.mark.parametrize("kept", json.loads((CORPUS / "stores.json").read_bytes()), ids=str)
def test_stores_that_broke_it_once(place, kept):
    """What ever broke the reading of a store costs the history alone for good."""
    remember(place, with_cell(place, *kept))


# ── servers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def damaged_answer(reply, dice):
    try:
        return replace(reply, body=damaged(json.loads(reply.body), dice))
    except (ValueError, UnicodeDecodeError):
        return replace(reply, body=damaged_bytes(reply.body, dice))


@fuzzed(25)
def test_any_answers(place, dice):
    """A server that answers whatever bytes gets a sentence."""
    shutil.rmtree("downloads", ignore_errors=True)
    which = dice.choice((r"/job/\?", r"as_json", r"/job/\d+", r".*"))
    with FakePerfTracker(place.jobs[5:]) as server:
        server.script(which, lambda reply: damaged_answer(reply, dice))
        where = ("--url", server.url, "--output-dir", "downloads", "--reports-dir", "other")
        told("analyze", "--product", "Shop", *where, *GATE)
        told(*dice.choice((("analyze", "7", "8", *where, *GATE), ("doctor", "--url", server.url))))


# ── a model's kept answers ──────────────────────────────────────────────────────────────────────────────────────────


@fuzzed(15)
def test_any_kept_answer(place, dice):
    """A model's kept answer of whatever bytes gives a whole report."""
    folder = place.folder / "asked"
    if not (folder / "llm_raw.json").exists():
        folder.mkdir(exist_ok=True)
    (folder / "result_v2.json").write_bytes(encoded(place.saved))
    with FakeLLM() as llm:
        asked = ("report", folder / "result_v2.json", "--llm", "auto", "--llm-url", llm.url)
        if not (place.folder / "answer.json").exists():
            told(*asked)
            shutil.copy(folder / "llm_raw.json", place.folder / "answer.json")
        kept = json.loads((place.folder / "answer.json").read_bytes())
        (folder / "llm_raw.json").write_bytes(damaged(kept, dice))
        assert told(*asked).code == 0
