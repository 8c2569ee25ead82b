"""What a store keeps of comparisons, each guarantee on SQLite and on PostgreSQL."""

import os
import random
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import postgres
import pytest
from builders import NOON, curve_tests, info, job
from msgspec.structs import replace
from sqlalchemy import func, select

from perftracker_ai.curves import build_curves
from perftracker_ai.errors import JobError, StoreError
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.issues import IssueStatus, OpenIssue, Reference, Tracked
from perftracker_ai.settings import CurveSettings
from perftracker_ai.store import Comparison, Scope, open_store
from perftracker_ai.store.comparisons import LARGEST_RESULT, MOST_ISSUES
from perftracker_ai.store.database import Database
from perftracker_ai.store.schema import COMPARISON, ISSUE, REFERENCE, VERSION

ORIGIN = "perf.example"
SHOP = Scope(origin=ORIGIN, product="Shop", hardware="bg-f1", suite="API")
EVERYWHERE = replace(SHOP, hardware=None, suite=None)

WRITER = """
import os, sys
from test_store_comparisons import comparison, tracked
from perftracker_ai.store import open_store

def write(url, numbers):
    store = open_store(url)
    for number in numbers:
        store.comparisons.put(comparison(number), b"{}", [tracked("a"), tracked(f"k{number}")])
    store.close()

url, writers, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
children = []
for writer in range(writers):  # forked before anything is open, to have started the interpreter once
    children.append(os.fork())
    if not children[-1]:
        write(url, [1, 2, *range(100 * writer + 100, 100 * writer + 100 + count)])
        os._exit(0)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""
"""Some processes that write the comparisons 1 and 2 and some of their own each, two issues with each."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Give an empty place for a store."""
    return postgres.fresh_database() if request.param == "postgresql" else str(tmp_path / "history.sqlite3")


@pytest.fixture
def store(url):
    with closing(open_store(url)) as opened:
        yield opened


def ended(number):
    """When the candidate of a night ended."""
    return NOON + timedelta(days=number)


def comparison(number=1, **fields):
    """The comparison of a night's job with that of the night before."""
    values = {
        "origin": ORIGIN,
        "product": "Shop",
        "hardware": "bg-f1",
        "suite": "API",
        "project": 1,
        "baseline": f"uuid-{number - 1}",
        "candidate": f"uuid-{number}",
        "baseline_id": number - 1,
        "candidate_id": number,
        "baseline_version": f"1.{number - 1}",
        "candidate_version": f"1.{number}",
        "reruns": (7, 8),
        "candidate_reruns": (),
        "end": ended(number),
        "made": NOON,
        "tool": "0.1.0",
        "settings": "digest",
        "verdict": "APPROVE",
        "rules": ("approve",),
        "counts": {"critical": 0, "regressed": 2},
        "validity": ("episode",),
        "asked_by": "",
    }
    return Comparison(**values | fields)


def place(number):
    return JobRef(job=number, version=f"1.{number}", end=ended(number))


def issue(key="a", **fields):
    values = {
        "key": key,
        "status": IssueStatus.NEW,
        "cluster": "C1",
        "endpoint": "GET /orders",
        "title": "GET /orders: 2 curves",
        "scenarios": ("",),
        "metric_kinds": ("latency",),
        "severity": "severe",
        "attribution": "code",
        "confidence": "high",
        "slowdown": 0.5,
        "opened": 0.5,
        "news": 0.5,
        "load_first": "1000 items",
        "load_last": "9000 items",
        "threads": (1, 4),
        "curves": 2,
        "first": place(1),
        "last_good": place(0),
        "earliest": place(1),
        "latest": place(1),
        "measured": True,
        "whole": False,
        "accepted": False,
        "accepted_until": None,
        "offset": 0.0,
    }
    return OpenIssue(**values | fields)


REFERENCE_VALUES = (
    Reference(
        group="", tag="latency", scalar=False, unit="s", less_better=True, labels=("1000 items",), values=(0.1 + 0.2,)
    ),
)


