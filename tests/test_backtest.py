"""A past judged again: which pairs, what is said of them, what becomes of issues, and what is left of a run."""

import json
import re
from collections import Counter
from contextlib import closing
from datetime import timedelta
from html import unescape
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import postgres
import pytest
from builders import info
from fake_perftracker import FakePerfTracker
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from msgspec.structs import replace
from pasts import FIRST, PLACE, night_job, stored
from shop import put, shop_job, shop_jobs
from simulate import REGIMES, simulate

from perftracker_ai.backtest.fates import Opened, follow
from perftracker_ai.backtest.inject import injected
from perftracker_ai.backtest.pairs import pairings
from perftracker_ai.backtest.rates import rate
from perftracker_ai.backtest.text import json_schema
from perftracker_ai.backtest.values import FACTORS, SHAPES, Fate, PairKind, Variant
from perftracker_ai.commands import backtest as command
from perftracker_ai.commands.backtest import Wanted, backtest, run_backtest
from perftracker_ai.commands.replay import Answer, judge_task
from perftracker_ai.commands.workers import Asked
from perftracker_ai.errors import NotFound, NothingComparable, OutputError, StoreError, UsageError, WorkerLost
from perftracker_ai.issues import Level
from perftracker_ai.model import CANDIDATE
from perftracker_ai.model.history import JobRef
from perftracker_ai.settings import DetectSettings, DiscoverySettings, PolicySettings, Settings
from perftracker_ai.store import open_store

SCHEMA = Path(__file__).parent.parent / "docs" / "backtest.schema.json"
ORDERS, CART = "POST /orders", "PUT /cart"
STORY = (
    ("1.0", {}),
    ("1.0", {}),
    ("1.1", {}),
    ("1.1", {CART: 1.6}),  # one night, of the same version as the ones around it
    ("1.1", {}),
    ("1.2", {ORDERS: 1.8}),
    ("1.2", {ORDERS: 1.8}),
    ("1.3", {ORDERS: 1.8}),
)
AS_SET = Variant(name="", detect=DetectSettings(), policy=PolicySettings())


def wanted(**fields):
    usual = Wanted(product="Shop", kinds=frozenset(PairKind), first="", last="", variants=(AS_SET,), said=Asked("", ()))
    return replace(usual, **fields)


def silent(_event):
    """Watch nothing."""


@pytest.fixture(scope="module")
def jobs():
    return [night_job(night, *told) for night, told in enumerate(STORY)]


@pytest.fixture(scope="module")
def place(tmp_path_factory, jobs):
    """A store with the whole past, and the settings to judge it again."""
    home = tmp_path_factory.mktemp("past")
    url = stored(str(home / "store"), jobs)
    return Settings(store=url, url=PLACE, reports_dir=str(home / "reports"))


