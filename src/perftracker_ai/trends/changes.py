"""Change points: where levels gave way to others, and which of the cuts chance would not have made.

In: values of many series. Out: `Levels` of the cutting that holds. An exact partition proposes. Of its cuts, and of
what is left as the weakest go one by one, those stay that explain the series best, correlated noise as the alternative;
the noise is what they leave over, once and for all. Cuts that are too small, too short or too likely by chance are then
taken back, and change no more what the others are judged by: what is plain stays plain, whatever else happened.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import normal_tail
from perftracker_ai.trends.levels import deviates, measure, running, sums, unlikelihood
from perftracker_ai.trends.partition import partition

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.trends.batch import Batch
    from perftracker_ai.trends.levels import Levels, Sums

MIN_POINTS, NEWEST = 5, 4
"""Values at least on either side of a change, and behind the last one: four wild values near each other happen, five
hardly ever, but of the newest nights nobody wants to wait for one more."""

ALPHA = 2e-4
"""Chance of a change anywhere in a quiet series whose noise is what it is taken for. Real noise has longer tails and a
longer memory: of simulated series that have, up to 4 in 1,000 show a change, and the promise is 5."""

PLACES = 3.0
"""A stretch of m values fits into n in ``n / m`` places side by side; overlapping ones count so many times as many."""

USUAL = 200
"""Values n that places are counted in, however many there are: more nights must not raise what a change needs."""

PENALTY = 2.5
"""Cost of a piece in logarithms of the length; 2 is the Schwarz criterion's, for values whose noise is known."""

CUT_COST = 3.0
"""Cost of a cut in logarithms of the length where the noise is not known: a level, and a place that was looked for
(Zhang & Siegmund, Biometrics 63 (2007) 22-32, doi:10.1111/j.1541-0420.2006.00662.x)."""

RESOLVED = 1.5
"""Steps of the resolution a change has to be larger than: a level that hardly moved may round to the next value."""

SHORT = 20
"""Stretches shorter than this must have most of their values on their own side, so that no few wild ones carry it."""

WINSOR = 3.0
"""Differences count up to this many sigmas for the first guess, lest changes count as noise."""

GUESSED_RHO = 0.6
"""Correlation the first guess goes up to."""

SHORTEST = 6
"""Stretches up to this long must have all of them there."""

HOPELESS = 1e3
"""Evidence taken off cuts that no evidence could save: more than there ever is."""

FEW = 4
"""Cuts proposed for most series."""

NEARBY = 16
"""How far a cut may move after others have gone."""

FARTHEST = 50
"""How far from a change its interval may reach: that of a change hard enough to see would go further now and then."""

PLACED = 7.35
"""Where a change lies, at 95 %: the places less likely than the likeliest by no more than this (Hansen, Econometrica 68
(2000) 575-603, doi:10.1111/1468-0262.00124)."""


class Places(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where the changes of all rows lie, one after another.

    Attributes
    ----------
    row, cut : ndarray of int, shape (C,)
        Row of each change, and its number within the row.
    best, earliest, latest : ndarray of int, shape (C,)
        Likeliest first place of the new level, and its interval.
    """

    row: NDArray[np.int64]
    cut: NDArray[np.int64]
    best: NDArray[np.int64]
    earliest: NDArray[np.int64]
    latest: NDArray[np.int64]


def smallest(batch: Batch, least_change: float) -> NDArray[np.float64]:
    """Return the smallest ratio that counts in each row, at its median: the practical one, or what can be resolved."""
    return np.maximum(least_change, RESOLVED * batch.quantum)


def least_step(quantum: NDArray[np.float64], mean: NDArray[np.float64], least_change: float) -> NDArray[np.float64]:
    """Return the smallest difference of logarithms that counts, between each stretch and the next.

    Resolution is an amount, so that the same step counts for more on a lower level.
    """
    lower = np.minimum(mean[:, 1:], mean[:, :-1])
    return np.log1p(np.maximum(least_change, RESOLVED * quantum[:, None] * np.exp(-lower)))


def chances(levels: Levels) -> NDArray[np.float64]:
    """Return the chance of each step anywhere in a quiet row of usual length, shape (N, K - 1); 1 past the last one."""
    shorter = np.minimum(levels.size[:, 1:], levels.size[:, :-1])
    places = PLACES * USUAL / np.maximum(shorter, 1)
    return np.clip(2 * normal_tail(deviates(levels)) * places, 1e-300, 1.0)


def find_changes(
    batch: Batch, values: NDArray[np.float64], sloped: NDArray[np.bool_], least_change: float
) -> tuple[Sums, Levels]:
    """Cut every row of a batch where its level changed.

    Parameters
    ----------
    values : ndarray, shape (N, n)
        The batch's clean values, or what a drift leaves of them.
    sloped : ndarray of bool, shape (N,)
        Whether a drift was taken off.
    least_change : float
        Ratio below which nothing is a change.
    """
    rows = sums(values, batch.length, batch.floor, sloped)
    every = np.arange(len(values))
    fine = _explaining(rows, _settled(rows, _proposed(batch, values), every, 1))
    bounds, pending = fine.copy(), every
    while len(pending):
        bounds = _kept(rows, bounds, fine, pending, batch.quantum, least_change)
        bounds = _settled(rows, bounds, pending, NEWEST)
        held = _carried(rows, bounds, pending, batch.raw - batch.clean + values)
        bounds[~held] = np.broadcast_to(batch.length[:, None], bounds.shape)[~held]
        bounds.sort(axis=1)
        pending = np.flatnonzero(~held.all(axis=1))
    return rows, measure(rows, _trimmed(bounds), every, fine)


def places(rows: Sums, levels: Levels) -> Places:
    """Say where each change may lie: where the fit is hardly worse than at the best place."""
    row, cut = np.nonzero(levels.size[:, 1:])
    every = np.arange(len(row))
    best = levels.bounds[row, cut + 1]
    place = best[:, None] + np.arange(-FARTHEST, FARTHEST + 1)
    gain = _gains(rows, levels.bounds, (row, cut + 1), place, 1)
    scale = levels.noise.sigma**2 * levels.noise.inflation
    likely = gain >= (gain[:, FARTHEST] - PLACED * scale[row])[:, None]
    earliest, latest = likely.argmax(axis=1), likely.shape[1] - 1 - likely[:, ::-1].argmax(axis=1)
    return Places(row=row, cut=cut, best=best, earliest=place[every, earliest], latest=place[every, latest])


# ── proposing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _proposed(batch: Batch, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bounds of the exact partition with a noise guessed from differences of neighbours."""
    scale = _long_run_scale(batch, values)
    penalty = PENALTY * np.log(batch.length)
    row, place = np.nonzero(partition(values / scale[:, None], batch.length, penalty))
    count = np.bincount(row, minlength=len(values))
    bounds = np.repeat(batch.length[:, None], count.max() + 2, axis=1)
    bounds[:, 0] = 0
    bounds[row, 1 + np.arange(len(row)) - (np.cumsum(count) - count)[row]] = place
    return bounds


def _long_run_scale(batch: Batch, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what stands for the noise of one value in long means, correlation counted in.

    Differences of neighbours have the variance ``2 sigma**2 (1 - rho)``, those two apart ``2 sigma**2 (1 - rho**2)``;
    a change touches only a few of them.
    """
    near, far = (_difference_variance(batch, values, lag) for lag in (1, 2))
    near = np.maximum(near, batch.floor**2)
    rho = np.clip(far / near - 1, 0.0, GUESSED_RHO)
    variance = np.maximum(near / (2 * (1 - rho)), batch.floor**2)
    scale: NDArray[np.float64] = np.sqrt(variance * (1 + rho) / (1 - rho))
    return scale


def _difference_variance(batch: Batch, values: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    inside = np.arange(lag, values.shape[1]) < batch.length[:, None]
    limit = WINSOR * math.sqrt(2) * batch.spread[:, None]
    off = np.clip(values[:, lag:] - values[:, :-lag], -limit, limit) * inside
    variance: NDArray[np.float64] = np.einsum("ij,ij->i", off, off) / (batch.length - lag)
    return variance


# ── explaining ──────────────────────────────────────────────────────────────────────────────────────────────────────


def cost(rows: Sums, bounds: NDArray[np.int64], which: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what it costs to tell rows cut like this: how unlikely their values still are, and each of the cuts."""
    cuts = np.count_nonzero(bounds[:, 1:-1] < bounds[:, -1:], axis=1)
    total: NDArray[np.float64] = unlikelihood(rows, bounds, which) + CUT_COST * np.log(rows.length[which]) * cuts
    return total


def _explaining(rows: Sums, bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the cheapest of these cuttings and of what is left of each as its weakest cuts go one by one."""
    cheapest, bounds = bounds.copy(), bounds.copy()
    least = np.full(len(bounds), np.inf)
    for group in _alike(bounds, np.arange(len(bounds))):
        some = group
        while len(some):
            now = _trimmed(bounds[some])
            costs = cost(rows, now, some)
            better = some[costs < least[some]]
            cheapest[better], least[some] = bounds[better], np.minimum(costs, least[some])
            some = some[now[:, 1] < now[:, -1]]
            bounds[some] = _without_weakest(rows, bounds[some], some)
    return _trimmed(cheapest)


def _without_weakest(rows: Sums, bounds: NDArray[np.int64], which: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take the cut back that explains least of each row."""
    size = np.diff(bounds, axis=1)
    mean = np.diff(rows.value[which[:, None], bounds], axis=1) / np.maximum(size, 1)
    weight = size[:, 1:] * size[:, :-1] / np.maximum(size[:, 1:] + size[:, :-1], 1)
    gain = np.where(size[:, 1:] > 0, weight * np.diff(mean, axis=1) ** 2, np.inf)
    left = bounds.copy()
    left[np.arange(len(left)), gain.argmin(axis=1) + 1] = rows.length[which]
    left.sort(axis=1)
    return left


# ── taking back ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _kept(
    rows: Sums,
    bounds: NDArray[np.int64],
    fine: NDArray[np.int64],
    pending: NDArray[np.int64],
    quantum: NDArray[np.float64],
    least_change: float,
) -> NDArray[np.int64]:
    """Take cuts back that do not hold, the weakest of its neighbourhood first, until all hold."""
    bounds = bounds.copy()
    for group in _alike(bounds, pending):
        some = group
        while len(some):
            levels = measure(rows, _trimmed(bounds[some]), some, fine[some])
            weak = _weakest(_strength(levels, quantum[some], least_change))
            row, cut = np.nonzero(weak)
            bounds[some[row], cut + 1] = rows.length[some[row]]
            some = some[weak.any(axis=1)]
            bounds[some] = np.sort(bounds[some], axis=1)
    return bounds


def _alike(bounds: NDArray[np.int64], pending: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide rows with cuts into those with few and those with many, lest the few are padded like the many."""
    cuts = np.count_nonzero(bounds[pending, 1:-1] < bounds[pending, -1:], axis=1)
    return pending[(cuts > 0) & (cuts <= FEW)], pending[cuts > FEW]


def _strength(levels: Levels, quantum: NDArray[np.float64], least_change: float) -> NDArray[np.float64]:
    """Return the evidence of each cut over what it needs, below 0 where it does not hold; infinite past the last."""
    z = deviates(levels)
    newest = levels.bounds[:, 2:] == levels.bounds[:, -1:]
    too_short = (levels.size[:, 1:] < np.where(newest, NEWEST, MIN_POINTS)) | (levels.size[:, :-1] < MIN_POINTS)
    too_small = np.abs(np.diff(levels.mean, axis=1)) < least_step(quantum, levels.mean, least_change)
    strength = np.log(ALPHA / chances(levels))
    strength = np.where(too_short, z - 2 * HOPELESS, np.where(too_small, z - HOPELESS, strength))
    return np.where(levels.size[:, 1:] > 0, strength, np.inf)


def _weakest(strength: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the failing cuts no neighbour of which is weaker: taking those back leaves the judgement of others open."""
    end = np.full((len(strength), 1), np.inf)
    around = np.concatenate([end, strength, end], axis=1)
    return (strength < 0) & (strength < around[:, :-2]) & (strength <= around[:, 2:])


def _trimmed(bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out columns no row needs."""
    return bounds[:, : 2 + int(np.count_nonzero(bounds < bounds[:, -1:], axis=1).max(initial=1)) - 1]


# ── placing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _settled(rows: Sums, bounds: NDArray[np.int64], pending: NDArray[np.int64], margin: int) -> NDArray[np.int64]:
    """Move each cut to the best place nearby: odd ones first, then even ones, so that none cross."""
    bounds = bounds.copy()
    for parity in (1, 0):
        row, cut = _cuts(bounds, pending)
        row, cut = row[cut % 2 == parity], cut[cut % 2 == parity]
        place = bounds[row, cut, None] + np.arange(-NEARBY, NEARBY + 1)
        best = _gains(rows, bounds, (row, cut), place, margin).argmax(axis=1)
        bounds[row, cut] += best - NEARBY
    return bounds


def _cuts(bounds: NDArray[np.int64], pending: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column in `bounds` of every cut of the pending rows."""
    inner = bounds[pending, 1:-1] < bounds[pending, -1:]
    row, cut = np.nonzero(inner)
    return pending[row], cut + 1


def _gains(
    rows: Sums,
    bounds: NDArray[np.int64],
    cuts: tuple[NDArray[np.int64], NDArray[np.int64]],
    place: NDArray[np.int64],
    margin: int,
) -> NDArray[np.float64]:
    """Return what each cut would explain at these places, shape (C, places); -inf too near to its neighbours."""
    row, cut = cuts
    low, high = bounds[row, cut - 1, None], bounds[row, cut + 1, None]
    possible = (place >= low + margin) & (place <= high - margin)
    place = np.clip(place, low + 1, high - 1)
    value = rows.value[row[:, None], place]
    before = (value - rows.value[row[:, None], low]) ** 2 / (place - low)
    after = (rows.value[row[:, None], high] - value) ** 2 / (high - place)
    gain: NDArray[np.float64] = before + after
    gain[~possible] = -np.inf
    return gain


def _carried(
    rows: Sums, bounds: NDArray[np.int64], pending: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Mark the bounds that hold: around short stretches, those with most values of either side on their own side."""
    held = np.ones(bounds.shape, dtype=bool)
    row, cut = _cuts(bounds, pending)
    low, at, high = (bounds[row, cut + shift] for shift in (-1, 0, 1))
    short = np.minimum(at - low, high - at) < SHORT
    row, cut, low, at, high = (one[short] for one in (row, cut, low, at, high))
    total = rows.value[row[:, None], np.stack([low, at, high], axis=1)]
    before, after = ((total[:, 1:] - total[:, :-1]) / np.stack([at - low, high - at], axis=1)).T
    upper = (values[row] > ((before + after) / 2)[:, None]) == (after > before)[:, None]
    count = running(upper, 1)
    span = np.arange(len(row))
    new, old = count[span, high] - count[span, at], (at - low) - (count[span, at] - count[span, low])
    held[row, cut] = _most(new, high - at) & _most(old, at - low)
    return held


def _most(count: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark where so many values are most of a stretch, or all of a very short one."""
    most: NDArray[np.bool_] = np.where(size <= SHORTEST, count == size, 2 * count > size)
    return most