def tracked(key="a", **fields):
    return Tracked(issue=issue(key, **fields), reference=REFERENCE_VALUES)


def put(store, number, *issues, **fields):
    store.comparisons.put(comparison(number, **fields), b"{}", issues)


def states(store, before, scope=SHOP):
    found = store.comparisons.tracked(scope, (ended(before), before))
    return {one.issue.key: one.issue.status.value for one in found}


# ── comparisons ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_comparison_comes_back_whole(store):
    """Everything that is kept of a comparison comes back field by field, its results to the byte."""
    kept = comparison(3, verdict="BLOCK", rules=("block_critical", "validity"), made=NOON + timedelta(microseconds=1))
    result = b'{"verdict": 1}' * 1000
    store.comparisons.put(kept, result, ())
    assert store.comparisons.list(SHOP) == (kept,)
    assert store.comparisons.result(ORIGIN, "uuid-2", "uuid-3") == result
    assert store.comparisons.result(ORIGIN, "uuid-3", "uuid-2") is None


def test_comparisons_come_by_the_candidate_s_end_within_their_scope(store):
    """However they were recorded, comparisons are ordered by their candidates; a scope leaves out what is another's."""
    for number in (3, 1, 2):
        put(store, number)
    put(store, 4, hardware="bg-f2")
    put(store, 5, suite="UI")
    put(store, 6, product="Other")
    put(store, 7, origin="other.example")
    told = {
        scope: [one.candidate_id for one in store.comparisons.list(scope)]
        for scope in (SHOP, EVERYWHERE, replace(SHOP, since=ended(2)), replace(SHOP, until=(ended(2), 2)))
    }
    assert list(told.values()) == [[1, 2, 3], [1, 2, 3, 4, 5], [2, 3], [1, 2]]


def test_a_comparison_made_again_stands_in_the_place_of_the_first(store):
    """The same two jobs are one comparison: verdict, results and issues are those of the last time."""
    put(store, 1, tracked("a"), tracked("b"))
    store.comparisons.put(comparison(1, verdict="BLOCK"), b"[]", [tracked("b", status=IssueStatus.OPEN)])
    assert [one.verdict for one in store.comparisons.list(SHOP)] == ["BLOCK"]
    assert store.comparisons.result(ORIGIN, "uuid-0", "uuid-1") == b"[]"
    assert states(store, 9) == {"b": "open"}


def test_names_that_no_database_holds_are_mended_alike(store):
    """Zero characters and half pairs in names are replaced in every store, and a comparison is found by them still."""
    put(store, 1, tracked("a", endpoint="GET \0"), product="Sh\0p", candidate_version="1\ud800")
    (row,) = store.comparisons.issues(replace(EVERYWHERE, product="Sh\0p"))
    assert (row.job.version, row.issue.endpoint) == ("1?", "GET \0")


@pytest.mark.parametrize("fields", [{"candidate": ""}, {"baseline": ""}, {"candidate_id": 2**63}])
def test_jobs_that_no_store_can_hold_are_refused(store, fields):
    """A comparison of a job without identity, or with numbers beyond every database, leaves nothing."""
    with pytest.raises(JobError, match="upload it anew"):
        put(store, 1, tracked(), **fields)
    assert store.comparisons.list(EVERYWHERE) == ()


def test_results_and_issues_are_bounded(store):
    """Results beyond the bound are not kept, nor more issues than anybody reads; the comparison is."""
    store.comparisons.put(
        comparison(1), bytes(LARGEST_RESULT + 1), [tracked(f"k{n:04}") for n in range(MOST_ISSUES + 5)]
    )
    assert store.comparisons.result(ORIGIN, "uuid-0", "uuid-1") is None
    assert len(store.comparisons.issues(SHOP)) == MOST_ISSUES


# ── issues ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_issue_comes_back_whole(store):
    """An issue and what it is measured against come back to the last bit."""
    put(store, 1, tracked("a"))
    assert store.comparisons.tracked(SHOP, (ended(2), 2)) == (tracked("a"),)


