"""The commands `issues` and `index`, and open issues through whole runs of `analyze`."""

import json
import re
import shutil
import threading
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import postgres
import pytest
from shop import put, shop_job

from perftracker_ai.cli import main
from perftracker_ai.commands.issues import index_reports
from perftracker_ai.errors import StoreError
from perftracker_ai.settings import Settings
from perftracker_ai.store import open_store
from perftracker_ai.store.comparisons import Comparisons

STORE = Path("data/history.sqlite3")
ANALYZE = ("analyze", "--product", "Shop", "--url", "jobs")
LIST = ("issues", "--product", "Shop", "--url", "jobs")
SLOW = (1.0, 1.0, 1.6, 1.6, 1.0)
"""How slow POST /orders is in the versions 1.1 to 1.5."""


def add(number):
    """Put the job of a night into the folder of jobs: version 1.0 with number 1, and so on."""
    slow = 1.0 if number == 1 else SLOW[number - 2]
    put(Path("jobs"), shop_job(number, f"1.{number - 1}", slow=slow))


def first_line(text):
    return text.splitlines()[0].rpartition(": ")[2]


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Compare one job after the other with a store in use; give what was said, and the folder after each night."""
    home, told = tmp_path_factory.mktemp("nights"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        Path("now").mkdir()
        patch.chdir("now")
        open_store(str(STORE)).close()
        add(1)
        for number in range(2, 2 + len(SLOW)):
            add(number)
            with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
                assert main([*ANALYZE, "--quiet"]) == 0
            told.append((first_line(out.getvalue()), " ".join(out.getvalue().split())))
            shutil.copytree(home / "now", home / str(number))
    return home, told


@pytest.fixture
def after(run, nights, monkeypatch):
    """Put the runner of commands into the folder as it was after a night: in its own place, which names the jobs."""

    def go(night):
        shutil.rmtree(nights[0] / "now")
        shutil.copytree(nights[0] / str(night), nights[0] / "now")
        monkeypatch.chdir(nights[0] / "now")
        return run

    return go


def issues(run, *options):
    return json.loads(run(*LIST, "--json", *options).out)["products"][0]["issues"]


# ── analyze ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_yesterday_s_regression_is_not_today_s_baseline(after, nights):
    """The night after a regression finds nothing new and is no innocence; the repair closes it and is approved."""
    told = nights[1]
    assert [verdict for verdict, _ in told] == ["APPROVE", "APPROVE", "INVESTIGATE", "INVESTIGATE", "APPROVE"]
    still = told[3][1]
    assert re.search(r"Still open: POST /orders, (59|60|61)(\.\d)? % slower since 1\.3\.", still)
    assert re.search(
        r"against 1\.3 \(job 4\), the baseline: nothing new; against 1\.2 \(job 3\), last approved: 1", still
    )
    assert "Closed POST /orders: back on the level of before it came in with 1.3" in told[4][1]
    assert [(one["job"]["job"], one["issue"]["status"]) for one in issues(after(6))] == [(6, "closed")]


@pytest.mark.parametrize(
    ("policy", "verdict", "code"), [("block", "BLOCK", 1), ("investigate", "INVESTIGATE", 0), ("ignore", "APPROVE", 0)]
)
def test_the_policy_says_what_open_issues_make_of_a_release(after, policy, verdict, code):
    """Open issues act through their own setting, and through no gate of severity."""
    run = after(5)
    Path("perftracker-ai.toml").write_text(f"[policy]\nopen_issues = '{policy}'\n")
    ran = run(*ANALYZE, "--quiet", "--fail-on", "block")
    assert (first_line(ran.out), ran.code) == (verdict, code)


def test_no_gate_of_severity_is_reached_by_what_is_open(after):
    """A severe issue that is open makes no gate of severities fail: nothing of the kind came in with this version."""
    assert after(5)(*ANALYZE, "--quiet", "--fail-on", "moderate").code == 0


def test_what_is_accepted_is_told_and_does_not_count(after):
    """An issue that the settings accept stays in the list, as accepted, and lets the release pass."""
    run = after(5)
    Path("perftracker-ai.toml").write_text(
        "[[accept]]\nproduct = 'Shop'\nendpoint = 'POST /orders'\nreason = 'known'\nuntil = 2099-12-31\n"
    )
    ran = run(*ANALYZE, "--quiet", "--junit", "junit.xml")
    assert first_line(ran.out) == "APPROVE"
    assert "; accepted." in " ".join(ran.out.split())
    assert [one["issue"]["accepted"] for one in issues(run)] == [True]
    assert '<skipped type="open issue, accepted"' in Path("junit.xml").read_text(encoding="utf-8")


def test_the_same_comparison_again_changes_nothing(after):
    """Comparing the newest two jobs once more gives the same files and leaves the same issues."""
    run, result = after(5), Path("reports/Shop/4 vs 5/result_v2.json")
    before, listed = result.read_bytes(), issues(run)
    assert run(*ANALYZE, "--quiet").code == 0
    assert (result.read_bytes(), issues(run)) == (before, listed)


def test_an_older_pair_compared_late_leaves_the_newest_state(after):
    """A comparison of jobs of before, made today, does not change what is open with the newest job."""
    run = after(6)
    listed = issues(run)
    assert run("analyze", "3", "4", "--url", "jobs", "--quiet").code == 0
    assert issues(run) == listed


def test_report_tells_open_issues_from_the_results_alone(after):
    """Without store and jobs `report` writes the same page and text again, open issues included."""
    run, folder = after(5), Path("reports/Shop/4 vs 5")
    before = {name: (folder / name).read_bytes() for name in ("report.html", "llm_report.md")}
    assert b"Still open" in before["report.html"]
    shutil.rmtree("jobs")
    STORE.unlink()
    assert run("report", folder / "result_v2.json").code == 0
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_comparison_that_cannot_be_kept_is_made_all_the_same(after, monkeypatch):
    """Where the store fails at the end, one warning says so; report and verdict are there."""

    def fail(*_):
        raise StoreError("The store x has no room left on its disk", "make room")

    run, folder = after(3), Path("reports/Shop/2 vs 3")
    shutil.rmtree(folder)
    monkeypatch.setattr(Comparisons, "put", fail)
    ran = run(*ANALYZE)
    assert ran.code == 0
    assert "no room left on its disk" in ran.err
    assert (folder / "result_v2.json").exists()


# ── issues ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_issues_lists_what_is_open_with_its_key(after):
    """A line says what is open and since when, the next one its key, its severity and the job it was last seen in."""
    run = after(5)
    ran = run(*LIST)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "Shop on bg-f1.example, suite API:"
    assert re.fullmatch(
        r"  Open: POST /orders: \S+ % slower, since 1\.3 \(job 4, 2026-09-05\), last good 1\.2 \(job 3, 2026-09-04\)\.",
        lines[1],
    )
    assert re.fullmatch(r"    post-orders-time-slower-[0-9a-f]{8}; severe, code; with 1\.4 \(job 5, .*\)", lines[2])
    assert issues(run, "--hardware", "other") == []
    assert len(issues(run, "--hardware", "bg-f1.example")) == 1


def test_issues_without_a_store_or_a_comparison_say_what_to_do(run):
    """Where nothing is known, one sentence says how to begin; a store is not made by asking."""
    add(1)
    ran = run(*LIST)
    assert (ran.code, STORE.exists()) == (2, False)
    assert "There is no store data/history.sqlite3" in ran.err


def test_a_product_without_issues_is_told_from_one_that_was_never_compared(after):
    """Nothing open is an answer; a product that is not in the store is an error."""
    run = after(2)
    assert run(*LIST).out == "Shop: no issue is known.\n"
    ran = run("issues", "--product", "Other", "--url", "jobs")
    assert ran.code == 2
    assert "no comparison of Other from" in ran.err


# ── index ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["file", "postgresql"])
def test_index_fills_a_store_as_the_nights_did(after, kind):
    """From the folder of reports alone a new store knows the same comparisons and issues, in either database."""
    run = after(6)
    listed = issues(run)
    store = postgres.fresh_database() if kind == "postgresql" else "other.sqlite3"
    ran = run("index", "reports", "--url", "jobs", "--store", store)
    assert (ran.code, ran.out.partition(",")[0]) == (0, "Comparisons: 5 recorded")
    assert issues(run, "--store", store) == listed
    assert "5 known" in run("index", "reports", "--url", "jobs", "--store", store).out


def test_index_leaves_out_what_is_no_result(after):
    """Whatever lies in the folder under the name of results is named and left out; the rest is recorded."""
    run = after(4)
    bad = {
        "empty": b"",
        "text": b"hello",
        "deep": b"[" * 100_000,
        "list": b"[]",
        "old": b'{"schema_version": 1, "metadata": {}}',
        "half": Path("reports/Shop/3 vs 4/result_v2.json").read_bytes()[:-900],
        "odd": b'{"metadata": {"run1": {"id": 1, "uuid": "a", "end": "x"}, "run2": 1}}',
        "headed": json.dumps(
            {"metadata": {f"run{n}": {"id": n, "uuid": "a", "end": "2026-01-01T00:00:00"} for n in (1, 2)}}
        ).encode(),
    }
    for name, content in bad.items():
        folder = Path("reports") / name
        folder.mkdir()
        (folder / "result_v2.json").write_bytes(content)
    Path("reports/loop").symlink_to(Path("reports").resolve())
    deep = Path("reports/a/b/c/d/e")
    deep.mkdir(parents=True)
    shutil.copy("reports/Shop/3 vs 4/result_v2.json", deep)
    ran = run("index", "reports", "--url", "jobs", "--store", "other.sqlite3")
    assert ran.code == 0
    assert ran.out == "Comparisons: 3 recorded, 8 unusable, in other.sqlite3\n"
    assert all(f"reports/{name}/result_v2.json" in ran.err for name in bad)
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("folder", ["missing", "nothing"])
def test_index_of_no_reports_is_one_sentence(run, folder):
    """A folder that is none, or holds no results, is refused with what to give."""
    Path("nothing").mkdir()
    ran = run("index", folder, "--url", "nothing")
    assert ran.code == 2
    assert "--reports-dir names it" in ran.err


def test_index_runs_at_once_agree(after):
    """Several threads that fill one store from the same folder leave what one would have."""
    run = after(5)
    settings, problems = Settings(url="jobs", store="other.sqlite3"), []

    def fill():
        try:
            index_reports(Path("reports"), settings, lambda _: None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test fails by it
            problems.append(error)

    threads = [threading.Thread(target=fill) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert issues(run, "--store", "other.sqlite3") == issues(run)
