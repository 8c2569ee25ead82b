"""The store kept in step with a server: what comes in, what is skipped, what is marked, and what a kill costs."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import postgres
import pytest
from builders import job
from fake_perftracker import FakePerfTracker, answer, delay, make_job
from hang_guard import HANG_S
from msgspec.structs import replace

from perftracker_ai.errors import NotFound, SourceError
from perftracker_ai.events import Recording, Step
from perftracker_ai.model import Exclusion, Notice, SkippedFile, SkippedJob
from perftracker_ai.settings import CurveSettings, DiscoverySettings, ProductSettings, Settings
from perftracker_ai.sources import open_source
from perftracker_ai.sources.server import ServerSource
from perftracker_ai.store import (
    Scope,
    Synchronised,
    Wanted,
    kept_since,
    open_store,
    origin_of,
    record,
    synchronise,
)
from perftracker_ai.store.sync import reading_of

NOTHING = Synchronised(recorded=0, unchanged=0, unusable=0, left_out=(), gone=0, dropped=0)
WANTED = Wanted(product="Product", project=1, since=None, keep_days=0, settings=ProductSettings(), scratch=None)
NOON = datetime(2026, 9, 6, 12, 0, tzinfo=UTC)

SYNCHRONISE = """
import sys
from pathlib import Path
from perftracker_ai.store import Wanted, open_store, synchronise
from perftracker_ai.settings import ProductSettings, Settings
from perftracker_ai.sources import open_source

