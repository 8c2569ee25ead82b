"""What is plain in a history stays told, whatever nights are added, dealt anew, or without any noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_trends import noisy, trend

from perftracker_ai.model import Direction

LEAST_NOISE = 0.005
PLAIN = 20.0
"""Standard errors of a step that nobody misses; what becomes of smaller ones ``benchmarks/history.py`` counts."""

seeds = st.integers(0, 2**32 - 1)


def stepped(before, after, sigma, seed):
    """Return logarithms with one plain step, and its place."""
    noise = np.random.default_rng(seed).normal(0, sigma, before + after)
    error = max(sigma, LEAST_NOISE) * np.sqrt(1 / before + 1 / after)
    return noise + max(PLAIN * error, 0.03) * (np.arange(before + after) >= before)


def told_near(told, place):
    """Return whether a change is told within its interval, or within three jobs."""
    return any(min(one.earliest, one.index - 3) <= place <= max(one.latest, one.index + 3) for one in told.changes)


@settings(deadline=None, max_examples=30)
@given(st.integers(40, 120), st.integers(12, 40), st.floats(0.0, 0.05), st.integers(1, 150), seeds)
def test_quiet_nights_take_no_plain_change_back(before, after, sigma, more, seed):
    """A change of many standard errors is told with the nights there are, and with any number of quiet ones more."""
    logs = stepped(before, after, sigma, seed)
    quiet = logs[before:].mean() + np.random.default_rng(seed + 1).normal(0, sigma, more)
    assert told_near(trend(np.exp(logs)), before)
    assert told_near(trend(np.exp(np.concatenate([logs, quiet]))), before)


@settings(deadline=None, max_examples=30)
@given(st.integers(40, 80), st.integers(12, 80), st.floats(0.0, 0.05), seeds)
def test_order_of_the_nights_within_a_level_does_not_matter(before, after, sigma, seed):
    """The nights of either level, dealt anew, have the same plain change between them."""
    logs, rng = stepped(before, after, sigma, seed), np.random.default_rng(seed)
    dealt = np.concatenate([rng.permutation(logs[:before]), rng.permutation(logs[before:])])
    assert told_near(trend(np.exp(logs)), before)
    assert told_near(trend(np.exp(dealt)), before)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(6, 80), st.integers(3, 40)), min_size=2, max_size=4),
    st.floats(1e-3, 1e3),
)
def test_levels_without_noise_are_told_exactly(levels, unit):
    """Exact levels, each of its own height, are told one by one, however long or short and whatever is beside them."""
    sizes = [count for count, _ in levels]
    heights = unit * np.cumprod([1 + percent / 100 for _, percent in levels])
    told = trend(np.repeat(heights, sizes))
    assert [change.index for change in told.changes] == np.cumsum(sizes[:-1]).tolist()


def test_change_too_small_to_tell_hides_no_other():
    """Exact levels of 500, 520 and 528: the step of 1.5 % is none, and that of 4 % is told where it is."""
    (change,) = trend(np.repeat([500.0, 520.0, 528.0], [30, 70, 60])).changes
    assert change.index == 30


@pytest.mark.parametrize("repaired", [4, 5, 9, 60])
@pytest.mark.parametrize("sigma", [0.0, 0.001, 0.01])
def test_step_and_its_repair_are_both_told(repaired, sigma):
    """A regression of 9 % for 24 nights and its repair are told from the fourth night after it on, and as one story."""
    worse, better = trend(noisy((1.0, 51), (1.09, 24), (0.99, repaired), sigma=sigma)).changes
    assert (worse.index, worse.direction, worse.recovered) == (51, Direction.WORSE, 75)
    assert (better.index, better.direction) == (75, Direction.BETTER)


@pytest.mark.parametrize("nights", [100, 200, 365])
def test_many_small_steps_hide_no_large_one(nights):
    """Two steps of 12 and 14 % are told among small ones, some too small to tell, however many nights there are."""
    places = [(18, 0.88), (58, 1.03), (71, 1.14), (96, 0.96), (124, 1.015), (142, 1.03), (190, 1.02), (230, 1.012)]
    level = np.prod([np.where(np.arange(nights) >= at, size, 1.0) for at, size in places], axis=0)
    told = trend(level * np.exp(np.random.default_rng(6).normal(0, 0.009, nights)))
    assert told_near(told, 18)
    assert told_near(told, 71)
