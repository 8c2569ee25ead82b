"""What chance alone does to a curve: noise of a point, its correlation along the load, scatter of whole levels.

In: log-ratios net of the shift. Out: a `Noise` for every row. Estimated from differences between neighbouring loads,
which a real change touches only at its ends; from the levels of the curves' quieter side; and from contrasts of the
baseline runs where there are any, which no change of the candidate touches at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect.scan import ends_of, inflation
from perftracker_ai.stats import MAD_TO_SIGMA, median, median_of_five, quiet_scale, robust_location, robust_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAGS = (1, 2, 3, 5)
"""Distances along the load at which roughness is measured: enough to see a correlation die out, short enough for
few pairs to straddle a change."""

MIN_DOF = 30.0
"""However unsure the correlation, the tail is no longer than that of Student's t with so many degrees of freedom."""

MAX_RHO = 0.9
"""Correlations beyond this cannot be told from a change of level in a curve of some fifty points."""

MIN_CORRELATED = 12
"""Points from which a row says anything of its own correlation."""

FIT_LOSS, FIT_OFFSET = 11.5, 0.75
"""What levelling the best window takes from the lag-one correlation of a row of n points: it becomes about
``rho * exp(-11.5 / n) - 0.75 / sqrt(n)``, simulated for n = 12 to 120 and rho = 0 to 0.8."""

LAG_ONE_VARIANCE = 0.87
"""Variance of a lag-one correlation times n, in the same simulations; 1 - rho**2 in theory."""

RHO_SPREAD = 0.05
"""Rows' correlations are never taken to be all the same."""

RHO_APART, TYPICAL_VARIANCE = 0.1, 2.2
"""How far the typical correlation of averages lies from that of their rows, and the variance of a typical correlation
times the points it is told from, simulated for 10 to 50 rows of 8 to 54 points (1.6 to 3.5)."""

SIGMA_FLOOR = 0.005
"""No point is trusted below half a per cent: a tenth of the smallest change anyone asks about."""

DOF_PER_POINT = 0.6
"""Degrees of freedom of a variance from lagged differences, per point: overlapping differences of white noise carry
2/3 (von Neumann 1941, doi:10.1214/aoms/1177731677), winsorizing leaves nine tenths of that."""

PRIOR_NOISE = 0.15
"""Noise of one log-ratio of single scores where the job has no curve to learn from: the upper end of ordinary load
tests (10 % a run, two runs)."""

LEVEL_PRIOR, LEVEL_PRIOR_CURVES = 0.04, 3.0
"""Scatter of a curve's level between two runs where the job cannot tell: repeated public database benchmarks show 3.6
and 5.3 %; it weighs as much as three curves of the job's own: enough to stand in for a handful, too
little to be believed where the job shows better."""

STEADY = 0.5
"""A drift that rows share goes along most of the loads: where their halves' medians show less of it than this share, a
band of loads makes it."""

MIN_OWN, OWN_DOF, LEAST_OWN, SURE = 4, 0.8, 0.1, 2.0
"""Calm comparisons from which a curve has a scatter of its own, degrees of freedom that each is worth to a robust
scale, the share of the typical variance that no curve goes below, and the standard errors (of a logarithm) by which a
curve must exceed the others to be taken at its word."""

UNEVEN = 1.5
"""Factor between a curve's noise in two runs that estimation from some twenty points alone produces."""

MIN_KIND = 20
"""Curves from which a metric kind has its own typical noise: latencies' percentiles scatter more than rates do."""

CLIP = 3.0
"""A point further than this many sigmas from the median of its five neighbours is pulled back to there: a spike may
not make a window of three."""


class Roughness(msgspec.Struct, frozen=True, kw_only=True, eq=False):
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


def typical_correlation(rough: Roughness, at_least: int = 8) -> float:
    """Estimate the correlation of neighbouring loads that rows of ``at_least`` points or more typically have.

    The growth of roughness with the lag, median over rows so that the minority with a change in them does not count,
    matched to ``(1 - rho**lag) / (1 - rho)``. 0 without a row to learn from.
    """
    variance = rough.variance.reshape(-1, len(LAGS))
    usable = (rough.points.ravel() >= at_least) & np.all(variance > 0, axis=1)
    if not usable.any():
        return 0.0
    growth = median(np.log(variance[usable] / variance[usable, :1]), axis=0)
    grid = np.arange(0.0, MAX_RHO + 0.01, 0.01)
    expected = np.log((1 - grid[:, None] ** np.array(LAGS)) / (1 - grid[:, None]))
    return float(grid[np.argmin(np.sum((expected - growth) ** 2, axis=1))])


