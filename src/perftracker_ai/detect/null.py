"""How far the best of all windows gets by chance, and what the job itself says about it.

The tail of the penalised maximum was simulated for normal noise (rows of 5 to 400 points, correlation 0 to 0.8) and
is given here as a formula; the job's own quieter direction then says by how much its noise is worse than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.stats import quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OFFSET, _PER_LOG_POINT, _SLOPE = 2.4, -0.45, 1.6
"""log of the expected number of chance exceedances of t is -(offset + per_log_point * log n + slope * t + t**2 / 2):
the tail of a normal maximum with a penalty, fitted to simulated rows of independent noise. Simulated again with rows of
8 to 400 points and correlation 0 to 0.8, calm rows fall below p = 0.1 to 0.001 between 0.5 and 1.05 times as often as
they may; `tests/test_detect_calibration.py` holds that. Correlation makes a row as hard to fool as one of n (1 - rho)
independent points."""

_TOP = 1.5  # below -_TOP the formula turns over; everything there is p near 1 anyway

UNKNOWN_FAMILIES = 20
"""Families of curves whose say the assumption of normal noise has in `job_inflation`."""

SMALLEST_P = 1e-12
"""A p-value is never 0: no noise model is trusted this far out."""


def tail(statistic: NDArray[np.float64], points: NDArray[np.float64], rho: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that the best window of a row without a change reaches ``statistic`` (deviate less penalty)."""
    effective = np.maximum(points * (1 - rho), 3.0)
    t = np.maximum(statistic, -_TOP)
    exceedances = np.exp(-(_OFFSET + _PER_LOG_POINT * np.log(effective) + _SLOPE * t + t**2 / 2))
    return np.clip(-np.expm1(-exceedances), SMALLEST_P, 1.0)


def threshold(p: NDArray[np.float64], points: NDArray[np.float64], rho: NDArray[np.float64]) -> NDArray[np.float64]:
    """Statistic whose `tail` is ``p``."""
    effective = np.maximum(points * (1 - rho), 3.0)
    need = -np.log(-np.log1p(-np.minimum(p, 0.9))) - _OFFSET - _PER_LOG_POINT * np.log(effective)
    t: NDArray[np.float64] = -_SLOPE + np.sqrt(np.maximum(_SLOPE**2 + 2 * need, 0.0))
    return t


def spike_tail(
    inside: NDArray[np.float64], raised: NDArray[np.float64], points: NDArray[np.float64], rate: float
) -> NDArray[np.float64]:
    """Probability that spikes alone raise so many points of some window of this width.

    Spikes are no normal noise: where one point in thirty sticks out, three in a row are no wonder. Chernoff's bound of
    the binomial tail, times the number of places; exact for windows raised throughout.
    """
    share = np.clip(raised / np.maximum(inside, 1), 1e-9, 1 - 1e-9)
    divergence = share * np.log(share / rate) + (1 - share) * np.log((1 - share) / (1 - rate))
    bound = np.where(share > rate, np.exp(-inside * divergence), 1.0)
    return np.minimum(points * bound, 1.0)


def job_inflation(
    sides: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
    points: NDArray[np.float64],
    rho: NDArray[np.float64],
    families: int,
    told: list[NDArray[np.bool_]],
) -> float:
    """Factor by which the job's deviates exceed those of normal noise, from its quieter direction; at least 1.

    In a direction without real changes the middle and the upper quintile of the rows' best windows are those of
    chance; the smaller of the two directions mirrors what chance does in the other.

    Parameters
    ----------
    sides : list of (ndarray, ndarray)
        Deviates and penalties of the rows' best windows, per direction.
    families : int
        Independent groups of rows: quantiles of a few say little, so the factor is drawn towards 1.
    told : list of ndarray of bool
        Rows that tell of chance, per direction: one that changed in the other direction does not, for what did not
        change looks good beside what did.
    """
    if len(points) == 0:
        return 1.0
    chance = {p: threshold(np.full(len(points), p), points, rho) for p in (0.5, 0.2)}
    factors = []
    for (deviate, price), rows in zip(sides, told, strict=True):
        if not rows.any():
            return 1.0
        own = max(quantile((deviate / (chance[p] + price))[rows], 1 - p) for p in chance)
        known = families * float(rows.mean())
        factors.append(max(1.0, own) ** (known / (known + UNKNOWN_FAMILIES)))
    return float(min(factors))
