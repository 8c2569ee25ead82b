"""Tests become curves on common load points, and every test is accounted for."""

import json
import math
import statistics
from types import SimpleNamespace

import numpy as np
import pytest
from builders import as_bytes, curve_tests, document, job, numbered, test_record
from hypothesis import given
from hypothesis import strategies as st

from perftracker_ai.curves import build_curves
from perftracker_ai.model import (
    Absence,
    DirectionAssumed,
    DirectionConflict,
    DirectionUnknown,
    LoadsDiffer,
    MetricKind,
    UnitConflict,
)
from perftracker_ai.settings import CurveSettings
from perftracker_ai.sources.document import parse_job

USUAL = CurveSettings()


def read(baseline, candidate=None, *reruns, settings=USUAL):
    """Read lists of tests as runs; a candidate that is not given is the baseline again."""
    runs = [job(*tests) for tests in (baseline, baseline if candidate is None else candidate, *reruns)]
    curves, accounts, notices = build_curves(runs, settings)
    return SimpleNamespace(set=curves, accounts=accounts, notices=notices, curves=curves.curves)


def only(found):
    """Give the only curve there is, with its slice of every array."""
    (curve,) = found.curves
    assert (curve.start, curve.stop) == (0, len(found.set.load))
    return curve


def reasons(found, row=0):
    return [Absence(value).name for value in found.set.absence[row]]


def kinds(found):
    return [type(notice) for notice in found.notices]


# ── scores ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scores", "values"),
    [
        ("[0.5]", [0.5]),
        (" [ 0.5 ,0.25 ] ", [0.5, 0.25]),
        ("[1, 2, 3]", [1, 2, 3]),
        ("[1e-07, 1.5e3]", [1e-7, 1500]),
        ("[True]", [1]),
        ("[True, False, 2]", [1, 0, 2]),
        ("[0, 0, 3]", [0, 0, 3]),
        ("[1e24, 1e24]", [1e24, 1e24]),
        ("[1e-24, 3e-24]", [1e-24, 3e-24]),
        ("[123456789012345678901234]", [123456789012345678901234]),
    ],
)
def test_scores_as_text_give_their_mean_and_deviation(scores, values):
    """Every list of numbers that the server prints is read, and its mean and sample deviation are exact."""
    found = read([test_record(scores=scores), test_record("other", [7.0])]).set
    index = found.label.index("") if found.curves[0].tag == "latency" else 1
    assert found.mean[0, index] == pytest.approx(statistics.fmean(v / 1e10 for v in values) * 1e10, rel=1e-12)
    assert found.count[0, index] == len(values)
    if len(values) > 1:
        scale = max(values)
        assert found.sd[0, index] == pytest.approx(statistics.stdev(v / scale for v in values) * scale, rel=1e-12)
    else:
        assert math.isnan(found.sd[0, index])
    assert found.mean[0, 1 - index] == 7.0


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ("[]", "NO_SCORES"),
        ("[ ]", "NO_SCORES"),
        ("[nan]", "NOT_A_NUMBER"),
        ("[1.0, nan]", "NOT_A_NUMBER"),
        ("[inf]", "INFINITE"),
        ("[-inf]", "INFINITE"),
        ("[1e999]", "INFINITE"),
        ("[1.7976931348623157e308]", "INFINITE"),  # DBL_MAX, what C programs write for "no value"
        ("[-1.7976931348623157e308]", "INFINITE"),
        ("[3.4028234663852886e38]", "INFINITE"),  # FLT_MAX
        ("[2.0, 1e25]", "INFINITE"),
        ("[-1.0]", "NEGATIVE"),
        ("[2.0, -1.0]", "NEGATIVE"),
        ("[0]", "ZERO"),
        ("[0, 0.0, -0.0]", "ZERO"),
        ("[False]", "ZERO"),
        ("[1e-320]", "ZERO"),
        ("[2.2250738585072014e-308]", "ZERO"),
        ("[1e-25]", "ZERO"),
        ("", "UNREADABLE"),
        ("0.5", "UNREADABLE"),
        ("none", "UNREADABLE"),
        ("[None]", "UNREADABLE"),
        ("['0.5']", "UNREADABLE"),
        ("[1,]", "UNREADABLE"),
        ("[1", "UNREADABLE"),
        ("1]", "UNREADABLE"),
        ("[[1]]", "UNREADABLE"),
        ("[1],[2]", "UNREADABLE"),
        ("[1]]", "UNREADABLE"),
        ('{"a": 1}', "UNREADABLE"),
    ],
)
def test_scores_without_a_value_are_absent_with_the_reason(scores, reason):
    """What is no positive number is never a value, says why, and does not disturb its neighbours."""
    found = read([test_record("a", [1.0]), test_record("b", scores), test_record("c", [3.0])])
    assert reasons(found) == ["PRESENT", reason, "PRESENT"]
    assert found.set.mean[0, [0, 2]].tolist() == [1.0, 3.0]
    assert math.isnan(found.set.mean[0, 1])
    assert found.accounts[0].absent == ((Absence[reason], 1),)