def test_the_newest_earlier_job_tells_an_issue_s_state(store):
    """Asked for a job, every issue is as the newest job before it left it, whatever came later or was recorded last."""
    put(store, 3, tracked("a", status=IssueStatus.CLOSED), tracked("c"))
    put(store, 1, tracked("a"), tracked("b"))
    put(store, 2, tracked("a", status=IssueStatus.OPEN))
    put(store, 2, tracked("z"), hardware="bg-f2", baseline="other")
    assert states(store, 1) == {}
    assert states(store, 2) == {"a": "new", "b": "new"}
    assert states(store, 3) == {"a": "open", "b": "new"}
    assert states(store, 4) == {"a": "closed", "b": "new", "c": "new"}


def test_the_list_of_issues_has_each_once_a_hardware_with_its_last_job(store):
    """The inbox's query: the newest state of every issue, the largest first, and where and with which job that was."""
    put(store, 1, tracked("a", slowdown=0.2), tracked("b", slowdown=0.9))
    put(store, 2, tracked("a", slowdown=0.3))
    put(store, 2, tracked("a", slowdown=2.0), hardware="bg-f2", baseline="other")
    rows = store.comparisons.issues(EVERYWHERE)
    assert [(one.issue.key, one.hardware, one.job.job, one.job.version, one.issue.slowdown) for one in rows] == [
        ("a", "bg-f2", 2, "1.2", 2.0),
        ("b", "bg-f1", 1, "1.1", 0.9),
        ("a", "bg-f1", 2, "1.2", 0.3),
    ]
    assert [one.job.job for one in store.comparisons.course(SHOP, "a")] == [1, 2]


def test_what_an_issue_is_measured_against_is_kept_once(store, url):
    """Nights of one issue share one row of what it cost before, which goes with the last of them."""
    for number in range(1, 6):
        put(store, number, tracked("a"), tracked("b"))
    with closing(Database(url)) as database, database.reading() as connection:
        assert len(connection.execute(REFERENCE.select()).all()) == 1
    for number in range(1, 6):
        put(store, number)
    with closing(Database(url)) as database, database.reading() as connection:
        assert connection.execute(REFERENCE.select()).all() == []


def test_old_comparisons_go_and_the_state_of_issues_stays(store):
    """What is too old to be kept goes with the jobs, but no issue is forgotten: its newest state stays."""
    for number in (1, 2, 3):
        put(store, number, tracked("a"), *([tracked("b")] if number == 1 else []))
    put(store, 1, tracked("z"), product="Other", baseline="other")
    store.prune(ORIGIN, "Shop", 0, ended(3))
    assert [one.candidate_id for one in store.comparisons.list(SHOP)] == [3]
    assert states(store, 9) == {"a": "new", "b": "new"}
    assert [one.job.job for one in store.comparisons.course(SHOP, "a")] == [3]
    assert len(store.comparisons.list(replace(SHOP, product="Other"))) == 1


def test_an_issue_kept_before_acceptances_had_an_end_has_none(store, url):
    """What an older release kept of an issue is read: it does not tell until when the issue is accepted."""
    put(store, 1, tracked("a"))
    with closing(Database(url)) as database, database.writing() as connection:
        older = func.replace(ISSUE.c.content, ',"accepted_until":null', "")
        connection.execute(ISSUE.update().values(content=older))
    (row,) = store.comparisons.every_issue("Shop")
    assert row.issue == tracked("a").issue


def test_eight_writers_lose_nothing(url):
    """Eight processes that record comparisons at once, some of them the same, lose none and leave each issue once."""
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", WRITER, url, "8", "5"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with closing(open_store(url)) as store:
        expected = {1, 2, *(100 * writer + 100 + at for writer in range(8) for at in range(5))}
        assert {one.candidate_id for one in store.comparisons.list(SHOP)} == expected
        assert len(store.comparisons.issues(SHOP)) == 1 + len(expected)
        assert len(store.comparisons.course(SHOP, "a")) == len(expected)