def drawn_correlation(own: float, like: float, points: float) -> float:
    """Draw the typical correlation that averages of rows show towards that of the rows, which is theirs as well.

    What disturbs all rows of an average at a time may correlate otherwise; but averages are few, and where they are
    short their own say is mostly chance.

    Parameters
    ----------
    points : float
        Points that ``own`` is told from, in independent averages.
    """
    weight = RHO_APART**2 / (RHO_APART**2 + TYPICAL_VARIANCE / max(points, 1.0))
    return like + weight * (own - like)


class Correlation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Unbiased estimates of the rows' correlation and their variances; variance infinite where there is none."""

    rho: NDArray[np.float64]
    variance: NDArray[np.float64]


def fitted_correlation(value: NDArray[np.float64], first: NDArray[np.intp], last: NDArray[np.intp]) -> Correlation:
    """Estimate each row's correlation from what is left when its best window is levelled with the rest of it."""
    columns = np.arange(value.shape[1])
    inside = (columns >= first[:, None]) & (columns <= last[:, None])
    left, points = _levelled(_levelled(value, inside), ~inside), np.isfinite(value).sum(axis=1)
    kept = np.exp(-FIT_LOSS / np.maximum(points, 1))
    rho = (_lag_one(left) + FIT_OFFSET / np.sqrt(np.maximum(points, 1))) / kept
    return Correlation(rho=rho, variance=_usable(points, rho, LAG_ONE_VARIANCE / np.maximum(points, 1) / kept**2))


def plain_correlation(value: NDArray[np.float64]) -> Correlation:
    """Estimate each row's correlation about its mean, for rows nothing changed in (Marriott & Pope 1954)."""
    points = np.isfinite(value).sum(axis=1)
    safe = np.maximum(points, MIN_CORRELATED)
    rho = (_lag_one(_levelled(value, np.ones(value.shape, dtype=bool))) + 1 / safe) / (1 - 3 / safe)
    return Correlation(rho=rho, variance=_usable(points, rho, LAG_ONE_VARIANCE / safe / (1 - 3 / safe) ** 2))