@pytest.fixture(scope="module", autouse=True)
def alone():
    """Judge everything in this process, unless a test says otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "cores", lambda: 1)
        yield


@pytest.fixture(scope="module")
def done(place, alone):
    return run_backtest(wanted(), place, silent)


def nights(past, kind):
    return [one for one in past.nights if one.kind is kind]


@pytest.fixture(scope="module")
def few(place, alone, tmp_path_factory):
    """What is asked of four nights, and what comes of it."""
    asked = wanted(kinds=frozenset({PairKind.CONSECUTIVE}), first="2026-07-05")
    return asked, run_backtest(asked, replace(place, reports_dir=str(tmp_path_factory.mktemp("few"))), silent)


# ── which pairs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_night_is_compared_as_discovery_would_have_that_night(done):
    """The baseline is of the version below, further runs of either version are those that had ended by then."""
    made = [
        (one.night.job, one.baseline.job, one.reruns, one.candidate_reruns)
        for one in nights(done.past, PairKind.CONSECUTIVE)
    ]
    assert made == [
        (103, 102, (101,), ()),
        (104, 102, (101,), (103,)),
        (105, 102, (101,), (104, 103)),
        (106, 105, (104, 103), ()),
        (107, 105, (104, 103), (106,)),
        (108, 107, (106,), ()),
    ]


def test_a_job_and_the_one_before_it_of_its_version_are_a_pair(done):
    """Jobs of one version are compared one after the other, with further runs of before and none of after."""
    made = [(one.night.job, one.baseline.job, one.reruns) for one in nights(done.past, PairKind.SAME_VERSION)]
    assert made == [(102, 101, ()), (104, 103, ()), (105, 104, (103,)), (107, 106, ())]


@pytest.mark.parametrize(
    "version",
    [
        "1.0",
        "v1.0",
        "trunk",
        "2-SNAPSHOT",
        "1.66-5101",
        "3.0-rc1",
        "25.8.3.1-lts",
        "9f8e7d6c5b",
        "12ab34cd56",
        "1." * 50,
    ],
)
def test_however_a_version_is_spelled_its_jobs_are_pairs(version):
    """Whatever a version looks like, a job of it is compared with the one before, and earlier ones are its reruns."""
    listed = [info(night, version, days_ago=10 - night) for night in range(1, 5)]
    made = pairings(listed, DiscoverySettings(), {PairKind.SAME_VERSION})
    told = [(one.night.id, one.baseline.id, [job.id for job in one.reruns], one.candidate_reruns) for one in made]
    assert told == [(2, 1, [], ()), (3, 2, [1], ()), (4, 3, [2, 1], ())]
    assert all(one.candidate.product_ver == version for one in made)
    assert pairings(listed, DiscoverySettings(), {PairKind.CONSECUTIVE}) == ()


def test_jobs_far_apart_or_unfit_are_no_reruns():
    """A replay leaves out what discovery leaves out: local runs, unfinished jobs, and runs of another season."""
    listed = [
        info(1, "1", days_ago=300),
        info(2, "1", days_ago=9),
        info(3, "1", days_ago=8, hosts=("x.local",)),
        info(4, "1", days_ago=7, tests_completed=0),
        info(5, "2", days_ago=6),
    ]
    (made,) = pairings(listed, DiscoverySettings(), {PairKind.CONSECUTIVE})[-1:]
    assert [job.id for job in made.runs] == [2, 5]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-07-05", "", [105, 106, 107, 108]),
        ("", "2026-07-03", [103]),
        ("105", "107", [105, 106, 107]),
        ("1.1", "1.2", [103, 104, 105, 106, 107]),
        ("v1.2", "1.2", [106, 107]),
    ],
)
def test_nights_are_bounded_by_day_job_or_version(place, first, last, expected):
    """Each bound is included, and a version counts from its first job to its last one."""
    only = wanted(kinds=frozenset({PairKind.CONSECUTIVE}), first=first, last=last)
    assert [one.night.job for one in backtest(only, place, silent).nights] == expected


@pytest.mark.parametrize("bound", ["2026-13-01", "9.9", "4711", "yesterday\x1b[31m"])
def test_a_bound_that_is_none_is_one_sentence(place, bound):
    """What is no day, job or version is refused, without its control characters."""
    with pytest.raises(UsageError, match="--from") as caught:
        backtest(wanted(first=bound), place, silent)
    assert "\x1b" not in str(caught.value)


def test_no_pair_is_one_sentence(tmp_path):
    """A past of one job, or of other pairs than those asked for, has nothing to judge."""
    own = Settings(store=stored(str(tmp_path / "s"), [night_job(0, "1"), night_job(1, "2")]), url=PLACE)
    with pytest.raises(NothingComparable, match="no same version pair"):
        backtest(wanted(kinds=frozenset({PairKind.SAME_VERSION})), own, silent)


def test_without_a_store_the_jobs_are_read_from_where_they_come_from(run, tmp_path):
    """A folder of jobs is enough, the usual store is not made, and a second run reads what is new alone."""
    put(tmp_path / "jobs", *shop_jobs(), shop_job(4, "1.1", slow=3.0))
    ask = ("backtest", "--product", "Shop", "--url", "jobs", "--pairs", "consecutive")
    said = run(*ask)
    assert said.code == 0
    assert "2 of 2 nights would have been told to stop" in said.out
    assert "Recording job" in said.err
    assert not (tmp_path / "data" / "history.sqlite3").exists()
    again = run(*ask)
    assert (again.out, again.code) == (said.out, 0)
    assert "Recording job" not in again.err


def test_jobs_of_a_server_are_read_into_a_store_of_its_own(run, tmp_path):
    """A server is asked for the jobs once, and what was downloaded is not kept besides."""
    with FakePerfTracker([shop_job(number, f"1.{number // 2}") for number in range(1, 5)]) as server:
        ask = ("backtest", "--product", "Shop", "--url", server.url, "--pairs", "same-version", "--workers", "1")
        said = run(*ask)
        assert said.code == 0, said.err
        fetched = len(server.requests)
        assert (run(*ask).out, len(server.requests)) == (said.out, pytest.approx(fetched, abs=fetched / 2))
    assert not list((tmp_path / "data").rglob("job-*"))


def test_nothing_stored_is_one_sentence(tmp_path):
    """Neither a store that is not there nor a product that is not in it is made up."""
    missing = Settings(store=str(tmp_path / "none"), url=PLACE)
    with pytest.raises(NotFound, match="no store"):
        backtest(wanted(), missing, silent)
    own = Settings(store=stored(str(tmp_path / "s"), [night_job(0, "1")]), url=PLACE)
    with pytest.raises(NotFound, match=r"no job of 'Else' from perf\.example; the nearest it has are 'Shop'"):
        backtest(wanted(product="Else"), own, silent)


# ── what is said ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_regression_that_lasts_stayed_and_a_night_of_noise_went_away(done):
    """What a later job shows again stayed; what a job of the same version does not show went away by itself."""
    fates = {(one.title.split(":")[0], one.night.job): one.fate for one in done.past.issues[0]}
    assert {fate for (title, _), fate in fates.items() if ORDERS in title} == {Fate.STAYED}
    assert {fate for (title, _), fate in fates.items() if CART in title} == {Fate.VANISHED}


def test_an_issue_found_again_is_counted_once(done):
    """A second run of the slower version finds the same issue, which is open already."""
    found = [one for one in done.past.issues[0] if ORDERS in one.title]
    assert [one.night.job for one in found] == [106]
    assert [one.still_open for one in nights(done.past, PairKind.CONSECUTIVE)][-1] == (1,)


def test_alarms_are_counted_where_nothing_changed(done):
    """The pairs of one version have the one disturbed night in them, and hardly anything else."""
    summary = done.past.summaries[0]
    assert summary.alarms.of == 4 * 6
    said = {one.night.job: one.judged[0] for one in nights(done.past, PairKind.SAME_VERSION)}
    assert said[104].code + said[104].undecided >= 1
    assert said[102].code + said[107].code == 0
    assert summary.alarms.low <= summary.alarms.share <= summary.alarms.high


def test_a_verdict_of_one_version_is_never_same_version(done):
    """Two jobs of one version are judged as two versions, so that verdicts and alarms show."""
    assert "SAME VERSION" not in done.past.summaries[0].same_version
    assert sum(done.past.summaries[0].same_version.values()) == 4


def test_changes_put_in_are_found_by_their_size(done):
    """Half as slow again at all loads is found on calm jobs, and every change is counted."""
    found = {(one.shape, one.factor): one for one in done.past.summaries[0].found}
    assert sum(one.curves for one in found.values()) >= 4
    for (shape, factor), one in found.items():
        assert one.regressed <= one.listed <= one.curves
        if (shape, factor) == ("whole", 1.5):
            assert one.regressed == one.curves


def test_sets_of_criteria_stand_side_by_side(place):
    """A threshold above everything leaves nothing; the settings as they are say what they say alone."""
    deaf = DetectSettings(moderate=5.0, severe=6.0, critical=7.0)
    sets = (AS_SET, Variant(name="deaf", detect=deaf, policy=PolicySettings()))
    both = backtest(wanted(first="2026-07-04", last="2026-07-06", variants=sets), place, silent)
    alone = backtest(wanted(first="2026-07-04", last="2026-07-06"), place, silent)
    assert alone.summaries[0].alarms.count > 0
    assert both.summaries[0] == alone.summaries[0]
    assert both.summaries[1].alarms.count == 0
    assert both.issues[1] == ()


# ── as on its night ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("known", [4, 6])
def test_what_came_later_changes_nothing(tmp_path, jobs, done, known):
    """A night judged with all that followed in the store, and without it, is judged alike to the last bit."""
    url = stored(str(tmp_path / "store"), jobs[:known])
    past = backtest(wanted(), Settings(store=url, url=PLACE, reports_dir=str(tmp_path)), silent)
    told = [(one.kind, one.night, one.judged) for one in done.past.nights if one.night.job <= 100 + known]
    assert [(one.kind, one.night, one.judged) for one in past.nights] == told


def test_neighbours_in_a_task_change_nothing(place, few, monkeypatch, tmp_path):
    """How nights are put together into tasks does not matter."""
    asked_for, once = few
    monkeypatch.setattr(command, "_NIGHTS", 1)
    alone = run_backtest(asked_for, replace(place, reports_dir=str(tmp_path)), silent)
    assert alone.json == once.json


# ── on the way ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_interrupted_run_goes_on_where_it_was(place, few, monkeypatch, tmp_path):
    """What was judged is not judged again, and the files are those of an unbroken run, byte for byte."""
    asked_for, once = few
    own, asked = replace(place, reports_dir=str(tmp_path)), []
    monkeypatch.setattr(command, "_NIGHTS", 2)

    def interrupted(settings, task):
        asked.append(task)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return judge_task(settings, task)

    monkeypatch.setattr(command, "judge_task", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_backtest(asked_for, own, silent)
    assert not (tmp_path / "Shop" / "backtest" / "backtest.json").exists()
    again = run_backtest(asked_for, own, silent)
    assert len(asked) == 2 + 1
    assert [path.read_bytes() for path in again.written] == [path.read_bytes() for path in once.written]


def test_processes_say_what_one_says(place, few, monkeypatch, tmp_path):
    """Files are the same, byte for byte, whoever judged."""
    asked_for, once = few
    monkeypatch.setattr(command, "cores", lambda: 2)
    both = run_backtest(asked_for, replace(place, reports_dir=str(tmp_path)), silent)
    assert [path.read_bytes() for path in both.written] == [path.read_bytes() for path in once.written]


def test_a_worker_that_is_lost_costs_what_it_was_at(place, few, monkeypatch, tmp_path):
    """The pair that nobody survives is told as not judged and is not kept; the others of its task are judged."""
    asked_for, once = few
    guilty = once.past.nights[2]
    runs = (guilty.baseline.job, guilty.candidate.job)

    def answers(pool, function, tasks, **rest):
        for task in tasks:
            pairs = [tuple(int(uuid[-12:]) for uuid in pair.runs[:2]) for pair in task.pairs]
            yield WorkerLost("gone") if runs in pairs else function(place, task)

    monkeypatch.setattr(command, "in_order", answers)
    own = replace(place, reports_dir=str(tmp_path))
    past = run_backtest(asked_for, own, silent).past
    told = [one.problem for one in past.nights]
    assert [bool(problem) for problem in told].count(True) == 1
    assert "lost" in told[2]
    monkeypatch.undo()
    assert run_backtest(asked_for, own, silent).json == once.json


def test_other_trouble_of_a_worker_is_one_sentence(place, few, monkeypatch, tmp_path):
    """A store that cannot be read ends the run; what was judged before is kept."""
    asked_for, _ = few

    def answers(pool, function, tasks, **rest):
        yield function(place, next(iter(tasks)))
        yield StoreError("The store is damaged")

    monkeypatch.setattr(command, "in_order", answers)
    monkeypatch.setattr(command, "_NIGHTS", 2)
    with pytest.raises(StoreError, match="damaged"):
        run_backtest(asked_for, replace(place, reports_dir=str(tmp_path)), silent)
    folder = tmp_path / "Shop" / "backtest"
    assert [path.name for path in folder.iterdir()] == ["judged"]
    assert len(list((folder / "judged").iterdir())) == 2


def test_a_job_that_vanishes_meanwhile_is_one_sentence(jobs, few, tmp_path, monkeypatch):
    """Another run may drop jobs from the store: that is said, and is no fault of the program."""
    url = stored(str(tmp_path / "store"), jobs)

    def dropping(settings, task):
        with closing(open_store(url)) as store:
            store.mark("perf.example", [job.info.uuid for job in jobs[:5]], gone=True)
        return judge_task(settings, task)

    monkeypatch.setattr(command, "judge_task", dropping)
    with pytest.raises(StoreError, match="lost a job since"):
        run_backtest(few[0], Settings(store=url, url=PLACE, reports_dir=str(tmp_path)), silent)


def test_a_damaged_answer_is_judged_anew(place, few, tmp_path):
    """What is no answer any more, or one of other criteria, is not used."""
    asked_for, once = few
    own = replace(place, reports_dir=str(tmp_path))
    first = run_backtest(asked_for, own, silent)
    for number, path in enumerate(sorted((tmp_path / "Shop" / "backtest" / "judged").iterdir())):
        path.write_bytes((b"", b"[]", b'{"judged":[],"issues":[],"problem":"', b"\xff" * 9)[number % 4])
    assert run_backtest(asked_for, own, silent).json == first.json == once.json


def test_a_further_set_of_criteria_is_judged_alone(place, few, monkeypatch, tmp_path):
    """What is known of the settings as they are is not judged again when others are put beside them."""
    asked_for, once = few
    own, tasks = replace(place, reports_dir=str(tmp_path)), []
    run_backtest(asked_for, own, silent)
    monkeypatch.setattr(command, "judge_task", lambda settings, task: tasks.append(task) or judge_task(settings, task))
    sets = tuple(Variant(name=f"{at}", detect=DetectSettings(fdr=at), policy=PolicySettings()) for at in (0.01, 0.2))
    more = run_backtest(replace(asked_for, variants=(AS_SET, *sets)), own, silent)
    assert [task.variants for task in tasks] == [sets]
    assert more.past.summaries[0] == once.past.summaries[0]
    assert [one.judged[:1] for one in more.past.nights] == [one.judged for one in once.past.nights]
    run_backtest(replace(asked_for, variants=(AS_SET, sets[1])), own, silent)
    assert len(tasks) == 1


def test_a_job_that_became_another_is_judged_anew(tmp_path, jobs):
    """An upload of other content gives other answers, though its number is the same."""
    own = Settings(store=stored(str(tmp_path / "store"), jobs[:4]), url=PLACE, reports_dir=str(tmp_path))
    before = backtest(wanted(), own, silent)
    stored(own.store, [replace(night_job(2, "1.1", {ORDERS: 3.0}), info=replace(jobs[2].info, upload="another"))])
    assert backtest(wanted(), own, silent).nights != before.nights


@pytest.mark.parametrize("content", [b"", b"[", b'{"judged":[],"issues":[],"problem":""}'])
def test_answers_that_are_none_are_judged_anew(place, few, tmp_path, content):
    """A file of an earlier run that was cut off, or holds nothing, changes nothing that is told."""
    asked_for, once = few
    own = replace(place, reports_dir=str(tmp_path))
    kept = sorted(path for path in Path(once.written[0].parent, command.KEPT).iterdir())
    folder = tmp_path / "Shop" / "backtest" / command.KEPT
    folder.mkdir(parents=True)
    for path in kept:
        (folder / path.name).write_bytes(content if path == kept[0] else path.read_bytes())
    assert run_backtest(asked_for, own, silent).json == once.json


def test_progress_ends_at_all(place, few, tmp_path):
    """It is told how many pairs are judged, to the last one."""
    asked_for, _ = few
    heard = []
    run_backtest(asked_for, replace(place, reports_dir=str(tmp_path)), heard.append)
    assert [(one.done, one.total) for one in heard] == sorted((one.done, one.total) for one in heard)
    assert heard[0].done == 0
    assert heard[-1].done == heard[-1].total == 4


# ── on the command line ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ask(run, place, tmp_path):
    def call(*arguments):
        return run("backtest", "--product", "Shop", "--url", PLACE, "--store", place.store, *arguments)

    return call


def test_the_screen_has_the_figures_and_names_the_files(ask, tmp_path):
    """One screen says what it comes to, set by set, and where the rest is."""
    sets = ("--set", "detect.moderate=0.10,detect.fdr=0.2", "--set", "policy.block_severe=1")
    said = ask("--pairs", "consecutive", "--from", "106", *sets)
    assert said.code == 0
    assert re.search(r"as set +with detect.moderate=0.10,detect.fdr=0.2 +with policy.block_severe=1", said.out)
    assert "3 of 3 pairs judged, 0 s left" in said.err
    for path in ("backtest.html", "backtest.md", "backtest.json"):
        assert f"reports/Shop/backtest/{path}" in said.out
        assert (tmp_path / "reports" / "Shop" / "backtest" / path).exists()
    assert all(len(line) < 150 for line in said.out.splitlines())
    assert re.search(r"2026-07-06, job 106 \(1.2\) with 105 \(1.1\): (BLOCK|INVESTIGATE)", said.out)


def test_json_is_what_the_file_has(ask, tmp_path):
    """Standard output gets the JSON and nothing else."""
    said = ask("--json", "--quiet", "--from", "2026-07-07")
    assert said.err == ""
    assert json.loads(said.out) == json.loads((tmp_path / "reports/Shop/backtest/backtest.json").read_bytes())


@pytest.mark.parametrize(
    "text", ["moderate=0.1", "detect.moderate", "detect.moderate=", "llm=off", "detect.nothing=1", "detect.fdr=x", ""]
)
def test_a_set_that_is_none_is_one_sentence(ask, text):
    """Only settings of detect and policy with values that they take make a set."""
    said = ask("--set", text)
    assert (said.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1


def test_lost_pairs_are_told_by_the_exit_code(ask, monkeypatch):
    """Figures that lack a pair are shown and written, and the command says so and ends with 2."""
    monkeypatch.setattr(command, "in_order", lambda _pool, _function, tasks, **_: (WorkerLost("gone") for _ in tasks))
    said = ask("--pairs", "consecutive", "--quiet")
    assert said.code == 2
    assert "backtest.html" in said.out
    assert re.fullmatch(r"error: (\d+) of \1 pairs of 'Shop' are missing from these figures.*alone\.\n", said.err), (
        said.err
    )


def test_no_pair_exits_with_2(ask):
    """Where there is nothing to judge, that is said and nothing is written."""
    said = ask("--from", "2027-01-01")
    assert said.code == 2
    assert "no consecutive and same version pair between --from and --to" in said.err


# ── what others wrote, and full disks ─────────────────────────────────────────────────────────────────────────────────


def test_what_others_named_stays_text(run, tmp_path):
    """Markup, links, escape sequences and paths in the names of products, versions, hosts and endpoints do nothing."""
    evil = "../<script>alert(1)</script>\"'\x1b[31m|[x](javascript:alert(2)) ![i](http://e.example)\n# h\u202e"
    own = {"product_name": evil, "suite_name": evil, "hosts": (evil,)}
    names = (f"GET /{evil}", "GET /b", "GET /c", "GET /d", "GET /e")
    versions = [("1 " + evil, {}), ("1 " + evil, {}), ("2 " + evil, {names[0]: 2.0}), ("2 " + evil, {names[0]: 2.0})]
    jobs = [night_job(night, *told, endpoints=names, **own) for night, told in enumerate(versions)]
    url = stored(str(tmp_path / "store"), jobs)
    said = run("backtest", "--product", evil, "--url", PLACE, "--store", url, "--reports-dir", "out")
    assert said.code == 0, said.err
    files = sorted(path for path in (tmp_path / "out").rglob("backtest.*"))
    assert [path.name for path in files] == ["backtest.html", "backtest.json", "backtest.md"]
    assert not (tmp_path.parent / "backtest").exists()
    page, _, text = (path.read_text(encoding="utf-8") for path in files)
    assert "<script" not in page
    assert page.count("alert(1)") > 3
    assert {link["href"] for link in links_of(page)} <= {f"#{part}" for part in SECTIONS}
    assert "script-src" not in page
    assert "default-src 'none'" in unescape(page)
    parsed = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {child.type for token in parsed for child in token.children or ()} | {token.type for token in parsed}
    assert kinds.isdisjoint({"link_open", "image", "html_inline", "html_block", "fence", "code_block"})
    for out in (said.out, said.err, text, page):
        assert not re.search("[\x1b\u202e]", out)


SECTIONS = ("figures", "found", "issues", "nights", "method")


def links_of(page):
    return [{"href": target} for target in re.findall(r'<a [^>]*href="([^"]*)"', page)]


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(ask, tmp_path, monkeypatch):
    """Whatever cannot be written, the files of an earlier run stay as they are, and the next run ends the work."""
    only = ("--pairs", "consecutive", "--from", "2026-07-07")
    assert ask(*only).code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "reports").rglob("*") if path.is_file()}

    def full(*_):
        raise OutputError("There is no room left", "make room")

    for broken in ("write_file", "write_set"):
        with monkeypatch.context() as patch:
            patch.setattr(command, broken, full)
            said = ask("--pairs", "consecutive", "--from", "2026-07-06")
        assert (said.code, said.out) == (2, "")
        assert said.err.splitlines()[-1] == "error: There is no room left; make room."
        assert {path: path.read_bytes() for path in before} == before
    assert ask("--pairs", "consecutive", "--from", "2026-07-06").code == 0


def test_json_follows_its_schema(done):
    """Every key is described, and the description is the program's own."""
    schema = json.loads(SCHEMA.read_bytes())
    assert schema == json_schema()
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(done.json))


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)).map(sorted), max_size=30), st.sampled_from([1.0, 4.0])
)
@settings(max_examples=50)
def test_an_interval_holds_its_share(nights, least):
    """The interval lies in [0, 1], holds the share, and is none of nothing."""
    counts, sizes = [one[0] for one in nights], [one[1] for one in nights]
    found = rate(counts, sizes, least)
    if not nights:
        assert (found.share, found.low, found.high) == (None, None, None)
    else:
        assert 0 <= found.low <= found.share + 1e-12
        assert found.share - 1e-12 <= found.high <= 1