# ── lists of everything ─────────────────────────────────────────────────────────────────────────────────────────────


class Kept:
    """Comparisons and issues as a list would keep them: the reference for what queries answer."""

    def __init__(self):
        self.pairs = {}

    def put(self, made, issues):
        self.pairs[made.origin, made.baseline, made.candidate] = made, issues

    def comparisons(self, most, product):
        lines = {}
        for made, _ in self.pairs.values():
            if product in (None, made.product):
                lines.setdefault((made.origin, made.product, made.hardware, made.suite), []).append(made)
        lines = {line: [one for one in made if not one.asked_by] or made for line, made in lines.items()}
        ordered = [
            sorted(line, key=lambda one: (one.end, one.candidate_id, one.made)) for _, line in sorted(lines.items())
        ]
        return tuple(one for line in ordered for one in line[-most:])

    def issues(self, product):
        newest = {}
        for made, issues in self.pairs.values():
            rank = made.end, made.candidate_id, made.baseline, made.candidate
            for one in issues if product in (None, made.product) else ():
                name = made.origin, made.product, made.hardware, made.suite, one.issue.key
                newest[name] = max(newest.get(name, (rank, one.issue)), (rank, one.issue), key=lambda state: state[0])
        return {name: (rank[1], rank[2], one) for name, (rank, one) in newest.items()}


def random_comparison(rng):
    """Give a comparison of few jobs, so that many are made again, of one job or at one moment."""
    number, base = rng.randrange(8), rng.randrange(20, 23)
    made = comparison(
        number,
        origin=rng.choice([ORIGIN, "other.example"]),
        product=rng.choice(["Shop", "Blog"]),
        hardware=rng.choice(["bg-f1", "bg-f2"]),
        baseline=f"uuid-{base}",
        baseline_id=base,
        end=ended(number // 2),
        made=NOON + timedelta(seconds=rng.randrange(10**6)),
        asked_by=rng.choice(["", "", "ann"]),
    )
    issues = {key: rng.random() for key in rng.sample("abcd", rng.randrange(4))}
    return made, tuple(tracked(key, slowdown=slowdown) for key, slowdown in issues.items())


def found_issues(store, product):
    return {
        (one.origin, one.product, one.hardware, one.suite, one.issue.key): (one.job.job, one.baseline, one.issue)
        for one in store.comparisons.every_issue(product)
    }


@pytest.mark.parametrize("seed", range(2))
def test_lists_of_everything_are_what_looking_at_every_row_gives(store, seed):
    """Whatever was recorded in whatever order, and again, lists and newest states are those of a plain reference."""
    rng, kept = random.Random(seed), Kept()
    for _ in range(40):
        made, issues = random_comparison(rng)
        store.comparisons.put(made, b"", issues)
        kept.put(made, issues)
    for product in (None, "Shop", "Neither"):
        assert store.comparisons.newest(3, product) == kept.comparisons(3, product)
        assert found_issues(store, product) == kept.issues(product)
    jobs = {1, 5, 99}
    assert {(one.origin, one.baseline, one.candidate) for one in store.comparisons.of_jobs(jobs)} == {
        pair for pair, (made, _) in kept.pairs.items() if made.candidate_id in jobs
    }
    slowdowns = [one.issue.slowdown for one in store.comparisons.every_issue()]
    assert slowdowns == sorted(slowdowns, reverse=True)


def test_a_store_from_before_current_states_gets_them(store, url):
    """A store whose issues were recorded before their newest state was kept lists the same once it is opened anew."""
    rng = random.Random(7)
    for _ in range(30):
        made, issues = random_comparison(rng)
        store.comparisons.put(made, b"", issues)
    expected = store.comparisons.every_issue()
    with closing(Database(url)) as database, database.writing() as connection:
        for made in ("history_asked", "history_current"):
            connection.exec_driver_sql(f"DROP TABLE {made}")
        for made in ("history_comparison_candidate", "history_job_place"):
            connection.exec_driver_sql(f"DROP INDEX {made}")
        step = select(VERSION.c.version).where(VERSION.c.step == "current states").scalar_subquery()
        connection.execute(VERSION.delete().where(VERSION.c.version >= step))
    with closing(open_store(url)) as again:
        assert again.comparisons.every_issue() == expected
        assert len(expected) > 5


def test_the_newest_state_outlives_what_is_dropped_as_old(store):
    """After old comparisons went, issues are listed still, with the version of their job where that is kept."""
    put(store, 1, tracked("a"), tracked("b"))
    put(store, 3, tracked("a", status=IssueStatus.OPEN))
    store.prune(ORIGIN, "Shop", 0, ended(2))
    rows = {one.issue.key: (one.job.job, one.job.version) for one in store.comparisons.every_issue()}
    assert rows == {"a": (3, "1.3"), "b": (1, "")}


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (ISSUE, {"content": "{"}),
        (ISSUE, {"content": '{"key": 1}'}),
        (REFERENCE, {"content": b"\0\1"}),
        (REFERENCE, {"content": b""}),
        (COMPARISON, {"rules": "[1"}),
        (COMPARISON, {"counts": '{"a": "b"}'}),
        (COMPARISON, {"result": b"\0\1"}),
        (COMPARISON, {"end_us": 2**62}),
    ],
)
def test_damaged_rows_are_one_sentence(store, url, table, values):
    """Rows that nobody of ours wrote end in a sentence."""
    put(store, 1, tracked("a"))
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(table.update().values(**values))

    def read():
        store.comparisons.tracked(SHOP, (ended(2), 2))
        store.comparisons.list(SHOP)
        store.comparisons.result(ORIGIN, "uuid-0", "uuid-1")

    with pytest.raises(StoreError, match="values that cannot be read"):
        read()


