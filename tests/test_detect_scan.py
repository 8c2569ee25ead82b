"""The scan against a loop over all windows written from the formula."""

import numpy as np
import pytest

from perftracker_ai.detect import null
from perftracker_ai.detect.noise import drift
from perftracker_ai.detect.scan import EXACT, Track, deviate_in, inflation, localise, raised_in, scan, span_of, widths


@pytest.fixture
def rng():
    return np.random.default_rng(20261123)


def track_of(value, *, rho=0.0, level=0.0, drift=0.0, sigma=1.0, dof=1000.0):
    rows = len(value)
    return Track(
        value=value,
        variance=np.full(value.shape, sigma**2),
        rho=np.full(rows, rho),
        level_variance=np.full(rows, level**2),
        drift_variance=np.full(rows, drift**2),
        dof=np.full(rows, dof),
    )


def slow_inflation(rho, width):
    return sum(rho ** abs(i - j) for i in range(width) for j in range(width)) / width


def slow_level(row, rho, level, sigma):
    """The level that a row suggests, and the variance which that leaves."""
    known = np.flatnonzero(np.isfinite(row))
    error = sigma**2 * slow_inflation(rho, known[-1] - known[0] + 1) / len(known)
    share = level**2 / (level**2 + error)
    return share * row[known].mean(), share * error


def slow_deviate(row, first, last, noise, sign):
    """The larger of both deviates of a window, written from their formulas."""
    rho, level, drift, sigma = noise
    inside = row[first : last + 1]
    inside = inside[np.isfinite(inside)]
    mean, own = sign * inside.mean(), sigma**2 * slow_inflation(rho, last - first + 1) / len(inside)
    guess, left = slow_level(row, rho, level, sigma)
    known = np.flatnonzero(np.isfinite(row))
    off_centre = ((first + last) / 2 - (known[0] + known[-1]) / 2) / (known[-1] - known[0])
    against_rest = (mean - max(sign * guess, 0)) / np.sqrt(own - left + drift**2 * off_centre**2)
    return max(against_rest, mean / np.sqrt(own + level**2))


def slow_best(row, noise, sign):
    """Deviate less penalty of the best window of three points or more that begins and ends at a point."""
    known = np.flatnonzero(np.isfinite(row))
    span = known[-1] - known[0] + 1
    best = (-np.inf, 0, 0)
    for first in known:
        for last in known:
            if last < first or np.isfinite(row[first : last + 1]).sum() < 3:
                continue
            penalty = np.sqrt(2 * np.log(np.e * span / (last - first + 1)))
            best = max(best, (slow_deviate(row, first, last, noise, sign) - penalty, first, last))
    return best


@pytest.mark.parametrize("gaps", [0.0, 0.2])
@pytest.mark.parametrize(("rho", "level", "drift"), [(0.0, 0.0, 0.0), (0.5, 0.3, 0.0), (0.5, 2.0, 1.0)])
def test_scan_finds_what_a_loop_over_all_windows_finds(rng, rho, level, drift, gaps):
    """The best window of each row and direction is that of the slow loop, gaps in the row or not."""
    value = rng.standard_normal((6, 19)) + level * rng.standard_normal((6, 1))
    value[rng.random(value.shape) < gaps] = np.nan
    track = track_of(value, rho=rho, level=level, drift=drift, sigma=0.7)
    for best, sign in zip(scan(track, EXACT), (1, -1), strict=True):
        expected = [slow_best(row, (rho, level, drift, 0.7), sign) for row in value]
        assert best.deviate - best.penalty == pytest.approx([score for score, _, _ in expected])
        assert list(zip(best.first, best.last, strict=True)) == [(first, last) for _, first, last in expected]


@pytest.mark.parametrize(("before", "after"), [(0, 24), (7, 0), (5, 11)])
def test_a_row_is_judged_alike_beside_longer_ones(rng, before, after):
    """The loads that only other rows of a panel have change nothing of a row's noise, drift or windows."""
    value = rng.standard_normal((6, 19)) + np.linspace(-1, 1, 19) * rng.standard_normal((6, 1))
    beside = np.pad(value, ((0, 1), (before, after)), constant_values=np.nan)
    beside[-1] = rng.standard_normal(beside.shape[1])
    rise, padded = (drift(np.stack([rows, 2 * rows]), rows) for rows in (value, beside))
    assert padded[:, :6] == pytest.approx(rise)
    alone, together = (track_of(rows, rho=0.3, level=1.0, drift=2.0, sigma=0.5) for rows in (value, beside))
    for best, same, sign in zip(scan(alone, EXACT), scan(together, EXACT), (1.0, -1.0), strict=True):
        assert same.deviate[:6] == pytest.approx(best.deviate)
        assert (same.first[:6] - before).tolist() == best.first.tolist()
        again = deviate_in(together, same.first, same.last, sign)
        assert again == pytest.approx(same.deviate)


@pytest.mark.parametrize(("first", "last"), [(0, 6), (4, 8), (0, 19), (17, 19)])
def test_against_its_row_a_window_is_judged_by_generalised_least_squares(rng, first, last):
    """With independent noise the deviate is that of the best unbiased estimate when levels scatter."""
    row = rng.standard_normal(20) + 3
    row[first : last + 1] += 1
    covariance = 0.5**2 * np.eye(20) + 2.0**2
    step = (np.arange(20) >= first) & (np.arange(20) <= last)
    weighted = np.linalg.solve(covariance, step.astype(float))
    exact = weighted @ row / np.sqrt(weighted @ step)
    track = track_of(row[None], level=2.0, sigma=0.5)
    assert deviate_in(track, np.array([first]), np.array([last]), 1.0)[0] == pytest.approx(
        max(exact, row[step].mean() / np.sqrt(0.25 / step.sum() + 4))
    )


def test_a_bump_stands_out_of_a_row_that_lies_off():
    """A bump of five sigmas is plain in a row whose level may lie off by as much, and so is its direction."""
    value = np.full((1, 54), 0.0)
    value[0, 20:30] = 0.2
    worse, better = scan(track_of(value, level=0.2, sigma=0.04))
    assert worse.deviate[0] > 10
    assert (worse.first[0], worse.last[0]) == (20, 29)
    assert better.deviate[0] <= 0


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
    track = track_of(rng.standard_normal((8, 25)), rho=0.4, level=0.2, drift=0.3)
    worse, better = scan(track)
    assert deviate_in(track, worse.first, worse.last, 1.0) == pytest.approx(worse.deviate)
    assert deviate_in(track, better.first, better.last, -1.0) == pytest.approx(better.deviate)


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


@pytest.mark.parametrize(("heights", "raised"), [((1.0, 1.0, 1.0), 3), ((1.8, 0.86, 0.42), 1), ((0.0, 1.0, 1.0), 2)])
def test_what_is_left_of_a_spike_is_not_raised_on_its_own_account(heights, raised):
    """Where neighbours are correlated by a half, a spike that dies away by half is one raised point, a step three."""
    value = np.zeros((1, 9))
    value[0, 3:6] = heights
    track = track_of(value, rho=0.5, sigma=0.1)
    count, points = raised_in(track, value, np.array([3]), np.array([5]), 1.0)
    assert (count[0], points[0]) == (3, raised)
    count, points = raised_in(track_of(-value, rho=0.5, sigma=0.1), -value, np.array([3]), np.array([5]), -1.0)
    assert (count[0], points[0]) == (3, raised)