@pytest.mark.parametrize(
    "tricks",
    [("[1],[2]", "[3", "4]"), ("[1", "2]", "[3],[4]"), ("[1,2],[3]", "[4],[5]"), ("[1],", "[2]"), ("[1", "[2]")],
)
def test_texts_that_complete_each_other_are_not_read_as_one(tricks):
    """Texts that are lists only together are unreadable each, and no score moves to another test."""
    found = read([test_record("a", [7.0]), *(test_record(f"b{i}", t) for i, t in enumerate(tricks)), test_record("c")])
    readable = [text.count("[") == 1 and text.endswith("]") and text.startswith("[") for text in tricks]
    assert reasons(found) == ["PRESENT", *("PRESENT" if ok else "UNREADABLE" for ok in readable), "PRESENT"]
    assert (found.set.mean[0, 0], found.set.mean[0, -1]) == (7.0, 0.5)


def test_a_value_too_large_for_its_base_unit_is_infinite():
    """A number that only the conversion makes infinite is absent for that reason, without a warning."""
    found = read([test_record("a", "[1e307]", metrics="hours"), test_record("b", "[1e23]", metrics="s")])
    assert reasons(found) == ["INFINITE", "PRESENT"]


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s", "hours", "KB", "req/s", "loops/sec", "widgets"])
@pytest.mark.parametrize("value", [1.7976931348623157e308, 3.4028234663852886e38])
def test_what_stands_for_no_value_is_none_in_every_unit(value, unit):
    """The largest numbers of a type are no measurements, whatever unit they come in."""
    found = read([test_record("a", [value], metrics=unit), test_record("b", [1.0], metrics=unit)])
    assert reasons(found) == ["INFINITE", "PRESENT"]


@pytest.mark.parametrize("load", ["1e300 items", "1.7e308 items", "1e-300 items", "4e-320 items", "1e30"])
def test_a_number_that_no_load_can_be_is_no_load(load):
    """Categories with such a number stand in the order of the tests; nothing is placed by it."""
    found = read([test_record(category=f"{n} items" if n else load) for n in (3, 0, 2)]).set
    assert not found.curves[0].numbered
    assert found.load.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("SUCCESS", "PRESENT"),
        ("FAILED", "FAILED"),
        ("SKIPPED", "SKIPPED"),
        ("INPROGRESS", "INPROGRESS"),
        ("NOTTESTED", "NOTTESTED"),
        ("success", "UNREADABLE"),
        ("", "UNREADABLE"),
    ],
)
@pytest.mark.parametrize("scores", [[0.5], [0], []])
def test_a_status_other_than_success_is_a_reason_before_its_scores(status, reason, scores):
    """A test that did not succeed has no value, whatever scores it kept."""
    found = read([test_record(scores=scores, status=status)])
    without_value = "ZERO" if scores else "NO_SCORES"
    assert reasons(found) == [without_value if status == "SUCCESS" and scores != [0.5] else reason]


def test_a_successful_test_with_errors_has_its_value_and_its_errors():
    """Errors do not take a value away; they are counted beside it."""
    found = read([test_record(errors=3)])
    assert (reasons(found), found.set.errors.tolist()) == (["PRESENT"], [[3], [3]])