def _usable(points: NDArray[np.intp], rho: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where((points >= MIN_CORRELATED) & np.isfinite(rho), variance, np.inf)


def _levelled(value: NDArray[np.float64], part: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Take the mean of one part of each row off that part."""
    known = part & np.isfinite(value)
    total = np.where(known, value, 0.0).sum(axis=1)
    mean = total / np.maximum(known.sum(axis=1), 1)
    levelled: NDArray[np.float64] = np.where(part, value - mean[:, None], value)
    return levelled


def _lag_one(value: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.where(np.isfinite(value), value, 0.0)
    power = np.sum(known**2, axis=1)
    product = np.sum(known[:, 1:] * known[:, :-1], axis=1)
    correlation: NDArray[np.float64] = np.divide(product, power, out=np.zeros(len(known)), where=power > 0)
    return correlation


def shared_correlation(parts: list[Correlation], typical: float) -> Correlation:
    """Join several estimates per row and draw them towards the typical value as far as they scatter by chance.

    Returns
    -------
    Correlation
        In [0, MAX_RHO], with the variance that is left; the typical value where a row has no estimate.
    """
    precision = np.sum([1 / part.variance for part in parts], axis=0)
    rho = [np.where(np.isfinite(part.variance), part.rho, 0.0) / part.variance for part in parts]
    known = precision > 0
    if not known.any():
        return Correlation(rho=np.full(known.shape, typical), variance=np.full(known.shape, RHO_SPREAD**2))
    own = np.divide(np.sum(rho, axis=0), precision, out=np.full(known.shape, typical), where=known)
    spread = float(robust_scale(own[known] - typical)) ** 2
    real = max(spread - float(np.mean(1 / precision[known])), RHO_SPREAD**2)
    left = 1 / (1 / real + precision)
    drawn = np.clip(typical + (own - typical) * left * precision, 0.0, MAX_RHO)
    return Correlation(rho=drawn, variance=left)


def effective_dof(dof: NDArray[np.float64], correlation: Correlation) -> NDArray[np.float64]:
    """Degrees of freedom of the variance of a long mean: those of the roughness, less what the correlation leaves open.

    That variance is roughness times ``(1 + rho) / (1 - rho)**2``; an error in rho moves its logarithm by
    ``1 / (1 + rho) + 2 / (1 - rho)`` times as much, and a logarithm of variance v stands for 2 / v degrees of freedom.
    """
    lever = 1 / (1 + correlation.rho) + 2 / (1 - correlation.rho)
    unsure = 2 / np.maximum(dof, 1.0) + lever**2 * correlation.variance
    effective: NDArray[np.float64] = np.minimum(dof, np.maximum(2 / unsure, MIN_DOF))
    return effective


def point_variance(rough: Roughness, rho: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise variance of each curve and its degrees of freedom, over its comparison and the contrasts of its baselines.

    Parameters
    ----------
    rough : Roughness
        Of arrays of shape (B, C, N); the two shortest lags are used.
    rho : ndarray, shape (C,)

    Returns
    -------
    (ndarray, ndarray)
        Variance NaN and degrees of freedom 0 for rows too short to have any roughness.
    """
    scaled = _evened(rough.variance[..., :2]) / (1 - rho[:, None] ** np.array(LAGS[:2]))
    known = np.isfinite(scaled)
    pairs = np.where(known, np.maximum(rough.points[..., None] - 1, 0), 0.0)
    mass = pairs.sum(axis=(0, -1))
    total = np.where(known, scaled * pairs, 0.0).sum(axis=(0, -1))
    variance = np.divide(total, mass, out=np.full(mass.shape, np.nan), where=mass > 0)
    return variance, DOF_PER_POINT * pairs.max(axis=-1).sum(axis=0)


def _evened(variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise what the contrasts of baseline runs say to the noise of the comparison, where that is larger throughout.

    A candidate's run that is noisier than all runs of the baseline is as noisy as it is, however many there are.
    """
    if len(variance) == 1:
        return variance
    return np.concatenate([variance[:1], _excess(variance[0], median(variance[1:], axis=0)) * variance[1:]])


def _excess(comparison: NDArray[np.float64], calm: NDArray[np.float64]) -> float:
    """Factor by which the comparison's variances exceed those of calm ones throughout; at least 1."""
    ratio = np.divide(comparison, calm, out=np.full(calm.shape, np.nan), where=calm > 0)
    known = ratio[np.isfinite(ratio) & (ratio > 0)]
    return max(float(median(known)), 1.0) if len(known) else 1.0


def moderate(
    variance: NDArray[np.float64], dof: NDArray[np.float64], kind: NDArray[np.intp], floor: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw variances towards the typical value of their metric kind as far as they scatter no more than chance.

    Rows without an estimate of their own get the typical value. Where no row has one, as in a job of scalars, each has
    what the spread of its scores shows, or what single scores are expected to do: a variance is always a number, for
    the scatter of levels, and with it what reruns teach, is told from it.

    Parameters
    ----------
    floor : ndarray, shape (C,)
        What the spread of the scores alone shows; 0 where they show nothing.

    Returns
    -------
    (ndarray, ndarray)
        Moderated variances and the degrees of freedom they now have.

    References
    ----------
    Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004) 3, doi:10.2202/1544-6115.1027.
    """
    known = np.isfinite(variance) & (dof > 0)
    if not known.any():
        return np.where(floor > 0, floor, PRIOR_NOISE**2), np.full(variance.shape, MIN_DOF)
    log = np.log(np.maximum(np.where(known, variance, 1.0), SIGMA_FLOOR**2))
    centre = np.full(len(log), float(median(log[known])))
    for members in _kinds(kind, known):
        centre[members] = median(log[members & known])
    prior = _prior_dof((log - centre)[known], dof[known])
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
    middle = median_of_five([value[:, k : columns - 4 + k] for k in range(5)])
    centre = middle[:, np.clip(np.arange(columns) - 2, 0, columns - 5)]
    reach = CLIP * sigma[:, None]
    return np.clip(value, centre - reach, centre + reach)


def excess_noise(cost: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Noise a curve has in one of the two versions' runs only, per row: in the candidate's, in the baseline's.

    What disturbs a run (another tenant, garbage collection, a cold cache) adds time: a run that is unusually noisy on a
    curve is slower on it too, by about the size of that noise (an exponential delay has the mean of its standard
    deviation). Compared with the typical ratio of the two versions' noise, and beyond what estimation does.

    Parameters
    ----------
    cost : ndarray, shape (B + 1, C, N)
        Log cost per run, candidate last.
    """
    bend = cost[..., 1:-1] - (cost[..., :-2] + cost[..., 2:]) / 2
    sigma = np.maximum(MAD_TO_SIGMA * median(np.abs(bend)) / np.sqrt(1.5), SIGMA_FLOOR)
    baseline, candidate = median(sigma[:-1], axis=0), sigma[-1]
    known = np.isfinite(baseline) & np.isfinite(candidate)
    ratio = float(np.exp(median(np.log(candidate[known] / baseline[known])))) if known.any() else 1.0
    worse = np.maximum(candidate - UNEVEN * ratio * baseline, 0.0)
    better = np.maximum(baseline - UNEVEN * candidate / ratio, 0.0)
    return np.where(known, worse, 0.0), np.where(known, better, 0.0)


def mean_variance(
    variance: NDArray[np.float64], points: NDArray[np.float64], rho: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Variance of a row's mean by the noise of its points alone."""
    safe = np.maximum(points, 1.0)
    of_mean: NDArray[np.float64] = variance * inflation(rho, safe) / safe
    return of_mean


def _kinds(kind: NDArray[np.intp], known: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Rows of each metric kind that has enough known ones to speak for itself."""
    members = [kind == value for value in range(int(kind.max(initial=-1)) + 1)]
    return [rows for rows in members if np.sum(rows & known) >= MIN_KIND]


def level_scatter(
    level: NDArray[np.float64],
    sigma: NDArray[np.float64],
    sampling: NDArray[np.float64],
    kind: NDArray[np.intp],
    looks: int = 1,
) -> NDArray[np.float64]:
    """Variance of whole levels between runs, per row, learned within the metric kind where it has enough rows.

    Parameters
    ----------
    looks : int
        Comparisons that are learned from together: each brings its share of the prior.
    """
    members = _kinds(kind, np.isfinite(level) & np.isfinite(sigma))
    apart = np.logical_or.reduce(members) if members else np.zeros(level.shape, dtype=bool)
    # where every kind speaks for itself, nothing is left to what all of them share
    variance = np.empty(level.shape) if apart.all() else _level_scatter(level, sigma, sampling, looks)
    for rows in members:
        variance[rows] = _level_scatter(level[rows], sigma[rows], sampling[rows], looks)
    return variance


def _level_scatter(
    level: NDArray[np.float64], sigma: NDArray[np.float64], sampling: NDArray[np.float64], looks: int
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
    middle = float(median(sigma[known]))
    slope = _scatter_slope(level[known], sigma[known], middle)
    relative = np.where(np.isfinite(sigma), sigma / middle, 1.0) ** slope
    total = quiet_scale(level / relative)
    excess = max((total if np.isfinite(total) else 0.0) ** 2 - float(median(sampling[known])), 0.0)
    count = float(known.sum())
    prior = LEVEL_PRIOR_CURVES / looks
    typical = (count * excess + prior * LEVEL_PRIOR**2) / (count + prior)
    return typical * relative**2


def evened_scatter(scatters: NDArray[np.float64], sampling: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Raise what calm comparisons say to what the comparison itself shows, where that is more throughout.

    Levels and drifts wander, and the jobs of a comparison mostly lie further apart than the neighbours that are
    compared to learn from. Pairs as far apart would overlap: fifteen of them would be worth two.

    Parameters
    ----------
    scatters : ndarray, shape (1 + K, C)
        Variance of levels, or of drifts, between the runs of the comparison, then of K calm ones.
    sampling : ndarray, shape (C,)
        Variance of them that the noise of the points explains.

    Returns
    -------
    (ndarray, float)
        The typical variance of each row, and what all variances of calm comparisons are to be multiplied by.
    """
    if len(scatters) == 1:
        return scatters[0], 1.0
    total = scatters + sampling
    factor = _excess(total[0], np.mean(total[1:], axis=0))
    raised = np.concatenate([scatters[:1], factor * total[1:] - sampling])
    return np.mean(raised, axis=0), factor


def own_scatter(
    levels: NDArray[np.float64], typical: NDArray[np.float64], sampling: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Variance of each row's level between runs, as far as calm comparisons tell rows apart.

    Parameters
    ----------
    levels : ndarray, shape (K, C)
        Of K comparisons with nothing changed between the runs, or little.
    typical, sampling : ndarray, shape (C,)
        Variance that rows typically have, and the part of a level's variance that the noise of its points explains.
    """
    if len(levels) < MIN_OWN:
        return typical
    known, expected = np.isfinite(levels).sum(axis=0), typical + sampling
    scale = robust_scale(levels.T)
    usable = (known >= MIN_OWN) & (scale > 0) & np.isfinite(expected)
    if not usable.any():
        return typical
    dof = OWN_DOF * known[usable]
    # the logarithm of a variance of so many degrees of freedom lies low by its reciprocal
    deviation = 2 * np.log(scale[usable]) - np.log(expected[usable]) + 1 / dof
    weight = dof / (dof + _prior_dof(deviation - float(median(deviation)), dof))
    scatter = typical.copy()
    # a row that jumps about far more than the others is no draw from what is typical: at least its own lower bound
    total = expected[usable] * np.exp(np.maximum(weight * deviation, deviation - SURE * np.sqrt(2 / dof)))
    scatter[usable] = np.maximum(total - sampling[usable], LEAST_OWN * typical[usable])
    return scatter


def _scatter_slope(level: NDArray[np.float64], sigma: NDArray[np.float64], middle: float) -> float:
    """Exponent in [0, 1] with which level scatter grows with point noise; one half where it cannot be told."""
    quiet, noisy = sigma <= middle, sigma > middle
    scales = [quiet_scale(level[part]) for part in (quiet, noisy)]
    # a half whose levels lie all on one side has no scale, which is NaN: every scale is asked, for `min` may hide one
    if min(quiet.sum(), noisy.sum()) < 10 or not all(scale > 0 for scale in scales):  # noqa: PLR2004 - five a side
        return 0.5
    distance = np.log(median(sigma[noisy]) / median(sigma[quiet]))
    return float(np.clip(np.log(scales[1] / scales[0]) / max(distance, 0.1), 0.0, 1.0))


def drift(value: NDArray[np.float64], like: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure how far rows rise from their first load to their last: twice the step between their halves.

    Parameters
    ----------
    value : ndarray, shape (K, C, N)
        Comparisons of the same curves.
    like : ndarray, shape (C, N)
        Its loads say where a curve's halves are.
    """
    side = _side_of(like)
    rise: NDArray[np.float64] = 2 * (mean_of(value, side > 0) - mean_of(value, side < 0))
    return rise


def steady_drift(value: NDArray[np.float64], like: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure the same from the medians of the halves: a band of loads is a change, and leaves this one alone."""
    side = _side_of(like)
    upper, lower = (median(np.where(part, value, np.nan)) for part in (side > 0, side < 0))
    return np.asarray(2 * (upper - lower))


def _side_of(value: NDArray[np.float64]) -> NDArray[np.intp]:
    """Tell on which side of its row's middle each column is, by sign."""
    begin, end = ends_of(value)
    return np.asarray(2 * np.arange(value.shape[-1]) - (begin + end)[:, None])


def drift_sampling(
    variance: NDArray[np.float64], points: NDArray[np.float64], rho: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Variance of `drift` by the noise of the points alone."""
    of_rise: NDArray[np.float64] = 8 * mean_variance(variance, points / 2, rho)
    return of_rise


def drift_scatter(
    rise: NDArray[np.float64],
    steady: NDArray[np.float64],
    sigma: NDArray[np.float64],
    sampling: NDArray[np.float64],
    kind: NDArray[np.intp],
    looks: int = 1,
) -> NDArray[np.float64]:
    """Variance of the rows' drifts beyond the noise of their points, a steady drift that all of them share included."""
    known = np.isfinite(rise) & np.isfinite(steady)
    middle, lasting = (robust_location(part[known]) if known.any() else 0.0 for part in (rise, steady))
    shared = middle if abs(lasting) >= STEADY * abs(middle) else lasting
    return level_scatter(rise - middle, sigma, sampling, kind, looks) + shared**2


def mean_of(value: NDArray[np.float64], part: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average a part of each row; NaN where it has no point."""
    known = part & np.isfinite(value)
    count = known.sum(axis=-1)
    total = np.where(known, value, 0.0).sum(axis=-1)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean
