"""The store of past jobs in `analyze`: what is recorded and looked up, and that its trouble costs no comparison."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import nights
import postgres
import pytest
from builders import info, job
from fake_perftracker import FakePerfTracker
from msgspec.structs import replace
from shop import put, shop_job, shop_jobs

from perftracker_ai.commands import lookup
from perftracker_ai.commands.lookup import look_up
from perftracker_ai.settings import Settings
from perftracker_ai.store import Scope, open_store, origin_of
from perftracker_ai.store.database import Database
from perftracker_ai.store.schema import STEPS, VERSION

STORE = Path("data/history.sqlite3")
RESULT = Path("reports/Shop/2 vs 3/result_v2.json")
ANALYZE = ("analyze", "--product", "Shop", "--url", "jobs")


@pytest.fixture
def shop(run):
    """A folder with the usual three jobs, and the runner of commands beside it."""
    put(Path("jobs"), *shop_jobs())
    return run


@pytest.fixture
def begun(shop):
    """The same with an empty store that comparisons use."""
    open_store(str(STORE)).close()
    return shop


class Listener:
    """Keeps what it is told."""

    def __init__(self):
        self.steps = []

    def __call__(self, event):
        self.steps.append(event.text)


def stored(product="Shop", url=STORE, origin="jobs"):
    """Give the numbers of the jobs that are there."""
    with closing(open_store(str(url))) as store:
        return [one.id for one in store.jobs(Scope(origin=origin_of(origin), product=product))]


def result(path=RESULT):
    return json.loads(path.read_text(encoding="utf-8"))


def told_jobs(path=RESULT):
    """Give the numbers of the jobs that the results tell of."""
    return [place["job"] for place in result(path)["chronicle"]["jobs"]]


# ── when there is a store ───────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_store_none_is_made_and_no_database_loaded(tmp_path):
    """A comparison where nobody began a store leaves none, says nothing of one and loads nothing for one."""
    put(tmp_path / "jobs", *shop_jobs())
    code = "import sys; from perftracker_ai.cli import main; main(sys.argv[1:]); print('sqlalchemy' in sys.modules)"
    command = [sys.executable, "-c", code, *ANALYZE]
    ran = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "False"
    assert "earlier" not in ran.stderr
    assert not list(tmp_path.rglob("*.sqlite3"))
    assert result(tmp_path / RESULT)["chronicle"] is None


def test_once_there_is_a_store_the_compared_jobs_are_recorded_and_told_of(begun):
    """Baseline, candidate and reruns come into the store, and the results tell of them, oldest first."""
    ran = begun(*ANALYZE)
    assert ran.code == 0
    assert "Recording jobs 2, 3, 1 in data/history.sqlite3 …" in ran.err
    assert "Reading earlier jobs from data/history.sqlite3 …" in ran.err
    assert stored() == told_jobs() == [1, 2, 3]
    (onset,) = result()["chronicle"]["onsets"]
    assert (onset["first"]["job"], onset["last_good"]["job"]) == (3, 2)


def test_the_same_jobs_are_recorded_once(begun):
    """A second comparison of the same jobs writes nothing, and finds the same."""
    begun(*ANALYZE)
    before = result()
    ran = begun(*ANALYZE)
    assert "Recording" not in ran.err
    assert "Reading earlier jobs" in ran.err
    assert result() == before


def test_synchronising_begins_it_and_comparing_goes_on(shop):
    """What `history sync` recorded is there for the comparison, which adds only what is new."""
    assert shop("history", "sync", "--product", "Shop", "--url", "jobs").code == 0
    put(Path("jobs"), shop_job(4, "1.2", slow=3.0))
    assert "Recording job 4 in" in shop(*ANALYZE).err
    assert told_jobs(Path("reports/Shop/3 vs 4/result_v2.json")) == [1, 2, 3, 4]
    assert shop("history", "sync", "--product", "Shop", "--url", "jobs").out.startswith("Shop: 4 unchanged")


@pytest.mark.parametrize("kind", ["file", "postgresql"])
def test_a_store_that_is_set_is_made_by_the_first_comparison(shop, kind):
    """With --store nothing has to be begun, and the usual file is not touched."""
    store = postgres.fresh_database() if kind == "postgresql" else "team/jobs.sqlite3"
    assert shop(*ANALYZE, "--store", store).code == 0
    assert stored(url=store) == told_jobs() == [1, 2, 3]
    assert not STORE.exists()


def test_jobs_named_by_number_are_recorded(begun):
    """Two jobs of the source are kept and told of, as those that discovery finds."""
    assert begun("analyze", "1", "3", "--url", "jobs").code == 0
    assert stored() == told_jobs(Path("reports/Shop/1 vs 3/result_v2.json")) == [1, 3]


@pytest.mark.parametrize("first", ["jobs/job-2.json", "2"])
def test_files_that_somebody_named_are_no_history(begun, first):
    """Where a job is named by its file nobody knows where it comes from, so nothing is recorded or looked up."""
    assert begun("analyze", first, "jobs/job-3.json", "--url", "jobs").code == 0
    assert stored() == []
    assert result()["chronicle"] is None


def test_it_can_be_switched_off(begun, monkeypatch):
    """With the setting history off, the store is left alone."""
    monkeypatch.setenv("PERFTRACKER_AI_HISTORY", "false")
    assert begun(*ANALYZE).code == 0
    assert stored() == []
    assert result()["chronicle"] is None


def test_the_demo_is_nobody_s_history(begun):
    """The jobs that come with the tool do not get into a store."""
    assert begun("demo").code == 0
    with closing(sqlite3.connect(STORE)) as connection:
        assert connection.execute("SELECT count(*) FROM history_job").fetchone() == (0,)


def test_server_and_folder_give_the_same_history(run):
    """Where the jobs come from makes no difference to what is said of them."""
    told = []
    put(Path("jobs"), *shop_jobs())
    with FakePerfTracker(shop_jobs()) as server:
        for url in ("jobs", server.url):
            assert run("analyze", "--product", "Shop", "--url", url, "--store", "s.sqlite3").code == 0
            told.append(result()["chronicle"])
    assert told[0] == told[1]
    assert told[0]["jobs"]


def test_every_product_of_a_run_has_its_history(begun):
    """With several products each one's jobs are recorded, and told in its own results."""
    numbers = {11: "1.0", 12: "1.0", 13: "1.1"}
    put(Path("jobs"), *(shop_job(number, version, product_name="Bazaar") for number, version in numbers.items()))
    assert begun("analyze", "--all-products", "--url", "jobs").code == 0
    assert (stored(), stored("Bazaar")) == ([1, 2, 3], [11, 12, 13])
    assert told_jobs(Path("reports/Bazaar/12 vs 13/result_v2.json")) == [11, 12, 13]


