"""Small statistics against scipy, slow loops and cases worked out by hand."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from perftracker_ai import stats


@pytest.fixture
def rng():
    return np.random.default_rng(20261123)


@pytest.mark.parametrize("shape", [(7,), (4, 1), (5, 6), (3, 4, 8)])
def test_median_with_gaps_is_numpys(rng, shape):
    """Medians leave absent values out, as numpy's own slow routine does."""
    values = rng.standard_normal(shape)
    values[rng.random(shape) < 0.3] = np.nan
    values.flat[0] = 1.0
    known = np.isfinite(values).any(axis=-1)
    expected = [np.median(row[np.isfinite(row)]) for row in values.reshape(-1, shape[-1]) if np.isfinite(row).any()]
    assert stats.median(values)[known].ravel() == pytest.approx(expected)
    assert np.isnan(stats.median(values)[~known]).all()


def test_median_of_nothing_is_absent():
    """A row without values, and a row of no columns, have no median."""
    assert np.isnan(stats.median(np.array([[np.nan, np.nan]]))).all()
    assert np.isnan(stats.median(np.zeros((2, 0)))).all()


def test_robust_scale_is_unbiased_for_normal_noise(rng):
    """The scale of normal noise is its standard deviation, within 1 %."""
    assert stats.robust_scale(rng.normal(0, 3, (200, 1000))).mean() == pytest.approx(3, rel=0.01)


def test_robust_scale_ignores_a_few_wild_values(rng):
    """One value in twenty being wild changes the scale by less than a quarter."""
    values = rng.standard_normal(1000)
    values[::20] = 1e6
    assert float(stats.robust_scale(values)) == pytest.approx(1, rel=0.25)


@pytest.mark.parametrize("limit", [1.0, 2.5, 4.0])
def test_winsorized_variance_is_the_integral(limit):
    """The closed form is the integral it stands for."""
    inside = scipy_stats.norm.expect(lambda z: np.minimum(np.abs(z), limit) ** 2)
    assert stats.winsorized_variance(limit) == pytest.approx(inside, rel=1e-6)


def test_location_stays_with_the_main_body_when_a_third_lies_off(rng):
    """A third of a sample far to one side moves the location by less than a quarter of a sigma; the median by more."""
    values = np.concatenate([rng.standard_normal(200), rng.normal(8, 2, 100)])
    assert abs(stats.robust_location(values)) < 0.25
    assert abs(np.median(values)) > 0.25


def test_location_mirrors():
    """The location of mirrored values is the mirrored location."""
    values = np.array([0.0, 0.1, 0.15, 0.2, 3.0, 5.0, -0.4])
    assert stats.robust_location(-values) == pytest.approx(-stats.robust_location(values))


@pytest.mark.parametrize(("values", "expected"), [([], math.nan), ([2.0], 2.0), ([1.0, 3.0], 2.0), ([5.0] * 9, 5.0)])
def test_location_of_few_or_equal_values(values, expected):
    """Too few values have their median for a location, equal ones their value, none has none."""
    assert stats.robust_location(np.array(values)) == pytest.approx(expected, nan_ok=True)


def test_robust_locations_of_rows_are_those_of_each():
    """All rows at once give what each gives alone, absent values and short rows included."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((40, 17)) + 3 * (rng.random((40, 17)) < 0.25)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rows[0], rows[1], rows[2, 3:] = np.nan, 2.0, np.nan
    alone = [stats.robust_location(row) for row in rows]
    assert stats.robust_locations(rows) == pytest.approx(np.array(alone), nan_ok=True)


def test_quiet_scale_takes_the_quieter_side():
    """Changes on one side do not widen the scale, whichever side it is."""
    calm = np.array([-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0])
    changed = np.append(calm, [20.0] * 5)
    assert stats.quiet_scale(changed) == stats.quiet_scale(-changed) == pytest.approx(stats.quiet_scale(calm))
    assert math.isnan(stats.quiet_scale(np.array([1.0, 2.0])))


def test_normal_tail_is_scipys():
    """Normal tail probabilities agree to rounding, far out too."""
    z = np.array([-3.0, 0.0, 1.96, 8.0, 20.0])
    assert stats.normal_tail(z) == pytest.approx(scipy_stats.norm.sf(z), rel=1e-12)


@pytest.mark.parametrize("dof", [1.0, 2.5, 4.0, 30.0, 1000.0])
@pytest.mark.parametrize("t", [-4.0, -0.3, 0.0, 0.7, 2.0, 12.0])
def test_t_tail_is_scipys(t, dof):
    """Student's tail probabilities agree to ten digits."""
    assert stats.t_tail(t, dof) == pytest.approx(scipy_stats.t.sf(t, dof), rel=1e-10)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 200), (2, 200), (5.5, 20.25), (200, 200)])
