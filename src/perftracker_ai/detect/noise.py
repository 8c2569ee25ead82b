"""What chance alone does to a curve: noise of a point, its correlation along the load, scatter of whole levels.

In: log-ratios net of the shift. Out: a `Noise` for every row. Estimated from differences between neighbouring loads,
which a real change touches only at its ends; from the levels of the curves' quieter side; and from contrasts of the
baseline runs where there are any, which no change of the candidate touches at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.detect.scan import inflation
from perftracker_ai.stats import median, quiet_scale, robust_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAGS = (1, 2, 3, 5)
"""Distances along the load at which roughness is measured: enough to see a correlation die out, short enough for
few pairs to straddle a change."""

SIGMA_FLOOR = 0.005
"""No point is trusted below half a per cent: a tenth of the smallest change anyone asks about."""

DOF_PER_POINT = 0.6
"""Degrees of freedom of a variance from lagged differences, per point: overlapping differences of white noise carry
2/3 (von Neumann 1941, doi:10.1214/aoms/1177731677), winsorizing leaves nine tenths of that."""

LEVEL_PRIOR, LEVEL_PRIOR_CURVES = 0.04, 8.0
"""Scatter of a curve's level between two runs where the job cannot tell: repeated public database benchmarks show 3.6
and 5.3 %; it weighs as much as eight curves of the job's own."""

CLIP = 3.0
"""A point further than this many sigmas from the median of its five neighbours is pulled back to there: a spike may
not make a window of three."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roughness:
    """Variance estimates from differences along the load, per row.

    Attributes
    ----------
    variance : ndarray, shape (C, len(LAGS))
        Half the variance of differences at each lag: the noise variance times ``1 - rho ** lag``.
    points : ndarray, shape (C,)
        Points present.
    """

    variance: NDArray[np.float64]
    points: NDArray[np.float64]


def roughness(value: NDArray[np.float64]) -> Roughness:
    """Measure rows at several lags; NaN where a row is too short for a lag."""
    columns = [_lag_variance(value, lag) for lag in LAGS]
    return Roughness(variance=np.stack(columns, axis=-1), points=np.isfinite(value).sum(axis=-1).astype(np.float64))


def _lag_variance(value: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    if value.shape[-1] <= lag:
        return np.full(value.shape[:-1], np.nan)
    return robust_scale(value[..., lag:] - value[..., :-lag]) ** 2 / 2


def correlation(rough: Roughness, at_least: int = 20) -> float:
    """Estimate the correlation of neighbouring loads, one for all rows of ``at_least`` points or more.

    The growth of roughness with the lag, median over rows so that the minority with a change in them does not count,
    matched to ``(1 - rho**lag) / (1 - rho)``. 0 without a row to learn from.
    """
    variance = rough.variance.reshape(-1, len(LAGS))
    usable = (rough.points.ravel() >= at_least) & np.all(variance > 0, axis=1)
    if not usable.any():
        return 0.0
    growth = np.median(np.log(variance[usable] / variance[usable, :1]), axis=0)
    grid = np.arange(0.0, 0.96, 0.01)
    expected = np.log((1 - grid[:, None] ** np.array(LAGS)) / (1 - grid[:, None]))
    return float(grid[np.argmin(np.sum((expected - growth) ** 2, axis=1))])


def point_variance(rough: Roughness, rho: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise variance of each row and its degrees of freedom, from the two shortest lags.

    Returns
    -------
    (ndarray, ndarray)
        Variance NaN and degrees of freedom 0 for rows too short to have any roughness.
    """
    scaled = rough.variance[..., :2] / (1 - rho ** np.array(LAGS[:2]))
    known = np.isfinite(scaled)
    variance = np.divide(
        np.nansum(scaled, axis=-1), known.sum(axis=-1), out=np.full(known.shape[:-1], np.nan), where=known.any(axis=-1)
    )
    dof = np.where(np.isfinite(variance), DOF_PER_POINT * np.maximum(rough.points - 1, 0), 0.0)
    return variance, dof


