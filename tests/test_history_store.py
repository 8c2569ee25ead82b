"""The store of past jobs, each guarantee on SQLite and on PostgreSQL."""

import gzip
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import zlib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import postgres
import pytest
from builders import NOON, curve_tests, info, job, test_record
from msgspec.structs import replace
from sqlalchemy import create_engine, inspect

import perftracker_ai
from perftracker_ai.curves import build_curves
from perftracker_ai.errors import JobError, StoreError, UsageError
from perftracker_ai.files import exists
from perftracker_ai.model import Absence
from perftracker_ai.settings import CurveSettings
from perftracker_ai.sources.document import parse_job
from perftracker_ai.store import Scope, look_at, open_store
from perftracker_ai.store.database import Database
from perftracker_ai.store.schema import (
    BROKEN,
    COMPARISON,
    ISSUE,
    JOB,
    LAYOUT,
    REFERENCE,
    STEPS,
    TRIAGE,
    VERSION,
    Step,
    is_current,
    migrate,
)
from perftracker_ai.store.store import Store

ORIGIN = "perf.example"
SHOP = Scope(origin=ORIGIN, product="Shop")
EXAMPLES = sorted((Path(perftracker_ai.__file__).parent / "examples").glob("job-*.json.gz"))
FIRST_SCHEMA = Path(__file__).parent / "data" / "history-schema-1.sqlite3"
"""Three jobs, the second of them gone, as the first schema wrote them."""
SECOND_SCHEMA = FIRST_SCHEMA.with_name("history-schema-2.sqlite3")
"""The same with a fourth job and a broken upload, as the second schema wrote them."""
THIRD_SCHEMA = FIRST_SCHEMA.with_name("history-schema-3.sqlite3")
"""Two comparisons of Shop, an issue that the second still has, another one, and a word on the first."""
ARRAYS = ("load", "mean", "sd", "count", "absence", "errors", "begin", "end")

WRITER = """
import os, sys
from builders import curve_tests, info, job
from perftracker_ai.curves import build_curves
from perftracker_ai.store import open_store
from perftracker_ai.settings import CurveSettings

def write(url, numbers):
    store = open_store(url)
    for number in numbers:
        one = job(*curve_tests(f"latency {number % 3}", {load: [number / load] for load in range(1, 200)}))
        store.put("perf.example", info(number), build_curves([one], CurveSettings())[0], "r")
        os.write(1, b"%d\\n" % number)
    store.close()

url, writers, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
children = []
for writer in range(writers):  # forked before anything is open, to have started the interpreter once
    children.append(os.fork())
    if not children[-1]:
        write(url, [*range(1, 4), *range(100 * writer + 100, 100 * writer + 100 + count)])
        os._exit(0)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children) if children else write(url, range(1, count)))
"""
"""Some processes that write the jobs 1 to 3 and some of their own each, or with no children itself 1, 2, 3 ..."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Give an empty place for a store."""
    return postgres.fresh_database() if request.param == "postgresql" else str(tmp_path / "history.sqlite3")


@pytest.fixture
def store(url):
    with closing(open_store(url)) as opened:
        yield opened


def curves(*jobs):
    return build_curves(jobs, CurveSettings())[0]


def put(store, header, *tests, origin=ORIGIN, reading="r"):
    store.put(origin, header, curves(job(*tests or curve_tests("latency", {1000: [0.5]}))), reading)


def assert_same(got, expected):
    """Compare two curve sets to the last bit."""
    assert got.curves == expected.curves
    assert got.label == expected.label
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), err_msg=name)


def broken(store, project=0, reading="r", origin=ORIGIN):
    return store.broken(origin, "Shop", project, reading)


def one_curve(history, tag="latency"):
    """Give the labels and the rows of one curve."""
    curve = next(curve for curve in history.curves.curves if curve.tag == tag)
    points = slice(curve.start, curve.stop)
    return history.curves.label[points], history.curves.mean[:, points], history.curves.absence[:, points]


def start(*arguments):
    """Start a process that writes jobs."""
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", WRITER, *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True)


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_header_comes_back_whole(store):
    """What a job says of itself comes back field by field."""
    header = replace(
        info(7, "1.0-β", project_id=3, hosts=("b", "a", 'q"'), upload="2026-09-06T12:01:00.5Z", tests_errors=2**62),
        begin=datetime(1, 1, 1, 0, 0, 0, 7, tzinfo=UTC),
        end=datetime.max.replace(tzinfo=UTC),
    )
    put(store, header)
    assert store.jobs(SHOP) == (header,)


def test_an_unknown_begin_comes_back_unknown(store):
    """A job without a begin has none afterwards either."""
    put(store, info(1, begin=None))
    assert store.jobs(SHOP)[0].begin is None


