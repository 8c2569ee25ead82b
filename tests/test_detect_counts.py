"""Of what is counted none is a value, and how many more there are is told in numbers that mean something."""

import numpy as np
import pytest
from builders import job, test_record

from perftracker_ai.curves import build_curves
from perftracker_ai.detect import detect
from perftracker_ai.model import Absence, Attribution, Direction, FindingKind, Outcome, Severity
from perftracker_ai.settings import CurveSettings, DetectSettings

LOADS = 24
MINOR, UNCHANGED, REGRESSED, IMPROVED = Outcome.MINOR, Outcome.UNCHANGED, Outcome.REGRESSED, Outcome.IMPROVED


def judged(old, new, *more, label="failed requests", unit="requests", curves=1, loads=LOADS, less=True):
    """Judge curves whose value at each load is given by functions, or by one number for all."""
    runs = [job(*_tests(made, label, unit, curves, loads, less)) for made in (old, new, *more)]
    curve_set = build_curves(runs, CurveSettings())[0]
    return detect(curve_set, DetectSettings(), 1).results


def _tests(made, label, unit, curves, loads, less):
    value = made if callable(made) else lambda _: made
    return [
        test_record(
            f"{label} (4 th): GET /a{k}",
            [float(value(place))],
            f"{1000 * (place + 1)} items" if loads > 1 else "",
            metrics=unit,
            less_better=less,
        )
        for k in range(curves)
        for place in range(loads)
    ]


@pytest.mark.parametrize("loads", [24, 8, 1])
def test_failures_from_none_are_found_and_named_by_their_loads(loads):
    """250 failures where there were none are a severe regression of the loads concerned, by a test for counts."""
    (found,) = judged(0, 250, loads=loads)
    (window,) = found.windows
    assert (found.outcome, found.severity, found.points) == (REGRESSED, Severity.SEVERE, loads)
    assert (window.kind, window.points, window.direction) == (FindingKind.COUNT, loads, Direction.WORSE)


def test_failures_at_the_highest_loads_alone_have_these_loads():
    """The window is where the counts are, not the curve."""
    (found,) = judged(0, lambda place: 60 if place >= LOADS - 2 else 0)
    assert (found.windows[0].first, found.windows[0].last) == (LOADS - 2, LOADS - 1)


def by_number(tests):
    """Give a function that returns a count per test and load, in the order in which a job's tests are made."""
    values = iter([value for test in tests for value in test])
    return lambda _: next(values)


@pytest.mark.parametrize("loads", [24, 8])
@pytest.mark.parametrize(("endpoints", "place"), [(1, -1), (9, -1), (9, 4)])
def test_failures_at_one_load_are_found_where_no_burst_explains_them(loads, endpoints, place):
    """A step to 250 failures does not pass for scatter: at the highest load, or at any that endpoints agree on."""
    new = [0] * loads
    new[place] = 250
    found = judged(0, lambda load: new[load], loads=loads, curves=endpoints)
    assert {one.outcome for one in found} == {REGRESSED}
    assert {(window.first - window.last, window.points) for one in found for window in one.windows} == {(0, 1)}
    assert {one.attribution for one in found} == {Attribution.UNDECIDED}


@pytest.mark.parametrize("loads", [24, 8, 1])
def test_repaired_endpoints_do_not_hide_a_broken_one(loads):
    """Nine endpoints that fail no more are improved, and are no scatter that would explain the tenth."""
    old, new = [[80] * loads] * 9 + [[0] * loads], [[0] * loads] * 9 + [[80] * loads]
    found = judged(by_number(old), by_number(new), loads=loads, curves=10)
    assert [one.outcome for one in found] == [IMPROVED] * 9 + [REGRESSED]


@pytest.mark.parametrize("loads", [24, 8, 1])
def test_failures_that_are_gone_are_an_improvement(loads):
    """250 to none is good news, and none to none is none."""
    assert judged(250, 0, loads=loads)[0].outcome is IMPROVED
    assert judged(0, 0, loads=loads)[0].outcome is UNCHANGED


@pytest.mark.parametrize(
    ("old", "new", "severity"),
    [(0, 0.02, None), (0.01, 0.02, "minor"), (0, 2, "moderate"), (0, 8, "severe"), (2, 30, "critical"), (10, 10, None)],
)
def test_error_proportions_are_measured_in_percentage_points(old, new, severity):
    """0.01 % to 0.02 % is nothing to speak of, though it is twice as much; 0 to 8 % is severe."""
    (found,) = judged(old, new, label="error rate", unit="%")
    assert found.severity == severity


