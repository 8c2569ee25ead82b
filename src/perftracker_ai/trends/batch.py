"""Series of different lengths laid out side by side, so that a thousand cost little more than one.

In: `Series`. Out: `Batch` values of series of similar length: logarithms of the present values, packed to the left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from perftracker_ai.stats import MAD_TO_SIGMA, median

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.trends.vocabulary import Series

MIN_SERIES = 10
"""Present values below which nothing is said: a change needs five on either side."""

NOISE_FLOOR = 0.005
"""No value is trusted below half a per cent, a quarter of the smallest change reported by default."""

LEAST, MOST = 1e-30, 1e30
"""No measured quantity lies outside; ratios of what lies inside and their intervals are numbers."""

TIED = 0.25
"""Share of values equal to another one from which the resolution is taken from the values."""

MOVES = 5
"""Times at least that a value differs from the one before, where the resolution is taken from them: of a constant that
stepped once nobody can say how finely it was measured."""

SAME = 1e-9
"""Relative difference up to which two values are one: arithmetic on the way here may cost some last digits."""

WINDOW = 7
"""Jobs over which a running median is taken: deaf to three wild ones in a row, and no stretch that counts is shorter
than five."""

CLIP = 3.0
"""A value further than this many sigmas from its running median is an outlier, and is pulled in to there."""

SMOOTHED = 1.22
"""Deviation from the running median of seven to that from the level, for white noise, simulated."""

CACHED = 25_000
"""Values smoothed at once: the dozen intermediate arrays then stay in a processor's second-level cache."""

CELLS = 400_000
"""Values laid out at once: enough for a thousand series of the usual length, a few MB an array."""


RETURNED = 33_000_000
"""The GNU C library keeps freed memory for the next array up to twice the largest block it was ever given back, if that
had less than 32 MiB; every array's pages would be asked of the kernel anew otherwise, a sixth of the time."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Series of similar length, one a row; beyond a row's length everything is 0.

    Attributes
    ----------
    raw : ndarray of float, shape (N, n)
        Logarithms less their row's median.
    clean : ndarray of float, shape (N, n)
        The same with outliers pulled in.
    smooth : ndarray of float, shape (N, n)
        Running medians.
    outlier : ndarray of bool, shape (N, n)
    place : ndarray of int, shape (N, n)
        Where each value stood in its series.
    length : ndarray of int, shape (N,)
    centre : ndarray of float, shape (N,)
        The medians taken off.
    quantum : ndarray of float, shape (N,)
        Resolution over the median value, as far as the values give it away; 0 where they do not.
    floor : ndarray of float, shape (N,)
        Least noise of one logarithm.
    spread : ndarray of float, shape (N,)
        Standard deviation about the running median, as a rough scale.
    ordered : ndarray of float, shape (N, n)
        `raw` in ascending order, NaN beyond the length.
    """

    raw: NDArray[np.float64]
    clean: NDArray[np.float64]
    smooth: NDArray[np.float64]
    outlier: NDArray[np.bool_]
    place: NDArray[np.int64]
    length: NDArray[np.int64]
    centre: NDArray[np.float64]
    quantum: NDArray[np.float64]
    floor: NDArray[np.float64]
    spread: NDArray[np.float64]
    ordered: NDArray[np.float64]