def test_jobs_come_oldest_first(store):
    """Jobs are ordered by end, equal ones by number, however they came in."""
    for number, days in ((5, 1), (9, 3), (4, 1)):
        put(store, info(number, days_ago=days))
    assert [one.id for one in store.jobs(SHOP)] == [9, 4, 5]


def test_a_scope_narrows(store):
    """Origin, product, hardware, suite and time each leave out what is another's."""
    put(store, info(1, hosts=("b", "a", "b")))
    put(store, info(2, suite_name="UI", hosts=()))
    put(store, info(3, product_name="shop"))
    put(store, info(4, days_ago=10))
    put(store, info(5), origin="other.example")
    found = {
        scope: [one.id for one in store.jobs(scope)]
        for scope in (
            SHOP,
            replace(SHOP, hardware="a+b"),
            replace(SHOP, hardware=""),
            replace(SHOP, suite="API"),
            replace(SHOP, since=NOON),
            replace(SHOP, since=NOON + timedelta(microseconds=1)),
            replace(SHOP, until=(NOON, 1)),
            replace(SHOP, until=(NOON - timedelta(microseconds=1), 9)),
            replace(SHOP, product="shop"),
            replace(SHOP, origin="other.example"),
        )
    }
    assert list(found.values()) == [[4, 1, 2], [1], [2], [4, 1], [1, 2], [], [4, 1], [4], [3], [5]]


def test_a_job_put_again_is_replaced(store):
    """The same uuid is the same job: header and values are those put last."""
    put(store, info(1, "1.0"), *curve_tests("latency", {1000: [1.0]}))
    put(store, info(1, "1.1", days_ago=2), *curve_tests("latency", {1000: [2.0]}))
    history = store.series(SHOP)
    assert [one.product_ver for one in history.jobs] == ["1.1"]
    assert history.curves.mean.tolist() == [[2.0]]


def test_a_number_given_to_another_job_marks_the_first_as_gone(store):
    """When another uuid comes under a number, the server was set up anew and has the first job no more."""
    put(store, info(1))
    put(store, info(2))
    put(store, info(1, uuid="another"))
    assert [one.uuid for one in store.jobs(SHOP)] == ["another", info(2).uuid]
    assert {one.uuid: one.gone for one in store.known(ORIGIN, "Shop", 0)}[info(1).uuid] is True


def test_a_gone_job_is_left_out_until_it_is_back(store):
    """A job marked as gone is in no series, stays known, and is back when the mark is taken off."""
    put(store, info(1))
    put(store, info(2), *curve_tests("rate", {5: [1.0]}))
    store.mark(ORIGIN, [info(2).uuid], gone=True)
    assert [one.tag for one in store.series(SHOP).curves.curves] == ["latency"]
    assert [(one.id, one.gone) for one in store.known(ORIGIN, "Shop", 0)] == [(1, False), (2, True)]
    store.mark(ORIGIN, [info(2).uuid], gone=False)
    assert [one.id for one in store.jobs(SHOP)] == [1, 2]


def test_a_job_that_says_it_is_deleted_is_gone(store):
    """A job whose own document says that it is deleted is known, and in no series."""
    put(store, info(1, deleted=True))
    assert store.jobs(SHOP) == ()
    assert [one.gone for one in store.known(ORIGIN, "Shop", 0)] == [True]


def test_a_mark_keeps_to_its_server(store):
    """Marking a job of one server leaves the same uuid of another alone."""
    put(store, info(1))
    store.mark("other.example", [info(1).uuid], gone=True)
    assert len(store.jobs(SHOP)) == 1


def test_known_tells_project_upload_and_reading(store):
    """What a synchronisation compares is there, and one project's jobs can be asked for."""
    put(store, info(1, upload="u1", project_id=1), reading="r1")
    put(store, info(2, upload="u2", project_id=2), reading="r2")
    told = [(one.id, one.uuid, one.end, one.upload, one.reading) for one in store.known(ORIGIN, "Shop", 2)]
    assert told == [(2, info(2).uuid, NOON, "u2", "r2")]
    assert len(store.known(ORIGIN, "Shop", 0)) == 2


@pytest.mark.parametrize(
    ("asked", "reading", "there"),
    [
        (info(1, upload="u"), "r", True),
        (info(1, upload="u", uuid=""), "r", True),
        (info(1, upload="u2"), "r", False),
        (info(1, upload="u", uuid="another"), "r", False),
        (info(2, upload="u"), "r", False),
        (info(1, upload="u"), "other", False),
    ],
)
def test_has_means_this_content_read_this_way(store, asked, reading, there):
    """A job is there only when number, uuid as far as known, upload and reading are the same."""
    put(store, info(1, upload="u"))
    assert store.has(ORIGIN, asked, reading) is there


def test_a_job_without_upload_time_may_always_differ(store):
    """Where nothing tells whether the content is another, a job is never taken as being there."""
    put(store, info(1, upload=""))
    assert store.has(ORIGIN, info(1, upload=""), "r") is False


