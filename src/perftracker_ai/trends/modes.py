"""Series that switch between two levels, and noise that rose: what cutting into levels would only make worse.

In: a `Batch`, and what its levels leave over. Out: arrays, one entry a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import MAD_TO_SIGMA, median, normal_tail, t_to_normal
from perftracker_ai.trends.batch import SAME, some_rows
from perftracker_ai.trends.levels import running

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.trends.batch import Batch

APART = 5.0
"""Sigmas between two modes: the halves of a normal sample lie 2.7 of their sigmas apart, those of a uniform one 3.5."""

MIN_SHARE = 0.1
"""Share of values at least in the rarer mode; fewer are outliers."""

MIN_MODAL, MIN_RARE = 40, 5
"""Values in all, and in the rarer mode, from which a gap between values says anything: a few leave gaps by chance."""

MIDDLE, HOLLOW = 0.2, 0.1
"""The middle fifth between the tenth and the ninetieth percentile holds a fifth of a normal sample, and next to nothing
of two modes five sigmas apart; a tenth is between them."""

SWITCHES = 6
"""Times a smoothed series passes from mode to mode: three regressions that all recovered."""

ODD_SHARE, MIN_ODD = 0.08, 4
"""Share, and number, of values at least in another mode than their neighbours: several times what outliers make up."""

FLAKY_RATIO = 1.5
"""Rise of the mean deviation that is worth a word."""

MIN_STRETCH = 10
"""Values from which a stretch says how noisy it is."""

EVERY = 5
"""Noise can begin to rise at every fifth value only; where exactly it did, ten values cannot tell."""

FAR = 4.0
"""Deviations count up to this many of their average, so that a few wild values make no noisy stretch."""

FLAKY_ALPHA = 3e-4
"""Chance of a rise anywhere in a series of even noise."""

PLACES = 3.0
"""As for changes: overlapping stretches count so many times as many as those side by side."""


class Split(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The rows that have two modes, and these.

    Attributes
    ----------
    row : ndarray of int, shape (B,)
    low, high : ndarray of float, shape (B,)
        Medians of the two, as the batch's logarithms.
    share_high : ndarray of float, shape (B,)
    switches : ndarray of int, shape (B,)
        Neighbours in different modes.
    """

    row: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    share_high: NDArray[np.float64]
    switches: NDArray[np.int64]