# ── pooling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_several_tests_of_one_point_are_pooled():
    """Scores of tests on one point count together, in mean, deviation, number and errors."""
    found = read([
        test_record(scores=[1.0, 2.0], category="5 items", errors=1),
        test_record(scores=[6.0], category="5 items", errors=2),
        test_record(scores=[9.0], category="7 items"),
    ])  # fmt: skip
    assert found.set.mean[0].tolist() == [3.0, 9.0]
    assert found.set.sd[0, 0] == pytest.approx(statistics.stdev([1, 2, 6]))
    assert found.set.count[0].tolist() == [3, 1]
    assert found.set.errors[0].tolist() == [3, 0]
    assert (found.accounts[0].tests, found.accounts[0].points, found.accounts[0].pooled) == (3, 2, 1)


def test_a_failed_double_does_not_take_the_value_away():
    """Of two tests on one point, the one with a value gives it; nothing of the other is mixed in."""
    found = read([test_record(scores=[1.0]), test_record(scores=[100.0], status="FAILED")])
    assert (reasons(found), found.set.mean[0].tolist(), found.set.count[0].tolist()) == (["PRESENT"], [1.0], [1])


def test_doubles_in_different_units_are_pooled_in_the_base_unit():
    """Pooling converts before it averages."""
    found = read([test_record(scores=[100], metrics="ms"), test_record(scores=[0.3], metrics="s")])
    assert found.set.mean[0, 0] == pytest.approx(0.2)
    assert only(found).unit == "ms"


# ── what makes a curve ──────────────────────────────────────────────────────────────────────────────────────────────


def test_one_tag_in_two_groups_is_two_curves():
    """The same tag and category in two groups are two test cases."""
    found = read([test_record("Twin", [1.0], "c", group="G1"), test_record("Twin", [2.0], "c", group="G2")])
    assert [(curve.group, curve.tag) for curve in found.curves] == [("G1", "Twin"), ("G2", "Twin")]
    assert found.set.mean[0].tolist() == [1.0, 2.0]


def test_percentiles_of_one_endpoint_are_different_curves():
    """p50 and p95 are different tags, so they never share a point."""
    tags = [f"latency, p({p}) (4 th): GET /a" for p in (50, 95)]
    found = read([test for tag in tags for test in curve_tests(tag, {10: [1.0], 20: [2.0]})])
    assert [(curve.statistic, curve.threads, curve.endpoint) for curve in found.curves] == [
        ("p50", 4, "GET /a"),
        ("p95", 4, "GET /a"),
    ]
    assert [(curve.start, curve.stop) for curve in found.curves] == [(0, 2), (2, 4)]


def test_a_test_without_category_is_a_scalar_beside_the_curve_of_its_tag():
    """A tag with and without categories gives a curve and a scalar, of which neither swallows the other."""
    found = read([test_record("t", [9.0]), *curve_tests("t", {10: [1.0], 20: [2.0]})])
    assert [(c.scalar, c.numbered, c.load_unit, c.stop - c.start) for c in found.curves] == [
        (False, True, "items", 2),
        (True, False, "", 1),
    ]
    assert found.set.mean[0].tolist() == [1.0, 2.0, 9.0]


def test_a_curve_carries_what_its_tag_says():
    """Every part of the tag arrives in the curve."""
    tag = "rate (16 threads): PUT /api/x/{id} (big (very))"
    curve = only(read(curve_tests(tag, {1: [5.0]}, group="G", metrics="req/s", less_better=False)))
    assert (curve.metric_label, curve.metric_kind, curve.threads) == ("rate", MetricKind.RATE, 16)
    assert (curve.method, curve.path, curve.scenario) == ("PUT", "/api/x/{id}", "big (very)")
    assert (curve.unit, curve.base_unit, curve.less_better, curve.group) == ("req/s", "/s", False, "G")


def test_a_tag_of_any_length_and_script_is_a_curve():
    """A tag of 100 kB, or of any characters, costs neither its test nor the others."""
    tags = ["x" * 100_000, "Unicode ü 日本 — <b>tag</b>", "", "a: b: c"]
    assert sorted(curve.tag for curve in read([test_record(tag) for tag in tags]).curves) == sorted(tags)


# ── loads ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def axis_of(*categories, settings=USUAL):
    found = read([test_record(scores=[1.0], category=category) for category in categories], settings=settings)
    curve = only(found)
    return found.set.load.tolist(), list(found.set.label), curve.load_unit, curve.numbered