def test_a_nul_is_replaced(store):
    """The one character that PostgreSQL's texts cannot hold is replaced in names, in every store, and kept in tags."""
    put(store, info(1, title="a\0b", product_name="Sh\0p", hosts=("h\0",)), *curve_tests("t\0g", {1: [1.0]}))
    history = store.series(Scope(origin=ORIGIN, product="Sh\0p", hardware="h\0"))
    assert (history.jobs[0].title, history.jobs[0].hosts) == (
        "a\N{REPLACEMENT CHARACTER}b",
        ("h\N{REPLACEMENT CHARACTER}",),
    )
    assert history.curves.curves[0].tag == "t\0g"


@pytest.mark.parametrize("fields", [{"uuid": ""}, {"tests_total": 2**63}, {"project_id": -(2**70)}])
def test_a_job_that_no_store_can_hold_is_refused(store, fields):
    """A job without identity, or with numbers beyond every database, is refused in a sentence and leaves nothing."""
    with pytest.raises(JobError, match="upload it anew"):
        put(store, info(1, **fields))
    assert store.jobs(SHOP) == ()


def test_broken_uploads_are_remembered_as_they_are(store):
    """A broken upload is known by number and upload, to its server, product, project and reading only."""
    store.put_broken(ORIGIN, info(1, upload="u1"), "r")
    store.put_broken(ORIGIN, info(2, upload="u\0", project_id=2), "r")
    store.put_broken(ORIGIN, info(1, upload="u2"), "r")
    assert broken(store) == {(1, "u2"), (2, "u\N{REPLACEMENT CHARACTER}")}
    assert broken(store, project=2) == {(2, "u\N{REPLACEMENT CHARACTER}")}
    assert not broken(store, reading="other")
    assert not broken(store, origin="other.example")
    assert store.jobs(SHOP) == ()


def test_a_job_that_is_whole_now_is_no_longer_broken(store):
    """When a job is put, it is not taken for broken any more."""
    store.put_broken(ORIGIN, info(1, upload="u"), "r")
    put(store, info(1, upload="u"))
    assert not broken(store)


# ── series ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_series_are_the_curves_of_the_jobs_read_together(store):
    """Jobs put one by one give, to the last bit, the curves of all of them read at once."""
    jobs = [parse_job(gzip.decompress(path.read_bytes()), path.name) for path in EXAMPLES]
    jobs.sort(key=lambda one: (one.info.end, one.info.id))
    for one in jobs:
        store.put(ORIGIN, one.info, curves(one), "r")
    history = store.series(Scope(origin=ORIGIN, product=jobs[0].info.product_name))
    assert list(history.jobs) == [one.info for one in jobs]
    # Read together, what the first one says stands; here it is what the newest one says.
    together = curves(*reversed(jobs))
    rows = {name: getattr(together, name)[::-1] for name in ARRAYS if name != "load"}
    assert_same(history.curves, replace(together, **rows))


def test_no_job_gives_no_curve(store):
    """A product nobody knows has an empty history, not an error."""
    history = store.series(SHOP)
    assert (history.jobs, history.curves.curves, history.curves.mean.shape) == ((), (), (0, 0))
    curves_known, timeline = store.means(SHOP)
    assert (curves_known, timeline.jobs, timeline.mean.shape) == ((), (), (0, 0))


def test_means_alone_are_those_of_the_series(store):
    """Read without the rest, curves, jobs and means are the same: other layouts, lost loads and foreign units too."""
    put(store, info(1, days_ago=3), *curve_tests("latency", {10: [1.0], 200: [2.0]}))
    put(store, info(2, days_ago=2), *curve_tests("a", {1: [3.0]}), *curve_tests("latency", {1: [3.0]}, metrics="KB"))
    put(store, info(3, days_ago=1), *curve_tests("rate", {7: [9.0]}), *curve_tests("latency", {9: [3.0], 200: [4.0]}))
    history = store.series(SHOP)
    curves_known, timeline = store.means(SHOP)
    assert (curves_known, timeline.jobs) == (history.curves.curves, history.jobs)
    np.testing.assert_array_equal(timeline.mean, history.curves.mean)
    assert not timeline.mean.flags.writeable


def test_a_job_without_tests_has_its_row(store):
    """A job that holds no test at all is a row without a value."""
    put(store, info(1, days_ago=1))
    store.put(ORIGIN, info(2), curves(job()), "r")
    assert store.series(SHOP).curves.absence.tolist() == [[Absence.PRESENT], [Absence.MISSING]]


def test_values_cannot_be_changed(store):
    """A series is read-only, like every curve set."""
    put(store, info(1))
    curve_set = store.series(SHOP).curves
    assert not any(getattr(curve_set, name).flags.writeable for name in ARRAYS)


