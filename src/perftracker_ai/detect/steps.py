"""The change that a short row seems to have, taken off before its noise is learned.

Noise is told from differences between neighbouring loads. In a long row a change touches a few of them; in a row of
eight loads a band of three touches four of seven, passes for noise, and hides itself. So such a row is levelled first:
its best window is brought to the height of the rest. In calm rows that takes a little noise away as well, and more than
that is put back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect import noise
from perftracker_ai.detect.scan import COARSE, MIN_POINTS, points_of, scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.scan import Track

PRICE = 6.0
"""What a levelled row's noise variance is raised by: its logarithm by so much over its points. In calm rows of 5 to 54
points with correlations of 0 to 0.7 levelling takes 3.5 to 4.6 off it, so that most of them are as quiet as they were
unlevelled. Of both the smaller counts: of a row without a band the differences as they are tell more."""

FEWEST = MIN_POINTS + 2
"""Points from which a row has a window and something beside it."""

UNKNOWN_LEVEL = 100.0
"""Variance of a level of which nothing is known: windows stand out of the rest of their row, or not at all."""


def loudest(track: Track) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the first and the last column of every row's best window, in whichever direction it is better."""
    worse, better = scan(track, COARSE)
    down = better.deviate - better.penalty > worse.deviate - worse.penalty
    return np.where(down, better.first, worse.first), np.where(down, better.last, worse.last)


def step_of(track: Track) -> NDArray[np.float64]:
    """Measure how far the best window of every short row stands out of the rest: its height inside, 0 elsewhere."""
    value, short = track.value, _short(track)
    step = np.zeros(value.shape)
    if not short.any():
        return step
    first, last = loudest(replace(track, level_variance=np.full(len(value), UNKNOWN_LEVEL)))
    columns = np.arange(value.shape[1])
    inside = (columns >= first[:, None]) & (columns <= last[:, None])
    height = noise.mean_of(value, inside) - noise.mean_of(value, ~inside)
    np.copyto(step, height[:, None], where=inside & (short & np.isfinite(height))[:, None])
    return step


def levelled(rough: noise.Roughness, value: NDArray[np.float64], track: Track) -> noise.Roughness:
    """Measure the comparison's roughness of short rows without their steps too, and keep the smaller of both.

    Parameters
    ----------
    rough : Roughness
        Of the comparison first, then of contrasts of baseline runs, which have no change in them.
    value : ndarray, shape (C, N)
        Values of the comparison, spikes and all.
    """
    short, points = _short(track), points_of(track)
    if not short.any():
        return rough
    again = noise.roughness(value - step_of(track)).variance * np.exp(PRICE / np.maximum(points, 1))[:, None]
    variance = rough.variance.copy()
    variance[0] = np.where(short[:, None], np.fmin(again, variance[0]), variance[0])
    return replace(rough, variance=variance)


def _short(track: Track) -> NDArray[np.bool_]:
    points = points_of(track)
    short: NDArray[np.bool_] = (points >= FEWEST) & (points < noise.MIN_CORRELATED)
    return short
