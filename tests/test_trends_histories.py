import numpy as np
import pytest
from histories import APART, LARGEST, MIXED, NOISES, SMALLEST, Noise, as_series, labelled, quiet, rounded, score

SILENT = Noise(name="silent", sigma=(0.0, 0.0))


def drawn(kind=MIXED, count=200, points=100, seed=1):
    return labelled(kind, count, points, np.random.default_rng(seed))


def test_same_seed_same_series():
    """The seed alone decides the values."""
    (one, truth), (other, again), (third, _) = drawn(seed=5), drawn(seed=5), drawn(seed=6)
    assert np.array_equal(one, other)
    assert truth == again
    assert not np.array_equal(one, third)


def test_steps_are_where_and_as_large_as_promised():
    """Without noise the values step exactly where the truth says, by 3 to 40 %, and keep their distance."""
    values, truth = drawn(SILENT)
    for row, places in zip(values, truth, strict=True):
        steps = np.abs(np.diff(np.log(row)))
        assert (np.flatnonzero(steps > 1e-9) + 1).tolist() == list(places)
        assert all(np.log1p(SMALLEST) - 1e-9 <= step <= np.log1p(LARGEST) + 1e-9 for step in steps[steps > 1e-9])
        assert all(gap >= APART for gap in np.diff([0, *places, 100]) if places)
    assert sum(not places for places in truth) == pytest.approx(70, abs=20)


@pytest.mark.parametrize("kind", NOISES, ids=lambda kind: kind.name)
def test_quiet_series_have_the_noise_they_promise(kind):
    """Noise has the spread and the correlation its kind says; values are positive."""
    values = quiet(kind, 300, 400, np.random.default_rng(2))
    logs = np.log(values) - np.log(values).mean(axis=1, keepdims=True)
    assert (values > 0).all()
    if not kind.spikes and not kind.digits:
        assert np.sqrt((logs**2).mean(axis=1)).mean() == pytest.approx(np.mean(kind.sigma), rel=0.1)
    if not kind.spikes and not kind.digits and not kind.waves:
        crossed = (logs[:, 1:] * logs[:, :-1]).sum() / (logs**2).sum()
        assert crossed == pytest.approx(np.mean(kind.rho), abs=0.05)


def test_rounding_keeps_digits():
    """Two significant digits are kept at any size, and none asked for keeps all."""
    assert rounded(np.array([0.01234, 123.4]), 2).tolist() == [0.012, 120.0]
    assert rounded(np.array([0.01234]), 0).tolist() == [0.01234]


def test_rows_become_series_of_their_own_jobs():
    """Each row is a series with times that increase and a version for every job."""
    first, second = as_series(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert first.values.tolist() == [1.0, 2.0]
    assert second.values.tolist() == [3.0, 4.0]
    assert first.times[0] < first.times[1]
    assert len(set(first.versions)) == 2


def test_score_counts_each_change_once():
    """A true change is found by one found change near it; every other one is false."""
    told = score([[10, 12, 50], [7]], [(11, 90), ()])
    assert told.precision == pytest.approx(1 / 4)
    assert told.recall == pytest.approx(1 / 2)
    assert told.f1 == pytest.approx(1 / 3)
    assert (told.alerted, told.false_changes) == (1000, 1000)


def test_score_of_nothing_is_nothing():
    """Without any found or true change all figures are zero, and nothing divides by it."""
    told = score([[]], [()])
    assert (told.precision, told.recall, told.f1, told.alerted, told.false_changes) == (0, 0, 0, 0, 0)


def test_score_has_a_margin():
    """Three values beside the truth is found, four is not."""
    assert score([[13]], [(10,)]).recall == 1
    assert score([[14]], [(10,)]).recall == 0