# ── which jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_jobs_like_the_candidate_and_not_later_are_told_of(begun):
    """Jobs of other hardware, another suite, or after the candidate are stored and not looked at."""
    put(
        Path("jobs"),
        shop_job(4, "1.1", suite_name="UI"),
        shop_job(5, "1.2", env_nodes=shop_job(5, "1", hosts=("other.example",))["env_nodes"]),
        shop_job(6, "1.3"),
    )
    assert begun("history", "sync", "--product", "Shop", "--url", "jobs").out.startswith("Shop: 6 recorded")
    begun("analyze", "2", "3", "--url", "jobs")
    assert told_jobs() == [1, 2, 3]


def test_of_jobs_that_ended_together_the_later_number_is_later(begun):
    """A job that ended at the candidate's moment counts as earlier only with a lower number."""
    at = {"end": "2026-09-04T10:00:00Z"}
    put(Path("jobs"), shop_job(4, "1.1", **at), shop_job(5, "1.2", **at))
    begun("history", "sync", "--product", "Shop", "--url", "jobs")
    begun("analyze", "2", "4", "--url", "jobs")
    assert told_jobs(Path("reports/Shop/2 vs 4/result_v2.json")) == [1, 2, 3, 4]


def test_jobs_that_are_too_old_are_not_looked_at(begun):
    """What ended longer than keep_days before the candidate is not told of."""
    put(Path("jobs"), shop_job(0, "0.9", end="2025-01-01T00:00:00Z"))
    Path("perftracker-ai.toml").write_text("keep_days = 0", encoding="utf-8")
    begun("history", "sync", "--product", "Shop", "--url", "jobs")
    begun(*ANALYZE)
    assert told_jobs() == [0, 1, 2, 3]
    Path("perftracker-ai.toml").write_text("keep_days = 30", encoding="utf-8")
    begun(*ANALYZE)
    assert told_jobs() == [1, 2, 3]


def test_a_local_run_is_compared_and_not_recorded(begun):
    """What `history sync` would leave out does not come in by a comparison either."""
    put(Path("jobs"), shop_job(4, "1.2", env_nodes=shop_job(4, "1", hosts=("dev.local",))["env_nodes"]))
    assert begun("analyze", "3", "4", "--url", "jobs").code == 0
    assert stored() == [3]
    assert result(Path("reports/Shop/3 vs 4/result_v2.json"))["chronicle"] is None


def test_a_change_is_dated_by_the_jobs_in_between(run):
    """Comparing with a version of long ago, the results name the night at which the regression came in."""
    folder = nights.write(Path("jobs"), 25)
    run("history", "sync", "--product", "Shop", "--url", folder)
    assert run("analyze", "112", "125", "--url", folder).code == 0
    saved = result(Path("reports/Shop/112 vs 125/result_v2.json"))
    slow = next(one["id"] for one in saved["clusters"] if "POST /orders" in one["title"])
    (onset,) = (one for one in saved["chronicle"]["onsets"] if one["cluster"] == slow)
    assert (onset["first"]["job"], onset["last_good"]["job"]) == (116, 115)
    assert len(saved["chronicle"]["jobs"]) == 25


def test_the_noise_is_learned_from_the_other_jobs(run):
    """The results say from how many jobs the noise is known: all that make pairs, the compared ones left out."""
    folder = nights.write(Path("jobs"), 25)
    run("history", "sync", "--product", "Shop", "--url", folder)
    assert run("analyze", "--product", "Shop", "--url", folder).code == 0
    (saved,) = Path("reports").rglob("result_v2.json")
    assert result(saved)["noise_source"].endswith("2 reruns and 20 earlier jobs")


# ── what can go wrong with it ───────────────────────────────────────────────────────────────────────────────────────


def newer(path):
    open_store(path).close()
    with closing(Database(path)) as database, database.writing() as connection:
        connection.execute(VERSION.insert().values(version=len(STEPS) + 1, step="to come"))


def damaged(path):
    Path(path).write_bytes(b"no database at all " * 99)


def locked(path):
    open_store(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def refusing(path):
    """Leave a store that refuses every job."""
    open_store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON history_job BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        connection.commit()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (newer, "upgrade perftracker-ai or give another --store."),
        (damaged, "move it away and fill a new one with `perftracker-ai history sync`."),
        (locked, "try again when that one is done."),
        (refusing, "check its address and that it can be reached."),
    ],
)
def test_a_store_that_fails_costs_the_history_and_not_the_comparison(shop, monkeypatch, broken, said):
    """The report is that of a run without a store, with one warning that ends in what to do."""
    monkeypatch.setattr(lookup, "_PATIENCE_S", 0)
    plain = shop(*ANALYZE)
    expected = result()
    STORE.parent.mkdir(exist_ok=True)
    held = broken(str(STORE))
    ran = shop(*ANALYZE)
    if held is not None:
        held.close()
    assert ran.code == plain.code
    (warning,) = (line for line in ran.err.splitlines() if "No earlier jobs were looked at" in line)
    assert warning.endswith(said)
    found = result()
    assert [notice["kind"] for notice in found.pop("notices")] == ["no_history"]
    assert expected.pop("notices") == []
    assert found == expected


def as_anybody(*arguments):
    """Run the tool as one whom permissions bind, which they do not bind root."""
    drop = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    if drop and not shutil.which(drop[0]):
        pytest.skip("root may write everywhere, and setpriv of util-linux, by which it may not, is not here")
    command = (*drop, sys.executable, "-m", "perftracker_ai", *arguments, "--store", "archive/h.sqlite3")
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture
def archive(shop):
    """A store in a folder of its own with the jobs up to now, which can be made read-only and is freed at the end."""
    shop("history", "sync", "--product", "Shop", "--url", "jobs", "--store", "archive/h.sqlite3")
    put(Path("jobs"), shop_job(4, "1.2", slow=3.0))
    yield Path("archive")
    Path("archive").chmod(0o755)


