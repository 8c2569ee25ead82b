"""What earlier jobs say of noise: how far they scatter, each about the level of its version.

In: the logarithms of what earlier jobs measured, and their versions. Out: the same without what versions differ by.
Versions may be fast and slow by turns, as patches of old branches are between releases of a new one; the steps between
them are changes of the product. Taken for scatter they would hide the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.stats import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Curve

PARTS, PART_POINTS = 3, 4
"""A curve's low, middle and high loads have levels of their own where each part has so many points: a version may be
slow at some loads only."""

FEWEST = 2
"""Jobs that make a level: a single one off the others is an accident, which robust scales leave out."""

SPLITS = 3
"""Times levels are told apart, at most: eight levels in forty jobs are scatter."""

APART, PER_JOB, LEAST = 0.28, 2.0, 0.005
"""Two levels are told apart where the best cut of J values in two leaves less than ``0.28 - 2 / J`` of their squares.
Of normal noise it leaves less in one of a hundred rows (simulated for J = 4 to 40: 0.058 for 8, 0.133 for 14, 0.225 for
40), and hardly more often of Student's t with three degrees of freedom."""


def levelled(log: NDArray[np.float64], curves: Sequence[Curve], versions: Sequence[str]) -> NDArray[np.float64]:
    """Take off what versions differ by, part by part of every curve.

    Parameters
    ----------
    log : ndarray, shape (J, P)
        Logarithms of J jobs at the points of the curves; NaN where absent.
    versions : sequence of str, length J
    """
    starts = np.array([start for curve in curves for start in _starts(curve)], dtype=np.int64)
    if len(log) < 2 * FEWEST or not len(starts):
        return log
    about = log - median(log, axis=0)
    known = np.isfinite(about)
    total = np.add.reduceat(np.where(known, about, 0.0), starts, axis=1)
    count = np.add.reduceat(known.astype(np.float64), starts, axis=1)
    level = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0).T
    group = np.zeros(level.shape, dtype=np.int64)
    for _ in range(SPLITS):
        group = _split(level, group, versions)
    offset = _offsets(level, group)
    lengths = np.diff([*starts, log.shape[1]])
    return log - np.repeat(offset.T, lengths, axis=1)


def _starts(curve: Curve) -> list[int]:
    """Return the first points of a curve's parts."""
    points = curve.stop - curve.start
    parts = PARTS if points >= PARTS * PART_POINTS else 1
    return [curve.start + part * points // parts for part in range(parts)] if points else []


def _split(level: NDArray[np.float64], group: NDArray[np.int64], versions: Sequence[str]) -> NDArray[np.int64]:
    """Cut each group of each row in two where it holds two levels; rows without one stay as they are."""
    cut = group.copy()
    for number in range(int(group.max(initial=0)) + 1):
        rows = np.flatnonzero((group == number).sum(axis=1) >= 2 * FEWEST)
        values = np.where(group[rows] == number, level[rows], np.nan)
        border = _borders(values)
        for row, limit in zip(rows[np.isfinite(border)].tolist(), border[np.isfinite(border)].tolist(), strict=True):
            inside = (group[row] == number) & np.isfinite(level[row])
            upper = inside & (level[row] > limit)
            if _versions_apart(inside & ~upper, upper, versions):
                cut[row, upper] = cut[row].max() + 1
    return cut


def _versions_apart(lower: NDArray[np.bool_], upper: NDArray[np.bool_], versions: Sequence[str]) -> bool:
    """Say whether no version is on both levels: one that is does not have a level, it jumps about."""
    low, high = ({versions[job] for job in np.flatnonzero(side).tolist()} for side in (lower, upper))
    return low.isdisjoint(high)


def _borders(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each row the value up to which its lower level reaches; NaN where there is one level."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    centred = np.where(np.isfinite(ordered), ordered - _mean(values)[:, None], 0.0)
    lower = np.arange(1, values.shape[1])
    upper = count[:, None] - lower
    between = np.cumsum(centred, axis=1)[:, :-1] ** 2
    between *= 1 / lower + 1 / np.maximum(upper, 1)
    between[:, : FEWEST - 1] = 0.0
    between[upper < FEWEST] = 0.0
    best, squares = between.argmax(axis=1), (centred**2).sum(axis=1)
    left = squares - between[np.arange(len(values)), best]
    told = left < np.maximum(APART - PER_JOB / np.maximum(count, 1), LEAST) * squares
    border: NDArray[np.float64] = np.where(told, ordered[np.arange(len(values)), best], np.nan)
    return border


def _offsets(level: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far the level of every job's group lies off; 0 where a row has one level."""
    offset = np.zeros(level.shape)
    rows = np.flatnonzero(group.any(axis=1))
    for row in rows.tolist():
        for number in np.flatnonzero(np.bincount(group[row])).tolist():
            members = group[row] == number
            middle = float(median(level[row, members]))
            offset[row, members] = middle if np.isfinite(middle) else 0.0
    return offset


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    count = np.isfinite(values).sum(axis=1)
    mean: NDArray[np.float64] = np.nansum(values, axis=1) / np.maximum(count, 1)
    return mean
