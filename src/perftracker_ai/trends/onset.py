"""Where between two jobs a change that is known to be real came in.

In: the cost of what changed, as logarithms, one for each job, the last one after the change. Out: a `Placed`. That
there was one change from one level to a higher one is taken for granted; asked is only between which jobs.

The likelihood of each place is that of two levels with independent noise around either, levels and noise unknown and
integrated out: few jobs then make a wide interval by themselves. Single jobs far off both levels count as accidents.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import median, robust_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
"""Of the interval of the first job at the new level."""

ACCIDENT = 3.5
"""Sigmas from which a job is as likely an accident that tells nothing of its level as it is noise."""

PRIOR_JOBS = 4.0
"""The noise that the comparison itself was judged by weighs as much as so many jobs of the history."""

PER_DIFFERENCE = 0.6
"""Degrees of freedom of a variance from differences of neighbours, per difference: see `detect.noise`."""

EVIDENCE = 30
"""Jobs before the baseline that say what the old level was: more know it no better, and may have lived through more."""

ANOTHER, WILD = 2.5, 4.0
"""Sigmas from which jobs before the baseline had another level, and up to which a single job counts in that: evidence
left out costs little, evidence of another level misleads."""

FLOOR = 0.005
"""Least noise of a job's level: half a per cent, as everywhere."""

ROUNDS = 4
"""Times levels and accidents are found in turn."""


