"""Small statistics NumPy lacks: robust location and scale, tails, tests, error control over many tests.

Everything takes and returns arrays or numbers and knows nothing of curves. NaN means absent where it says so. Each
routine has scipy or a slow loop as its oracle in the tests; scipy itself takes a second to import, so it stays out.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

T = TypeVar("T", bound=np.generic)

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal sample: 1 / Phi^-1(3/4)."""

WINSOR = 2.5
"""Deviations count up to this many sigmas; 98.8 % of a normal sample is left as it is."""

_SHORTH_TO_SIGMA = 1 / 1.349  # the shortest half of a normal sample reaches from -0.6745 to 0.6745 sigma
_BIWEIGHT = 3.0
"""Reach of the biweight in sigmas. 4.685 is usual (95 % efficiency), but the scale here is that of a contaminated half:
with a third of the sample 4 sigmas off, the bias is 0.5 sigma at 3.0 and 1.1 at 4.685, for a sixth more scatter."""


def median(values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Take medians along an axis, absent values (NaN) left out; NaN where all are absent.

    ``numpy.nanmedian`` is two orders of magnitude slower on many short rows, and warns.
    """
    rows = values if axis == -1 else np.moveaxis(values, axis, -1)
    count = rows.shape[-1]
    if count == 0:
        return np.full(rows.shape[:-1], np.nan)
    if count <= 2:  # noqa: PLR2004 - a median is the mean of two
        return _mean_of_two(rows[..., 0], rows[..., -1])
    ordered = np.sort(rows, axis=-1)
    if not np.isnan(ordered[..., -1]).any():  # NaN sorts last, so nothing is absent
        whole: NDArray[np.float64] = (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2
        return whole
    flat = ordered.reshape(-1, count)
    known, place = np.isfinite(flat).sum(axis=1), np.arange(len(flat))
    low, high = flat[place, np.maximum(known - 1, 0) // 2], flat[place, np.minimum(known // 2, count - 1)]
    middle: NDArray[np.float64] = (low + high) / 2
    middle[known == 0] = np.nan
    return middle.reshape(ordered.shape[:-1])


def _mean_of_two(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average, absent values (NaN) left out."""
    mean: NDArray[np.float64] = (np.where(np.isnan(one), other, one) + np.where(np.isnan(other), one, other)) / 2
    return mean


def median_of_five(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Take the median of five arrays of one shape, place by place, absent values (NaN) left out.

    By comparisons of whole arrays, an order of magnitude faster than sorting many rows of five.
    """
    a, b, c, d, e = parts
    low, high = np.maximum(np.minimum(a, b), np.minimum(c, d)), np.minimum(np.maximum(a, b), np.maximum(c, d))
    middle = np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e))
    gaps = np.isnan(middle)  # one absent value makes all of these comparisons absent
    if gaps.any():
        middle[gaps] = median(np.stack([part[gaps] for part in parts], axis=-1))
    return np.asarray(middle)


def distinct(values: NDArray[T]) -> NDArray[T]:
    """Give the different values of a sample in ascending order; as ``numpy.unique``, which is slow to start."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def numbered(names: Iterable[Hashable]) -> NDArray[np.intp]:
    """Give every name a number from 0 in order of appearance, the same to the same."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def group_medians(values: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.float64]:
    """Give the median of each group; groups are numbered from 0, none is empty, and no value is absent.

    Sorted by value and then stably by group, which for small numbers is done by their digits: three times as fast as
    by both at once.
    """
    count = np.bincount(group)
    order = np.argsort(values)
    order = order[np.argsort(group[order].astype(np.min_scalar_type(len(count))), kind="stable")]
    start = np.cumsum(count) - count
    low, high = (values[order[start + part]] for part in ((count - 1) // 2, count // 2))
    return np.asarray((low + high) / 2)


def quantile(values: NDArray[np.float64], share: float) -> float:
    """Value below which a share of a sample lies, interpolated; as ``numpy.quantile``, which is slow to start."""
    ordered = np.sort(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def ratio(log: float) -> float:
    """Change of a log-ratio as a ratio minus one; so large ones that nothing overflows end at e**50."""
    return math.expm1(min(log, 50.0))


ANSCOMBE = 0.375
"""Steadies the variance of the square root of a count down to counts of about one."""

MIN_FALLEN, MEDIAN_CHI2, ONE_WAY = 5, 0.455, 0.05
"""Counts that fell from which they say how all scatter; median of chi-squared with one degree of freedom; chance of so
many more that fell than rose below which they did not fall by chance."""


def count_rise(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """z-score of the difference of two Poisson counts.

    References
    ----------
    Anscombe, Biometrika 35 (1948) 246-254, doi:10.1093/biomet/35.3-4.246.
    """
    rise: NDArray[np.float64] = (np.sqrt(after + ANSCOMBE) - np.sqrt(before + ANSCOMBE)) * math.sqrt(2.0)
    return rise


def count_spread(rise: NDArray[np.float64], fell: int, rose: int) -> float:
    """By how much counts scatter beyond Poisson's law, as a standard deviation; at least 1.

    Only those that fell are asked: they show what chance does, and nothing that is to be found. Where far more fell
    than rose they did so for a reason, and show nothing of it.

    Parameters
    ----------
    rise : ndarray
        z-scores, see `count_rise`.
    fell, rose : int
        How many went either way: these, or what they belong to.
    """
    fallen = rise[rise < 0]
    one_way = float(normal_tail((fell - rose) / math.sqrt(max(fell + rose, 1)))) < ONE_WAY
    if len(fallen) < MIN_FALLEN or one_way:
        return 1.0
    return max(1.0, math.sqrt(float(median(fallen**2)) / MEDIAN_CHI2))


def robust_scale(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation about zero of each row, deviations beyond 2.5 MAD-sigmas counted as 2.5.

    More efficient than the MAD (about 0.9 against 0.37) and as deaf to a few wild values. NaN for rows without values.
    """
    first = MAD_TO_SIGMA * median(np.abs(values))
    clipped = np.minimum(np.abs(values), WINSOR * first[..., None]) ** 2
    known = np.isfinite(clipped).sum(axis=-1)
    total = np.nansum(clipped, axis=-1)
    mean = np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)
    scale: NDArray[np.float64] = np.sqrt(mean / winsorized_variance(WINSOR))
    return scale


@cache
def winsorized_variance(limit: float) -> float:
    """Variance of a standard normal value clipped to ``limit`` either side."""
    density = math.exp(-(limit**2) / 2) / math.sqrt(2 * math.pi)
    inside = math.erf(limit / math.sqrt(2))
    return inside - 2 * limit * density + limit**2 * (1 - inside)


def robust_location(values: NDArray[np.float64]) -> float:
    """Centre of the main body of a sample, however one-sided the rest is.

    Starts from the shortest half and refines by Tukey's biweight, so that a third of the sample lying far off to one
    side moves it little, where the median would already sit at the upper quartile of the good part.

    Returns
    -------
    float
        NaN for no values; the median of fewer than four.

    References
    ----------
    Rousseeuw & Leroy, Statistica Neerlandica 42 (1988) 103-116, doi:10.1111/j.1467-9574.1988.tb01224.x.
    """
    ordered = np.sort(values[np.isfinite(values)])
    if len(ordered) < 4:  # noqa: PLR2004 - a half of three values is no body
        return float(median(ordered)) if len(ordered) else math.nan
    half = len(ordered) // 2 + 1
    widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
    shortest = np.flatnonzero(widths <= widths.min() * (1 + 1e-9))
    start = int(shortest[len(shortest) // 2] + shortest[(len(shortest) - 1) // 2]) // 2
    centre, scale = float(median(ordered[start : start + half])), float(widths.min()) * _SHORTH_TO_SIGMA
    return _biweight(ordered, centre, scale)


def _biweight(values: NDArray[np.float64], centre: float, scale: float) -> float:
    if scale <= 0:
        return centre
    for _ in range(6):  # converged to a hundredth of a sigma
        weight = np.abs(values - centre)
        weight /= _BIWEIGHT * scale
        np.minimum(weight, 1.0, out=weight)
        weight *= weight
        np.subtract(1.0, weight, out=weight)
        weight *= weight
        mass = float(weight.sum())
        weight *= values
        centre = float(weight.sum()) / mass
    return centre


def robust_locations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give each row's centre as `robust_location` does, all rows at once; absent values (NaN) left out."""
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    centre = median(ordered)
    enough = count >= 4  # noqa: PLR2004 - a half of three values is no body
    if enough.any():
        centre[enough] = _bodies(ordered[enough], count[enough])
    return centre


def _bodies(ordered: NDArray[np.float64], count: NDArray[np.intp]) -> NDArray[np.float64]:
    """Refine the middle of each row's shortest half by the biweight."""
    rows, columns = np.arange(len(ordered))[:, None], np.arange(ordered.shape[1])
    half = (count // 2 + 1)[:, None]
    end = columns + half - 1
    inside = end < count[:, None]
    widths = np.where(inside, ordered[rows, np.minimum(end, ordered.shape[1] - 1)] - ordered, np.inf)
    least = widths.min(axis=1)
    shortest = widths <= least[:, None] * (1 + 1e-9)
    several = shortest.sum(axis=1)
    place = np.where(shortest, columns, ordered.shape[1])
    place.sort(axis=1)
    start = (place[rows[:, 0], several // 2] + place[rows[:, 0], (several - 1) // 2]) // 2
    body = (columns >= start[:, None]) & (columns < start[:, None] + half)
    centre, reach = median(np.where(body, ordered, np.nan)), _BIWEIGHT * _SHORTH_TO_SIGMA * least
    known = np.where(np.isfinite(ordered), ordered, 0.0)
    for _ in range(6):  # as in the other one
        distance = np.abs(ordered - centre[:, None]) / np.maximum(reach, 1e-300)[:, None]
        weight = np.where(np.isfinite(ordered), (1 - np.minimum(distance, 1.0) ** 2) ** 2, 0.0)
        refined = (weight * known).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-300)
        centre = np.where(reach > 0, refined, centre)
    return centre


def quiet_scale(deviations: NDArray[np.float64]) -> float:
    """Scale about zero from the quieter of the two sides, which mirrors what chance does on the other.

    Real changes are mostly one-sided; taking the smaller of both sides' scales keeps them out and treats the two
    directions alike. NaN without values on both sides.
    """
    ordered = np.sort(deviations[np.isfinite(deviations)])
    below, above = -ordered[ordered <= 0][::-1], ordered[ordered >= 0]
    if len(below) == 0 or len(above) == 0:
        return math.nan
    return min(_winsorized_scale(below), _winsorized_scale(above))


def _winsorized_scale(ordered: NDArray[np.float64]) -> float:
    """As `robust_scale`, of one ascending sample without absent values or negative ones."""
    count = len(ordered)
    limit = WINSOR * MAD_TO_SIGMA * (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    clipped = np.minimum(ordered, limit)
    return math.sqrt(float((clipped * clipped).sum()) / count / winsorized_variance(WINSOR))


_erfc = np.frompyfunc(math.erfc, 1, 1)


def normal_tail(z: ArrayLike) -> NDArray[np.float64]:
    """Probability that a standard normal value exceeds ``z``."""
    tail: NDArray[np.float64] = np.asarray(_erfc(np.asarray(z, dtype=np.float64) / math.sqrt(2)) / 2, dtype=np.float64)
    return tail


def t_to_normal(t: NDArray[np.float64], dof: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Normal deviate with the tail probability of Student's ``t``, to about 1 % of the deviate for 4 dof and more.

    References
    ----------
    Wallace, Annals of Mathematical Statistics 30 (1959) 1121-1130, doi:10.1214/aoms/1177706103.
    """
    factor = (8 * dof + 1) / (8 * dof + 3)
    return np.asarray(np.sign(t) * factor * np.sqrt(dof * np.log1p(t**2 / dof)))


def normal_to_t(z: NDArray[np.float64], dof: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Student's t with the tail probability of a normal deviate: the inverse of `t_to_normal`, ended at t = e**25."""
    scaled = z * (8 * dof + 3) / (8 * dof + 1)
    return np.asarray(np.sign(scaled) * np.sqrt(dof * np.expm1(np.minimum(scaled**2 / dof, 50.0))))


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """q-values: the smallest false-discovery rate at which each hypothesis would be rejected.

    NaN stays NaN and does not count as a test.

    References
    ----------
    Benjamini & Hochberg, JRSS B 57 (1995) 289-300, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    q = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def adaptive_cuts(p: NDArray[np.float64], group: NDArray[np.intp], rate: float) -> NDArray[np.float64]:
    """Largest p-value of each group that control of false discoveries in two stages rejects, if any is as small.

    The first stage, at ``rate / (1 + rate)``, counts the hypotheses that are surely false; the second has only the
    others among the tests. Groups are numbered from 0, and none is empty.

    References
    ----------
    Benjamini, Krieger & Yekutieli, Biometrika 93 (2006) 491-507, doi:10.1093/biomet/93.3.491.
    """
    count = np.bincount(group)
    order = np.lexsort((p, group))
    rank = np.empty(len(p))
    rank[order] = 1 + np.arange(len(p)) - np.repeat(np.cumsum(count) - count, count)

    def rejected(level: NDArray[np.float64]) -> NDArray[np.float64]:
        most = np.zeros(len(count))
        small = p <= level[group] * rank / count[group]
        np.maximum.at(most, group[small], rank[small])
        return most

    first = np.full(len(count), rate / (1 + rate))
    second = first * count / np.maximum(count - rejected(first), 1)
    return np.asarray(second * np.maximum(rejected(second), 1) / count)


def t_tail(t: float, dof: float) -> float:
    """Probability that Student's t with ``dof`` degrees of freedom exceeds ``t``."""
    half = _incomplete_beta(dof / 2, 0.5, dof / (dof + t * t)) / 2
    return half if t >= 0 else 1 - half


def binomial_interval(successes: float, trials: float, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share that covers it at least so often (Clopper and Pearson 1934).

    Parameters
    ----------
    successes, trials : float
        Counts, above zero the latter; an effective number of trials is no whole one.

    References
    ----------
    doi:10.1093/biomet/26.4.404
    """
    tail, failures = (1 - level) / 2, trials - successes
    low = _beta_quantile(tail, successes, failures + 1) if successes > 0 else 0.0
    high = _beta_quantile(1 - tail, successes + 1, failures) if failures > 0 else 1.0
    return low, high


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Value below which a beta variable is with some probability, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _incomplete_beta(a, b, middle) < share else (low, middle)
    return (low + high) / 2


def t_quantile(tail: float, dof: float) -> float:
    """Value that Student's t exceeds with probability ``tail``, to about 2 % for 3 dof and more: see `t_to_normal`."""
    return float(t_quantiles(tail, np.array(dof)))


def t_quantiles(tail: float, dof: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the same for many degrees of freedom."""
    return normal_to_t(np.array(_normal_quantile(tail)), dof)


@cache
def _normal_quantile(tail: float) -> float:
    """Value that a standard normal exceeds with probability ``tail``, by bisection: called for one level or two.

    The standard library's own would cost more to import than all of detection.
    """
    low, high = -40.0, 40.0
    while high - low > 1e-12:  # noqa: PLR2004 - far below anything shown
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(middle / math.sqrt(2)) / 2 > tail else (low, middle)
    return low


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function by its continued fraction (Lentz), DLMF 8.17.22."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(
        a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) - math.log(a)
    )
    return front * _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 300):
        for step in _beta_steps(a, b, x, m):
            d = 1 / (1 + step * d or tiny)
            c = 1 + step / c or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-15:  # noqa: PLR2004 - double precision reached
            break
    return value


def _beta_steps(a: float, b: float, x: float, m: int) -> tuple[float, float]:
    even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    return even, odd