@pytest.mark.parametrize(("folder", "file"), [(0o555, 0o644), (0o755, 0o444), (0o555, 0o444)])
def test_a_store_that_can_only_be_read_is_read(archive, folder, file):
    """A read-only store dates changes and shows trends; that nothing is recorded is said, and its bytes stay."""
    store = archive / "h.sqlite3"
    before = store.read_bytes()
    store.chmod(file)
    archive.chmod(folder)
    ran = as_anybody(*ANALYZE)
    assert ran.returncode == 0
    (warning,) = (line for line in ran.stderr.splitlines() if "not recorded for later comparisons" in line)
    assert "(The store archive/h.sqlite3 cannot be written to): check its permissions" in warning
    assert told_jobs(Path("reports/Shop/3 vs 4/result_v2.json")) == [1, 2, 3, 4]
    trends = as_anybody("history", "trends", "--product", "Shop", "--url", "jobs")
    assert (trends.returncode, trends.stderr) == (0, "")
    assert store.read_bytes() == before


def test_a_store_that_can_only_be_read_is_not_synchronised(archive):
    """What cannot be recorded is said, and nothing is changed."""
    store = archive / "h.sqlite3"
    before = store.read_bytes()
    store.chmod(0o444)
    archive.chmod(0o555)
    synchronised = as_anybody("history", "sync", "--product", "Shop", "--url", "jobs")
    assert synchronised.returncode == 2
    assert "The store archive/h.sqlite3 cannot be written to; check its permissions" in synchronised.stderr
    assert store.read_bytes() == before


def test_a_read_only_store_with_changes_still_to_come_is_not_read_without_them(archive):
    """A log beside the store that cannot be opened is not passed over: that would be an older state of the store."""
    log = archive / "h.sqlite3-wal"
    with closing(sqlite3.connect(archive / "h.sqlite3")) as connection:
        connection.execute("UPDATE history_job SET gone = 1")
        connection.commit()
        written = log.read_bytes()
    log.write_bytes(written)
    archive.chmod(0o555)
    ran = as_anybody(*ANALYZE)
    assert ran.returncode == 0
    assert "No earlier jobs were looked at (The store archive/h.sqlite3 cannot be used" in ran.stderr


@pytest.mark.parametrize(
    "address", ["postgresql://user:sesame@127.0.0.1:1/db", "mysql://user:sesame@host/db", "postgresql://a:sesame@h:x/d"]
)
def test_a_store_that_cannot_be_reached_is_a_warning_without_its_password(shop, address):
    """A server that is down, or an address that is none, is told in one sentence that holds no secret."""
    ran = shop(*ANALYZE, "--store", address)
    assert ran.code == 0
    assert ran.err.count("No earlier jobs were looked at") == 1
    told = ran.out + ran.err + "".join(path.read_text(encoding="utf-8") for path in RESULT.parent.glob("*"))
    assert "sesame" not in told


def test_a_job_that_cannot_be_told_from_others_is_a_warning(begun):
    """A job without uuid is compared; that it cannot be recorded is said with what to do."""
    put(Path("jobs"), shop_job(3, "1.1", uuid=""))
    ran = begun(*ANALYZE)
    assert ran.code == 0
    assert "has no uuid" in ran.err
    assert "upload it anew" in ran.err


def test_an_interrupted_run_leaves_a_whole_store(tmp_path):
    """Ctrl-C between recording and reading loses nothing that was recorded, and the next run goes on."""

    class Interrupted(Listener):
        def __call__(self, event):
            super().__call__(event)
            if event.text.startswith("Reading"):
                raise KeyboardInterrupt

    settings = Settings(store=str(tmp_path / "h.sqlite3"))
    jobs = [
        replace(job({"tag": "latency", "scores": "[1]", "metrics": "s"}), info=info(number, upload="u"))
        for number in (1, 2)
    ]
    with pytest.raises(KeyboardInterrupt):
        look_up(jobs, "http://perf.example", settings, Interrupted())
    listener = Listener()
    earlier, notices = look_up(jobs, "http://perf.example", settings, listener)
    assert [one.id for one in earlier.history.jobs] == [1, 2]
    assert notices == ()
    assert len(listener.steps) == 1


def test_one_job_compared_with_itself_is_recorded_once(tmp_path):
    """Where baseline and candidate are the same job, it comes in once."""
    one = replace(job({"tag": "latency", "scores": "[1]", "metrics": "s"}), info=info(1, upload="u"))
    listener = Listener()
    earlier, _ = look_up([one, one], "http://perf.example", Settings(store=str(tmp_path / "h.sqlite3")), listener)
    assert listener.steps[0].startswith("Recording job 1 in ")
    assert len(earlier.history.jobs) == 1