@pytest.mark.parametrize(
    ("categories", "loads", "labels", "unit"),
    [
        (["9000 policies", "43000 policies", "1 policy"], [1, 9000, 43000], [2, 0, 1], "policies"),
        (["16 threads", "1 thread"], [1, 16], [1, 0], "threads"),
        (["1.5M", "900K"], [9e5, 1.5e6], [1, 0], ""),
        (["4 KB", "1 MB", "512 B"], [512, 4000, 1e6], [2, 0, 1], "B"),
        (["1,000 users", "500 users"], [500, 1000], [1, 0], "users"),
        (["100 users, 4 nodes", "20 users, 4 nodes"], [20, 100], [1, 0], "users"),
        (["4 nodes, 100 users", "4 nodes, 20 users"], [20, 100], [1, 0], "users"),
        (["10", "9"], [9, 10], [1, 0], ""),
        (["5 items"], [5], [0], "items"),
    ],
)
def test_points_lie_at_the_number_that_varies_in_order_of_load(categories, loads, labels, unit):
    """Categories become loads with a unit, ascending, each under its own words."""
    assert axis_of(*categories) == (loads, [categories[i] for i in labels], unit, True)


@pytest.mark.parametrize(
    "categories",
    [
        ["large", "small", "medium"],
        ["16 threads", "big 16 threads"],
        ["10 users", "all"],
        ["4 nodes, 100 users", "8 nodes, 200 users"],
        ["10 users", "10 policies"],
        ["1e999 items", "5 items"],
        [" "],
    ],
    ids=["no number", "two kinds", "mixed", "two numbers vary", "two units", "infinite", "blank"],
)
def test_categories_without_a_common_number_keep_the_order_of_the_tests(categories):
    """Where there is no load to speak of, points are places in the order of the tests."""
    assert axis_of(*categories) == (list(map(float, range(len(categories)))), categories, "", False)


def test_categories_of_one_load_are_one_point_under_the_first_name():
    """Spellings of one load are pooled, as they are one point of the curve."""
    found = read([test_record(scores=[float(i)], category=c) for i, c in enumerate(["1K items", "1,000 items"], 1)])
    assert (found.set.load.tolist(), found.set.label) == ([1000.0], ("1K items",))
    assert (found.set.mean[0].tolist(), found.accounts[0].pooled) == ([1.5], 1)


def test_a_pattern_of_the_settings_says_which_number_is_the_load():
    """With two numbers that vary, the pattern's group decides; a category it does not fit is read as usual."""
    settings = CurveSettings(load_pattern=r"load=(\d+)")
    assert axis_of("t=3 load=20", "t=1 load=100", settings=settings)[0] == [20.0, 100.0]
    assert axis_of("20 items", "10 items", settings=settings) == ([10.0, 20.0], ["10 items", "20 items"], "items", True)


@pytest.mark.parametrize("pattern", [r"(\w+)", r"(x)?"], ids=["no number", "empty group"])
def test_a_pattern_that_finds_no_number_leaves_the_usual_reading(pattern):
    """A group that is empty or holds a word is no error."""
    settings = CurveSettings(load_pattern=pattern)
    assert axis_of("item 20", "item 10", settings=settings) == ([10.0, 20.0], ["item 10", "item 20"], "", True)


def test_a_pattern_that_finds_a_word_for_no_number_gives_no_load():
    """What Python would read as not a number or infinite never becomes a load."""
    settings = CurveSettings(load_pattern=r"(\w+)")
    assert axis_of("nan 20", "inf 10", settings=settings) == ([0.0, 1.0], ["nan 20", "inf 10"], "", False)


def test_runs_share_the_points_of_all_of_them():
    """A load that one run has not is a missing point there, in its place by load."""
    found = read(curve_tests("t", {10: [1.0], 30: [3.0]}), curve_tests("t", {20: [2.0], 30: [3.5]}))
    assert found.set.load.tolist() == [10.0, 20.0, 30.0]
    assert (reasons(found), reasons(found, 1)) == (["PRESENT", "MISSING", "PRESENT"], ["MISSING", "PRESENT", "PRESENT"])
    assert found.accounts[0].absent == ()


# ── units and directions ────────────────────────────────────────────────────────────────────────────────────────────