def test_other_loads_leave_gaps(store):
    """Loads that a job did not run are absent as missing, in their place by load."""
    put(store, info(1, days_ago=3), *curve_tests("latency", {10: [1.0], 200: [2.0]}))
    put(store, info(2, days_ago=2), *curve_tests("latency", {9: [3.0], 200: [4.0]}), *curve_tests("rate", {1: [5.0]}))
    put(store, info(3, days_ago=1), *curve_tests("latency", {10: [6.0]}))
    labels, mean, absence = one_curve(store.series(SHOP))
    nan = np.nan
    assert labels == ("9 items", "10 items", "200 items")
    np.testing.assert_array_equal(mean, [[nan, 1.0, 2.0], [3.0, nan, 4.0], [nan, 6.0, nan]])
    assert ((absence == Absence.MISSING) == np.isnan(mean)).all()


def test_failures_and_errors_stay_what_they_were(store):
    """A failed point stays absent with its reason and its error count, beside measured ones."""
    failed = test_record(scores="[0]", category="2 items", status="FAILED", errors=7)
    put(store, info(1), test_record(scores=(1.0, 3.0), category="1 items"), failed)
    curve_set = store.series(SHOP).curves
    assert curve_set.absence.tolist() == [[Absence.PRESENT, Absence.FAILED]]
    assert curve_set.errors.tolist() == [[0, 7]]
    assert curve_set.count.tolist() == [[2, 0]]
    assert curve_set.sd[0, 0] == pytest.approx(2**0.5)


def test_categories_without_a_common_axis_are_in_the_newest_job_s_order(store):
    """Unnumbered categories come in the order of the newest job, those it does not have at the end."""
    put(store, info(1, days_ago=2), *(test_record(category=name) for name in ("cold", "warm", "hot")))
    put(store, info(2, days_ago=1), *(test_record(category=name) for name in ("hot", "cold", "idle")))
    history = store.series(SHOP)
    assert one_curve(history)[0] == ("hot", "cold", "idle", "warm")
    assert history.curves.load.tolist() == [0, 1, 2, 3]
    assert not history.curves.curves[0].numbered


def test_loads_of_another_kind_are_no_numbers_together(store):
    """When the load's unit changed, no load is a number any more, and no two points are taken for one."""
    put(store, info(1, days_ago=2), *curve_tests("latency", {1: [1.0], 2: [2.0]}, unit="users"))
    put(store, info(2, days_ago=1), *curve_tests("latency", {2: [3.0], 3: [4.0]}, unit="threads"))
    history = store.series(SHOP)
    assert one_curve(history)[0] == ("2 threads", "3 threads", "1 users", "2 users")
    assert (history.curves.curves[0].numbered, history.curves.curves[0].load_unit) == (False, "")


def test_units_that_convert_are_one_series(store):
    """A change from milliseconds to seconds is no change of the values."""
    put(store, info(1, days_ago=2), *curve_tests("latency", {1: [500.0]}, metrics="ms"))
    put(store, info(2, days_ago=1), *curve_tests("latency", {1: [0.5]}, metrics="s"))
    history = store.series(SHOP)
    np.testing.assert_allclose(history.curves.mean, [[0.5], [0.5]])
    assert history.curves.curves[0].unit == "s"


def test_units_that_do_not_convert_are_absent(store):
    """Values in a unit that the newest one cannot be compared with are withdrawn, failures stay failures."""
    mixed = [test_record("latency", (5.0,), "1 items", metrics="KB")]
    mixed += [test_record("latency", "[0]", "2 items", metrics="KB", status="FAILED")]
    put(store, info(1, days_ago=2), *mixed)
    put(store, info(2, days_ago=1), *curve_tests("latency", {1: [0.5], 2: [0.6]}, metrics="s"))
    _, mean, absence = one_curve(store.series(SHOP))
    np.testing.assert_array_equal(mean, [[np.nan, np.nan], [0.5, 0.6]])
    assert absence[0].tolist() == [Absence.UNIT_CONFLICT, Absence.FAILED]


def test_a_scalar_and_a_curve_of_one_name_are_two(store):
    """A test without category is not mixed with the load points of its tag."""
    put(store, info(1), test_record(scores=(1.0,)), test_record(scores=(2.0,), category="1 items"))
    history = store.series(SHOP)
    assert sorted((one.scalar, one.tag) for one in history.curves.curves) == [(False, "latency"), (True, "latency")]
    assert sorted(history.curves.mean[0].tolist()) == [1.0, 2.0]