url, store, folder = sys.argv[1:]
source = open_source(Settings(url=url, output_dir=folder))
wanted = Wanted(product="Product", project=1, since=None, keep_days=0, settings=ProductSettings(), scratch=Path(folder))
synchronise(source, open_store(store), wanted, lambda event: None)
"""


class Watcher:
    """Remembers what it is told."""

    def __init__(self):
        self.steps, self.batches, self.notices = [], [], []

    def __call__(self, event):
        self.steps += [event.text] if isinstance(event, Step) else []
        self.batches += [(event.jobs, event.done, event.total)] if isinstance(event, Recording) else []
        self.notices += [event] if isinstance(event, Notice) else []


@pytest.fixture
def server():
    """A server with five jobs, job n ending n hours after noon."""
    with FakePerfTracker([made(number) for number in range(1, 6)]) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return postgres.fresh_database() if request.param == "postgresql" else str(tmp_path / "history.sqlite3")


@pytest.fixture
def store(url):
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture
def sync(server, store, tmp_path):
    """Synchronise with a connection of its own, and give the outcome."""
    watcher = Watcher()

    def call(wanted=WANTED, url=server.url):
        with closing(open_source(Settings(url=url, output_dir=str(tmp_path / "jobs"), retry_s=1))) as source:
            return synchronise(source, store, wanted, watcher)

    call.watcher = watcher
    return call


def made(number, **fields):
    return make_job(number, **{"end": f"{NOON + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}"} | fields)


def stored(store, server):
    """Give the numbers of the jobs that are there."""
    return [one.id for one in store.jobs(Scope(origin=origin_of(server.url), product="Product"))]


def downloads(server):
    return [request for request in server.asked(r"/job/\d+$") if "as_json" in request.query]


def test_the_first_brings_all_and_the_second_nothing(server, store, sync):
    """Every job comes in once; a second run asks for the list and downloads nothing."""
    assert sync() == replace(NOTHING, recorded=5)
    assert stored(store, server) == [1, 2, 3, 4, 5]
    server.requests.clear()
    assert sync() == replace(NOTHING, unchanged=5)
    assert len(server.requests) == 1


def test_progress_names_the_jobs_newest_first(server, sync):
    """Each batch is told with its jobs and how far it gets."""
    sync()
    assert sync.watcher.batches == [((5, 4), 2, 5), ((3, 2), 4, 5), ((1,), 5, 5)]


def test_hardware_is_named_as_the_list_names_it(server, store, sync):
    """Host names are those the server shows, which the document does not hold."""
    server.display_name_re = r"\.example$"
    sync()
    (one, *_) = store.jobs(Scope(origin=origin_of(server.url), product="Product", hardware="bg-f1"))
    assert one.hosts == ("bg-f1",)


def test_a_version_is_read_where_the_settings_say(server, store, sync):
    """A product whose version never changes is stored by the versions that its titles tell."""
    server.jobs = {1: made(1, product_ver="trunk", title="nightly 8.1")}
    settings = ProductSettings(discovery=DiscoverySettings(version_from=r"title: nightly (\S+)"))
    sync(replace(WANTED, settings=settings))
    (one,) = store.jobs(Scope(origin=origin_of(server.url), product="Product"))
    assert one.product_ver == "8.1"


def test_a_job_uploaded_again_is_replaced(server, store, sync):
    """A job whose upload time moved is downloaded again, and its values are the new ones."""
    sync()
    server.add(made(2, tests=1, upload="2026-11-24T00:00:00Z", uuid=server.jobs[2]["uuid"], product_ver="9"))
    server.requests.clear()
    assert sync() == replace(NOTHING, recorded=1, unchanged=4)
    assert len(downloads(server)) == 1
    history = store.series(Scope(origin=origin_of(server.url), product="Product"))
    assert [one.product_ver for one in history.jobs if one.id == 2] == ["9"]
    assert (history.curves.absence == 0).sum(axis=1).tolist() == [3, 1, 3, 3, 3]


def test_a_deleted_job_is_marked_and_comes_back(server, store, sync):
    """A job deleted on the server leaves the history, and is back without a download when it is restored."""
    sync()
    server.jobs[3]["deleted"] = True
    assert sync() == replace(NOTHING, unchanged=4, gone=1)
    assert stored(store, server) == [1, 2, 4, 5]
    assert sync() == replace(NOTHING, unchanged=4)
    server.jobs[3]["deleted"] = False
    server.requests.clear()
    assert sync() == replace(NOTHING, unchanged=5)
    assert downloads(server) == []
    assert stored(store, server) == [1, 2, 3, 4, 5]


def test_a_server_set_up_anew_keeps_no_ghosts(server, store, sync):
    """When the same numbers are other jobs, the old ones go and stay gone."""
    sync()
    for number in (1, 2):
        server.add(made(number, uuid=f"anew-{number}", upload="2026-11-24T00:00:00Z"))
    for _ in range(2):
        sync()
        jobs = store.jobs(Scope(origin=origin_of(server.url), product="Product"))
        assert [one.uuid for one in jobs[:2]] == ["anew-1", "anew-2"]
        assert len(jobs) == 5


def test_a_job_moved_to_another_product_leaves_this_one(server, store, sync):
    """A job renamed to another product is no longer in the history of the first."""
    sync()
    server.add(made(4, product_name="Other", upload="2026-11-24T00:00:00Z"))
    assert sync() == replace(NOTHING, unchanged=4, gone=1)
    assert sync(replace(WANTED, product="Other")) == replace(NOTHING, recorded=1)
    assert stored(store, server) == [1, 2, 3, 5]


def test_since_looks_no_further_back(server, store, sync):
    """Only jobs that ended at that moment or later are looked at; older ones are neither fetched nor marked."""
    assert sync(replace(WANTED, since=NOON + timedelta(hours=4))) == replace(NOTHING, recorded=2)
    sync()
    del server.jobs[1], server.jobs[5]
    assert sync(replace(WANTED, since=NOON + timedelta(hours=4))) == replace(NOTHING, unchanged=1, gone=1)
    assert stored(store, server) == [1, 2, 3, 4]


def test_a_project_is_kept_apart(server, store, sync):
    """Synchronising one project says nothing of another's jobs of the same product."""
    server.add(made(6, project=2))
    sync(replace(WANTED, project=0))
    del server.jobs[6], server.jobs[5]
    assert sync() == replace(NOTHING, unchanged=4, gone=1)
    assert stored(store, server) == [1, 2, 3, 4, 6]


def test_local_and_empty_runs_are_left_out(server, store, sync):
    """Runs on a developer's machine and runs without any completed test are not downloaded."""
    server.add(made(6, hosts=("dev.LOCAL",)), made(7, tests_completed=0))
    assert sync() == replace(NOTHING, recorded=5, left_out=((Exclusion.LOCAL_RUN, 1), (Exclusion.UNFINISHED, 1)))
    assert len(downloads(server)) == 5