def test_milliseconds_and_seconds_of_two_jobs_are_compared_in_seconds():
    """Runs in different units of one kind meet in the base unit; the baseline's is the one shown."""
    found = read([test_record(scores=[500], metrics="ms")], [test_record(scores=[0.6], metrics="sec")])
    assert found.set.mean[:, 0].tolist() == pytest.approx([0.5, 0.6])
    assert (only(found).unit, only(found).base_unit) == ("ms", "s")
    assert UnitConflict not in kinds(found)


def test_units_that_cannot_be_converted_are_absent_and_noticed():
    """Milliseconds against megabytes is no comparison: the candidate's point is absent, and a notice says so."""
    found = read([test_record(scores=[500], metrics="ms")], [test_record(scores=[5], metrics="MB")])
    assert (reasons(found), reasons(found, 1)) == (["PRESENT"], ["UNIT_CONFLICT"])
    assert found.notices == (UnitConflict(curves=1, first="latency"),)


def test_a_curve_only_the_candidate_has_is_read_in_its_own_unit():
    """Without the baseline's word the candidate's unit stands."""
    found = read([test_record("a", metrics="s")], [test_record("b", [7], metrics="MB")])
    assert [(curve.tag, curve.unit) for curve in found.curves] == [("a", "s"), ("b", "MB")]
    assert found.set.mean[1, 1] == 7e6


def flagged(flags, *, tag="Upgrade", metrics="points", settings=USUAL):
    tests = [test_record(tag, [1.0], f"{i} items", metrics=metrics, less_better=flag) for i, flag in enumerate(flags)]
    found = read(tests, settings=settings)
    return only(found).less_better, kinds(found)


@pytest.mark.parametrize(
    ("flags", "given", "expected"),
    [
        ([True, True], {}, (True, [])),
        ([False, False], {}, (True, [DirectionUnknown])),
        ([False], {"metrics": "loops/sec"}, (False, [])),
        ([False], {"tag": "errors", "metrics": "errors/min"}, (True, [DirectionAssumed])),
        ([True, False], {}, (True, [DirectionConflict])),
        ([False], {"metrics": "ms"}, (True, [DirectionAssumed])),
        ([False], {"tag": "latency: GET /a"}, (True, [DirectionAssumed])),
        ([False], {"tag": "latency: GET /a", "metrics": "loops/sec"}, (True, [DirectionAssumed])),
        ([False], {"tag": "latency: GET /a", "metrics": "req/s"}, (False, [])),
        ([False], {"tag": "rate: GET /a", "metrics": "loops/sec"}, (False, [])),
        ([False], {"metrics": "MB/s"}, (False, [])),
    ],
)
def test_direction_is_the_flag_or_what_plainly_is_a_time(flags, given, expected):
    """A true flag decides, a false one is overruled by a plain time with a notice, and a conflict is told."""
    assert flagged(flags, **given) == expected


@pytest.mark.parametrize(("metrics", "flags"), [("ms", [False]), ("ms", [True, False]), ("points", [False])])
@pytest.mark.parametrize("told", [True, False])
def test_a_direction_told_by_the_settings_stands_without_a_notice(metrics, flags, told):
    """Settings decide over flag and unit, and nothing has then been assumed."""
    settings = CurveSettings(less_better=(("nothing", not told), ("grade", told), ("Upgrade", not told)))
    assert flagged(flags, metrics=metrics, settings=settings) == (told, [])


def test_a_notice_counts_its_curves_and_names_the_first():
    """Many curves of one kind make one notice."""
    found = read([test_record(f"t{i}", metrics="ms", less_better=False) for i in range(12)])
    assert found.notices == (DirectionAssumed(curves=12, first="t0"),)


@pytest.mark.parametrize(
    ("baseline", "candidate", "noticed"),
    [
        ([10, 20], [10, 20], False),
        ([10, 20, 30], [10, 20], False),
        ([10, 20], [10, 20, 30], False),
        ([10, 20], [10, 25], True),
        ([10], [25], True),
        ([], [25], False),
        ([10, 20, 30, 40, 50], [10, 15, 30, 45, 50], True),
        ([10, 20, 30, 40, 50], [10, 20, 30, 40, 60], False),
        (list(range(10, 550, 10)), list(range(15, 560, 10)), True),
    ],
)
def test_different_sets_of_loads_are_noticed_and_losses_are_not(baseline, candidate, noticed):
    """Loads differ when each run has its own and they are no fewer than the common ones; single losses are none."""
    runs = [
        [test_record("other"), *curve_tests("t", {load: [1.0] for load in loads})] for loads in (baseline, candidate)
    ]
    assert kinds(read(*runs)) == [LoadsDiffer] * noticed