class Rise(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where each row's noise rose most, how much, and the chance of it."""

    place: NDArray[np.int64]
    ratio: NDArray[np.float64]
    p_value: NDArray[np.float64]
    flaky: NDArray[np.bool_]


def split(batch: Batch, least_change: float) -> Split:
    """Divide each row's values in two, and tell modes from a changed level by how often they take turns."""
    row = np.flatnonzero(_hollow(batch))
    some = some_rows(batch, row)
    count, between = _division(some)
    every = np.arange(len(row))
    low, high = some.ordered[every, (count - 1) // 2], some.ordered[every, (count + some.length - 1) // 2]
    spread = np.maximum(np.maximum(_spread(some, count, low, high), some.floor), _coarseness(some, count))
    apart = high - low > np.maximum(APART * spread, np.log1p(least_change))
    common = np.minimum(count, some.length - count) >= np.maximum(MIN_SHARE * some.length, MIN_RARE)
    switches, taking_turns = _turns(some, between)
    told = Split(row=row, low=low, high=high, share_high=1 - count / some.length, switches=switches)
    return some_rows(told, np.flatnonzero(apart & common & taking_turns))


def _hollow(batch: Batch) -> NDArray[np.bool_]:
    """Mark rows with few values half way between their low and their high ones: all others cannot have two modes."""
    row = np.arange(len(batch.length))
    low, high = (batch.ordered[row, (share * (batch.length - 1)).astype(int)] for share in (MIN_SHARE, 1 - MIN_SHARE))
    middle, half = (low + high)[:, None] / 2, MIDDLE * (high - low)[:, None] / 2
    between = np.count_nonzero(np.abs(batch.ordered - middle) < half, axis=1)
    hollow: NDArray[np.bool_] = (batch.length >= MIN_MODAL) & (between < HOLLOW * batch.length)
    return hollow


def _division(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return how many values the lower mode has, and a value between the modes: least squares over all divisions."""
    row, count = np.arange(len(batch.length)), np.arange(1, batch.ordered.shape[1] + 1)
    total, length = np.cumsum(batch.ordered, axis=1), batch.length[:, None]
    rest = length - count
    explained = (total * length - total[row, batch.length - 1, None] * count) ** 2 / (count * np.maximum(rest, 1.0))
    explained[rest <= 0] = -np.inf
    lower = explained.argmax(axis=1) + 1
    return lower, (batch.ordered[row, lower - 1] + batch.ordered[row, lower]) / 2


def _spread(
    batch: Batch, count: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the spread of the wider mode: the quiet half of values that became noisy is no mode of theirs."""
    lower = np.arange(batch.ordered.shape[1]) < count[:, None]
    sides = ((lower, low), (~lower, high))
    off = [np.abs(np.where(side, batch.ordered, np.nan) - middle[:, None]) for side, middle in sides]
    return MAD_TO_SIGMA * np.maximum(median(off[0]), median(off[1]))


def _coarseness(batch: Batch, count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return half the step between values of the coarser mode, in logarithms; 0 where values do not repeat.

    A mode of one value alone does not tell its step: it may be as large as the gap, and the gap a matter of rounding.
    """
    step = batch.ordered[:, 1:] - batch.ordered[:, :-1]
    gap = step[np.arange(len(count)), count - 1]
    step[~(step > SAME)] = np.inf
    place = np.arange(step.shape[1])
    sides = (place < count[:, None] - 1, place >= count[:, None])
    steps = np.minimum(np.max([np.where(side, step, np.inf).min(axis=1) for side in sides], axis=0), gap)
    return np.where(batch.quantum > 0, steps / 2, 0.0)


def _turns(batch: Batch, between: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Count the turns between modes; true turns survive smoothing, or are too many to be outliers."""
    inside = np.arange(batch.raw.shape[1]) < batch.length[:, None]
    upper, smooth = batch.raw > between[:, None], batch.smooth > between[:, None]
    odd = np.count_nonzero((upper != smooth) & inside, axis=1)
    lasting = _switches(smooth, inside)
    many = (odd >= MIN_ODD) & (odd >= ODD_SHARE * batch.length)
    return _switches(upper, inside), (lasting >= SWITCHES) | many


def _switches(upper: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    switches: NDArray[np.int64] = np.count_nonzero((upper[:, 1:] != upper[:, :-1]) & inside[:, 1:], axis=1)
    return switches


def noise_rise(left: NDArray[np.float32], length: NDArray[np.int64], rho: NDArray[np.float64]) -> Rise:
    """Find where the noise of each row rose.

    Parameters
    ----------
    left : ndarray of float32, shape (N, n)
        Values less their level; what lies beyond the length does not matter.
    length : ndarray of int, shape (N,)
    rho : ndarray, shape (N,)
        Correlation of neighbouring values; that of their squares is its square.
    """
    size = np.abs(left)
    size[np.arange(left.shape[1]) >= length[:, None]] = 0.0
    size = np.minimum(size, (FAR * size.sum(axis=1) / length).astype(np.float32)[:, None])
    total, place = running(size, 1), np.arange(0, left.shape[1] + 1, EVERY)
    rest = length[:, None] - place
    # The difference of the means before and after a place, times the number of values either side of it.
    rise = total[:, -1:] * place - total[:, ::EVERY] * length[:, None]
    rise /= np.sqrt(np.maximum(place * rest, 1))
    rise[(place < MIN_STRETCH) | (rest < MIN_STRETCH)] = -np.inf
    return _judged(total, (size**2).sum(axis=1), EVERY * rise.argmax(axis=1), length, rho)


def _judged(
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
    best: NDArray[np.int64],
    length: NDArray[np.int64],
    rho: NDArray[np.float64],
) -> Rise:
    row, rest = np.arange(len(best)), length - best
    before, after = total[row, best], total[:, -1] - total[row, best]
    before, after = before / np.maximum(best, 1), after / np.maximum(rest, 1)
    variance = (squares / length - (total[:, -1] / length) ** 2) * (1 + rho**2) / (1 - rho**2)
    error = np.sqrt(np.maximum(variance, 1e-300) * (1 / np.maximum(best, 1) + 1 / np.maximum(rest, 1)))
    deviate = t_to_normal((after - before) / error, np.asarray(length - 2, dtype=np.float64))
    looks = PLACES * length / np.maximum(np.minimum(best, rest), 1)
    p_value = np.clip(normal_tail(deviate) * looks, 1e-300, 1.0)
    ratio = after / np.maximum(before, 1e-300)
    flaky = (np.minimum(best, rest) >= MIN_STRETCH) & (ratio >= FLAKY_RATIO) & (p_value <= FLAKY_ALPHA)
    return Rise(place=best, ratio=ratio, p_value=p_value, flaky=flaky)