def test_a_broken_upload_is_told_once_and_fetched_again_only_when_it_is_another(server, store, sync):
    """A job whose counters disagree with its tests is skipped with a warning, and not asked for until uploaded anew."""
    server.jobs[2]["tests_total"] = 9
    assert sync() == replace(NOTHING, recorded=4, unusable=1)
    assert [(type(one), one.job) for one in sync.watcher.notices] == [(SkippedJob, 2)]
    server.requests.clear()
    assert sync() == replace(NOTHING, unchanged=4, unusable=1)
    assert downloads(server) == []
    assert len(sync.watcher.notices) == 1
    server.jobs[2] |= {"tests_total": 3, "upload": "2026-11-24T00:00:00Z"}
    assert sync() == replace(NOTHING, recorded=1, unchanged=4)
    assert sync() == replace(NOTHING, unchanged=5)


def test_a_broken_upload_that_is_still_broken_is_told_again(server, store, sync):
    """Each new upload that cannot be used is fetched once and told once."""
    server.jobs[2]["tests_total"] = 9
    sync()
    server.jobs[2]["upload"] = "2026-11-24T00:00:00Z"
    for _ in range(2):
        assert sync() == replace(NOTHING, unchanged=4, unusable=1)
    assert len(downloads(server)) == 6
    assert len(sync.watcher.notices) == 2


def test_a_broken_upload_is_read_again_when_tests_are_read_otherwise(server, store, sync):
    """What could not be used under other settings may be usable under these, so it is looked at once more."""
    server.jobs[2]["tests_total"] = 9
    sync()
    turned = ProductSettings(curves=CurveSettings(less_better=(("latency", False),)))
    assert sync(replace(WANTED, settings=turned)) == replace(NOTHING, recorded=4, unusable=1)
    assert len(sync.watcher.notices) == 2


def test_a_broken_job_without_upload_time_may_always_be_another(server, store, sync):
    """Where nothing tells one upload from the next, a broken job is tried again each time."""
    server.jobs[2] |= {"tests_total": 9, "upload": None}
    assert sync() == replace(NOTHING, recorded=4, unusable=1)
    server.jobs[2]["tests_total"] = 3
    assert sync() == replace(NOTHING, recorded=1, unchanged=4)


def test_values_that_the_server_no_longer_has_are_not_shown(server, store, sync):
    """A known job whose new upload is broken leaves the history until it is whole again."""
    sync()
    server.jobs[2] |= {"tests_total": 9, "upload": "2026-11-24T00:00:00Z"}
    for _ in range(2):
        assert sync() == replace(NOTHING, unchanged=4, unusable=1)
        assert stored(store, server) == [1, 3, 4, 5]
    server.jobs[2] |= {"tests_total": 3, "upload": "2026-11-25T00:00:00Z"}
    assert sync() == replace(NOTHING, recorded=1, unchanged=4)
    assert stored(store, server) == [1, 2, 3, 4, 5]


def test_what_is_too_old_is_dropped_and_neither_listed_nor_fetched(server, store, sync):
    """Jobs more than so many days before the newest one go, their broken ones too, and are not asked for again."""
    for number, days in ((1, 12), (2, 11)):
        server.jobs[number]["end"] = f"{NOON - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    server.jobs[2]["tests_total"] = 9
    assert sync() == replace(NOTHING, recorded=4, unusable=1)
    server.requests.clear()
    assert sync(replace(WANTED, keep_days=10)) == replace(NOTHING, unchanged=3, dropped=1)
    assert stored(store, server) == [3, 4, 5]
    assert store.broken(origin_of(server.url), "Product", 0, reading_of(CurveSettings())) == frozenset()
    assert sync(replace(WANTED, keep_days=10)) == replace(NOTHING, unchanged=3)
    assert downloads(server) == []


def test_the_age_of_a_job_counts_from_the_newest_of_its_product(server, store, sync):
    """A product that rests keeps its last jobs, whatever the day is and however old they become."""
    server.add(made(6, product_name="Other", end="2029-01-01T00:00:00Z"))
    assert sync(replace(WANTED, keep_days=1)) == replace(NOTHING, recorded=5)
    assert sync(replace(WANTED, keep_days=1)) == replace(NOTHING, unchanged=5)


