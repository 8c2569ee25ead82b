"""A past judged again: which pairs, what is said of them, what becomes of issues, and what is left of a run."""

import json
import re

import pytest
from msgspec.structs import replace
from pasts import PLACE, night_job, stored
from shop import put, shop_job, shop_jobs

from perftracker_ai.backtest.values import Fate, PairKind, Variant
from perftracker_ai.commands import backtest as command
from perftracker_ai.commands.backtest import Wanted, backtest, run_backtest
from perftracker_ai.commands.replay import judge_task
from perftracker_ai.errors import NotFound, NothingComparable, StoreError, UsageError, WorkerLost
from perftracker_ai.settings import DetectSettings, PolicySettings, Settings

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
    usual = Wanted(product="Shop", kinds=frozenset(PairKind), first="", last="", variants=(AS_SET,))
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


def test_nothing_stored_is_one_sentence(tmp_path):
    """Neither a store that is not there nor a product that is not in it is made up."""
    missing = Settings(store=str(tmp_path / "none"), url=PLACE)
    with pytest.raises(NotFound, match="no store"):
        backtest(wanted(), missing, silent)
    own = Settings(store=stored(str(tmp_path / "s"), [night_job(0, "1")]), url=PLACE)
    with pytest.raises(NotFound, match="no job of Else"):
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
    both = backtest(wanted(variants=sets), place, silent)
    alone = backtest(wanted(), place, silent)
    assert both.summaries[0] == alone.summaries[0]
    assert both.summaries[1].alarms.count == 0
    assert both.issues[1] == ()


# ── as on its night ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("known", [4, 6, 7])
def test_what_came_later_changes_nothing(tmp_path, jobs, done, known):
    """A night judged with all that followed in the store, and without it, is judged alike to the last bit."""
    url = stored(str(tmp_path / "store"), jobs[:known])
    past = backtest(wanted(), Settings(store=url, url=PLACE, reports_dir=str(tmp_path)), silent)
    told = [(one.kind, one.night, one.judged) for one in done.past.nights if one.night.job <= 100 + known]
    assert [(one.kind, one.night, one.judged) for one in past.nights] == told


def test_neighbours_in_a_task_change_nothing(place, done, monkeypatch, tmp_path):
    """How nights are put together into tasks does not matter."""
    monkeypatch.setattr(command, "_NIGHTS", 1)
    alone = run_backtest(wanted(), replace(place, reports_dir=str(tmp_path)), silent)
    assert alone.json == done.json