# ── room ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_prune_drops_what_ended_before(store):
    """A product's jobs that ended before the moment go, gone ones too, in one project or all, and all others stay."""
    put(store, info(1, days_ago=2))
    store.mark(ORIGIN, [info(1).uuid], gone=True)
    put(store, info(2, days_ago=2, product_name="Other"))
    put(store, info(3, days_ago=1))
    put(store, info(4, days_ago=3, project_id=2))
    put(store, info(5, days_ago=3), origin="other.example")
    before = NOON - timedelta(days=1)
    assert store.prune(ORIGIN, "Shop", 1, before) == 1
    assert [one.id for one in store.jobs(SHOP)] == [4, 3]
    assert store.prune(ORIGIN, "Shop", 0, before) == 1
    assert [one.id for one in store.jobs(SHOP)] == [3]
    assert len(store.known(ORIGIN, "Other", 0)) == len(store.known("other.example", "Shop", 0)) == 1


def test_jobs_of_one_layout_share_it_until_none_is_left(store, url):
    """Curves and categories are kept once for all jobs that have the same, and dropped with the last of them."""
    for number in range(1, 4):
        put(store, info(number, days_ago=number))
    assert count(url, LAYOUT) == 1
    store.prune(ORIGIN, "Shop", 0, NOON)
    assert count(url, LAYOUT) == 0


def count(url, table):
    with closing(Database(url)) as database, database.reading() as connection:
        return len(connection.execute(table.select()).all())


def test_dropped_jobs_give_their_room_back(tmp_path):
    """An SQLite file gets as small as its jobs are when some of them are dropped."""
    path = tmp_path / "history.sqlite3"
    rng = np.random.default_rng(1)
    with closing(open_store(str(path))) as store:
        empty = pages(path)
        for number in range(1, 9):
            values = dict(enumerate(rng.random((2000, 1)).tolist(), 1))
            put(store, info(number, days_ago=number), *curve_tests("latency", values))
        before = pages(path)
        store.prune(ORIGIN, "Shop", 0, NOON)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert pages(path) - empty < (before - empty) / 2


def pages(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA page_count").fetchone()[0]


# ── many writers, killed writers ────────────────────────────────────────────────────────────────────────────────────


def test_eight_writers_lose_nothing(url):
    """Eight processes that make and fill one store together leave all their jobs whole, and shared ones once."""
    writers = start(url, 8, 5)
    said = writers.communicate()[0].split()
    assert writers.returncode == 0
    with closing(open_store(url)) as store:
        history = store.series(SHOP)
    own = [100 * writer + k for writer in range(1, 9) for k in range(5)]
    assert [one.id for one in history.jobs] == [1, 2, 3, *own]
    assert len(said) == 8 * 3 + len(own)
    assert (np.isfinite(history.curves.mean).sum(axis=1) == 199).all()


def test_a_killed_writer_loses_at_most_the_job_under_way(url):
    """After kill -9 every job that was reported is there and whole, and the store can be written to at once."""
    writer = start(url, 0, 10_000)
    reported = [int(writer.stdout.readline()) for _ in range(10)]
    writer.send_signal(signal.SIGKILL)
    reported += [int(line) for line in writer.communicate()[0].split()]
    with closing(open_store(url)) as store:
        kept = store.series(SHOP)
        put(store, info(20_000))
        assert store.jobs(SHOP)[-1].id == 20_000
    assert [one.id for one in kept.jobs][: len(reported)] == reported
    assert len(kept.jobs) <= len(reported) + 1
    assert (np.isfinite(kept.curves.mean).sum(axis=1) == 199).all()


def test_readers_do_not_wait_for_a_writer(url):
    """While a job is being written, readers see the store as it was before."""
    with closing(Database(url)) as database:
        store = Store(database)
        put(store, info(1))
        with database.writing() as connection:
            connection.execute(JOB.update().values(title="half way"))
            seen = []
            reader = threading.Thread(target=lambda: seen.extend(store.jobs(SHOP)))
            reader.start()
            reader.join(timeout=10)
            assert [one.title for one in seen] == ["API suite"]


def test_a_reader_sees_one_moment(url):
    """What is put between two questions of one reading is not seen by the second."""
    with closing(Database(url)) as database:
        put(Store(database), info(1))
        with database.reading() as connection:
            before = connection.execute(JOB.select()).all()
            put(Store(database), info(2))
            assert connection.execute(JOB.select()).all() == before
        assert len(Store(database).jobs(SHOP)) == 2


def test_a_new_file_that_another_run_is_just_making_is_waited_for(tmp_path):
    """Making an SQLite store waits for another process that writes to the file, and for a bounded time only."""
    path = tmp_path / "h.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE begun (step)")  # with pages in the file SQLite itself would not wait
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="being written to by another run"):
            Database(str(path), patience_s=0)
        timer = threading.Timer(0.2, other.execute, ("COMMIT",))
        timer.start()
        open_store(str(path)).close()
        timer.join()


def test_a_writer_that_does_not_end_is_told_of(url):
    """Waiting for another writer is bounded, and ends in a sentence."""
    with closing(Database(url)) as database, closing(Database(url, patience_s=1)) as impatient:
        with database.writing(), pytest.raises(StoreError, match="being written to by another run"):
            put(Store(impatient), info(1))
        put(Store(impatient), info(1))


