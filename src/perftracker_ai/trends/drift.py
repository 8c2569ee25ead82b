"""Slow drift: a little with each job, no step large enough to be a change.

In: values of many series and where they are cut. Out: a slope for each, and the cutting that is left when the slope
explains what steps had to explain before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import normal_tail, t_to_normal
from perftracker_ai.trends.batch import NOISE_FLOOR, some_rows
from perftracker_ai.trends.changes import PENALTY, cost, find_changes, smallest
from perftracker_ai.trends.levels import measure, running, sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.trends.batch import Batch
    from perftracker_ai.trends.levels import Levels, Sums

ALPHA = 3e-4
"""Chance of a significant drift in a quiet series."""

SLOPE_COST = 1.5
"""Cost of a slope in logarithms of the length: half of that of a cut, as it has no place."""

LOOKS = 5
"""Times levels and slope are found in turn, at most."""


class Fit(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Levels and slope of every row of a batch.

    Attributes
    ----------
    rows : Sums
        Of the values less a significant slope.
    levels : Levels
    slope, error : ndarray, shape (N,)
        Of the logarithm from one value to the next, estimated within stretches, and its standard error.
    drifting : ndarray of bool, shape (N,)
        Where the slope is significant and so taken off before levels were found.
    """

    rows: Sums
    levels: Levels
    slope: NDArray[np.float64]
    error: NDArray[np.float64]
    drifting: NDArray[np.bool_]