# ── on the way ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_interrupted_run_goes_on_where_it_was(place, done, monkeypatch, tmp_path):
    """What was judged is not judged again, and the files are those of an unbroken run, byte for byte."""
    own, asked = replace(place, reports_dir=str(tmp_path)), []
    monkeypatch.setattr(command, "_NIGHTS", 2)

    def interrupted(settings, task):
        asked.append(task)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return judge_task(settings, task)

    monkeypatch.setattr(command, "judge_task", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_backtest(wanted(), own, silent)
    assert not (tmp_path / "Shop" / "backtest" / "backtest.json").exists()
    again = run_backtest(wanted(), own, silent)
    assert len(asked) == 3 + 3
    assert [path.read_bytes() for path in again.written] == [path.read_bytes() for path in done.written]


def test_processes_say_what_one_says(place, done, monkeypatch, tmp_path):
    """Files are the same, byte for byte, whoever judged."""
    monkeypatch.setattr(command, "cores", lambda: 2)
    both = run_backtest(wanted(), replace(place, reports_dir=str(tmp_path)), silent)
    assert [path.read_bytes() for path in both.written] == [path.read_bytes() for path in done.written]


def test_a_worker_that_is_lost_costs_what_it_was_at(place, done, monkeypatch, tmp_path):
    """The pair that nobody survives is told as not judged and is not kept; the others of its task are judged."""
    guilty = done.past.nights[4]
    runs = (guilty.baseline.job, guilty.candidate.job)

    def answers(pool, function, tasks, **rest):
        for task in tasks:
            pairs = [tuple(int(uuid[-12:]) for uuid in pair.runs[:2]) for pair in task.pairs]
            yield WorkerLost("gone") if runs in pairs else function(place, task)

    monkeypatch.setattr(command, "in_order", answers)
    own = replace(place, reports_dir=str(tmp_path))
    past = run_backtest(wanted(), own, silent).past
    told = [one.problem for one in past.nights]
    assert [bool(problem) for problem in told].count(True) == 1
    assert "lost" in told[4]
    monkeypatch.undo()
    assert run_backtest(wanted(), own, silent).json == done.json


def test_other_trouble_of_a_worker_is_one_sentence(place, monkeypatch, tmp_path):
    """A store that cannot be read ends the run; what was judged before is kept."""

    def answers(pool, function, tasks, **rest):
        yield function(place, next(iter(tasks)))
        yield StoreError("The store is damaged")

    monkeypatch.setattr(command, "in_order", answers)
    monkeypatch.setattr(command, "_NIGHTS", 2)
    with pytest.raises(StoreError, match="damaged"):
        run_backtest(wanted(), replace(place, reports_dir=str(tmp_path)), silent)
    folder = tmp_path / "Shop" / "backtest"
    assert [path.name for path in folder.iterdir()] == ["judged"]
    assert len(list((folder / "judged").iterdir())) == 2


def test_a_damaged_answer_is_judged_anew(place, done, tmp_path):
    """What is no answer any more, or one of other criteria, is not used."""
    own = replace(place, reports_dir=str(tmp_path))
    first = run_backtest(wanted(), own, silent)
    for number, path in enumerate(sorted((tmp_path / "Shop" / "backtest" / "judged").iterdir())):
        path.write_bytes((b"", b"[]", b'{"judged":[],"problem":"', b"\xff" * 9)[number % 4])
    assert run_backtest(wanted(), own, silent).json == first.json == done.json


def test_a_job_that_became_another_is_judged_anew(tmp_path, jobs):
    """An upload of other content gives other answers, though its number is the same."""
    own = Settings(store=stored(str(tmp_path / "store"), jobs[:4]), url=PLACE, reports_dir=str(tmp_path))
    before = backtest(wanted(), own, silent)
    stored(own.store, [replace(night_job(2, "1.1", {ORDERS: 3.0}), info=replace(jobs[2].info, upload="another"))])
    assert backtest(wanted(), own, silent).nights != before.nights


def test_progress_ends_at_all(place, tmp_path):
    """It is told how many pairs are judged, to the last one."""
    heard = []
    run_backtest(wanted(), replace(place, reports_dir=str(tmp_path)), heard.append)
    assert [(one.done, one.total) for one in heard] == sorted((one.done, one.total) for one in heard)
    assert heard[0].done == 0
    assert heard[-1].done == heard[-1].total == 10


# ── on the command line ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ask(run, place, tmp_path):
    def call(*arguments):
        return run("backtest", "--product", "Shop", "--url", PLACE, "--store", place.store, *arguments)

    return call


def test_the_screen_has_the_figures_and_names_the_files(ask, tmp_path):
    """One screen says what it comes to, set by set, and where the rest is."""
    said = ask(
        "--pairs", "consecutive", "--set", "detect.moderate=0.10,detect.fdr=0.2", "--set", "policy.block_severe=1"
    )
    assert said.code == 0
    assert re.search(r"as set +detect.moderate=0.10,detect.fdr=0.2 +policy.block_severe=1", said.out)
    assert "6 pairs judged, 0 s left" in said.err
    for path in ("backtest.html", "backtest.md", "backtest.json"):
        assert f"reports/Shop/backtest/{path}" in said.out
        assert (tmp_path / "reports" / "Shop" / "backtest" / path).exists()
    assert all(len(line) < 150 for line in said.out.splitlines())


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


def test_no_pair_exits_with_2(ask):
    """Where there is nothing to judge, that is said and nothing is written."""
    said = ask("--from", "2027-01-01")
    assert said.code == 2
    assert "no consecutive and same version pair between --from and --to" in said.err
