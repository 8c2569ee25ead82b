"""Coverage: random failures stay small, crashes and lost tests do not."""

from __future__ import annotations

import numpy as np
import pytest
from comparisons import LOADS, curve_set, family, make_set, marked, measured, points_at, with_errors
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perftracker_ai.coverage import compare_coverage
from perftracker_ai.model import BASELINE, CANDIDATE, Absence, CoverageKind, Severity

TOP = LOADS[-5:]


def many(count: int = 20):
    """Twenty unchanged curves of one endpoint each."""
    return curve_set(*(measured(f"GET /api/{i:02}") for i in range(count)))


def only(findings, kind=None):
    """The one finding (of a kind)."""
    (finding,) = [finding for finding in findings if kind in {None, finding.kind}]
    return finding


def failing(where, curves=None):
    return compare_coverage(marked(curves or many(), CANDIDATE, Absence.FAILED, where))


def losing(where, curves=None):
    return compare_coverage(marked(curves or many(), CANDIDATE, Absence.MISSING, where))


def scattered(curves, row, count, seed=1):
    """Let so many tests fail anywhere, no two of them neighbours."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.arange(4, len(curves.load) - 4, 7))[:count]
    chosen = [p for p in chosen if curves.load[p] < LOADS[-1]]
    mean, absence = curves.mean.copy(), curves.absence.copy()
    mean[row, chosen], absence[row, chosen] = np.nan, Absence.FAILED
    return replace(curves, mean=mean, absence=absence)


def test_same_tests_measured_on_both_sides_give_no_finding():
    """Equal coverage is silent."""
    assert compare_coverage(many()) == ()


def test_no_curves_at_all_give_no_finding():
    """An empty comparison is no error."""
    assert compare_coverage(make_set([], [], [], np.empty((2, 0)))) == ()


# ── new failures ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_crash_at_the_highest_loads_is_one_critical_range():
    """Five failing loads up to the highest are one critical finding with both ends and the reason."""
    finding = only(failing({3: TOP}))
    assert (finding.kind, finding.severity) == (CoverageKind.NEW_FAILURE, Severity.CRITICAL)
    assert (finding.load_first, finding.load_last, finding.points) == ("50000 items", "54000 items", 5)
    assert finding.curves == (3,)
    assert "up to the highest load" in finding.reason


@pytest.mark.parametrize(
    ("loads", "severity"),
    [
        ((20000,), Severity.MINOR),
        ((20000, 21000), Severity.MODERATE),
        ((20000, 21000, 22000), Severity.SEVERE),
        ((54000,), Severity.SEVERE),
        ((52000, 53000, 54000), Severity.CRITICAL),
        ((), Severity.CRITICAL),
    ],
    ids=["lone", "two", "three", "highest load", "three at the top", "whole curve"],
)
def test_failure_severity_follows_the_rule(loads, severity):
    """The severity of new failures is what the rule of the docstring says."""
    assert only(failing({3: loads})).severity is severity


def test_failures_with_one_good_point_between_stay_one_range():
    """A crashing service answers now and then, which does not split the range."""
    finding = only(failing({3: (50000, 52000, 53000, 54000)}))
    assert (finding.points, finding.severity) == (4, Severity.CRITICAL)


def test_random_failures_on_both_sides_stay_minor():
    """A handful of scattered failures, as the baseline has them too, is minor, whichever points they hit."""
    for seed in range(20):
        curves = scattered(scattered(many(), BASELINE, 6, seed), CANDIDATE, 6, seed + 100)
        new = [f for f in compare_coverage(curves) if f.kind is CoverageKind.NEW_FAILURE]
        assert new
        assert {finding.severity for finding in new} == {Severity.MINOR}


def test_far_more_scattered_failures_than_before_are_moderate():
    """Failures without neighbours count together when they clearly outnumber the baseline's."""
    curves = scattered(scattered(many(), BASELINE, 4), CANDIDATE, 60, 5)
    new = [f for f in compare_coverage(curves) if f.kind is CoverageKind.NEW_FAILURE]
    assert {finding.severity for finding in new} == {Severity.MODERATE}


def test_flaky_suite_explains_two_neighbours():
    """Where one test in fifty fails by itself, two failing neighbours are no news."""
    curves = scattered(many(), BASELINE, 25)
    finding = only([f for f in failing({3: (20000, 21000)}, curves) if f.curves == (3,)], CoverageKind.NEW_FAILURE)
    assert finding.severity is Severity.MINOR


def test_curves_of_one_endpoint_failing_at_the_same_load_support_each_other():
    """Six curves of an endpoint, each failing at the highest load only, are critical or severe, not six accidents."""
    curves = scattered(curve_set(*family("GET /a"), *(measured(f"GET /{i}") for i in range(60))), BASELINE, 5)
    findings = [f for f in failing(dict.fromkeys(range(6), (54000,)), curves) if f.curves[0] < 6]
    new = [f for f in findings if f.kind is CoverageKind.NEW_FAILURE]
    assert [finding.severity for finding in new] == [Severity.SEVERE] * 6