@pytest.mark.parametrize("label", ["success rate", "availability"])
@pytest.mark.parametrize(
    ("old", "new", "outcome", "severity"),
    [
        (99.9, 91.9, REGRESSED, "severe"),
        (99.9, 70.0, REGRESSED, "critical"),
        (91.9, 99.9, IMPROVED, None),
        (99.9, 99.9, UNCHANGED, None),
        (99.9, 99.85, UNCHANGED, None),
    ],
)
def test_success_that_falls_by_points_is_what_failures_that_rise_are(label, old, new, outcome, severity):
    """99.9 to 91.9 % of successes are eight in a hundred that fail, not eight per cent less of something."""
    (found,) = judged(old, new, label=label, unit="%", less=False)
    assert (found.outcome, found.severity) == (outcome, severity)
    for window in found.windows:
        assert abs(window.median_slowdown) < 0.5
        assert window.low * window.high > 0  # the interval holds no change of the other direction


@pytest.mark.parametrize(("new", "severity"), [(3.5, "minor"), (5, "moderate"), (25, "severe"), (2500, "severe")])
def test_counts_without_a_known_total_are_measured_by_how_many_more(new, severity):
    """One more than each count decides, so that 2 of nearly none are not a catastrophe; nothing is critical."""
    (found,) = judged(1.5, new)
    assert found.severity == severity


def test_failures_beside_their_requests_are_measured_by_their_share():
    """With the requests of the same endpoint known, 30 failures more of 100,000 are minor."""
    runs = [
        job(
            *_tests(failures, "failed requests", "requests", 1, LOADS, less=True),
            *_tests(100_000, "requests", "requests", 1, LOADS, less=False),
        )
        for failures in (1, 31)
    ]
    curve_set = build_curves(runs, CurveSettings())[0]
    results = detect(curve_set, DetectSettings(), 1).results
    assert [results[curve.index].severity for curve in curve_set.curves if curve.metric_label == "failed requests"] == [
        Severity.MINOR
    ]


@pytest.mark.parametrize("loads", [24, 8, 1])
@pytest.mark.parametrize("burst", [None, 1.0, 0.3])
def test_counts_that_scatter_by_themselves_are_no_finding(loads, burst):
    """Random failures, in bursts too, are called worse in no more than one of a hundred curves."""
    rng = np.random.default_rng(20260101)

    def random(_):
        return rng.poisson(3 if burst is None else 3 * rng.gamma(burst, 1 / burst))

    results = judged(random, random, curves=100, loads=loads)
    assert sum(one.outcome in {REGRESSED, MINOR} for one in results) <= 1


def test_more_successes_from_none_are_better_and_unknown_things_are_neither():
    """The test for counts has the direction of the metric."""
    assert judged(0, 30, label="cache hits", unit="hits", less=False)[0].outcome is IMPROVED
    (unknown,) = judged(0, 30, label="frobs", unit="frobs", less=False)
    assert [one.direction for one in unknown.windows] == [Direction.UNKNOWN]
    assert (unknown.outcome, "curves.less_better" in unknown.needed) == (Outcome.CHANGED, True)


def test_zero_of_a_time_is_absent_and_of_a_count_a_value():
    """A time of zero measured nothing; zero errors are a number of errors."""
    tests = [
        test_record("latency: GET /a", [0.0], metrics="ms"),
        test_record("errors: GET /a", [0.0], metrics="errors"),
    ]
    curve_set = build_curves([job(*tests), job(*tests)], CurveSettings())[0]
    assert {curve.tag: Absence(int(curve_set.absence[0, curve.start])) for curve in curve_set.curves} == {
        "errors: GET /a": Absence.PRESENT,
        "latency: GET /a": Absence.ZERO,
    }
    assert np.isnan(curve_set.mean[0]).sum() == 1


@pytest.mark.parametrize("mean", [3, 30, 100])
def test_one_number_of_poissons_law_is_hardly_ever_called_another(mean):
    """A count that scatters by itself, and nothing else to learn its scatter from, is left alone in 58 of 60 pairs."""
    rng = np.random.default_rng(mean)
    outcomes = [judged(*rng.poisson(mean, 2).tolist(), loads=1)[0].outcome for _ in range(60)]
    assert sum(outcome in {REGRESSED, MINOR, IMPROVED} for outcome in outcomes) <= 2


def test_what_work_costs_is_told_in_per_cent():
    """Twice the cycles for a byte are a regression, however few they are: nothing is counted that may not happen."""
    (found,) = judged(3.0, 6.0, label="digest", unit="cycles/byte")
    assert found.outcome is REGRESSED
