import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from reference import ReferenceWindow, find, severity
from simulate import REGIMES, simulate

from perftracker_ai.model import BASELINE, CANDIDATE, Severity


def slow_changes(curves, curve):
    """The compared points of one curve with the change of the metric's own value, positive is worse."""
    for point in range(curve.start, curve.stop):
        before, after = curves.mean[BASELINE, point], curves.mean[CANDIDATE, point]
        if not np.isnan(before) and not np.isnan(after):
            yield point, after / before - 1 if curve.less_better else 1 - after / before


def slow_windows(changes):
    """Every window that meets the criteria, steepest first: minus median, length, first, share over the threshold."""
    for length in (3, 4, 5, 6, 7):
        for first in range(len(changes) - length + 1):
            inside = [change for _, change in changes[first : first + length]]
            over = sum(change >= 0.15 for change in inside) / length
            if statistics.median(inside) >= 0.15 and over >= 0.70:
                yield -statistics.median(inside), length, first, over


def slow_find(curves):
    """The criteria, one window at a time, from their description."""
    found = []
    for curve in curves.curves:
        changes, taken = list(slow_changes(curves, curve)), set()
        for minus_median, length, first, over in sorted(slow_windows(changes)):
            covered = set(range(first, first + length))
            if not covered & taken:
                taken |= covered
                found.append((curve.index, changes[first][0], changes[first + length - 1][0], -minus_median, over))
    return found


def pair(candidate, *, less_better=True, baseline=1.0):
    """One curve with this candidate against a flat baseline."""
    points = len(candidate)
    rng = np.random.default_rng(0)
    curves, _ = simulate(REGIMES[0], curves=1, points=max(points, 8), reruns=0, changed=0.0, rng=rng)
    curve = replace(curves.curves[0], start=0, stop=points, less_better=less_better)
    return replace(curves, curves=(curve,), mean=np.array([[baseline] * points, candidate]))


@pytest.mark.parametrize("points", [54, 24, 8])
@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_agrees_with_one_window_at_a_time(regime, points):
    """The array version reports what a plain loop over all windows reports."""
    curves, _ = simulate(
        regime, curves=16, points=points, reruns=0, changed=0.4, rng=np.random.default_rng([3, points])
    )
    found = [(w.curve, w.first, w.last, w.median, w.consistency) for w in find(curves)]
    expected = slow_find(curves)
    assert [entry[:3] for entry in found] == [entry[:3] for entry in expected]
    np.testing.assert_allclose([entry[3:] for entry in found], [entry[3:] for entry in expected])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.5, 1.0, 1.1, 1.16, 1.2, 1.6, 2.5, float("nan")]), min_size=1, max_size=14))
def test_agrees_on_ties_and_gaps(candidate):
    """Equal values and absent points anywhere do not part the array version from the loop."""
    curves = pair(candidate)
    assert [(w.first, w.last) for w in find(curves)] == [entry[1:3] for entry in slow_find(curves)]


def test_three_points_over_the_threshold_are_a_regression():
    """The shortest window is three points, and its report carries median, consistency and severity."""
    assert find(pair([1.0, 1.0, 1.3, 1.3, 1.3, 1.0, 1.0])) == (
        ReferenceWindow(
            curve=0, first=2, last=4, median=pytest.approx(0.3), consistency=1.0, severity=Severity.MODERATE
        ),
    )


@pytest.mark.parametrize(
    "candidate",
    [[1.0, 1.3, 1.3, 1.0, 1.0, 1.0], [1.14] * 20, [1.3, 1.3, 1.0, 1.0] * 5, [1.3, 1.3], []],
    ids=["two points", "below the threshold", "every other pair", "short", "empty"],
)
def test_what_the_criteria_do_not_report(candidate):
    """Short, small and inconsistent changes are no regression by these criteria."""
    assert find(pair(candidate)) == ()


def test_a_higher_threshold_reports_less():
    """With a higher threshold only what exceeds it is reported, consistency included."""
    assert find(pair([1.4] * 5), 0.5) == ()
    assert find(pair([1.6, 1.6, 1.4, 1.4]), 0.5) == ()
    assert len(find(pair([1.6] * 5), 0.5)) == 1


def test_below_their_own_threshold_a_window_is_minor():
    """A lower threshold reports smaller changes, which are minor: the criteria themselves know no such severity."""
    curves = pair([1.08] * 5)
    assert find(curves) == ()
    assert {window.severity for window in find(curves, 0.05)} == {Severity.MINOR}


def test_a_long_change_comes_in_fragments():
    """No window is longer than seven points, so that a whole slower curve is several windows side by side."""
    windows = find(pair([1.5] * 20))
    assert all(window.last - window.first + 1 <= 7 for window in windows)
    covered = [point for window in windows for point in range(window.first, window.last + 1)]
    assert len(windows) >= 2
    assert len(covered) == len(set(covered))


def test_the_steepest_comes_first_and_stays():
    """Of overlapping windows the steepest stays, and it is the first one reported."""
    windows = find(pair([1.0, 1.2, 1.2, 1.2, 2.0, 3.0, 4.0, 1.0, 1.0]))
    assert [(window.first, window.last) for window in windows] == [(4, 6), (1, 3)]


def test_direction_decides_what_is_worse():
    """A rate that rises is no regression, one that falls is."""
    assert find(pair([1.5] * 5, less_better=False)) == ()
    assert len(find(pair([0.5] * 5, less_better=False))) == 1


def test_half_the_throughput_is_never_critical():
    """The change is the rate's own, so that a tenth of the throughput is 90 per cent less and no more than severe."""
    (window,) = find(pair([0.1] * 5, less_better=False))
    assert window.median == pytest.approx(0.9)
    assert window.severity is Severity.SEVERE


def test_absent_points_are_stepped_over():
    """An absent point does not break a window and is not counted in it."""
    (window,) = find(pair([1.0, 1.5, float("nan"), 1.5, 1.5, 1.0]))
    assert (window.first, window.last, window.consistency) == (1, 4, 1.0)


@pytest.mark.parametrize(
    ("median", "expected"),
    [
        (0.15, Severity.MODERATE),
        (0.499, Severity.MODERATE),
        (0.5, Severity.SEVERE),
        (0.999, Severity.SEVERE),
        (1.0, Severity.CRITICAL),
        (9.0, Severity.CRITICAL),
    ],
)
def test_severity_by_median(median, expected):
    """Severity begins at its own threshold."""
    assert severity(median) is expected