def pooled_variance(rough: Roughness, rho: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise variance of each curve over its comparison (first row) and the contrasts of its baseline runs.

    Parameters
    ----------
    rough : Roughness
        Of arrays of shape (B, C, N).
    """
    variance, dof = point_variance(rough, rho)
    total = dof.sum(axis=0)
    weighted = np.nansum(np.where(dof > 0, variance, 0.0) * dof, axis=0)
    return np.divide(weighted, total, out=np.full(total.shape, np.nan), where=total > 0), total


def moderate(
    variance: NDArray[np.float64], dof: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw variances towards their typical value as far as they scatter no more than chance.

    Rows without an estimate of their own get the typical value.

    Returns
    -------
    (ndarray, ndarray)
        Moderated variances and the degrees of freedom they now have.

    References
    ----------
    Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004) 3, doi:10.2202/1544-6115.1027.
    """
    floor = SIGMA_FLOOR**2
    known = np.isfinite(variance) & (dof > 0)
    if not known.any():
        return np.full(variance.shape, np.nan), np.zeros(variance.shape)
    log = np.log(np.maximum(np.where(known, variance, 1.0), floor))
    centre = float(np.median(log[known]))
    prior = _prior_dof(log[known] - centre, dof[known])
    own = np.where(known, dof, 0.0)
    drawn = np.exp((own * np.where(known, log, 0.0) + prior * centre) / (own + prior))
    return drawn, own + prior


def _prior_dof(log_deviation: NDArray[np.float64], dof: NDArray[np.float64]) -> float:
    """Weight of the typical variance: large when rows differ by no more than estimation error.

    The variance of a log chi-square over its dof is about 2 / dof + 2 / dof**2 (trigamma); what exceeds it is real.
    """
    half = dof / 2
    expected = float(np.mean(1 / half + 1 / (2 * half**2)))
    spread = float(robust_scale(log_deviation)) ** 2
    excess = max(spread - expected, 0.02)
    return float(np.clip(2 / excess, 2.0, 50.0))


def clip_spikes(value: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pull points back to within three sigmas of the median of the nearest full window of five loads.

    At the ends that window is the outermost full one: repeating the edge value instead would let an end spike vouch
    for itself. Rows of fewer than five columns are returned as they are.
    """
    columns = value.shape[1]
    if columns < 5:  # noqa: PLR2004 - no window of five
        return value
    middle = median(np.lib.stride_tricks.sliding_window_view(value, 5, axis=1))
    centre = middle[:, np.clip(np.arange(columns) - 2, 0, columns - 5)]
    reach = CLIP * sigma[:, None]
    return np.clip(value, centre - reach, centre + reach)


def mean_variance(variance: NDArray[np.float64], points: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
    """Variance of a row's mean by the noise of its points alone."""
    counts, place = np.unique(points.astype(np.intp), return_inverse=True)
    widened = np.array([inflation(rho, int(count)) / max(int(count), 1) for count in counts])
    of_mean: NDArray[np.float64] = variance * widened[place]
    return of_mean


def level_scatter(
    level: NDArray[np.float64], sigma: NDArray[np.float64], sampling: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Variance of whole levels between runs, per row: what the levels scatter beyond the noise of their points.

    Noisy rows' levels scatter more; how much more is learned by comparing the noisier half of the rows with the other.

    Parameters
    ----------
    level, sigma, sampling : ndarray, shape (C,)
        Level net of the shift, point noise, and variance of the level that the point noise explains.
    """
    known = np.isfinite(level) & np.isfinite(sigma)
    if not known.any():
        return np.full(level.shape, LEVEL_PRIOR**2)
    middle = float(np.median(sigma[known]))
    slope = _scatter_slope(level[known], sigma[known], middle)
    relative = np.where(known, sigma / middle, 1.0) ** slope
    total = quiet_scale(level / relative)
    excess = max((total if np.isfinite(total) else 0.0) ** 2 - float(np.median(sampling[known])), 0.0)
    count = float(known.sum())
    typical = (count * excess + LEVEL_PRIOR_CURVES * LEVEL_PRIOR**2) / (count + LEVEL_PRIOR_CURVES)
    return typical * relative**2


def _scatter_slope(level: NDArray[np.float64], sigma: NDArray[np.float64], middle: float) -> float:
    """Exponent in [0, 1] with which level scatter grows with point noise; one half where it cannot be told."""
    quiet, noisy = sigma <= middle, sigma > middle
    scales = [quiet_scale(level[part]) for part in (quiet, noisy)]
    if min(quiet.sum(), noisy.sum()) < 10 or not min(scales) > 0:  # noqa: PLR2004 - five a side at the least
        return 0.5
    distance = np.log(np.median(sigma[noisy]) / np.median(sigma[quiet]))
    return float(np.clip(np.log(scales[1] / scales[0]) / max(distance, 0.1), 0.0, 1.0))
