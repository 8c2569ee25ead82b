"""Scan rows of log-ratios over all windows of load, from three points to the whole curve.

Whole levels scatter between runs, and no number of points averages that away. But a row says itself how far its level
lies off: a bump stands out of the rest of its row however high all of it lies. So a window's deviate is the larger of
two. The first stands for the rest of the row unchanged: the window's mean, less the level that the whole row suggests
(its best linear prediction), over the error of that difference; drift from the first load to the last is noise in it.
The second does without the rest of the row: the window's mean over its error, the scatter of levels counted in. Both
have the points' noise, widened for the correlation of neighbouring loads.

Short windows are many, so each width pays a penalty that makes the best of all widths comparable: sqrt(2 log(e n / w)).

References
----------
Duembgen & Spokoiny, Annals of Statistics 29 (2001) 124-152, doi:10.1214/aos/996986504 (the multiscale penalty).
Robinson, Statistical Science 6 (1991) 15-32, doi:10.1214/ss/1177011926 (prediction of random effects).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import normal_to_t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MIN_POINTS = 3
"""Points of the narrowest window: one is a spike, two are a spike that lasted."""

EXACT, FINE, COARSE = 0.02, 0.15, 0.4
"""Steps between neighbouring widths: exact to tell an extent (every width up to 50 points), fine to find changes (every
width up to 14, then 15 % apart, for a window 7 % too wide loses 3.5 % of its deviate), coarse to learn the noise."""


STEP_CELLS = 4_000
"""Windows in all rows from which a step of a scan is more work than overhead."""

_TINY, _LEAST = 1e-300, 1e-3
"""What keeps an empty window from dividing by zero, and the smallest share of a window's noise that the rest of its row
can leave: for windows of nearly a whole row that is a difference of nearly equal numbers."""


class Track(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Rows to scan: C rows of N loads.

    Attributes
    ----------
    value : ndarray, shape (C, N)
        Log-ratios net of the shift, spikes clipped; NaN where absent.
    variance : ndarray, shape (C, N)
        Noise variance of each point.
    rho : ndarray, shape (C,)
        Correlation of neighbouring loads.
    level_variance : ndarray, shape (C,)
        Variance of a whole row's level between runs.
    drift_variance : ndarray, shape (C,)
        Variance of a row's drift from its first load to its last.
    dof : ndarray, shape (C,)
        Degrees of freedom behind `variance`.
    """

    value: NDArray[np.float64]
    variance: NDArray[np.float64]
    rho: NDArray[np.float64]
    level_variance: NDArray[np.float64]
    drift_variance: NDArray[np.float64]
    dof: NDArray[np.float64]