def test_a_failed_put_changes_nothing(url):
    """When a put breaks off, what was known of the job before is still there."""
    with closing(Database(url)) as database:
        put(Store(database), info(1, "1.0"))
        with pytest.raises(StoreError), database.writing() as connection:
            break_off(connection)
        assert [one.product_ver for one in Store(database).jobs(SHOP)] == ["1.0"]


def break_off(connection):
    connection.execute(JOB.delete())
    connection.exec_driver_sql("SELECT no_such_column FROM history_job")


# ── schema ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_steps_make_the_tables_that_are_used(store, url):
    """All migrations together make exactly the columns that statements name, nullable and keyed alike."""
    scheme = "postgresql+psycopg" if url.startswith("postgresql") else "sqlite"
    engine = create_engine(url.replace("postgresql", scheme) if "://" in url else f"sqlite:///{url}")
    made = inspect(engine)
    for table in (BROKEN, JOB, LAYOUT, TRIAGE, VERSION):
        columns = {one["name"]: one["nullable"] for one in made.get_columns(table.name)}
        keys = made.get_pk_constraint(table.name)["constrained_columns"]
        assert keys == [column.name for column in table.primary_key]
        expected = {one.name: one.nullable for one in table.c}
        assert {name: columns[name] for name in columns if name not in keys} == {
            name: expected[name] for name in expected if name not in keys
        }
    engine.dispose()


def test_a_newer_schema_is_refused(store, url):
    """A store that a newer version wrote is left alone, with a sentence that says what to do."""
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(VERSION.insert().values(version=len(STEPS) + 1, step="something to come"))
    with pytest.raises(StoreError, match=rf"newer perftracker-ai \(schema {len(STEPS) + 1}, .*upgrade"):
        open_store(url)


def test_an_older_schema_gets_the_steps_it_lacks(store, url):
    """An older store is brought up step by step, its jobs stay, and each step is made once."""
    put(store, info(1))
    steps = (*STEPS, Step("a remark", ("ALTER TABLE history_job ADD COLUMN remark TEXT",)))
    with closing(Database(url)) as database:
        for _ in range(2):
            with database.writing() as connection:
                migrate(connection, steps)
        with database.reading() as connection:
            assert is_current(connection, "x", steps)
            assert [row.step for row in connection.execute(VERSION.select().order_by(VERSION.c.version))] == [
                *(step.name for step in STEPS),
                "a remark",
            ]
            assert len(connection.execute(JOB.select()).all()) == 1


def as_released(url, file, schema, tables):
    """Put a store as an earlier schema left it: the file itself, or its rows in PostgreSQL."""
    if "://" not in url:
        shutil.copy(file, url)
        return url
    engine = create_engine(url.replace("postgresql", "postgresql+psycopg"))
    with engine.begin() as connection, closing(sqlite3.connect(file)) as opened:
        migrate(connection, STEPS[:schema])
        for table in tables:
            columns = [row[1] for row in opened.execute(f"PRAGMA table_info({table.name})")]
            rows = opened.execute(f"SELECT {', '.join(columns)} FROM {table.name}").fetchall()
            values = [dict(zip(columns, row, strict=True)) for row in rows]
            connection.execute(
                table.insert(), [row | {"gone": bool(row["gone"])} if "gone" in row else row for row in values]
            )
    engine.dispose()
    return url


def test_a_store_of_the_first_schema_is_brought_up_whole(url):
    """A store that the first schema wrote keeps its jobs, what is gone and their values, and takes what is new."""
    as_released(url, FIRST_SCHEMA, 1, (LAYOUT, JOB))
    assert look_at(url).schema == 1
    with closing(open_store(url)) as store:
        history = store.series(SHOP)
        assert [(one.id, one.product_ver, one.upload) for one in history.jobs] == [(1, "1.0", "u1"), (3, "1.1", "u3")]
        assert history.curves.mean.tolist() == [[1.0, 2.0, 3.0, 50.0], [1.3, 2.6, 3.9, 50 / 1.3]]
        assert [(one.id, one.gone) for one in store.known(ORIGIN, "Shop", 0)] == [(1, False), (2, True), (3, False)]
        store.put_broken(ORIGIN, info(4, upload="u4"), "r")
        assert broken(store) == {(4, "u4")}
    assert look_at(url).schema == len(STEPS)