def test_a_whole_scalar_failing_is_severe():
    """A test without load axis that worked and fails now is a lost function."""
    curves = curve_set(measured("import", load=()), measured("GET /a"))
    assert only(failing({0: ()}, curves)).severity is Severity.SEVERE


def test_what_failed_before_is_reported_as_fixed_and_not_as_failure():
    """FAILED in the baseline and measured now is good news, FAILED on both sides is none."""
    both = marked(many(), BASELINE, Absence.FAILED, {2: (9000,), 4: (9000,)})
    finding = only(compare_coverage(marked(both, CANDIDATE, Absence.FAILED, {4: (9000,)})))
    assert (finding.kind, finding.curves, finding.severity) == (CoverageKind.FIXED, (2,), None)


# ── lost and new tests ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("loads", "severity"),
    [
        ((20000,), None),
        ((20000, 21000), Severity.MINOR),
        ((20000, 21000, 22000), Severity.MODERATE),
        ((54000,), Severity.MODERATE),
        ((53000, 54000), Severity.SEVERE),
    ],
    ids=["lone", "two", "three", "highest load", "tail"],
)
def test_lost_points_severity_follows_the_rule(loads, severity):
    """The severity of lost tests is what the rule of the docstring says."""
    finding = only(losing({3: loads}))
    assert (finding.kind, finding.severity) == (CoverageKind.LOST_POINTS, severity)


def test_tests_missing_at_random_on_both_sides_do_not_count():
    """A test or two missing here and there, the highest load included, is no finding with a severity."""
    base = marked(many(60), BASELINE, Absence.MISSING, {i: (10000.0 + 1000 * i,) for i in range(1, 12)})
    findings = losing({5: (54000,), 7: (30000,)}, base)
    assert {finding.severity for finding in findings} == {None}


def test_lost_tests_say_why_they_have_no_value():
    """A lost range counts its reasons."""
    curves = marked(many(), CANDIDATE, Absence.SKIPPED, {3: (52000, 53000)})
    finding = only(compare_coverage(marked(curves, CANDIDATE, Absence.MISSING, {3: (54000,)})))
    assert finding.reason.startswith("1 no such test, 2 SKIPPED")


def test_lost_curve_is_severe_and_has_no_range():
    """A curve nobody measures any more is one finding about the whole of it."""
    finding = only(losing({3: ()}))
    assert (finding.kind, finding.severity) == (CoverageKind.LOST_CURVE, Severity.SEVERE)
    assert (finding.load_first, finding.points) == ("", 54)


def test_lost_group_is_one_finding():
    """All curves of a group gone are one severe finding with every curve and point."""
    curves = curve_set(*family("GET /a", group="gone"), *family("GET /b", group="kept"))
    finding = only(losing(dict.fromkeys(range(6), ()), curves))
    assert (finding.kind, finding.group, finding.severity) == (CoverageKind.LOST_GROUP, "gone", Severity.SEVERE)
    assert (finding.curves, finding.points) == (tuple(range(6)), 6 * 54)


def test_some_curves_of_a_group_lost_stay_apart():
    """As long as one curve of the group is left, each lost one is told by itself."""
    curves = curve_set(*family("GET /a", group="half"))
    kinds = [finding.kind for finding in losing({0: (), 1: ()}, curves)]
    assert kinds == [CoverageKind.LOST_CURVE] * 2


def test_curves_of_one_endpoint_losing_the_same_tail_stay_apart():
    """Two curves of one endpoint that end early are two findings over the same loads."""
    findings = losing({3: TOP, 4: TOP}, curve_set(*family("GET /a"), *family("GET /b")))
    assert [f.curves for f in findings] == [(3,), (4,)]
    assert len({(f.load_first, f.load_last, f.severity) for f in findings}) == 1


def test_whole_group_measured_up_to_a_lower_load_is_one_finding():
    """A candidate whose load axis ends earlier is one thing to tell, not one for each curve."""
    curves = curve_set(*family("GET /a"), *family("GET /b"))
    finding = only(losing(dict.fromkeys(range(12), TOP), curves))
    assert (finding.kind, len(finding.curves), finding.points) == (CoverageKind.LOST_POINTS, 12, 60)
    assert finding.severity is Severity.SEVERE


def test_new_points_curves_and_groups_are_neutral_news():
    """What only the candidate measures is listed without severity."""
    curves = curve_set(*family("GET /a", group="old"), *family("GET /b", group="new"))
    curves = marked(curves, BASELINE, Absence.MISSING, {0: TOP, 1: (), **dict.fromkeys(range(6, 12), ())})
    findings = compare_coverage(curves)
    assert [f.kind for f in findings] == [CoverageKind.NEW_POINTS, CoverageKind.NEW_CURVE, CoverageKind.NEW_GROUP]
    assert {f.severity for f in findings} == {None}


