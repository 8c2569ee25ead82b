"""Waiting for a newer job whose upload is not finished, by the clock and as a user meets it."""

import json
import threading
from pathlib import Path

import pytest
from analyses import job
from fake_perftracker import FakePerfTracker
from hang_guard import must_end
from msgspec.structs import replace
from shop import shop_job, shop_jobs

from perftracker_ai.commands.waiting import STILL_S, Patience
from perftracker_ai.errors import Unreachable
from perftracker_ai.settings import Settings
from perftracker_ai.sources import open_source

ANALYZE = ("analyze", "--product", "Shop")
SHORT, ENOUGH = "0.005", "1"
"""Minutes."""


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


def compared():
    (path,) = Path("reports").rglob("result_v2.json")
    metadata = json.loads(path.read_bytes())["metadata"]
    return metadata["run1"]["id"], metadata["run2"]["id"]


# ── how long ────────────────────────────────────────────────────────────────────────────────────────────────────────


def looks(wait_s, rows, every=60.0):
    """Give whether each of these states of a job, so many seconds apart, is worth another look."""
    now = iter(range(10**6))
    patience = Patience(wait_s, clock=lambda: next(now) * every)
    return [patience.lasts(row, lambda _: None) for row in rows]


def test_a_moving_upload_is_waited_for_until_the_time_is_over():
    """Every look at another state goes on, up to the minutes that were given."""
    moving = [replace(job(7, "1.2"), tests_completed=done) for done in range(10)]
    assert looks(5 * 60 + 1, moving) == [True] * 4 + [False] * 6


def test_an_upload_that_stands_still_is_not_waited_for_any_longer():
    """After three minutes of silence it is over, however many are given."""
    assert looks(3600, [job(7, "1.2")] * 6) == [True] * int(STILL_S / 60) + [False] * 3


def test_nobody_waits_unasked():
    """Without minutes there is no second look."""
    assert looks(0, [job(7, "1.2")]) == [False]


# ── as a user meets it ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fields", [{"tests_completed": 0}, {"tests_total": 57}])
def test_an_upload_that_ends_meanwhile_is_the_candidate(run, server, fields):
    """A newer job without a test, or with fewer than it counts, is waited for, told with its state, and then taken."""
    server.add(shop_job(4, "1.2", **fields))
    whole = shop_job(4, "1.2", upload="2026-11-25T00:00:00Z")
    lists = iter(range(100))
    server.before = lambda request: server.jobs.update({4: whole}) if _second_list(request, lists) else None
    ran = run(*ANALYZE, "--wait", ENOUGH, "--url", server.url)
    assert ran.code == 0, ran.err
    assert compared()[1] == 4
    assert "Waiting for job 4 (1.2): " in ran.err
    assert "left out" not in ran.err


def _second_list(request, lists):
    return not request.path.rstrip("/").endswith(("/4", "/2", "/3", "/1")) and next(lists) >= 1


def test_when_the_time_is_over_the_newer_job_is_named(run, server):
    """What does not end in time is left out, named as newer than the candidate, and fetched no more than once."""
    server.add(shop_job(4, "1.2", tests_total=57))
    ran = run(*ANALYZE, "--wait", SHORT, "--url", server.url)
    assert (ran.code, compared()) == (0, (2, 3))
    assert "Job 4 (1.2) is newer than the candidate" in ran.err
    assert sum(request.path.endswith("/job/4") for request in server.requests) == 1


def test_named_jobs_are_not_waited_for(run, server):
    """Two jobs by their ids are compared as they are."""
    ran = run("analyze", "2", "3", "--wait", "1", "--url", server.url)
    assert ran.code == 2
    assert "--wait goes with --product" in ran.err


@pytest.mark.parametrize("of_server", [True, False])
def test_waiting_ends_at_once_when_the_run_does(server, tmp_path, of_server):
    """A thread that waits is freed by an interrupted run, and gets an error."""
    (tmp_path / "job-1.json").write_text(json.dumps(shop_job(1, "1.0")), encoding="utf-8")
    source = open_source(Settings(url=server.url if of_server else str(tmp_path)))
    threading.Timer(0.05, source.abort).start()
    with must_end(), pytest.raises(Unreachable, match="was ended"):
        source.pause(600.0)
    source.close()