class Packed(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The present values of all series, one after another.

    Attributes
    ----------
    log : ndarray of float, shape (V,)
        Their logarithms.
    place : ndarray of int, shape (V,)
        Where each stood in its series.
    start, length : ndarray of int, shape (S,)
        Where each series begins here, and how many values it has.
    """

    log: NDArray[np.float64]
    place: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


_Rows = TypeVar("_Rows", bound=msgspec.Struct)


def some_rows(arrays: _Rows, rows: NDArray[np.int64]) -> _Rows:
    """Return a struct of arrays with only these rows."""
    return type(arrays)(**{name: getattr(arrays, name)[rows] for name in arrays.__struct_fields__})


def pack(series: Sequence[Series]) -> Packed:
    """Take the values that are there out of all series."""
    values = np.concatenate([np.zeros(0), *(one.values for one in series)])
    begin = np.cumsum([0, *(len(one.values) for one in series)])
    kept = np.flatnonzero((values >= LEAST) & (values <= MOST))
    ends = np.searchsorted(kept, begin)
    length = np.diff(ends)
    place = kept - np.repeat(begin[:-1], length)
    return Packed(log=np.log(values[kept]), place=place, start=ends[:-1], length=length)


def batches(series: Sequence[Series], packed: Packed) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Lay series out, shortest first, and say which they are; those with too few values are left out."""
    np.empty(RETURNED, dtype=np.uint8)  # and back at once: see there
    order = np.argsort(packed.length, kind="stable")
    order = order[packed.length[order] >= MIN_SERIES]
    while len(order):
        rows = order[: _fitting(packed.length[order])]
        yield rows, _batch(packed, rows, np.array([series[row].noise for row in rows.tolist()]))
        order = order[len(rows) :]


def _fitting(length: NDArray[np.int64]) -> int:
    """Return how many of the next series share a layout: little more than half is padding in none."""
    cells = length * np.arange(1, len(length) + 1)
    return max(1, int(np.count_nonzero((cells <= CELLS) & (length <= 2 * length[0]))))


def _batch(packed: Packed, rows: NDArray[np.int64], noise: NDArray[np.float64]) -> Batch:
    length = packed.length[rows]
    outside = np.arange(length.max()) >= length[:, None]
    at = packed.start[rows, None] + np.arange(length.max())
    at[outside] = 0
    raw, ordered, centre = _centred(packed.log[at], outside, length)
    quantum = resolution(raw, ordered, length)
    floor = np.maximum(np.maximum(quantum / 2, NOISE_FLOOR), noise)
    smooth = running_median(raw, length)
    spread = np.maximum(_spread(raw - smooth, outside), floor)
    clean, outlier = _pulled_in(raw, smooth, spread)
    return Batch(
        raw=raw,
        clean=clean,
        smooth=smooth,
        outlier=outlier,
        place=packed.place[at],
        length=length,
        centre=centre,
        quantum=quantum,
        floor=floor,
        spread=spread,
        ordered=ordered,
    )


def _centred(
    logs: NDArray[np.float64], outside: NDArray[np.bool_], length: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return rows less their median, the same in ascending order, and the medians."""
    row = np.arange(len(logs))
    ordered = logs.copy()
    ordered[outside] = np.nan
    ordered.sort(axis=1)
    centre = (ordered[row, (length - 1) // 2] + ordered[row, length // 2]) / 2
    raw = logs - centre[:, None]
    raw[outside] = 0.0
    return raw, ordered - centre[:, None], centre


def _spread(off: NDArray[np.float64], outside: NDArray[np.bool_]) -> NDArray[np.float64]:
    size = np.abs(off)
    size[outside] = np.nan
    return MAD_TO_SIGMA * SMOOTHED * median(size)


def resolution(
    raw: NDArray[np.float64], ordered: NDArray[np.float64], length: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the usual step between values over the median value, where values repeat; 0 elsewhere.

    Parameters
    ----------
    raw : ndarray of float, shape (N, n)
        Logarithms less their median, 0 beyond the length.
    ordered : ndarray of float, shape (N, n)
        The same in ascending order, NaN beyond the length.
    """
    tied = np.count_nonzero(ordered[:, 1:] - ordered[:, :-1] <= SAME, axis=1) >= TIED * length
    row = np.flatnonzero(tied)
    known = np.where(np.arange(raw.shape[1]) < length[row, None], raw[row], np.nan)
    moves, steps = _steps(known), _steps(ordered[row])
    # Sorted values may be a change of level apart, moves from job to job several steps: the smaller of the two is one.
    usual = np.minimum(median(moves), median(_to_next(steps)))
    quantum = np.zeros(len(ordered))
    quantum[row] = np.where(np.count_nonzero(moves > 0, axis=1) >= MOVES, usual, 0.0)
    return quantum


def _to_next(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for every value how far the next larger one is, so that a step counts as often as it is met."""
    last = steps.shape[1] - 1
    place = np.where(np.isfinite(steps), np.arange(last + 1), last)
    following = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    return np.take_along_axis(steps, following, axis=1)


def _steps(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the differences of neighbours as values over the median value, NaN where there is none."""
    step = np.abs(logs[:, 1:] - logs[:, :-1])
    size = np.expm1(step) * np.exp(np.minimum(logs[:, 1:], logs[:, :-1]))
    return np.where(step > SAME, size, np.nan)


def running_median(values: NDArray[np.float64], length: NDArray[np.int64]) -> NDArray[np.float64]:
    """Take the median of seven neighbours; at both ends that of the nearest full window."""
    half, row = WINDOW // 2, np.arange(len(values))
    smooth = np.zeros(values.shape)
    rows = max(1, CACHED // values.shape[1])
    for start in range(0, len(values), rows):
        some = slice(start, start + rows)
        smooth[some, half:-half] = _inner_medians(values[some].astype(np.float32))  # smoothing needs no more digits
    smooth[:, :half] = smooth[:, half, None]
    for beyond in range(half):
        smooth[row, length - 1 - beyond] = smooth[row, length - 1 - half]
    smooth[np.arange(values.shape[1]) >= length[:, None]] = 0.0
    return smooth


def _inner_medians(values: NDArray[np.float32]) -> NDArray[np.float32]:
    width = values.shape[1] - WINDOW + 1
    return _median_of([values[:, shift : shift + width] for shift in range(WINDOW)])


def _median_of(arrays: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Take the median elementwise of an odd number of arrays, several times faster than by sorting.

    The least and the greatest of just over half of them cannot be the median of all: they go, another comes in.
    """
    kept, waiting = arrays[: len(arrays) // 2 + 2], arrays[len(arrays) // 2 + 2 :]
    for another in waiting:
        kept = [*_without_extremes(kept), another]
    return _without_extremes(kept)[0]


def _without_extremes(arrays: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    least, *rest = arrays
    for place, other in enumerate(rest):
        least, rest[place] = np.minimum(least, other), np.maximum(least, other)
    *rest, greatest = rest
    for place, other in enumerate(rest):
        greatest, rest[place] = np.maximum(greatest, other), np.minimum(greatest, other)
    return rest


def _pulled_in(
    raw: NDArray[np.float64], smooth: NDArray[np.float64], spread: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    off, limit = raw - smooth, CLIP * spread[:, None]
    return smooth + np.clip(off, -limit, limit), np.abs(off) > limit