def test_intervals_take_nights_for_what_they_are():
    """With alarms in clusters, by night and from night to night, an interval holds the truth 19 times of 20."""
    rng, held, asked = np.random.default_rng(20261128), 0, 300
    for _ in range(asked):
        jobs = rng.random(61) < 0.1  # a disturbed job has its alarms in both pairs that it is in
        sizes = [40] * 60
        counts = [int(rng.binomial(40, 0.3 if jobs[at] or jobs[at + 1] else 0.005)) for at in range(60)]
        found = rate(counts, sizes)
        truth = 0.3 * (1 - 0.9**2) + 0.005 * 0.9**2
        held += found.low <= truth <= found.high
    assert held / asked >= 0.95 - 3 * (0.05 * 0.95 / asked) ** 0.5


def test_one_alarm_in_many_nights_is_no_certainty():
    """Where nothing was counted the interval is that of fewer trials than there are curves."""
    none = rate([0] * 20, [150] * 20, 4.0)
    assert none.low == 0
    assert none.high > rate([0] * 20, [150] * 20).high


# ── changes put in ────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(1, 14), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_a_change_put_in_is_what_it_says(points, seed):
    """Values outside of the ranges are untouched, inside they cost as much more as is said; a quarter is hit."""
    rng = np.random.default_rng(seed)
    curves, _ = simulate(REGIMES[0], curves=24, points=points, reruns=1, changed=0.0, rng=rng)
    hit, changes = injected(curves, rng)
    cost = np.where([[c.less_better] for c in curves.curves], 1.0, -1.0)
    ratio = np.exp(cost * np.log(hit.mean / curves.mean).reshape(3, 24, points)[CANDIDATE]).ravel()
    expected = np.ones(24 * points)
    for one in changes:
        curve = curves.curves[one.curve]
        assert curve.start <= one.first <= one.last < curve.stop
        expected[one.first : one.last + 1] = one.factor
    known = np.isfinite(ratio)
    assert np.allclose(ratio[known], expected[known])
    assert np.array_equal(np.delete(hit.mean, CANDIDATE, 0), np.delete(curves.mean, CANDIDATE, 0), equal_nan=True)
    endpoints = {curves.curves[one.curve].endpoint for one in changes}
    every = {one.endpoint for one in curves.curves}
    assert len(endpoints) <= max(1, round(len(every) / 4))