# ── the whole ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_jobs_without_tests_give_no_curves():
    """Two empty jobs are read as nothing, not as an error."""
    found = read([], [])
    assert found.curves == ()
    assert found.set.mean.shape == (2, 0)
    assert [(account.tests, account.points) for account in found.accounts] == [(0, 0), (0, 0)]


def test_a_job_without_tests_misses_every_point_of_the_other():
    """An empty candidate has every point missing and nothing absent for another reason."""
    found = read(curve_tests("t", {10: [1.0], 20: [2.0]}), [])
    assert reasons(found, 1) == ["MISSING", "MISSING"]
    assert found.set.errors[1].tolist() == [0, 0]


def test_one_job_alone_is_read_too():
    """Curves of a single run are the same as those of the run beside another."""
    alone, accounts, notices = build_curves([job(*curve_tests("t", {10: [1.0]}))], USUAL)
    assert (alone.mean.tolist(), len(accounts), notices) == ([[1.0]], 1, ())


def test_reruns_are_rows_after_the_candidate():
    """Rows keep the order of the runs."""
    found = read([test_record(scores=[1.0])], [test_record(scores=[2.0])], [test_record(scores=[3.0])], [])
    assert found.set.mean[:3, 0].tolist() == [1.0, 2.0, 3.0]
    assert reasons(found, 3) == ["MISSING"]


def test_arrays_cannot_be_written_to():
    """No later stage can change what was measured."""
    found = read([test_record()]).set
    for name in ("load", "mean", "sd", "count", "absence", "errors"):
        assert not getattr(found, name).flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            getattr(found, name)[...] = 0


def test_a_captured_job_is_accounted_for(captured):
    """A real job with every status ends with each test at its point or its reason."""
    real = parse_job(captured.bytes("as_json_small.json"), "captured")
    curves, (account, _), notices = build_curves([real, real], USUAL)
    assert (account.job_id, account.tests, account.points, account.pooled) == (5, 34, 26, 0)
    assert dict(account.absent) == {
        Absence.FAILED: 2,
        Absence.SKIPPED: 1,
        Absence.INPROGRESS: 1,
        Absence.NOTTESTED: 1,
        Absence.ZERO: 2,
        Absence.NEGATIVE: 1,
    }
    assert notices == (DirectionUnknown(curves=2, first="Negative"),)
    upgrade = next(curve for curve in curves.curves if curve.tag == "Upgrade")
    assert curves.mean[0, upgrade.start] == pytest.approx(statistics.fmean([344, 329, 351]))
    assert curves.sd[0, upgrade.start] == pytest.approx(statistics.stdev([344, 329, 351]))


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────

SCORES = st.one_of(
    st.sampled_from(["[]", "[nan]", "[inf]", "[True]", "[0]", "[-1]", "x", "[1],[2]", "[1", "2]", "[1e308, 1e308]"]),
    st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=4).map(str),
)
RECORD = st.fixed_dictionaries({
    "tag": st.sampled_from(["a", "latency: GET /a", "rate (4 th): GET /a"]),
    "scores": SCORES,
    "group": st.sampled_from(["", "g"]),
    "category": st.sampled_from(["", "1 item", "2 items", "2.0 items", "big", "3 items, 4 nodes"]),
    "metrics": st.sampled_from(["s", "ms", "MB", "loops/sec", ""]),
    "less_better": st.booleans(),
    "errors": st.integers(0, 5),
    "status": st.sampled_from(["SUCCESS"] * 6 + ["FAILED", "SKIPPED", "INPROGRESS", "NOTTESTED", "?"]),
})  # fmt: skip
BROKEN = st.sampled_from([None, 5, {"tag": "a"}, {"tag": None, "scores": "[1]"}, {"tag": "a", "scores": 1.0}])
TESTS = st.lists(st.one_of(RECORD, RECORD, RECORD, BROKEN), max_size=12)