def test_new_test_that_fails_is_minor():
    """A test that exists in the candidate only and FAILED is told, without weight."""
    curves = marked(many(), BASELINE, Absence.MISSING, {3: ()})
    finding = only(failing({3: TOP}, curves))
    assert (finding.kind, finding.severity) == (CoverageKind.NEW_CURVE, Severity.MINOR)
    assert "5 of 54 FAILED" in finding.reason


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_error_more_is_no_finding():
    """From one error to two over fifty points is chance."""
    curves = with_errors(many(), BASELINE, {3: {9000: 1}})
    assert compare_coverage(with_errors(curves, CANDIDATE, {3: {9000: 1, 40000: 1}})) == ()


def test_errors_over_neighbouring_loads_are_severe():
    """Ten errors each at four neighbouring loads, none before, are one severe finding with both counters."""
    counts = {3: {51000: 10, 52000: 10, 53000: 10, 54000: 10}}
    finding = only(compare_coverage(with_errors(many(), CANDIDATE, counts)))
    assert (finding.kind, finding.severity) == (CoverageKind.MORE_ERRORS, Severity.SEVERE)
    assert (finding.baseline_errors, finding.candidate_errors) == (0, 40)
    assert (finding.load_first, finding.load_last, finding.points) == ("51000 items", "54000 items", 4)


def test_burst_of_errors_at_one_load_is_minor():
    """All errors at a single load are told as one hiccup."""
    finding = only(compare_coverage(with_errors(many(), CANDIDATE, {3: {9000: 40}})))
    assert (finding.severity, finding.points) == (Severity.MINOR, 1)


def test_errors_at_the_highest_load_are_moderate():
    """What fails at the highest load is no hiccup: there the service ends."""
    finding = only(compare_coverage(with_errors(many(), CANDIDATE, {3: {54000: 40}})))
    assert (finding.severity, finding.points) == (Severity.MODERATE, 1)


def test_repaired_tests_do_not_hide_one_that_errs_now():
    """Ten curves whose errors are gone show no scatter that would explain errors of another."""
    loads = {9000: 40, 10000: 40, 11000: 40}
    curves = with_errors(many(), BASELINE, dict.fromkeys(range(10), loads))
    finding = only(compare_coverage(with_errors(curves, CANDIDATE, {11: loads})))
    assert (finding.kind, finding.severity) == (CoverageKind.MORE_ERRORS, Severity.SEVERE)


def test_errors_that_scatter_as_much_on_both_sides_are_no_finding():
    """Where counters come in bursts in both runs, a burst more is not news."""
    rng = np.random.default_rng(3)
    curves = many()
    for row in (BASELINE, CANDIDATE):
        for i in range(20):
            bursts = dict.fromkeys(rng.choice(LOADS, 2, replace=False).tolist(), int(rng.integers(0, 60)))
            curves = with_errors(curves, row, {i: bursts})
    assert compare_coverage(curves) == ()


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────


reasons = st.lists(st.sampled_from([Absence.PRESENT] * 6 + list(Absence)), min_size=20, max_size=20)


@given(reasons, reasons)
def test_every_difference_is_told_exactly_once(before, after):
    """Each point that lost, failed, got or regained its value is in one finding, and no other point is in any."""
    curves = curve_set(measured(load=tuple(range(1, 11))), measured("GET /b", load=tuple(range(1, 11))))
    absence = np.array([before, after], dtype=np.uint8)
    curves = replace(curves, absence=absence, mean=np.where(absence == 0, 1.0, np.nan))
    findings = compare_coverage(curves)
    gone = (absence[0] == 0) & (absence[1] != 0)
    back = (absence[0] == Absence.FAILED) & (absence[1] == 0)
    new = ~gone & ~back & (absence[0] != 0)
    new &= ((absence[0] == Absence.MISSING) & (absence[1] != Absence.MISSING)) | (absence[1] == 0)
    assert sum(f.points for f in findings) == int((gone | back | new).sum())


@given(st.sampled_from(LOADS), st.integers(1, 5))
def test_swapping_the_jobs_turns_failures_into_fixes(first, count):
    """What is new failure one way is fixed the other way, over the same points."""
    loads = [load for load in LOADS if load >= first][:count]
    one = marked(many(2), CANDIDATE, Absence.FAILED, {1: loads})
    other = replace(one, mean=one.mean[::-1], absence=one.absence[::-1])
    failed, fixed = only(compare_coverage(one)), only(compare_coverage(other))
    assert (failed.kind, fixed.kind) == (CoverageKind.NEW_FAILURE, CoverageKind.FIXED)
    assert (failed.curves, failed.load_first, failed.points) == (fixed.curves, fixed.load_first, fixed.points)


def test_worst_findings_come_first():
    """The order is by severity."""
    curves = marked(many(), CANDIDATE, Absence.FAILED, {1: (9000,), 8: TOP})
    curves = marked(curves, CANDIDATE, Absence.MISSING, {5: TOP, 6: (9000,)})
    severities = [finding.severity for finding in compare_coverage(curves)]
    assert severities == [Severity.CRITICAL, Severity.SEVERE, Severity.MINOR, None]


def test_points_at_names_the_points_of_a_load():
    """The builder marks what it is asked to mark."""
    curves = many(2)
    assert curves.load[points_at(curves, 1, [9000])].tolist() == [9000]