def test_every_shape_and_size_comes_up_equally_often():
    """Over many pairs no kind of change is put in more often than another by much."""
    tally, rng = Counter(), np.random.default_rng(1)
    curves, _ = simulate(REGIMES[0], curves=40, points=12, reruns=0, changed=0.0, rng=rng)
    for _ in range(400):
        tally.update({(one.shape, one.factor) for one in injected(curves, rng)[1]})
    assert set(tally) == set(product(SHAPES, FACTORS))
    assert max(tally.values()) <= 2 * min(tally.values())


# ── what becomes of an issue ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def issue(few):
    """An issue of version 1.2 that is 80 % slower."""
    folder = few[1].written[0].parent / "judged"
    answers = [msgspec.json.decode(path.read_bytes(), type=Answer) for path in folder.iterdir()]
    found = [one for answer in answers for one in answer.issues[0] if ORDERS in one.issue.title]
    return min(found, key=lambda one: one.issue.first.job)


def ref(number, version):
    return JobRef(job=number, version=version, end=FIRST + timedelta(days=number))


def level(share, of):
    size = share * np.log1p(of.issue.opened)
    return Level(size, size)


@pytest.mark.parametrize(
    ("later", "fate", "closed"),
    [
        ((), Fate.UNTOLD, None),
        ((("1.2", None), ("1.3", None)), Fate.UNTOLD, None),
        ((("1.2", 1.0),), Fate.STAYED, None),
        ((("1.3", 0.9), ("1.4", 0.0)), Fate.STAYED, 2),
        ((("1.2", 0.1),), Fate.VANISHED, 1),
        ((("v1.2", 0.1),), Fate.VANISHED, 1),
        ((("1.2", None), ("1.2", 0.2), ("1.3", 1.0)), Fate.VANISHED, 2),
        ((("1.2", 0.9), ("1.2", 0.1)), Fate.VANISHED, 2),
        ((("1.3", 0.1),), Fate.UNCONFIRMED, 1),
        ((("1.3", 0.5), ("1.3", 0.2)), Fate.STAYED, 2),
    ],
)
def test_what_becomes_of_an_issue(issue, later, fate, closed):
    """The first job that is back closes an issue; of which version it is tells whether anything was changed."""
    told = [
        (ref(at, version), share if share is None else level(share, issue))
        for at, (version, share) in enumerate(later, 1)
    ]
    (found,), _ = follow([Opened(0, ref(0, "1.2"), (issue,))], lambda *_: told)
    assert (found.fate, found.closed and found.closed.job) == (fate, closed)