class Placed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a change came in, as positions in the series that was asked about.

    Attributes
    ----------
    first, last_good : int
        First job at the new level where the change likeliest is, and the last one before it at the old level.
    earliest, latest : int
        Interval of the first.
    before : float
        Level before the change.
    misfit : float
        What two levels leave over of all jobs, as minus twice a logarithm of likelihood.
    """

    first: int
    last_good: int
    earliest: int
    latest: int
    before: float
    misfit: float


class _Tried(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What each place of the change would mean.

    Attributes
    ----------
    first : ndarray of int, shape (K,)
    before, after : ndarray, shape (K,)
        Levels.
    left : ndarray, shape (K, n)
        What the levels leave over, in sigmas.
    """

    first: NDArray[np.int64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    left: NDArray[np.float64]


def locate(level: NDArray[np.float64], share: NDArray[np.float64], baseline: int, variance: float) -> Placed:
    """Say where the level of a series changed after the baseline.

    Parameters
    ----------
    level : ndarray, shape (n,)
        Logarithms of cost, all finite; the last one is the candidate's.
    share : ndarray, shape (n,)
        How much of what changed each job measured, over 0 and up to 1: its variance is as many times larger.
    baseline : int
        Position of the baseline, before the last one.
    variance : float
        Of one job's level, as the comparison was judged by.
    """
    variance = max(variance, FLOOR**2)
    noise = _noise(level, share, variance)
    start = _unchanged_since(level[: baseline + 1], math.sqrt(noise))
    tried = _tried(level[start:], share[start:], baseline - start + 1, noise)
    chance = _chances(tried, share[start:], variance, noise)
    best = int(chance.argmax())
    likely = np.flatnonzero(_likeliest(chance))
    place = tried.first + start
    before, after = float(tried.before[best]), float(tried.after[best])
    slow = np.abs(level - after) < np.abs(level - before)
    first, last_good = _around(slow, int(place[best]), baseline)
    fitted = np.where(np.arange(len(level)) < place[best], before, after)
    return Placed(
        first=first,
        last_good=last_good,
        earliest=int(place[likely[0]]),
        latest=max(int(place[likely[-1]]), first),
        before=before,
        misfit=float(_loss(_left(level, share, fitted, noise)).sum()),
    )


def _around(slow: NDArray[np.bool_], place: int, baseline: int) -> tuple[int, int]:
    """Return the first job from a place on that is slow, and the last one before it that is not.

    A job may lie on the other side than its neighbours; it is never called what it is not.
    """
    first = next((at for at in range(place, len(slow)) if slow[at]), len(slow) - 1)
    return first, next((at for at in range(first - 1, baseline, -1) if not slow[at]), baseline)


def _noise(level: NDArray[np.float64], share: NDArray[np.float64], variance: float) -> float:
    """Return the variance of one job's level: from differences of neighbours, which a change touches once."""
    steps = np.diff(level) / np.sqrt(1 / share[1:] + 1 / share[:-1])
    known = PER_DIFFERENCE * (len(steps) - 1)
    if known <= 0:
        return variance
    own = float(robust_scale(steps)) ** 2
    return max((PRIOR_JOBS * variance + known * own) / (PRIOR_JOBS + known), FLOOR**2)


def _unchanged_since(old: NDArray[np.float64], sigma: float) -> int:
    """Return from where on the jobs up to the baseline, the last one, share a level."""
    start = max(len(old) - 1 - EVIDENCE, 0)
    while cut := _cut(old[start:] / sigma):
        start += cut
    return start


def _cut(values: NDArray[np.float64]) -> int:
    """Return where a level most likely gave way to another, in units of the noise; 0 when chance would do."""
    if len(values) < 2:  # noqa: PLR2004 - one value has one level
        return 0
    middle = float(median(values))
    total = np.cumsum(np.clip(values - middle, -WILD, WILD))
    size = np.arange(1, len(values))
    rest = len(values) - size
    deviate = np.abs(total[:-1] / size - (total[-1] - total[:-1]) / rest) / np.sqrt(1 / size + 1 / rest)
    best = int(deviate.argmax())
    return best + 1 if deviate[best] > ANOTHER else 0


def _tried(level: NDArray[np.float64], share: NDArray[np.float64], begin: int, noise: float) -> _Tried:
    """Fit two levels for every place from ``begin`` on, accidents not counted."""
    first = np.arange(begin, len(level))
    new = np.arange(len(level)) >= first[:, None]
    before, after = (median(np.where(side, level, np.nan)) for side in (~new, new))
    for _ in range(ROUNDS):
        left = _left(level, share, np.where(new, after[:, None], before[:, None]), noise)
        weight = share / (1 + np.exp(np.minimum((left**2 - ACCIDENT**2) / 2, 50.0)))
        before, after = (_mean(level, np.where(side, weight, 0.0)) for side in (~new, new))
    left = _left(level, share, np.where(new, after[:, None], before[:, None]), noise)
    return _Tried(first=first, before=before, after=after, left=left)


def _left(
    level: NDArray[np.float64], share: NDArray[np.float64], fitted: NDArray[np.float64], noise: float
) -> NDArray[np.float64]:
    return (level - fitted) * np.sqrt(share / noise)


def _mean(level: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = (weight * level).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-300)
    return mean


def _chances(tried: _Tried, share: NDArray[np.float64], variance: float, noise: float) -> NDArray[np.float64]:
    """Return the probability of each place, all alike beforehand."""
    new = np.arange(len(share)) >= tried.first[:, None]
    weights = np.where(new, share, 0.0).sum(axis=1), np.where(new, 0.0, share).sum(axis=1)
    squares = noise * _loss(tried.left).sum(axis=1)
    prior = PRIOR_JOBS * variance
    dof = PRIOR_JOBS + len(share) - 2
    log = -(np.log(weights[0]) + np.log(weights[1])) / 2 - dof / 2 * np.log(prior + squares)
    rising = tried.after > tried.before
    log = np.where(rising | ~rising.any(), log, -np.inf)
    chance: NDArray[np.float64] = np.exp(log - log.max())
    chance /= chance.sum()
    return chance


def _loss(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what deviations cost: their squares, and an accident's no more than a constant."""
    odds = math.exp(-(ACCIDENT**2) / 2)
    loss: NDArray[np.float64] = -2 * np.log((np.exp(-(left**2) / 2) + odds) / (1 + odds))
    return loss


def _likeliest(chance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the likeliest places that together hold the truth at `LEVEL`."""
    order = np.argsort(-chance, kind="stable")
    enough = int(np.count_nonzero(np.cumsum(chance[order]) < LEVEL)) + 1
    marked = np.zeros(len(chance), dtype=bool)
    marked[order[:enough]] = True
    return marked
