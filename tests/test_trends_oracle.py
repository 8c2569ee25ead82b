"""Every short cut of the trends against the slow way to the same number."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perftracker_ai.stats import normal_tail
from perftracker_ai.trends.batch import batches, pack, running_median
from perftracker_ai.trends.changes import chances, find_changes
from perftracker_ai.trends.drift import fit
from perftracker_ai.trends.levels import MAX_RHO, deviates, measure, sums
from perftracker_ai.trends.modes import noise_rise
from perftracker_ai.trends.partition import EVERY_PLACE, partition
from perftracker_ai.trends.vocabulary import Series

wholes = st.integers(-20, 20).map(float)


def cost(row, cuts, penalty):
    """Return squared deviations from the pieces' means plus a penalty a piece."""
    edges = [0, *cuts, len(row)]
    pieces = [row[begin:end] for begin, end in pairwise(edges)]
    return sum(((piece - piece.mean()) ** 2).sum() + penalty for piece in pieces)


def cheapest(row, penalty, places):
    """Return the least cost over all ways to cut at these places, by the plain recursion in double precision."""
    nodes = [0, *places, len(row)]
    best = [0.0]
    for end in range(1, len(nodes)):
        best.append(
            min(best[begin] + cost(row[nodes[begin] : nodes[end]], (), penalty) for begin in range(end)),
        )
    return best[-1]


def cut(values, penalty):
    """Return where rows of one length are cut."""
    length = np.full(len(values), values.shape[1])
    centred = values - np.median(values, axis=1, keepdims=True)
    return [np.flatnonzero(row).tolist() for row in partition(centred, length, np.full(len(values), float(penalty)))]