def test_a_run_that_is_slow_as_a_whole_closes_nothing(issue):
    """Both as measured and net of what the run shares a job must be back; of an issue of the whole run as measured."""
    slow = [(ref(1, "1.2"), Level(level(1.0, issue).gross, 0.0))]
    (found,), _ = follow([Opened(0, ref(0, "1.2"), (issue,))], lambda *_: slow)
    assert found.fate is Fate.STAYED
    whole = replace(issue, issue=replace(issue.issue, whole=True))
    back = [(ref(1, "1.2"), Level(0.0, level(1.0, issue).gross))]
    (found,), _ = follow([Opened(0, ref(0, "1.2"), (whole,))], lambda *_: back)
    assert found.fate is Fate.VANISHED


def test_an_issue_that_came_back_is_another(issue):
    """While it is open it is one, whichever night finds it again; after it was closed it is opened anew."""
    nights = [Opened(at, ref(at, "1.2"), (issue,)) for at in range(4)]
    closing = {0: [(ref(2, "1.3"), level(0.0, issue))]}
    found, still_open = follow(nights, lambda _, place: closing.get(place, []))
    assert [one.night.job for one in found] == [0, 2]
    assert still_open == {0: 0, 1: 1, 2: 0, 3: 1}


def test_a_past_in_postgresql_is_judged_alike(few, jobs, tmp_path):
    """The kind of store does not matter to a byte."""
    url = stored(postgres.fresh_database(), jobs)
    asked_for, once = few
    past = run_backtest(asked_for, Settings(store=url, url=PLACE, reports_dir=str(tmp_path)), silent)
    assert past.json == once.json
