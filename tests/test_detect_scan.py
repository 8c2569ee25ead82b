"""The scan against a loop over all windows written from the formula."""

import numpy as np
import pytest

from perftracker_ai.detect import null
from perftracker_ai.detect.scan import EXACT, Track, deviate_in, inflation, localise, scan, span_of, widths


@pytest.fixture
def rng():
    return np.random.default_rng(20261123)


def track_of(value, *, rho=0.0, level=0.0, sigma=1.0, dof=1000.0):
    rows = len(value)
    return Track(
        value=value,
        variance=np.full(value.shape, sigma**2),
        rho=np.full(rows, rho),
        level_variance=np.full(rows, level**2),
        dof=np.full(rows, dof),
    )


def slow_inflation(rho, width):
    return sum(rho ** abs(i - j) for i in range(width) for j in range(width)) / width


def slow_best(row, rho, level, sigma, sign):
    """Deviate less penalty of the best window of three points or more that begins and ends at a point."""
    known = np.flatnonzero(np.isfinite(row))
    span = known[-1] - known[0] + 1
    best = (-np.inf, 0, 0)
    for first in known:
        for last in known:
            inside = row[first : last + 1]
            inside = inside[np.isfinite(inside)]
            if last < first or len(inside) < 3:
                continue
            width = last - first + 1
            spread = sigma**2 * slow_inflation(rho, width) / len(inside) + level**2
            score = sign * inside.mean() / np.sqrt(spread) - np.sqrt(2 * np.log(np.e * span / width))
            best = max(best, (score, first, last))
    return best


@pytest.mark.parametrize("gaps", [0.0, 0.2])
@pytest.mark.parametrize(("rho", "level"), [(0.0, 0.0), (0.5, 0.3)])
def test_scan_finds_what_a_loop_over_all_windows_finds(rng, rho, level, gaps):
    """The best window of each row and direction is that of the slow loop, gaps in the row or not."""
    value = rng.standard_normal((6, 19))
    value[rng.random(value.shape) < gaps] = np.nan
    track = track_of(value, rho=rho, level=level, sigma=0.7)
    for best, sign in zip(scan(track, EXACT), (1, -1), strict=True):
        expected = [slow_best(row, rho, level, 0.7, sign) for row in value]
        assert best.deviate - best.penalty == pytest.approx([score for score, _, _ in expected])
        assert list(zip(best.first, best.last, strict=True)) == [(first, last) for _, first, last in expected]


def test_a_row_of_two_points_has_no_window():
    """Fewer than three points are no window, and raise nothing."""
    worse, better = scan(track_of(np.array([[1.0, 2.0, np.nan, np.nan], [np.nan] * 4])))
    assert np.isneginf(worse.deviate).all()
    assert np.isneginf(better.deviate).all()


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("width", [1, 3, 20])
def test_inflation_is_the_double_sum(rho, width):
    """The closed form is the sum of all correlations of a window."""
    assert inflation(np.array([rho]), width)[0] == pytest.approx(slow_inflation(rho, width))


def test_widths_are_all_narrow_ones_and_the_whole_row():
    """Every narrow window is tried, and the whole row always."""
    assert widths(2, EXACT) == []
    assert widths(3, EXACT) == [3]
    assert widths(40, EXACT) == list(range(3, 41))
    assert widths(1000, EXACT)[-1] == 1000
    assert len(widths(1000, EXACT)) < 300


@pytest.mark.parametrize(("first", "last"), [(0, 53), (20, 30), (40, 53), (0, 11), (50, 52)])
def test_localise_finds_the_range_from_end_to_end(first, last):
    """A clear step is found from its first to its last point."""
    value = np.zeros((1, 54))
    value[0, first : last + 1] = 1.0
    track = track_of(value, sigma=0.05, level=0.02)
    best = localise(track, 1.0, np.array([3.0]), span_of(track))
    assert (best.first[0], best.last[0]) == (first, last)


def test_localise_says_nothing_where_nothing_is_significant(rng):
    """A row of noise has no extent."""
    track = track_of(rng.standard_normal((1, 30)))
    assert np.isneginf(localise(track, 1.0, np.array([9.0]), span_of(track)).deviate).all()


def test_deviate_of_a_window_is_the_scans(rng):
    """The deviate of one given window is the one the scan gave it."""
    track = track_of(rng.standard_normal((8, 25)), rho=0.4, level=0.2)
    worse, better = scan(track)
    assert deviate_in(track, worse.first, worse.last) == pytest.approx(worse.deviate)
    assert deviate_in(track, better.first, better.last) == pytest.approx(-better.deviate)


@pytest.mark.parametrize("points", [8, 24, 54, 200])
def test_threshold_inverts_tail(points):
    """The statistic of a p-value has that p-value."""
    p = np.array([0.5, 0.05, 1e-3, 1e-6])
    n, rho = np.full(4, float(points)), np.full(4, 0.3)
    assert null.tail(null.threshold(p, n, rho), n, rho) == pytest.approx(p)


def test_a_p_value_is_never_zero():
    """However far out, a p-value stays above zero."""
    assert null.tail(np.array([1e6]), np.array([54.0]), np.array([0.0]))[0] == null.SMALLEST_P


def test_spikes_explain_a_short_window_but_not_a_long_one():
    """Where one point in thirty sticks out, three in a row are chance and ten in a row are not."""
    three, ten = (null.spike_tail(*(np.array([k, k, 54.0])[:, None]), 1 / 30)[0] for k in (3.0, 10.0))
    assert three == pytest.approx(54 / 30**3)
    assert ten < 1e-9