# ── partition ───────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None, max_examples=60)
@given(
    arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=wholes), st.sampled_from([0.5, 5.0, 50.0])
)
def test_partition_is_the_best_of_all_there_are(values, penalty):
    """No way to cut a short series costs less than the one found, by trying them all."""
    for row, found in zip(values, cut(values, penalty), strict=True):
        places = range(1, len(row))
        every = (cost(row, cuts, penalty) for count in range(len(row)) for cuts in combinations(places, count))
        assert cost(row, found, penalty) == pytest.approx(min(every), rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("points", [40, 100, EVERY_PLACE])
def test_partition_is_exact_at_usual_lengths(points):
    """Noisy series with steps are cut at the least cost the plain recursion finds."""
    rng = np.random.default_rng(points)
    values = rng.normal(0, 1, (6, points)) + 4 * (np.arange(points) > points // 3) * rng.integers(0, 2, (6, 1))
    for row, found in zip(values, cut(values, 8.0), strict=True):
        assert cost(row, found, 8.0) == pytest.approx(cheapest(row, 8.0, range(1, points)), rel=1e-5)


@pytest.mark.parametrize("points", [EVERY_PLACE + 1, EVERY_PLACE + 2])
def test_long_partition_is_exact_over_every_second_place(points):
    """Longer series are cut at the least cost there is at even places."""
    rng = np.random.default_rng(points)
    values = rng.normal(0, 1, (3, points)) + 3 * (np.arange(points) > 51)
    for row, found in zip(values, cut(values, 8.0), strict=True):
        assert found
        assert all(place % 2 == 0 for place in found)
        # The half step behind a row of odd length counts as one value more.
        assert cost(row, found, 8.0) == pytest.approx(cheapest(row, 8.0, range(2, points, 2)), rel=1e-2)


def test_partition_of_rows_of_different_length_is_that_of_each():
    """Padding changes nothing, short and long rows side by side."""
    rng = np.random.default_rng(8)
    lengths = np.array([20, 127, 128, 129, 160, 33])
    values = np.zeros((len(lengths), 160))
    for row, length in zip(values, lengths, strict=True):
        row[:length] = rng.normal(0, 1, length) + 5 * (np.arange(length) > length // 2)
    together = partition(values, lengths, np.full(len(lengths), 8.0))
    for row, length, found in zip(values, lengths, together, strict=True):
        alone = partition(row[None, :length], np.array([length]), np.array([8.0]))[0]
        assert np.flatnonzero(found).tolist() == np.flatnonzero(alone).tolist()


def test_partition_of_many_blocks_is_in_order(monkeypatch):
    """Rows worked on in several blocks come back in their places."""
    rng = np.random.default_rng(9)
    values = rng.normal(0, 1, (50, 60)) + 5 * (np.arange(60) >= rng.integers(10, 50, (50, 1)))
    whole = cut(values, 8.0)
    monkeypatch.setattr("perftracker_ai.trends.partition.CELLS", 200)
    assert cut(values, 8.0) == whole


# ── cleaning ────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None, max_examples=60)
@given(arrays(float, st.tuples(st.integers(1, 3), st.integers(10, 30)), elements=wholes), st.integers(0, 3))
def test_running_median_is_that_of_seven(values, cropped):
    """Every value is the median of its seven neighbours, the nearest seven at the ends."""
    length = np.maximum(values.shape[1] - cropped * np.arange(len(values)), 10)
    for row, size, found in zip(values, length, running_median(values, length), strict=True):
        middle = np.clip(np.arange(size), 3, size - 4)
        assert found[:size].tolist() == [np.median(row[place - 3 : place + 4]) for place in middle]
        assert not found[size:].any()


def laid(values, **keywords):
    """Return the batch of one series."""
    values = np.asarray(values, dtype=float)
    versions = tuple(map(str, range(len(values))))
    times = np.arange(float(len(values)))
    one = [Series(times=times, values=values, versions=versions, less_better=True, **keywords)]
    ((_, batch),) = batches(one, pack(one))
    return batch


def test_resolution_is_read_off_values_that_repeat():
    """Values rounded to a tenth about 2 have a resolution of 5 %; unrounded ones have none."""
    values = 2 * np.exp(np.random.default_rng(1).normal(0, 0.1, 100))
    assert laid(np.round(values, 1)).quantum[0] == pytest.approx(0.05, rel=0.05)
    assert laid(values).quantum[0] == 0


def test_outliers_are_pulled_in_to_three_sigmas():
    """A wild value counts as three sigmas from its neighbours, and only it is labelled."""
    values = np.exp(np.random.default_rng(2).normal(0, 0.02, 60))
    values[30] = 10
    batch = laid(values)
    assert np.flatnonzero(batch.outlier[0]).tolist() == [30]
    assert batch.clean[0, 30] - batch.smooth[0, 30] == pytest.approx(3 * batch.spread[0])
    np.testing.assert_allclose(np.delete(batch.clean[0], 30), np.delete(batch.raw[0], 30), atol=1e-12)


# ── levels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def autoregressive(rho, count, rng):
    values = rng.standard_normal(count)
    for place in range(1, count):
        values[place] = rho * values[place - 1] + np.sqrt(1 - rho**2) * values[place]
    return values


def slow_correlation(values, edges, lag):
    """Return the sum of products of deviations from the stretches' means over the sum of their squares."""
    stretches = [values[begin:end] - values[begin:end].mean() for begin, end in pairwise(edges)]
    crossed = sum((stretch[lag:] * stretch[:-lag]).sum() for stretch in stretches if len(stretch) > lag)
    return crossed / sum((stretch**2).sum() for stretch in stretches)


@pytest.mark.parametrize("edges", [[0, 80], [0, 2, 40, 80], [0, 30, 31, 33, 80]])
def test_levels_agree_with_slow_loops(edges):
    """Means, deviations and correlations from running sums are those of the stretches."""
    values = 0.1 * autoregressive(0.5, 80, np.random.default_rng(3)) + np.arange(80) // 40
    rows = sums(values[None], np.array([80]), np.array([1e-6]), np.array([False]))
    levels = measure(rows, np.array([[*edges, 80, 80]]), np.array([0]))
    stretches = [values[begin:end] for begin, end in pairwise(edges)]
    share = len(stretches) / 80
    first = slow_correlation(values, edges, 1)
    assert levels.size[0].tolist() == [*map(len, stretches), 0, 0]
    assert levels.mean[0, : len(stretches)] == pytest.approx([stretch.mean() for stretch in stretches])
    assert levels.residual[0] == pytest.approx(sum(((stretch - stretch.mean()) ** 2).sum() for stretch in stretches))
    assert levels.noise.rho[0] == pytest.approx(np.clip(first + (1 + 3 * first) * share, 0, MAX_RHO))


@pytest.mark.parametrize(("rho", "count"), [(0.0, 200), (0.5, 200), (0.8, 400)])
def test_variance_of_means_is_what_means_do(rho, count):
    """The estimated variance of a mean is, on average, the variance that means of simulated series have."""
    rng = np.random.default_rng(4)
    values = np.array([autoregressive(rho, count, rng) for _ in range(1500)])
    every = np.arange(len(values))
    rows = sums(values, np.full(1500, count), np.full(1500, 1e-6), np.zeros(1500, dtype=bool))
    levels = measure(rows, np.repeat([[0, count]], 1500, axis=0), every)
    assert np.median(levels.variance) == pytest.approx(values.mean(axis=1).var(), rel=0.2)
    assert np.median(levels.noise.sigma) == pytest.approx(1.0, rel=0.05)
    assert np.median(levels.noise.rho) == pytest.approx(rho, abs=0.05)


def test_slow_waves_are_seen_to_last():
    """Small correlations that last make means err more than the first correlation tells."""
    rng = np.random.default_rng(5)
    waves = np.array([autoregressive(0.9, 400, rng) for _ in range(300)])
    values = np.sqrt(0.3) * waves + np.sqrt(0.7) * rng.standard_normal(waves.shape)
    rows = sums(values, np.full(300, 400), np.full(300, 1e-6), np.zeros(300, dtype=bool))
    noise = measure(rows, np.repeat([[0, 400]], 300, axis=0), np.arange(300)).noise
    short = (1 + noise.rho) / (1 - noise.rho)
    assert np.median(noise.inflation) > 1.5 * np.median(short)


def test_noisy_stretch_is_judged_by_its_own_noise():
    """The mean of a stretch three times as noisy as the rest has the larger error."""
    rng = np.random.default_rng(6)
    values = np.concatenate([rng.normal(0, 1, 150), rng.normal(0, 3, 50)])[None]
    rows = sums(values, np.array([200]), np.array([1e-6]), np.array([False]))
    calm, wild = measure(rows, np.array([[0, 150, 200]]), np.array([0])).variance[0]
    assert wild * 50 > 2.5 * calm * 150


# ── drift and noise ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_slope_is_that_of_least_squares():
    """The slope of a drifting series is the straight line's."""
    values = np.random.default_rng(7).normal(0, 0.02, 150) + 0.003 * np.arange(150)
    batch = laid(np.exp(values))
    found = fit(batch, 0.02)
    assert found.drifting[0]
    assert found.slope[0] == pytest.approx(np.polyfit(np.arange(150), batch.clean[0], 1)[0])


def test_slope_within_stretches_is_that_of_a_regression_with_steps():
    """With a step between, the slope is the one of a regression on place and stretch."""
    values = np.random.default_rng(8).normal(0, 0.02, 160) + 0.002 * np.arange(160) + 0.5 * (np.arange(160) >= 70)
    batch = laid(np.exp(values))
    found = fit(batch, 0.02)
    design = np.stack([np.arange(160), np.arange(160) < 70, np.arange(160) >= 70], axis=1).astype(float)
    assert found.levels.bounds[0, :3].tolist() == [0, 70, 160]
    assert found.slope[0] == pytest.approx(np.linalg.lstsq(design, batch.clean[0], rcond=None)[0][0])


def test_rise_of_noise_is_the_largest_over_all_places():
    """The place of the rise is the one with the largest standardised difference, by trying every fifth."""
    left = np.random.default_rng(9).normal(0, np.repeat([1.0, 2.0], [60, 60])).astype(np.float32)[None]
    rise = noise_rise(left, np.array([120]), np.array([0.0]))
    size = np.minimum(np.abs(left[0]), 4 * np.abs(left[0]).mean())
    places = range(10, 111, 5)
    difference = [size[place:].mean() - size[:place].mean() for place in places]
    scaled = [one * np.sqrt(place * (120 - place)) for one, place in zip(difference, places, strict=True)]
    best = places[int(np.argmax(scaled))]
    assert rise.place[0] == best
    assert rise.ratio[0] == pytest.approx(size[best:].mean() / size[:best].mean(), rel=1e-5)


def test_chance_of_a_change_is_a_tail_times_the_places():
    """The chance is that of Student's t in two tails, times three for each such stretch in 200 values."""
    values = np.random.default_rng(10).normal(0, 0.05, 100) + 0.1 * (np.arange(100) >= 60)
    batch = laid(np.exp(values))
    _, levels = find_changes(batch, batch.clean, np.array([False]), 0.02)
    assert levels.bounds[0, 1] == pytest.approx(60, abs=3)
    shorter = levels.size[0].min()
    assert chances(levels)[0, 0] == pytest.approx(2 * normal_tail(deviates(levels)[0, 0]) * 3 * 200 / shorter)