def test_another_project_s_jobs_are_not_dropped(server, store, sync):
    """Synchronising one project drops none of another's jobs of the same product."""
    server.add(made(6, project=2, end="2020-01-01T00:00:00Z"))
    sync(replace(WANTED, project=0))
    assert sync(replace(WANTED, keep_days=10)) == replace(NOTHING, unchanged=5)
    assert stored(store, server) == [6, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("days", "since"), [(0, None), (800_000, None), (30, datetime(2026, 8, 7, 12, tzinfo=UTC))])
def test_jobs_are_kept_for_so_many_days_before_the_newest(days, since):
    """With 0, and where the calendar does not reach back that far, all jobs are kept."""
    assert kept_since(datetime(2026, 9, 6, 12, tzinfo=UTC), days) == since
    assert kept_since(datetime.min.replace(tzinfo=UTC), days) is None


def test_a_job_deleted_meanwhile_is_not_recorded(server, store, sync):
    """A job that is deleted between the list and its download does not come in."""

    def delete(request):
        server.jobs[3]["deleted"] = server.jobs[3]["deleted"] or "as_json" in request.query

    server.before = delete
    assert sync() == replace(NOTHING, recorded=4, unusable=1)
    assert stored(store, server) == [1, 2, 4, 5]


def test_an_unreadable_row_marks_nothing_as_gone(server, store, sync):
    """When a row of the list cannot be read, no job is taken for gone: it may be that one."""
    sync()
    server.rows[2] = {"tests_total": "three"}
    assert sync() == replace(NOTHING, unchanged=4)
    assert stored(store, server) == [1, 2, 3, 4, 5]
    assert [type(one) for one in sync.watcher.notices] == [SkippedFile]
    server.rows[3] = {"tests_total": "four"}
    sync()
    assert [one.files for one in sync.watcher.notices[1:]] == [2]


def test_a_product_that_nobody_knows_is_told(sync):
    """A product without any job on the server or in the store is not found."""
    with pytest.raises(NotFound, match="'Produkt'"):
        sync(replace(WANTED, product="Produkt"))


def test_a_product_that_lost_all_its_jobs_is_no_error(server, store, sync):
    """When all known jobs were deleted on the server, the history is empty afterwards."""
    sync()
    server.jobs.clear()
    server.add(made(9, product_name="Other"))
    assert sync() == replace(NOTHING, gone=5)
    assert stored(store, server) == []


def test_a_server_that_fails_costs_only_what_is_not_there_yet(server, store, sync):
    """What came in before the server failed stays, and the next run fetches the rest alone."""
    server.script(r"/job/3\?as_json", answer(500, "broken"), times=1)
    with pytest.raises(SourceError):
        sync()
    assert stored(store, server) == [4, 5]
    server.requests.clear()
    assert sync() == replace(NOTHING, recorded=3, unchanged=2)
    assert {request.path.rpartition("/")[2] for request in downloads(server)} <= {"1", "2", "3"}


def test_other_settings_read_the_jobs_again(server, store, sync):
    """When the settings change how tests are read, jobs are read again, from the files that are still there."""
    sync()
    server.requests.clear()
    turned = ProductSettings(curves=CurveSettings(less_better=(("latency", False),)))
    assert sync(replace(WANTED, settings=turned)) == replace(NOTHING, recorded=5)
    assert downloads(server) == []
    curves = store.series(Scope(origin=origin_of(server.url), product="Product")).curves.curves
    assert [one.less_better for one in curves] == [False]


