"""Scan rows of log-ratios over all windows of load, from three points to the whole curve.

A window's deviate is its precision-weighted mean over its standard error; the error has the points' noise, widened for
the correlation of neighbouring loads, and the scatter of whole levels between runs, which no number of points averages
away. Short windows are many, so each width pays a penalty that makes the best of all widths comparable:
sqrt(2 log(e n / w)).

References
----------
Duembgen & Spokoiny, Annals of Statistics 29 (2001) 124-152, doi:10.1214/aos/996986504 (the multiscale penalty).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.stats import t_to_normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MIN_POINTS = 3
"""Points of the narrowest window: one is a spike, two are a spike that lasted."""

DENSE = 64
"""Widths up to here are all tried; wider ones in steps of about 3 %, for a window a little too wide loses little."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """Rows to scan: C rows of N loads.

    Attributes
    ----------
    value : ndarray, shape (C, N)
        Log-ratios net of the shift, spikes clipped; NaN where absent.
    variance : ndarray, shape (C, N)
        Noise variance of each point.
    level_variance : ndarray, shape (C,)
        Variance of a whole row's level between runs.
    dof : ndarray, shape (C,)
        Degrees of freedom behind `variance`.
    rho : float
        Correlation of neighbouring loads.
    """

    value: NDArray[np.float64]
    variance: NDArray[np.float64]
    level_variance: NDArray[np.float64]
    dof: NDArray[np.float64]
    rho: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Best:
    """The best window of every row: its deviate, the penalty it pays, and its first and last column, inclusive."""

    deviate: NDArray[np.float64]
    penalty: NDArray[np.float64]
    first: NDArray[np.intp]
    last: NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Windows:
    """All windows of one width: sums of weight, of weighted value, and the number of points present."""

    width: int
    weight: NDArray[np.float64]
    total: NDArray[np.float64]
    points: NDArray[np.intp]


def widths(longest: int) -> NDArray[np.intp]:
    """Window widths to try in a row of ``longest`` points, ascending; empty below three."""
    dense = np.arange(MIN_POINTS, min(longest, DENSE) + 1)
    if longest <= DENSE:
        return dense
    steps = int(np.ceil(np.log(longest / DENSE) / np.log(1.03)))
    wide = np.unique(np.round(DENSE * (longest / DENSE) ** (np.arange(1, steps + 1) / steps)).astype(np.intp))
    return np.concatenate([dense, wide])


def inflation(rho: float, width: int) -> float:
    """Variance of the mean of ``width`` neighbours with correlation ``rho ** lag``, against independent ones."""
    lags = np.arange(1, width)
    return float(1 + 2 * np.sum((1 - lags / width) * rho**lags))


def penalty(points: NDArray[np.float64], width: NDArray[np.float64] | NDArray[np.intp]) -> NDArray[np.float64]:
    """Price of the best of all windows of ``width`` points among ``points``."""
    price: NDArray[np.float64] = np.sqrt(2 * np.log(np.e * np.maximum(points / np.maximum(width, 1), 1.0)))
    return price


def _sums(track: Track) -> Iterator[_Windows]:
    present = np.isfinite(track.value)
    weight = np.where(present, 1 / track.variance, 0.0)
    total = np.where(present, track.value, 0.0) * weight
    running = [_running(array) for array in (weight, total, present)]
    for width in widths(track.value.shape[1]):
        weights, totals, points = (array[:, width:] - array[:, :-width] for array in running)
        yield _Windows(width=int(width), weight=weights, total=totals, points=points.astype(np.intp))


def _running(array: NDArray[np.float64] | NDArray[np.bool_]) -> NDArray[np.float64]:
    start = np.zeros((len(array), 1))
    return np.concatenate([start, np.cumsum(array, axis=1, dtype=np.float64)], axis=1)


def scan(track: Track) -> tuple[Best, Best]:
    """Find the best window of every row in each direction.

    Returns
    -------
    (Best, Best)
        Worse and better, both with positive deviates for evidence. Deviate -inf for rows with fewer than three points.
    """
    rows = len(track.value)
    points = np.isfinite(track.value).sum(axis=1).astype(np.float64)
    best = [_nothing(rows), _nothing(rows)]
    for windows in _sums(track):
        price = penalty(points[:, None], windows.points)
        deviate = _deviate(track, windows, with_level=True)
        usable = windows.points >= MIN_POINTS
        for side, sign in enumerate((1, -1)):
            _keep(best[side], windows.width, np.where(usable, sign * deviate, -np.inf), price)
    return best[0], best[1]


def _nothing(rows: int) -> Best:
    return Best(
        deviate=np.full(rows, -np.inf),
        penalty=np.zeros(rows),
        first=np.zeros(rows, dtype=np.intp),
        last=np.zeros(rows, dtype=np.intp),
    )


def _deviate(track: Track, windows: _Windows, *, with_level: bool) -> NDArray[np.float64]:
    safe = np.where(windows.weight > 0, windows.weight, 1.0)
    variance = inflation(track.rho, windows.width) / safe
    if with_level:
        variance = variance + track.level_variance[:, None]
    deviate: NDArray[np.float64] = windows.total / safe / np.sqrt(variance)
    return deviate


def _keep(best: Best, width: int, deviate: NDArray[np.float64], price: NDArray[np.float64]) -> None:
    """Note each row's best window of one width where it beats what is known; `best` is this module's own."""
    rows = np.arange(len(deviate))
    column = np.argmax(deviate - price, axis=1)
    new, cost = deviate[rows, column], price[rows, column]
    better = new - cost > best.deviate - best.penalty
    best.deviate[better] = new[better]
    best.penalty[better] = cost[better]
    best.first[better] = column[better]
    best.last[better] = column[better] + width - 1


def localise(track: Track, sign: NDArray[np.float64], cut: NDArray[np.float64], points: NDArray[np.float64]) -> Best:
    """Find the extent of the change: the window that explains most, among those that are significant themselves.

    Significance counts the scatter of whole levels as noise; extent does not, for within one row the level is the
    same everywhere, and counting it would favour the whole row over the affected part.

    Parameters
    ----------
    sign : ndarray, shape (C,)
        +1 to look for worse, -1 for better.
    cut : ndarray, shape (C,)
        Smallest deviate less penalty at which a window counts as significant.
    points : ndarray, shape (C,)
        Points of the whole row, for the penalty: a part of a row is searched at the price of all of it.

    Returns
    -------
    Best
        Deviate -inf for rows where no window is significant.
    """
    best = _nothing(len(track.value))
    for windows in _sums(track):
        price = penalty(points[:, None], windows.points)
        proof = t_to_normal(sign[:, None] * _deviate(track, windows, with_level=True), track.dof[:, None])
        usable = (windows.points >= MIN_POINTS) & (proof - price >= cut[:, None])
        extent = sign[:, None] * _deviate(track, windows, with_level=False)
        _keep(best, windows.width, np.where(usable, extent, -np.inf), price)
    return best


def deviate_in(track: Track, first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.float64]:
    """Deviate of one given window per row, positive for worse; 0 where the row has no point in it."""
    columns = np.arange(track.value.shape[1])
    inside = np.isfinite(track.value) & (columns >= first[:, None]) & (columns <= last[:, None])
    weight = np.where(inside, 1 / track.variance, 0.0)
    total = np.sum(np.where(inside, track.value, 0.0) * weight, axis=1)
    mass = np.maximum(weight.sum(axis=1), 1e-300)
    widened = np.array([inflation(track.rho, int(count)) for count in inside.sum(axis=1)])
    return np.where(inside.any(axis=1), total / mass / np.sqrt(widened / mass + track.level_variance), 0.0)