class _Slope(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A slope common to all stretches of a row, and the sum of squared places that carries it."""

    slope: NDArray[np.float64]
    weight: NDArray[np.float64]


def fit(batch: Batch, least_change: float) -> Fit:
    """Find levels and drift of every row."""
    none = np.zeros(len(batch.length), dtype=bool)
    rows, levels = find_changes(batch, batch.clean, none.copy(), least_change)
    moment = running(_moments(batch), 1)
    slope = _slope(levels.bounds, moment, rows.value)
    stepped = _fit(rows, levels, slope, none)
    least = smallest(batch, least_change)
    overall = _slope(_uncut(batch.length), moment, rows.value)
    straight = _straight(stepped, overall)
    suspect = np.flatnonzero(_possible(stepped, slope, least) & ~straight)
    suspect = suspect[_significant(_sloped(batch, levels.bounds, levels.fine, suspect), least[suspect])]
    suspect = np.sort(np.concatenate([suspect, np.flatnonzero(straight)]))
    start = np.where(straight, overall.slope, slope.slope)
    return _with_drift(batch, stepped, suspect, start[suspect], least_change) if len(suspect) else stepped


def _moments(batch: Batch) -> NDArray[np.float64]:
    return batch.clean * np.arange(batch.clean.shape[1])


def _uncut(length: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([np.zeros_like(length), length], axis=1)


def _slope(bounds: NDArray[np.int64], moment: NDArray[np.float64], value: NDArray[np.float64]) -> _Slope:
    """Fit one slope to the deviations from the stretches' means, which steps between stretches do not touch.

    Parameters
    ----------
    moment, value : ndarray, shape (N, n + 1)
        Running sums of values times their places, and of values.
    """
    row, size = np.arange(len(bounds))[:, None], np.diff(bounds, axis=1)
    middle = (bounds[:, 1:] + bounds[:, :-1] - 1) / 2
    together = np.diff(moment[row, bounds], axis=1) - middle * np.diff(value[row, bounds], axis=1)
    weight = (size * (size**2 - 1.0)).sum(axis=1) / 12
    return _Slope(slope=together.sum(axis=1) / weight, weight=weight)


def _straight(stepped: Fit, overall: _Slope) -> NDArray[np.bool_]:
    """Mark rows that a straight line tells at less cost than their steps; it costs as much as one step.

    A line cut in pieces leaves little slope within each, so that the slope within would not give it away.
    """
    rows, noise = stepped.rows, stepped.levels.noise
    row, length = np.arange(len(rows.length)), rows.length
    squares = rows.square[row, length] - rows.value[row, length] ** 2 / length
    left = squares - overall.slope**2 * overall.weight
    steps = np.count_nonzero(stepped.levels.size, axis=1) - 1
    worse = (left - stepped.levels.residual) / (noise.sigma**2 * noise.inflation)
    straight: NDArray[np.bool_] = (steps > 0) & (worse < PENALTY * np.log(length) * (steps - 1))
    return straight


def _possible(stepped: Fit, slope: _Slope, least: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark slopes that would be significant if noise had no correlation: none of the others can be with it."""
    left = np.maximum(stepped.levels.residual - slope.slope**2 * slope.weight, 0.0)
    sigma = np.maximum(np.sqrt(left / stepped.rows.length), stepped.rows.floor)
    z = np.abs(slope.slope) * np.sqrt(slope.weight) / sigma
    return _matters(stepped, least) & (2 * normal_tail(z) <= ALPHA)


def _matters(fit: Fit, least: NDArray[np.float64]) -> NDArray[np.bool_]:
    matters: NDArray[np.bool_] = np.abs(fit.slope) * (fit.rows.length - 1) >= np.log1p(least)
    return matters


def _significant(sloped: Fit, least: NDArray[np.float64]) -> NDArray[np.bool_]:
    z = t_to_normal(np.abs(sloped.slope) / sloped.error, sloped.levels.noise.dof)
    return _matters(sloped, least) & (2 * normal_tail(z) <= ALPHA)


def _sloped(batch: Batch, bounds: NDArray[np.int64], fine: NDArray[np.int64], suspect: NDArray[np.int64]) -> Fit:
    """Fit levels and one slope to some rows, cut where they are cut."""
    some = some_rows(batch, suspect)
    all_rows, drifting = np.arange(len(suspect)), np.ones(len(suspect), dtype=bool)
    slope = _slope(bounds[suspect], running(_moments(some), 1), running(some.clean, 1))
    rows = sums(_tilted(some.clean, slope.slope, some.length), some.length, some.floor, drifting)
    return _fit(rows, measure(rows, bounds[suspect], all_rows, fine[suspect]), slope, drifting)


def _fit(rows: Sums, levels: Levels, slope: _Slope, drifting: NDArray[np.bool_]) -> Fit:
    # Where the slope was left in, it is part of what the noise was taken for.
    scale = levels.noise.sigma * np.sqrt(levels.noise.inflation)
    return Fit(rows=rows, levels=levels, slope=slope.slope, error=scale / np.sqrt(slope.weight), drifting=drifting)


def _with_drift(
    batch: Batch, stepped: Fit, suspect: NDArray[np.int64], slope: NDArray[np.float64], least_change: float
) -> Fit:
    """Tell suspect rows by a slope and what steps are left, where that costs less."""
    some = some_rows(batch, suspect)
    told = _sloped(some, *_cut_without(some, slope, least_change), np.arange(len(suspect)))
    better = _significant(told, smallest(some, least_change)) & _cheaper(stepped, suspect, told)
    return _merged(stepped, told, suspect[better], better)


def _cut_without(
    batch: Batch, slope: NDArray[np.float64], least_change: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find levels without the slope and the slope without the levels in turn, until the slope stays as it is.

    The first slope comes from within stretches that were cut to follow it, and is too small.
    """
    slope, pending = slope.copy(), np.arange(len(slope))
    bounds = fine = _uncut(batch.length)
    looks = 0
    while len(pending) and looks < LOOKS:
        some = some_rows(batch, pending)
        sloped = np.ones(len(pending), dtype=bool)
        _, levels = find_changes(some, _tilted(some.clean, slope[pending], some.length), sloped, least_change)
        bounds, fine = _put(bounds, pending, levels.bounds), _put(fine, pending, levels.fine)
        found = _slope(levels.bounds, running(_moments(some), 1), running(some.clean, 1)).slope
        moved = np.abs(found - slope[pending]) * some.length > NOISE_FLOOR
        slope[pending] = found
        pending, looks = pending[moved], looks + 1
    return bounds, fine


def _put(bounds: NDArray[np.int64], row: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put bounds of some rows in the place of theirs."""
    width = max(bounds.shape[1], others.shape[1])
    bounds = _widened(bounds, width)
    bounds[row] = _widened(others, width)
    return bounds


def _tilted(values: NDArray[np.float64], slope: NDArray[np.float64], length: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take slopes off, about the middle of each row."""
    place = np.arange(values.shape[1])
    return np.where(place < length[:, None], values - slope[:, None] * (place - (length[:, None] - 1) / 2), 0.0)


def _cheaper(stepped: Fit, suspect: NDArray[np.int64], sloped: Fit) -> NDArray[np.bool_]:
    """Mark rows that a slope and what cuts are left tell at less cost than cuts alone."""
    told = cost(sloped.rows, sloped.levels.fine, np.arange(len(suspect)))
    told += SLOPE_COST * np.log(sloped.rows.length)
    cheaper: NDArray[np.bool_] = told < cost(stepped.rows, stepped.levels.fine[suspect], suspect)
    return cheaper


def _merged(stepped: Fit, sloped: Fit, row: NDArray[np.int64], better: NDArray[np.bool_]) -> Fit:
    """Put the rows better told by a slope in the place of those told by steps."""
    bounds = _put(stepped.levels.bounds, row, sloped.levels.bounds[better])
    fine = _put(stepped.levels.fine, row, sloped.levels.fine[better])
    for whole, other in zip(_totals(stepped.rows), _totals(sloped.rows), strict=True):
        # The one place that writes into what it was given: `fit` owns it, and copies would cost more than all of drift.
        whole[row, : other.shape[1]] = other[better]
    stepped.rows.sloped[row] = True
    slope, error, drifting = stepped.slope.copy(), stepped.error.copy(), stepped.drifting.copy()
    slope[row], error[row], drifting[row] = sloped.slope[better], sloped.error[better], True
    levels = measure(stepped.rows, bounds, np.arange(len(bounds)), fine)
    return Fit(rows=stepped.rows, levels=levels, slope=slope, error=error, drifting=drifting)


def _totals(rows: Sums) -> tuple[NDArray[np.float64], ...]:
    return rows.value, rows.square, *rows.lagged, rows.rough


def _widened(bounds: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    return np.pad(bounds, ((0, 0), (0, width - bounds.shape[1])), mode="edge")