class Best(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The best window of every row: its deviate, the penalty it pays, and its first and last column, inclusive."""

    deviate: NDArray[np.float64]
    penalty: NDArray[np.float64]
    first: NDArray[np.intp]
    last: NDArray[np.intp]


class _Level(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is known of each row's level between runs.

    Attributes
    ----------
    variance, drift : ndarray, shape (C,)
        Of the level and of the drift, before the row is looked at.
    guess, left : ndarray, shape (C,)
        The level that the whole row suggests, and the variance which that leaves.
    """

    variance: NDArray[np.float64]
    drift: NDArray[np.float64]
    guess: NDArray[np.float64]
    left: NDArray[np.float64]


class _Windows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """M windows of one width or several: sums of weight and of weighted value, and which are none (None: all are).

    Penalty and inflation are those of the width in every row, shape (C, 1) or (C, M); off_centre is how far the middle
    of each window lies from that of the row, in lengths of the row, squared: one row of them where it is the same in
    all. First and last are the windows' columns, inclusive.
    """

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    penalty: NDArray[np.float64]
    inflation: NDArray[np.float64]
    off_centre: NDArray[np.float64]
    weight: NDArray[np.float64]
    total: NDArray[np.float64]
    barred: NDArray[np.bool_] | None


def points_of(track: Track) -> NDArray[np.float64]:
    """Count the points present in each row."""
    points: NDArray[np.float64] = np.isfinite(track.value).sum(axis=1).astype(np.float64)
    return points


def widths(longest: int, step: float) -> list[int]:
    """List the window widths to try in a row of ``longest`` points, ascending; empty below three."""
    chosen: list[int] = []
    width = MIN_POINTS
    while width < longest:
        chosen.append(width)
        width = max(width + 1, int(width * (1 + step)))
    return [*chosen, longest] if longest >= MIN_POINTS else []


def inflation(rho: NDArray[np.float64], width: NDArray[np.float64] | NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Variance of the mean of ``width`` neighbours with correlation ``rho ** lag``, against independent ones."""
    rest = 1 - rho
    widened: NDArray[np.float64] = 1 + 2 * rho / rest - 2 * rho * (1 - rho**width) / (width * rest**2)
    return widened


def penalty(span: NDArray[np.float64], width: NDArray[np.int64] | int) -> NDArray[np.float64]:
    """Price of the best of all windows of ``width`` columns among ``span``."""
    price: NDArray[np.float64] = np.sqrt(2 * np.log(np.e * np.maximum(span / width, 1.0)))
    return price


def ends_of(value: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the columns of the first and the last point present in each row; those of the array for empty rows."""
    present = np.isfinite(value)
    return present.argmax(axis=1), value.shape[1] - 1 - present[:, ::-1].argmax(axis=1)


def span_of(track: Track) -> NDArray[np.float64]:
    """Count the columns from the first to the last point present; 0 for empty rows."""
    begin, end = ends_of(track.value)
    return np.where(np.isfinite(track.value).any(axis=1), end - begin + 1, 0).astype(np.float64)


def _off_centre(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how far off the middle of each row a window lies, in lengths of the row, squared; by first plus last column.

    One row of it where all rows have the same ends, which they mostly do: a panel may hold shorter grids as well.
    """
    begin, end = ends_of(value)
    if (begin == begin[:1]).all() and (end == end[:1]).all():
        begin, end = begin[:1], end[:1]
    columns = np.arange(2 * value.shape[1] - 1)
    off: NDArray[np.float64] = (columns - (begin + end)[:, None]) / (2 * np.maximum(end - begin, 1))[:, None]
    return off**2


def _priced(track: Track, step: float, span: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choose the widths to try, and give each row's penalty for each."""
    tried = np.array(widths(int(span_of(track).max(initial=0)), step), dtype=np.int64)
    return tried, penalty(span[:, None], tried)


def _sums(track: Track, tried: NDArray[np.int64], penalties: NDArray[np.float64]) -> Iterator[_Windows]:
    """Go through all windows, width by width; in a few rows several widths at a time."""
    present = np.isfinite(track.value)
    weight = np.where(present, 1 / track.variance, 0.0)
    total = np.where(present, track.value, 0.0) * weight
    weights, totals = _running(weight), _running(total)
    gaps = None if present.all() else (~present, _running(present))
    columns, off_centre = track.value.shape[1], _off_centre(track.value)
    inflations = inflation(track.rho[:, None], tried)
    for chosen in _steps(tried, columns, len(present)):
        width, at, first = _places(tried, chosen, columns)
        yield _Windows(
            first=first,
            last=first + width - 1,
            penalty=penalties[:, at],
            inflation=inflations[:, at],
            off_centre=off_centre[:, 2 * first + width - 1],
            weight=_between(weights, first, width),
            total=_between(totals, first, width),
            barred=None if gaps is None else _barred(*gaps, first, width),
        )


def _steps(tried: NDArray[np.int64], columns: int, rows: int) -> Iterator[slice]:
    """Put widths together until their windows in all rows are worth a step of their own."""
    begin, cells = 0, 0
    for place, width in enumerate(tried.tolist()):
        cells += rows * (columns + 1 - width)
        if cells >= STEP_CELLS or place == len(tried) - 1:
            yield slice(begin, place + 1)
            begin, cells = place + 1, 0


def _places(
    tried: NDArray[np.int64], chosen: slice, columns: int
) -> tuple[NDArray[np.int64] | int, slice | NDArray[np.intp], NDArray[np.intp]]:
    """Return for the windows of some widths the width, the place of the width among all, and the first column."""
    each = columns + 1 - tried[chosen]
    if len(each) == 1:
        return int(tried[chosen][0]), chosen, np.arange(each[0])
    first = np.concatenate([np.arange(count) for count in each.tolist()])
    return np.repeat(tried[chosen], each), np.repeat(np.arange(len(tried))[chosen], each), first


def _between(
    running: NDArray[np.float64], first: NDArray[np.intp], width: NDArray[np.int64] | int
) -> NDArray[np.float64]:
    """Sum over windows, from running sums."""
    if isinstance(width, int):
        return np.asarray(running[:, width:] - running[:, :-width])
    return np.asarray(running[:, first + width] - running[:, first])


def _running(array: NDArray[np.float64] | NDArray[np.bool_]) -> NDArray[np.float64]:
    running = np.zeros((array.shape[0], array.shape[1] + 1))
    np.cumsum(array, axis=1, out=running[:, 1:])
    return running


def _barred(
    absent: NDArray[np.bool_],
    counts: NDArray[np.float64],
    first: NDArray[np.intp],
    width: NDArray[np.int64] | int,
) -> NDArray[np.bool_]:
    """Bar windows of fewer than three points, and those that begin or end at no point: they are narrower ones."""
    few = _between(counts, first, width) < MIN_POINTS
    if isinstance(width, int):
        few |= absent[:, : absent.shape[1] + 1 - width]
        few |= absent[:, width - 1 :]
    else:
        few |= absent[:, first]
        few |= absent[:, first + width - 1]
    return few


def _level(track: Track) -> _Level:
    """Predict each row's level from all its points."""
    present = np.isfinite(track.value)
    weight = np.where(present, 1 / track.variance, 0.0)
    total = np.sum(np.where(present, track.value, 0.0) * weight, axis=1)
    noise = inflation(track.rho, np.maximum(span_of(track), 1.0))
    share = track.level_variance / (track.level_variance * weight.sum(axis=1) + noise)
    return _Level(variance=track.level_variance, drift=track.drift_variance, guess=share * total, left=share * noise)


def _from_zero(windows: _Windows, level_variance: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Standardise the windows of one width by themselves, positive for worse; None for levels that do not scatter."""
    if level_variance is None:
        spread = windows.weight * windows.inflation
    else:
        spread = windows.weight * level_variance[:, None]
        spread += windows.inflation
        spread *= windows.weight
    np.sqrt(np.maximum(spread, _TINY, out=spread), out=spread)
    return np.divide(windows.total, spread, out=spread)


def _rest_error(windows: _Windows, level: _Level) -> NDArray[np.float64]:
    """Standard errors of the windows of one width against the level of their rows, times their weight."""
    spread = level.drift[:, None] * windows.off_centre
    spread -= level.left[:, None]
    spread *= windows.weight
    spread += windows.inflation
    np.maximum(spread, _LEAST * windows.inflation, out=spread)
    spread *= windows.weight
    return np.sqrt(np.maximum(spread, _TINY, out=spread), out=spread)


def _deviates(
    windows: _Windows, level: _Level, sign: float, alone: NDArray[np.float64], error: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Standardise the windows of one width in one direction, evidence positive.

    Only a level that lies off in that direction is taken off: where the larger part of a row became slower, the rest of
    it did not become faster.
    """
    deviates = windows.weight * -np.maximum(sign * level.guess, 0.0)[:, None]
    if sign > 0:
        deviates += windows.total
    else:
        deviates -= windows.total
    deviates /= error
    return np.maximum(deviates, alone if sign > 0 else -alone, out=deviates)


def scan(track: Track, step: float = FINE) -> tuple[Best, Best]:
    """Find the best window of every row in each direction.

    Returns
    -------
    (Best, Best)
        Worse and better, both with positive deviates for evidence. Deviate -inf for rows with fewer than three points.
    """
    span, level = span_of(track), _level(track)
    worse, better = _nothing(len(span)), _nothing(len(span))
    for windows in _sums(track, *_priced(track, step, span)):
        alone, error = _from_zero(windows, level.variance), _rest_error(windows, level)
        _keep(worse, windows, _deviates(windows, level, 1.0, alone, error))
        _keep(better, windows, _deviates(windows, level, -1.0, alone, error))
    return worse, better


def _nothing(rows: int) -> Best:
    return Best(
        deviate=np.full(rows, -np.inf),
        penalty=np.zeros(rows),
        first=np.zeros(rows, dtype=np.intp),
        last=np.zeros(rows, dtype=np.intp),
    )


def _keep(best: Best, windows: _Windows, deviates: NDArray[np.float64]) -> None:
    """Note each row's best window where it beats what is known; both arrays are this module's own."""
    if windows.barred is not None:
        deviates[windows.barred] = -np.inf
    rows, paid = np.arange(len(deviates)), windows.penalty.shape[1] > 1
    column = (deviates - windows.penalty if paid else deviates).argmax(axis=1)
    new, price = deviates[rows, column], windows.penalty[rows, column if paid else 0]
    (wins,) = (new - price > best.deviate - best.penalty).nonzero()
    best.deviate[wins] = new[wins]
    best.penalty[wins] = price[wins]
    best.first[wins] = windows.first[column[wins]]
    best.last[wins] = windows.last[column[wins]]


def localise(track: Track, sign: float, cut: NDArray[np.float64], span: NDArray[np.float64]) -> Best:
    """Find the extent of the change: the window that explains most, among those that are significant themselves.

    Significance counts the scatter of whole levels as noise; extent does not, for within one row the level is the
    same everywhere, and counting it would favour the whole row over the affected part.

    Parameters
    ----------
    sign : float
        +1 to look for worse, -1 for better.
    cut : ndarray, shape (C,)
        Smallest deviate less penalty at which a window counts as significant.
    span : ndarray, shape (C,)
        Span of the whole row, for the penalty: a part of a row is searched at the price of all of it.

    Returns
    -------
    Best
        Deviate -inf for rows where no window is significant.
    """
    best, level = _nothing(len(span)), _level(track)
    tried, penalties = _priced(track, EXACT, span)
    for windows in _sums(track, tried, penalties):
        least = normal_to_t(cut[:, None] + windows.penalty, np.maximum(track.dof, 1.0)[:, None])
        alone, error = _from_zero(windows, level.variance), _rest_error(windows, level)
        proof = _deviates(windows, level, sign, alone, error)
        extent = sign * _from_zero(windows, None)
        _keep(best, windows, np.where(proof >= least, extent, -np.inf))
    return best


def deviate_in(track: Track, first: NDArray[np.intp], last: NDArray[np.intp], sign: float) -> NDArray[np.float64]:
    """Deviate of one given window per row, positive for evidence of a change in the direction of ``sign``.

    0 where the row has no point in it.
    """
    columns = np.arange(track.value.shape[1])
    inside = np.isfinite(track.value) & (columns >= first[:, None]) & (columns <= last[:, None])
    weight = np.where(inside, 1 / track.variance, 0.0)
    total = sign * np.sum(np.where(inside, track.value, 0.0) * weight, axis=1)
    mass = weight.sum(axis=1)
    widened = inflation(track.rho, np.maximum(inside.sum(axis=1), 1).astype(np.float64))
    level = _level(track)
    begin, end = ends_of(track.value)
    off_centre = ((first + last - begin - end) / (2 * np.maximum(end - begin, 1))) ** 2
    alone = mass * (widened + mass * level.variance)
    rest = mass * np.maximum(widened + mass * (level.drift * off_centre - level.left), _LEAST * widened)
    against_rest = (total - np.maximum(sign * level.guess, 0.0) * mass) / np.sqrt(np.maximum(rest, _TINY))
    deviate = np.maximum(against_rest, total / np.sqrt(np.maximum(alone, _TINY)))
    return np.where(inside.any(axis=1), deviate, 0.0)


def raised_in(
    track: Track, raw: NDArray[np.float64], first: NDArray[np.intp], last: NDArray[np.intp], sign: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count the points of one given window per row, and those that are raised on their own account.

    Raised is what has at least half the window's mean. What is left of the point before does not count: where noise is
    correlated a single spike takes several loads to die away, and a change keeps its height.

    Parameters
    ----------
    raw : ndarray, shape (C, N)
        The values of the track before spikes were clipped.
    """
    columns = np.arange(raw.shape[1])
    inside = np.isfinite(raw) & (columns >= first[:, None]) & (columns <= last[:, None])
    count = inside.sum(axis=1).astype(np.float64)
    mean = np.where(inside, sign * track.value, 0.0).sum(axis=1) / np.maximum(count, 1)
    value, least = np.where(np.isfinite(raw), sign * raw, 0.0), mean[:, None] / 2
    left = np.zeros(raw.shape)
    left[:, 1:] = track.rho[:, None] * value[:, :-1]
    own = (value - left >= (1 - track.rho[:, None]) * least) | (columns == first[:, None])
    return count, (inside & (value >= least) & own).sum(axis=1).astype(np.float64)