def parsed(tests):
    return parse_job(as_bytes(document(*tests)), "made up")


@given(TESTS, TESTS)
def test_every_test_of_any_job_is_accounted_for(baseline, candidate):
    """Records of a run are its points, its absent points, its pooled tests and its bad records: nothing else."""
    _, accounts, _ = build_curves([parsed(baseline), parsed(candidate)], USUAL)
    for tests, account in zip((baseline, candidate), accounts, strict=True):
        absent = sum(count for _, count in account.absent)
        assert account.tests == len(tests)
        assert account.tests == account.points + absent + account.pooled + len(account.bad_records)


@given(TESTS, TESTS)
def test_a_point_has_a_value_or_a_reason_and_never_both(baseline, candidate):
    """A mean is a number just where nothing is absent, zero only of what is counted; a deviation needs two scores."""
    curves, _, _ = build_curves([parsed(baseline), parsed(candidate)], USUAL)
    present = curves.absence == Absence.PRESENT
    assert (np.isfinite(curves.mean) == present).all()
    counted = np.zeros(len(curves.load), dtype=bool)
    for curve in curves.curves:
        counted[curve.start : curve.stop] = curve.metric_kind is MetricKind.OTHER
    assert (curves.mean > 0)[present & ~counted].all()
    assert (curves.mean[present] >= 0).all()
    assert ((curves.count > 0) == present).all()
    assert (np.isfinite(curves.sd) == (curves.count > 1)).all()
    assert set(np.unique(curves.absence)) <= {int(reason) for reason in Absence}
    for curve in curves.curves:
        assert (np.diff(curves.load[curve.start : curve.stop]) > 0).all()
    assert [curve.start for curve in curves.curves[1:]] == [curve.stop for curve in curves.curves[:-1]]


@given(TESTS, st.randoms(use_true_random=False))
def test_the_order_of_tests_in_the_document_changes_nothing(tests, random):
    """A server that hands out the tests in another order gives the same curves, to the last digit."""
    tests = [{"seq_num": place} | test if isinstance(test, dict) else test for place, test in enumerate(tests)]
    shuffled = random.sample(tests, len(tests))
    one, other = (build_curves([parsed(order), parsed(tests)], USUAL) for order in (tests, shuffled))
    assert one[0].curves == other[0].curves
    assert one[0].label == other[0].label
    for name in ("load", "mean", "sd", "count", "absence", "errors"):
        np.testing.assert_array_equal(getattr(one[0], name), getattr(other[0], name))
    assert one[2] == other[2]
    assert (one[1][0].points, one[1][0].absent, one[1][0].pooled) == (
        other[1][0].points, other[1][0].absent, other[1][0].pooled,
    )  # fmt: skip


@given(st.lists(st.floats(min_value=1e-3, max_value=1e3), min_size=1, max_size=5))
def test_the_written_unit_changes_no_value(seconds):
    """The same times in seconds and in milliseconds are the same curve."""
    in_ms = json.dumps([1000 * score for score in seconds])
    found = read([test_record(scores=seconds)], [test_record(scores=in_ms, metrics="ms")]).set
    assert found.mean[1] == pytest.approx(found.mean[0], rel=1e-12)
    assert found.sd[1] == pytest.approx(found.sd[0], rel=1e-6, abs=1e-12, nan_ok=True)


@given(st.lists(st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=1, max_size=3), min_size=1, max_size=4))
def test_pooled_scores_have_the_moments_of_all_of_them(parts):
    """However scores are spread over tests of one point, mean and deviation are those of the whole list."""
    together = [score for part in parts for score in part]
    found = read([test_record(scores=part) for part in parts]).set
    assert found.mean[0, 0] == pytest.approx(statistics.fmean(together), rel=1e-12)
    assert found.count[0, 0] == len(together)
    if len(together) > 1:
        assert found.sd[0, 0] == pytest.approx(statistics.stdev(together), rel=1e-6, abs=1e-6 * max(together))


def test_numbering_a_job_keeps_its_order():
    """The builders' numbers are what keeps unnumbered categories in the order written."""
    categories = ["large", "small", "medium"]
    tests = numbered([test_record(category=category) for category in categories])
    curves, _, _ = build_curves([parsed(reversed(tests)), parsed(tests)], USUAL)
    assert list(curves.label) == categories