def test_jobs_of_the_second_schema_are_told_from_those_with_times(url):
    """A store of the second schema keeps jobs and broken uploads; when its points were measured is not known, ever."""
    as_released(url, SECOND_SCHEMA, 2, (LAYOUT, JOB, BROKEN))
    assert look_at(url).schema == 2
    timed = [test_record(category="1000 items", begin="2026-09-06T10:00:00Z", end="2026-09-06T10:00:30Z")]
    with closing(open_store(url)) as store:
        put(store, info(6, "1.3"), *timed)
        history = store.series(SHOP)
        known = np.isfinite(history.curves.begin).any(axis=1), np.isfinite(history.curves.end).any(axis=1)
        assert [list(one) for one in known] == [[False, False, False, True]] * 2
        curve = next(one for one in history.curves.curves if one.tag == "latency" and not one.scalar)
        assert history.curves.begin[3, curve.start] == datetime(2026, 9, 6, 10, tzinfo=UTC).timestamp()
        assert [one.job.id for one in store.levels(SHOP)] == [1, 3, 4, 6]
        assert store.levels(SHOP)[2].level.tolist() == pytest.approx([8**0.5])
        assert broken(store) == {(5, "u5")}
    assert look_at(url).schema == len(STEPS)


def test_a_store_of_the_third_schema_keeps_issues_and_what_was_said(url):
    """A store of the third schema keeps its comparisons, issues and triage, and takes more of each."""
    as_released(url, THIRD_SCHEMA, 3, (COMPARISON, REFERENCE, ISSUE, TRIAGE))
    assert look_at(url).schema == 3
    with closing(open_store(url)) as store:
        assert [one.candidate_id for one in store.comparisons.newest(5)] == [1, 2]
        found = {one.issue.key: one for one in store.comparisons.every_issue()}
        assert {key: (one.job.job, one.issue.status.value) for key, one in found.items()} == {
            "a": (2, "open"),
            "b": (1, "new"),
        }
        (said,) = store.triage.log(5)
        assert (said.number, said.triage.key, said.triage.owner, said.triage.hardware) == (1, "a", "ann", "")
        assert store.triage.add([(replace(said.triage, hardware="bg-f1", suite="API"), 0)]) == ()
        assert [one.number for one in store.triage.log(5)] == [2, 1]
    assert look_at(url).schema == len(STEPS)


def test_looking_at_a_store_changes_nothing(url):
    """What a store is like is told without making tables, and gone jobs do not count."""
    if "://" not in url:
        Path(url).touch()
    empty = look_at(url)
    assert (empty.schema, empty.current, empty.jobs, empty.products, empty.newest) == (0, len(STEPS), 0, 0, None)
    assert look_at(url).schema == 0
    with closing(open_store(url)) as store:
        for number, product in ((1, "Shop"), (2, "Shop"), (3, "Other")):
            put(store, info(number, days_ago=number, product_name=product))
        store.mark(ORIGIN, [info(1).uuid], gone=True)
        full = look_at(url)
        assert full.location == store.location
    assert (full.schema, full.jobs, full.products, full.newest) == (len(STEPS), 2, 2, NOON - timedelta(days=2))
    assert 1e4 < full.size < 1e6


def test_a_failed_step_leaves_the_old_schema(store, url):
    """A migration that breaks off leaves the store as it was."""
    bad = Step(
        "broken", ("ALTER TABLE history_job ADD COLUMN remark TEXT", "ALTER TABLE no_such_table ADD COLUMN x TEXT")
    )
    with closing(Database(url)) as database:
        with pytest.raises(StoreError), database.writing() as connection:
            migrate(connection, (*STEPS, bad))
        with database.reading() as connection:
            assert is_current(connection, "x")
            assert "remark" not in {one["name"] for one in inspect(connection).get_columns("history_job")}


# ── what can be wrong with a store ──────────────────────────────────────────────────────────────────────────────────


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path):
    """When there is no room left, the put says so, what was there stays, and smaller things still work."""
    with closing(Database(str(tmp_path / "h.sqlite3"))) as database:
        store = Store(database)
        put(store, info(1))
        with database.reading() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # kept to the pages it has by now
        noise = dict(enumerate(np.random.default_rng(2).random((5000, 1)).tolist(), 1))
        with pytest.raises(StoreError, match="no room left on its disk; make room"):
            put(store, info(2), *curve_tests("latency", noise))
        assert [one.id for one in store.jobs(SHOP)] == [1]


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\xff" * 5000, b"no database at all " * 99])
def test_a_damaged_file_is_one_sentence(tmp_path, content):
    """A file that is no whole database is named, with how to get a new one."""
    path = tmp_path / "h.sqlite3"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"h\.sqlite3 is damaged or no store; .*history sync"):
        open_store(str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("table", "values"),
    [
        *((JOB, {"points": points}) for points in (b"\0\1", zlib.compress(b"12345"))),
        *((LAYOUT, {"content": zlib.compress(raw)}) for raw in (b"[", b'[{"tag": 1}]', b"[1]")),
        (LAYOUT, {"content": b"\0\1"}),
        (JOB, {"end_us": 2**62}),
        (JOB, {"hosts": "{"}),
    ],
)
def test_damaged_values_are_one_sentence(store, url, table, values):
    """Values that cannot be unpacked, or are not as many as their points, end in a sentence however they are read."""
    put(store, info(1))
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(table.update().values(**values))
    for read in (store.series, store.means, lambda scope: store.archive(scope, 9)):
        with pytest.raises(StoreError, match="values that cannot be read"):
            read(SHOP)


