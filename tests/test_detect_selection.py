"""Intervals of findings hold what is true although findings are chosen because they stand out."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftracker_ai.detect.selection import PLAIN, lower_reach

CRITERION = 3.5
MOST = 1 - NormalDist().cdf(CRITERION)


def chance(deviate):
    return math.erfc(deviate / math.sqrt(2)) / 2


@pytest.mark.parametrize("true", [0.5, 2.0, 3.0, 4.0, 6.0])
def test_the_interval_holds_what_is_true_of_what_was_chosen(true):
    """Whatever is true, of values beyond the criterion 95 in 100 intervals hold it; without the correction they do not.

    Two standard errors alone hold it in none where little is true.
    """
    drawn = np.random.default_rng(20261128).normal(true, 1.0, 400_000)
    chosen = drawn[drawn > CRITERION][:1500]
    plain = np.mean(np.abs(chosen - true) <= PLAIN)
    held = [true >= one - lower_reach(one, chance(one), MOST) and true <= one + PLAIN for one in chosen.tolist()]
    assert np.mean(held) >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / len(chosen))
    assert np.mean(held) >= plain
    if true <= 1:
        assert plain == 0


@given(st.floats(0.1, 40), st.floats(1e-300, 0.9), st.floats(1e-6, 0.5))
def test_the_limit_is_never_nearer_than_that_of_what_was_not_chosen_nor_beyond_zero(deviate, p, most):
    """The lower limit lies between zero and two standard errors below, whatever chance and criterion."""
    reach = lower_reach(deviate, p, most)
    assert reach >= PLAIN
    assert reach <= max(deviate, PLAIN) + 1e-9


@given(st.floats(4, 30))
def test_far_beyond_the_criterion_being_chosen_makes_no_difference(deviate):
    """The interval is then that of a change which was named before."""
    assert lower_reach(deviate, chance(deviate), 0.3) == pytest.approx(PLAIN, abs=0.05)