# ── levels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_levels_are_geometric_means_of_each_curve(store):
    """Of each job and curve the store gives the geometric mean over its loads, and nothing where it has no value."""
    tests = [*curve_tests("latency", {1: [1.0], 2: [4.0]}), *curve_tests("rate", {1: [0.0]}, status="FAILED")]
    store.put(ORIGIN, info(1), build_curves([job(*tests)], CurveSettings())[0], "r")
    (found,) = store.levels(Scope(origin=ORIGIN, product="Shop"))
    assert [one.tag for one in found.curves] == ["latency", "rate"]
    assert found.level.tolist() == pytest.approx([2.0, float("nan")], nan_ok=True)


def test_the_worst_issues_of_some_comparisons_are_found_at_once(store):
    """Of each comparison by its candidate the gravest few come first, the larger first; what is closed is none."""
    found = [
        tracked("small", severity="moderate", slowdown=9.0),
        tracked("grave", severity="critical", slowdown=0.2),
        tracked("graver", severity="critical", slowdown=0.4),
        tracked("gone", severity="critical", slowdown=5.0, status=IssueStatus.CLOSED),
        tracked("more", severity="severe"),
    ]
    put(store, 1, *found)
    put(store, 2, tracked("other"))
    put(store, 3, tracked("unasked"))
    rows = store.comparisons.largest(["uuid-1", "uuid-2"])
    assert [(row.candidate, row.issue.key) for row in rows] == [
        ("uuid-1", "graver"),
        ("uuid-1", "grave"),
        ("uuid-1", "more"),
        ("uuid-2", "other"),
    ]
    assert store.comparisons.largest([]) == ()


def test_jobs_of_one_number_are_each_with_their_server(store):
    """The newest is first; one that was taken off its server is not among them."""
    for origin, uuid, day in (("a", "first", 1), ("b", "second", 2), ("c", "gone", 3)):
        made = job(id=7, uuid=uuid, end=ended(day).isoformat())
        store.put(origin, made.info, build_curves([made], CurveSettings())[0], "reading")
    store.mark("c", ["gone"], gone=True)
    assert [(origin, info.uuid) for origin, info in store.numbered(7)] == [("b", "second"), ("a", "first")]
    assert store.numbered(8) == ()