def test_binomial_interval_is_clopper_and_pearson_s(successes, trials):
    """The interval of a share is scipy's exact one, at both ends of the range too and for counts that are not whole."""
    low, high = stats.binomial_interval(successes, trials)
    expected = (
        scipy_stats.beta.ppf(0.025, successes, trials - successes + 1) if successes else 0.0,
        scipy_stats.beta.ppf(0.975, successes + 1, trials - successes) if successes < trials else 1.0,
    )
    assert (low, high) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("dof", [4.0, 10.0, 40.0])
def test_t_to_normal_keeps_the_tail_probability(dof):
    """The normal deviate of a t value is within 2 % of the exact one out to p = 0.0001."""
    t = scipy_stats.t.isf([0.3, 0.05, 1e-3, 1e-4], dof)
    exact = scipy_stats.norm.isf(scipy_stats.t.sf(t, dof))
    assert stats.t_to_normal(t, dof) == pytest.approx(exact, rel=0.02)


def test_normal_to_t_is_the_way_back(rng):
    """A t value there and back is itself."""
    t = rng.normal(0, 3, 50)
    assert stats.normal_to_t(stats.t_to_normal(t, 7.0), 7.0) == pytest.approx(t)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.77, 1.0])
def test_quantile_is_numpys(rng, share):
    """Quantiles agree with numpy's, interpolation included."""
    values = rng.standard_normal(11)
    assert stats.quantile(values, share) == pytest.approx(np.quantile(values, share))


@pytest.mark.parametrize("dof", [3.0, 8.0, 50.0])
def test_t_quantile_is_scipys(dof):
    """Quantiles for intervals are within 2 % of the exact ones."""
    assert stats.t_quantile(0.025, dof) == pytest.approx(scipy_stats.t.isf(0.025, dof), rel=0.02)


def test_benjamini_hochberg_is_scipys(rng):
    """q-values agree, and an absent p-value neither gets one nor counts as a test."""
    p = rng.random(40) ** 2
    assert stats.benjamini_hochberg(p) == pytest.approx(scipy_stats.false_discovery_control(p))
    gapped = stats.benjamini_hochberg(np.insert(p, 5, np.nan))
    assert np.isnan(gapped[5])
    assert np.delete(gapped, 5) == pytest.approx(stats.benjamini_hochberg(p))


@pytest.mark.parametrize("groups", [1, 7, 300])
def test_medians_of_groups_are_numpy_s(rng, groups):
    """Each group's median is that of its values, ties among them, in whatever order they come and however many."""
    group = rng.permutation(np.concatenate([np.arange(groups), rng.integers(0, groups, 200)]))
    values = rng.integers(-5, 5, len(group)) / 4
    assert stats.group_medians(values, group).tolist() == [np.median(values[group == one]) for one in range(groups)]


@pytest.mark.parametrize("values", [[], [3.0], [2.0, 2.0], [3.0, 1.0, 2.0, 1.0, 3.0]])
def test_distinct_values_are_numpy_s(values):
    """Different values come out once each, ascending, as from numpy's own slower function."""
    assert stats.distinct(np.array(values)).tolist() == np.unique(np.array(values)).tolist()
