"""Levels of a series cut into stretches: their means, and what noise makes of means.

In: running sums of many series and where each is cut. Out: `Levels`. Measuring another way to cut costs by the number
of stretches, not of values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import t_to_normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAGS = (1, 2, 3)
"""Distances at which the noise is compared with itself: the first tells how much it remembers, the others how long."""

MAX_RHO = 0.95
"""Noise that remembers longer than this cannot be told from a changed level in a few hundred values."""

CORRELATED = 2.0
"""Sigmas from which a series' correlations say how long they last; below, they die out as fast as the first allows."""

SCATTERED = 8
"""Values from which a stretch has a noise of its own to speak of."""

ROUGH = 1.436
"""Mean product of the sizes of neighbouring differences over the variance, for white noise: ``(4 / pi)
(sqrt(3 / 4) + asin(1 / 2) / 2)``."""

CERTAIN = 0.99
"""Correlations are taken to be at most this."""

KNOWN_DOF = 1e4
"""Degrees of freedom of a noise that is known."""

MIN_DOF = 3.0
"""Degrees of freedom taken for granted, lest a short correlated series had none."""


class Sums(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Running sums of every row, all with a zero in front, so that a difference of two is the sum between.

    Attributes
    ----------
    value, square : ndarray, shape (N, n + 1)
        Of values and of their squares.
    lagged : tuple of ndarray, each of shape (N, n + 1)
        Of products with the value so many places earlier, for each of `LAGS`.
    rough : ndarray, shape (N, n + 1)
        Of products of the sizes of neighbouring differences: how noisy values are, whatever their level. A change is
        one difference between two that are none (Barndorff-Nielsen & Shephard, J. Financial Econometrics 2 (2004) 1-37,
        doi:10.1093/jjfinec/nbh001).
    length : ndarray of int, shape (N,)
    floor : ndarray, shape (N,)
        Least noise of one value.
    sloped : ndarray of bool, shape (N,)
        Whether a slope was fitted and taken off.
    """

    value: NDArray[np.float64]
    square: NDArray[np.float64]
    lagged: tuple[NDArray[np.float64], ...]
    rough: NDArray[np.float64]
    length: NDArray[np.int64]
    floor: NDArray[np.float64]
    sloped: NDArray[np.bool_]


class Noise(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a single value does by chance, all of shape (M,).

    Attributes
    ----------
    sigma : ndarray
        Standard deviation.
    rho : ndarray
        Correlation of neighbours.
    lasting, share : ndarray
        How much of the correlation is left from one place to the next, and the share of the variance that has any.
    inflation : ndarray
        Variance of a long mean over that of independent values.
    dof : ndarray
        Degrees of freedom behind `sigma`, correlation counted off.
    """

    sigma: NDArray[np.float64]
    rho: NDArray[np.float64]
    lasting: NDArray[np.float64]
    share: NDArray[np.float64]
    inflation: NDArray[np.float64]
    dof: NDArray[np.float64]


class Levels(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a cutting makes of rows; K is the largest number of stretches, unused ones come last with size 0.

    Attributes
    ----------
    bounds : ndarray of int, shape (M, K + 1)
        Where stretches begin, and the row's length, repeated to the end.
    fine : ndarray of int, shape (M, F + 1)
        The same of the cutting that the noise was measured in.
    size, mean, variance : ndarray, shape (M, K)
        Values in each stretch, their mean, and the variance of this mean.
    residual : ndarray, shape (M,)
        Sum of squared deviations from the means.
    noise : Noise
    """

    bounds: NDArray[np.int64]
    fine: NDArray[np.int64]
    size: NDArray[np.int64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    residual: NDArray[np.float64]
    noise: Noise


def sums(
    values: NDArray[np.float64], length: NDArray[np.int64], floor: NDArray[np.float64], sloped: NDArray[np.bool_]
) -> Sums:
    """Sum rows up; what lies beyond the length does not matter."""
    step = np.abs(values[:, 1:] - values[:, :-1])
    return Sums(
        value=running(values, 1),
        square=running(values * values, 1),
        lagged=tuple(running(values[:, lag:] * values[:, :-lag], lag + 1) for lag in LAGS),
        rough=running(step[:, 1:] * step[:, :-1], 3),
        length=length,
        floor=floor,
        sloped=sloped,
    )


def running(terms: NDArray[np.float64], zeros: int) -> NDArray[np.float64]:
    """Return running sums of rows behind so many zeros."""
    total = np.zeros((len(terms), terms.shape[1] + zeros))
    np.cumsum(terms, axis=1, out=total[:, zeros:])
    return total


def measure(
    rows: Sums, bounds: NDArray[np.int64], which: NDArray[np.int64], fine: NDArray[np.int64] | None = None
) -> Levels:
    """Measure the stretches between bounds.

    Parameters
    ----------
    bounds : ndarray of int, shape (M, K + 1)
    which : ndarray of int, shape (M,)
        Row that each set of bounds belongs to.
    fine : ndarray of int, shape (M, F + 1), optional
        Bounds within which the noise is measured; these bounds when not given.
    """
    fine = bounds if fine is None else fine
    size = np.diff(bounds, axis=1)
    count = np.maximum(size, 1)
    mean, squares = _stretches(rows, bounds, which)
    noise = _noise(rows, fine, which)
    # A stretch noisier than the whole is judged by its own noise.
    variance = noise.sigma[:, None] ** 2 * np.maximum(1.0, _roughness(rows, bounds, which))
    return Levels(
        bounds=bounds,
        fine=fine,
        size=size,
        mean=mean,
        variance=variance * _inflation(count, noise) / count,
        residual=squares.sum(axis=1),
        noise=noise,
    )


def _stretches(
    rows: Sums, bounds: NDArray[np.int64], which: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of each stretch, and the sum of squared deviations from it."""
    at = which[:, None], bounds
    total = np.diff(rows.value[at], axis=1)
    mean = total / np.maximum(np.diff(bounds, axis=1), 1)
    return mean, np.maximum(np.diff(rows.square[at], axis=1) - total * mean, 0.0)


def _roughness(rows: Sums, bounds: NDArray[np.int64], which: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the noise variance of each stretch over the whole row's; 0 where a stretch is too short to tell."""
    inner = np.maximum(np.diff(bounds, axis=1) - 2, 1)
    low, high = np.minimum(bounds[:, :-1] + 2, bounds[:, 1:]), bounds[:, 1:]
    own = (rows.rough[which[:, None], high] - rows.rough[which[:, None], low]) / inner
    length = rows.length[which]
    whole = np.maximum(rows.rough[which, length] / (length - 2), ROUGH * rows.floor[which] ** 2)
    times: NDArray[np.float64] = np.where(inner >= SCATTERED - 2, own / whole[:, None], 0.0)
    return times


def unlikelihood(rows: Sums, bounds: NDArray[np.int64], which: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return minus twice the logarithm of the likelihood of rows, up to a constant of each row.

    What a cutting leaves over is taken for autoregressive noise: it counts as far as the values before do not foretell
    it. A level that is not cut where it changed makes noise that remembers, but a jump is never foretold.
    """
    length = rows.length[which]
    # The least noise is independent of what else is left over.
    total = _stretches(rows, bounds, which)[1].sum(axis=1) + length * rows.floor[which] ** 2
    pairs = zip(LAGS, rows.lagged, strict=True)
    first, second, third = (_lagged(rows.value, products, which, bounds, lag) / total for lag, products in pairs)
    surprise: NDArray[np.float64] = length * np.log(total * _unforetold(first, second, third))
    return surprise


def _unforetold(
    first: NDArray[np.float64], second: NDArray[np.float64], third: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of variance that three values before leave open, from correlations: Levinson's recursion."""
    left = 1 - first**2
    partial = np.clip((second - first**2) / left, -CERTAIN, CERTAIN)
    left = left * (1 - partial**2)
    near = first * (1 - partial)
    open_still: NDArray[np.float64] = left * (
        1 - np.clip((third - near * second - partial * first) / left, -CERTAIN, CERTAIN) ** 2
    )
    return open_still


def deviates(levels: Levels) -> NDArray[np.float64]:
    """Return how far neighbouring stretches lie apart as normal deviates, shape (M, K - 1); 0 past the last."""
    step = np.abs(np.diff(levels.mean, axis=1))
    error = np.sqrt(levels.variance[:, 1:] + levels.variance[:, :-1])
    return np.where(levels.size[:, 1:] > 0, t_to_normal(step / error, levels.noise.dof[:, None]), 0.0)


def _correlations(
    rows: Sums, which: NDArray[np.int64], bounds: NDArray[np.int64], residual: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Return the noise's correlation at each lag; what the fitted means took off it is put back.

    A mean fitted to m values takes about ``(1 + 3 rho) / m`` off the correlation of neighbours (Marriott & Pope,
    Biometrika 41 (1954) 390-402, doi:10.1093/biomet/41.3-4.390) and its own variance off the others.
    """
    scale = np.maximum(residual, rows.length[which] * rows.floor[which] ** 2)  # the least noise is independent
    pairs = zip(LAGS, rows.lagged, strict=True)
    raw = [_lagged(rows.value, products, which, bounds, lag) / scale for lag, products in pairs]
    per_value = _fitted(rows, which, bounds) / rows.length[which]
    first = np.clip(raw[0] + (1 + 3 * raw[0]) * per_value, 0.0, MAX_RHO)
    taken = per_value * (1 + first) / (1 - first)
    return [first, *(np.clip(one + taken, -1.0, MAX_RHO) for one in raw[1:])]


def _fitted(rows: Sums, which: NDArray[np.int64], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the means and slopes fitted to each row: either costs a degree of freedom, and as much correlation."""
    fitted: NDArray[np.int64] = np.count_nonzero(np.diff(bounds, axis=1), axis=1) + rows.sloped[which]
    return fitted


def _lagged(
    value: NDArray[np.float64],
    products: NDArray[np.float64],
    which: NDArray[np.int64],
    bounds: NDArray[np.int64],
    lag: int,
) -> NDArray[np.float64]:
    """Sum over each row the products of deviations so many places apart, both in one stretch."""
    row = which[:, None]
    low, high = bounds[:, :-1], bounds[:, 1:]
    late, early = np.minimum(low + lag, high), np.maximum(high - lag, low)
    at_bounds = value[row, bounds]
    mean = np.diff(at_bounds, axis=1) / np.maximum(high - low, 1)
    crossed = value[row, early] - at_bounds[:, :-1] + at_bounds[:, 1:] - value[row, late]
    total = products[row, high] - products[row, late] - mean * (crossed - (high - late) * mean)
    found: NDArray[np.float64] = (total * (high > late)).sum(axis=1)
    return found


def _noise(rows: Sums, bounds: NDArray[np.int64], which: NDArray[np.int64]) -> Noise:
    residual = _stretches(rows, bounds, which)[1].sum(axis=1)
    correlations = _correlations(rows, which, bounds, residual)
    length, fitted = rows.length[which], _fitted(rows, which, bounds)
    first, lasting = correlations[0], _lasting(correlations, length)
    share = np.where(lasting > 0, first / np.maximum(lasting, 1e-9), 0.0)
    inflation = 1 - share + share * (1 + lasting) / (1 - lasting)
    sigma = np.sqrt(residual / np.maximum(length - fitted * inflation, 2.0))
    dof = np.maximum((length - fitted) * (1 - first) / (1 + first), MIN_DOF)
    return Noise(
        sigma=np.maximum(sigma, rows.floor[which]),
        rho=first,
        lasting=lasting,
        share=share,
        inflation=inflation,
        # The least noise is agreed on, not estimated.
        dof=np.where(sigma < rows.floor[which], KNOWN_DOF, dof),
    )


def _lasting(correlations: list[NDArray[np.float64]], length: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how much of the correlation is left from one place to the next, at least the first correlation itself.

    Of an autoregressive series the two are the same. Slow waves under unrelated noise have a small correlation that
    lasts, and means err by far more than the first correlation tells.
    """
    first, second, third = correlations
    ratio = (second + third) / np.maximum(first + second, 1e-9)
    known = first + second + third > CORRELATED * np.sqrt(len(LAGS) / length)
    return np.where(known, np.clip(ratio, first, MAX_RHO), first)


def _inflation(size: NDArray[np.int64], noise: Noise) -> NDArray[np.float64]:
    """Return the variance of means of so many values over that of independent ones."""
    rho, share = noise.lasting[:, None], noise.share[:, None]
    correlated = (1 + rho) / (1 - rho) - 2 * rho * (1 - rho**size) / (size * (1 - rho) ** 2)
    inflation: NDArray[np.float64] = 1 - share + share * correlated
    return inflation