def test_a_curve_of_fewer_loads_than_categories_is_damaged(store, url):
    """Where a stored curve's loads and categories do not go together, this is said."""
    put(store, info(1))
    with closing(Database(url)) as database, database.writing() as connection:
        content = zlib.decompress(connection.execute(LAYOUT.select()).one().content)
        broken = zlib.compress(content.replace(b'"loads":[1000.0]', b'"loads":[]'))
        connection.execute(LAYOUT.update().values(content=broken))
    with pytest.raises(StoreError, match="0 loads for 1 categories"):
        store.archive(SHOP, 9)


def test_a_job_without_its_layout_is_one_sentence(tmp_path):
    """A layout that somebody took away is missed in a sentence, however the values are read."""
    with closing(open_store(str(tmp_path / "h.sqlite3"))) as store:
        put(store, info(1))
        with closing(sqlite3.connect(tmp_path / "h.sqlite3")) as connection, connection:
            connection.execute("DELETE FROM history_layout")
        for read in (store.series, store.means, lambda scope: store.archive(scope, 9)):
            with pytest.raises(StoreError, match=r"cannot be read \(1 of 1 layouts are missing\)"):
                read(SHOP)


def test_a_folder_in_the_way_is_one_sentence(tmp_path):
    """A path that is a folder, or goes through a file, is refused in a sentence."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "h.sqlite3"):
        with pytest.raises(StoreError, match=r"^The store \S+ cannot be [^.]*\S*.*\.$"):
            open_store(str(path))


def test_a_store_is_made_with_its_folders(tmp_path):
    """Folders on the way to the file are made, and both ways of writing its path mean the same file."""
    path = tmp_path / "a" / "b" / "h.sqlite3"
    with closing(open_store(f"sqlite:///{path}")) as store:
        put(store, info(1))
    with closing(open_store(str(path))) as store:
        assert len(store.jobs(SHOP)) == 1
        assert store.location == str(path)


@pytest.mark.parametrize("url", ["mysql://tester:secret@host/db", "", "sqlite://", "postgresql://a:secret@h:port/db"])
def test_an_address_that_means_no_store_is_refused(url):
    """An unknown scheme, an empty path or an unreadable address is refused without telling its password."""
    with pytest.raises(UsageError) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)
    assert "postgresql://user@host" in str(caught.value)


def test_an_unreachable_server_is_one_sentence():
    """A server that does not answer is named without its password, with the reason."""
    with pytest.raises(
        StoreError, match=r"^The store postgresql://127\.0\.0\.1/db cannot be used \(.*refused"
    ) as caught:
        open_store("postgres://tester:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_driver_is_told_with_its_cure(monkeypatch):
    """Without the PostgreSQL driver the sentence says how to install it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError, match=r"perftracker-ai\[postgres\]"):
        open_store("postgresql://tester@127.0.0.1:1/db")


def test_a_read_only_store_can_be_read_and_says_so_when_written_to():
    """A PostgreSQL store without permission to write answers, and refuses a put in a sentence."""
    url = postgres.fresh_database()
    with closing(open_store(url)) as store:
        put(store, info(1))
    with closing(open_store(f"{url}&options=-cdefault_transaction_read_only%3Don")) as store:
        assert len(store.jobs(SHOP)) == 1
        with pytest.raises(StoreError, match="cannot be written to"):
            put(store, info(2))


@pytest.mark.parametrize("looks", [1, 2])
def test_a_store_that_another_run_makes_meanwhile_can_be_written_to(tmp_path, monkeypatch, looks):
    """A store that comes to be between any two looks at its file is a store like any other."""
    path = tmp_path / "store.sqlite3"
    left = [looks]

    def looked(real):
        def look(*arguments, **options):
            found = real(*arguments, **options)
            left[0] -= 1
            if left[0] == 0:
                path.touch()
            return found

        return look

    monkeypatch.setattr("perftracker_ai.store.database.os.access", looked(os.access))
    monkeypatch.setattr("perftracker_ai.store.database.exists", looked(exists))
    with closing(open_store(str(path))) as store:
        put(store, info(1))
        assert len(store.jobs(SHOP)) == 1


def test_a_lost_connection_is_made_again():
    """A PostgreSQL server that ended the connection between two questions is asked again, unnoticed."""
    url = postgres.fresh_database()
    with closing(open_store(url)) as store:
        put(store, info(1))
        others = "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        postgres.query(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {others}")
        assert len(store.jobs(SHOP)) == 1


def test_a_new_file_is_logged_ahead(tmp_path):
    """An SQLite store keeps readers and writers out of each other's way from its first moment."""
    path = tmp_path / "h.sqlite3"
    open_store(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