def test_downloads_that_only_the_history_wanted_are_cleared(server, sync, tmp_path):
    """With a folder for scratch no file stays in it; files in any other folder are never touched."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "notes.txt").touch()
    assert sync(replace(WANTED, scratch=tmp_path / "jobs")).recorded == 5
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("times", [1, 9])
def test_a_file_that_vanishes_is_not_the_upload_s_fault(server, store, sync, monkeypatch, times):
    """What another run takes away is fetched once more; what stays away is not called broken, and known jobs stay."""
    left = [times]

    def vanishing(source, infos, report, fetch_all=ServerSource.fetch_all):
        fetched = fetch_all(source, infos, report)
        for info, path in zip(infos, fetched, strict=True):
            if info.id == 3 and left[0]:
                left[0] -= 1
                path.unlink()
        return fetched

    sync()
    server.jobs[3] |= {"upload": "2027-01-01T00:00:00Z"}
    with monkeypatch.context() as patch:
        patch.setattr(ServerSource, "fetch_all", vanishing)
        lost = times > 1
        assert sync() == replace(NOTHING, unchanged=4, recorded=1 - lost, unusable=0 + lost)
    assert stored(store, server) == [1, 2, 3, 4, 5]
    assert len(sync.watcher.notices) == lost
    assert sync() == replace(NOTHING, unchanged=5 - lost, recorded=0 + lost)


def test_a_folder_is_a_source_like_any_other(server, store, sync, tmp_path):
    """Jobs come from a folder as well, whose files stay where they are."""
    sync()
    folder = tmp_path / "jobs"
    names = sorted(path.name for path in folder.iterdir())
    assert sync(replace(WANTED, scratch=tmp_path / "scratch"), str(folder)) == replace(NOTHING, recorded=5)
    assert sync(WANTED, str(folder)) == replace(NOTHING, unchanged=5)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert len(store.jobs(Scope(origin=str(folder.resolve()), product="Product"))) == 5


@pytest.mark.parametrize("moment", ["first download", "second batch", "last batch"])
def test_a_killed_synchronisation_goes_on_where_it_was(server, url, sync, tmp_path, moment):
    """After kill -9 what was recorded is whole, at most the batch under way is missing, and the next run ends it."""
    spared = {"first download": 0, "second batch": 2, "last batch": 4}[moment]
    server.script("as_json", delay(30), skip=spared)
    command = [sys.executable, "-c", SYNCHRONISE, server.url, url, str(tmp_path / "jobs")]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)})
    deadline = time.monotonic() + HANG_S
    while len(downloads(server)) <= spared and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server._scripts.clear()
    with closing(open_store(url)) as killed:
        assert stored(killed, server) == list(range(6 - spared, 6))
        assert sync() == replace(NOTHING, recorded=5 - spared, unchanged=spared)
        history = killed.series(Scope(origin=origin_of(server.url), product="Product"))
    assert (history.curves.absence == 0).sum(axis=1).tolist() == [3] * 5


def test_recording_twice_writes_once(store):
    """A job that is there as it is now is left alone."""
    header = {"upload": "u", "uuid": "one"}
    record(store, "perf.example", job({"tag": "a", "scores": "[1]"}, **header), CurveSettings())
    record(store, "perf.example", job({"tag": "b", "scores": "[1]"}, **header), CurveSettings())
    assert [one.tag for one in store.series(Scope(origin="perf.example", product="Shop")).curves.curves] == ["a"]
    record(store, "perf.example", job({"tag": "b", "scores": "[1]"}, upload="u2", uuid="one"), CurveSettings())
    assert [one.tag for one in store.series(Scope(origin="perf.example", product="Shop")).curves.curves] == ["b"]


@pytest.mark.parametrize(
    ("location", "origin"),
    [
        ("http://Perf.Example", "perf.example"),
        ("https://perf.example:443/", "perf.example"),
        ("http://perf.example:9000/", "perf.example:9000"),
        ("https://perf.example:80", "perf.example:80"),
        ("https://user:secret@perf.example/tracker/", "perf.example/tracker"),
        ("http://[::1]:9000", "[::1]:9000"),
    ],
)
def test_one_server_has_one_name(location, origin):
    """However an address is written, the server is the same one, and no password is in its name."""
    assert origin_of(location) == origin


def test_a_folder_has_its_full_path_for_a_name(tmp_path, monkeypatch):
    """A folder is the same one from wherever it is named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    assert origin_of("jobs") == origin_of(str(tmp_path / "jobs")) == str((tmp_path / "jobs").resolve())
    assert re.fullmatch(r"/.*/jobs", origin_of("jobs"))
