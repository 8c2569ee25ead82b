"""From arrays to words: one `Trend` a row, positions as the caller counts them, directions as the metric means them.

In: a batch and what was found in it. Out: `Trend` values. Decides nothing but which state stands for the series. Whole
batches are turned into plain numbers at once: reading arrays number by number would cost more than finding the changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from perftracker_ai.model import Direction
from perftracker_ai.stats import normal_to_t
from perftracker_ai.trends.changes import chances, places, smallest
from perftracker_ai.trends.modes import noise_rise
from perftracker_ai.trends.vocabulary import Change, DriftEstimate, Flaky, Modes, Segment, Series, Trend, TrendState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.trends.batch import Batch
    from perftracker_ai.trends.drift import Fit
    from perftracker_ai.trends.modes import Split

NORMAL_975 = 1.959964
"""Normal deviate of 95 % intervals."""

WIDEST = 200.0
"""Logarithms are told up to here; an interval that wide says that nothing is known."""

RECOVERED = 0.25
"""A change is taken back when no more than this share of it is left."""


class _Context(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What all descriptions of a batch need.

    Attributes
    ----------
    worse : ndarray, shape (N,)
        1 when a larger value is worse, -1 otherwise.
    wide : ndarray, shape (N,)
        Standard errors either side of a 95 % interval.
    tilt : ndarray, shape (N,)
        The slope where it is significant, 0 elsewhere.
    since : ndarray of int, shape (N,)
        Values from the reference to the end.
    """

    members: Sequence[Series]
    batch: Batch
    fit: Fit
    worse: NDArray[np.float64]
    wide: NDArray[np.float64]
    tilt: NDArray[np.float64]
    since: NDArray[np.int64]


def too_short(points: int, least_change: float) -> Trend:
    """Say that there are too few values."""
    return _silent(TrendState.TOO_SHORT, points, least_change, None)


def described(members: Sequence[Series], batch: Batch, fit: Fit, split: Split, least_change: float) -> list[Trend]:
    """Describe every row of a batch."""
    about = _context(members, batch, fit)
    columns = zip(
        batch.length.tolist(),
        _segments(about),
        _changes(about),
        _totals(about).tolist(),
        _drifts(about),
        _flaky(about),
        fit.levels.noise.sigma.tolist(),
        fit.levels.noise.rho.tolist(),
        smallest(batch, least_change).tolist(),
        _outliers(batch),
        strict=True,
    )
    trends = [_trend(*column) for column in columns]
    for number, row in enumerate(split.row.tolist()):
        modes = _modes(split, number, float(batch.centre[row]))
        trends[row] = _silent(TrendState.BIMODAL, trends[row].points, trends[row].floor, modes)
    return trends


def _context(members: Sequence[Series], batch: Batch, fit: Fit) -> _Context:
    reference = np.array([one.reference for one in members])
    later = np.flatnonzero(reference)  # most series count from their first value
    before = np.zeros(len(reference), dtype=np.int64)
    inside = np.arange(batch.place.shape[1]) < batch.length[later, None]
    before[later] = np.count_nonzero(inside & (batch.place[later] < reference[later, None]), axis=1)
    return _Context(
        members=members,
        batch=batch,
        fit=fit,
        worse=np.array([1.0 if one.less_better else -1.0 for one in members]),
        wide=normal_to_t(np.array(NORMAL_975), fit.levels.noise.dof),
        tilt=np.where(fit.drifting, fit.slope, 0.0),
        since=np.maximum(batch.length - 1 - before, 0),
    )


def _trend(  # noqa: PLR0913, PLR0917 - one column each, by position for speed
    points: int,
    segments: tuple[Segment, ...],
    changes: tuple[Change, ...],
    total: float,
    drift: DriftEstimate,
    flaky: Flaky | None,
    noise: float,
    correlation: float,
    floor: float,
    outliers: tuple[int, ...],
) -> Trend:
    return Trend(
        state=_state(changes, drift, flaky),
        points=points,
        segments=segments,
        changes=changes,
        total=total,
        drift=drift,
        modes=None,
        flaky=flaky,
        noise=noise,
        correlation=correlation,
        floor=floor,
        outliers=outliers,
    )


def _silent(state: TrendState, points: int, floor: float, modes: Modes | None) -> Trend:
    return Trend(
        state=state,
        points=points,
        segments=(),
        changes=(),
        total=None,
        drift=None,
        modes=modes,
        flaky=None,
        noise=None,
        correlation=None,
        floor=floor,
        outliers=(),
    )


def _state(changes: tuple[Change, ...], drift: DriftEstimate, flaky: Flaky | None) -> TrendState:
    if changes:
        return TrendState.CHANGED
    if drift.significant:
        return TrendState.DRIFTING
    return TrendState.FLAKY if flaky else TrendState.STEADY


# ── levels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _segments(about: _Context) -> list[tuple[Segment, ...]]:
    levels, batch = about.fit.levels, about.batch
    row, piece = np.nonzero(levels.size)
    begin, end = levels.bounds[row, piece], levels.bounds[row, piece + 1]
    middle = about.tilt[row] * (begin + end - batch.length[row]) / 2
    level = batch.centre[row] + levels.mean[row, piece] + middle
    half = about.wide[row] * np.sqrt(levels.variance[row, piece])
    columns = (
        batch.place[row, begin],
        batch.place[row, end - 1],
        end - begin,
        *np.exp(_ends(level, half)),
    )
    segments = [
        Segment(first=first, last=last, points=points, level=level, low=low, high=high)
        for first, last, points, level, low, high in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return _grouped(segments, row, len(batch.length))


def _ends(middle: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return logarithms and the ends of their intervals, shape (3, ...)."""
    ends: NDArray[np.float64] = np.clip([middle, middle - half, middle + half], -WIDEST, WIDEST)
    return ends


def _grouped(things: list[Any], row: NDArray[np.int64], rows: int) -> list[tuple[Any, ...]]:
    """Put things that are in order of their rows together by row."""
    ends = np.cumsum(np.bincount(row, minlength=rows)).tolist()
    return [tuple(things[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def _changes(about: _Context) -> list[tuple[Change, ...]]:
    levels, batch = about.fit.levels, about.batch
    found = places(about.fit.rows, levels)
    row, cut = found.row, found.cut
    step = levels.mean[row, cut + 1] - levels.mean[row, cut]
    half = about.wide[row] * np.sqrt(levels.variance[row, cut] + levels.variance[row, cut + 1])
    cost = about.worse[row] * step
    back = _back(about, row, cut, step)
    columns = (
        row,
        *(batch.place[row, at] for at in (found.best, found.best - 1, found.earliest, found.latest)),
        *np.expm1(_ends(cost, half)),
        chances(levels)[row, cut],
        np.where(back >= 0, batch.place[row, back], -1),
    )
    changes = [
        _change(about.members, *numbers) for numbers in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return _grouped(changes, row, len(batch.length))


def _change(  # noqa: PLR0913, PLR0917 - one column each, by position for speed
    members: Sequence[Series],
    row: int,
    index: int,
    previous: int,
    earliest: int,
    latest: int,
    slowdown: float,
    low: float,
    high: float,
    p_value: float,
    recovered: int,
) -> Change:
    versions = members[row].versions
    return Change(
        index=index,
        previous=previous,
        earliest=earliest,
        latest=latest,
        slowdown=slowdown,
        low=low,
        high=high,
        p_value=p_value,
        direction=Direction.WORSE if slowdown > 0 else Direction.BETTER,
        same_version=versions[index] == versions[previous] != "",
        recovered=recovered if recovered >= 0 else None,
    )


def _back(
    about: _Context, row: NDArray[np.int64], cut: NDArray[np.int64], step: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return where the level came back to what it was before a step, or passed it; -1 where it did not."""
    levels = about.fit.levels
    piece = np.arange(levels.size.shape[1])
    left = (levels.mean[row] - levels.mean[row, cut, None]) / step[:, None]
    back = (left <= RECOVERED) & (piece > cut[:, None] + 1) & (levels.size[row] > 0)
    return np.where(back.any(axis=1), levels.bounds[row, back.argmax(axis=1)], -1)


# ── the whole ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _totals(about: _Context) -> NDArray[np.float64]:
    """Return what became of the reference's level, by everything that is significant."""
    levels, length = about.fit.levels, about.batch.length
    row = np.arange(len(length))
    at_reference = np.count_nonzero(levels.bounds[:, 1:] <= (length - 1 - about.since)[:, None], axis=1)
    last = np.count_nonzero(levels.size, axis=1) - 1
    step = levels.mean[row, last] - levels.mean[row, at_reference]
    total: NDArray[np.float64] = np.expm1(
        _ends(about.worse * (step + about.tilt * about.since), np.zeros(len(step)))[0]
    )
    return total


def _drifts(about: _Context) -> list[DriftEstimate]:
    cost = about.worse * about.fit.slope * about.since
    half = about.wide * about.fit.error * about.since
    columns = (*np.expm1(_ends(cost, half)), about.fit.drifting)
    return [
        DriftEstimate(slowdown=slowdown, low=low, high=high, significant=significant)
        for slowdown, low, high, significant in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _flaky(about: _Context) -> list[Flaky | None]:
    rise = noise_rise(_left_over(about), about.batch.length, about.fit.levels.noise.rho)
    found: list[Flaky | None] = [None] * len(about.members)
    for row in np.flatnonzero(rise.flaky).tolist():
        index = int(about.batch.place[row, rise.place[row]])
        found[row] = Flaky(index=index, ratio=float(rise.ratio[row]), p_value=float(rise.p_value[row]))
    return found


def _left_over(about: _Context) -> NDArray[np.float32]:
    """Return the values, outliers and all, less level and drift; how noisy they are needs no more digits."""
    levels, raw = about.fit.levels, about.batch.raw
    row, cut = np.nonzero(levels.size[:, 1:])
    step = np.zeros(raw.shape, dtype=np.float32)
    step[:, 0] = levels.mean[:, 0] - about.tilt * (about.batch.length - 1) / 2
    step[:, 1:] = about.tilt[:, None]
    step[row, levels.bounds[row, cut + 1]] += levels.mean[row, cut + 1] - levels.mean[row, cut]
    return raw.astype(np.float32) - np.cumsum(step, axis=1)


def _outliers(batch: Batch) -> list[tuple[int, ...]]:
    row, at = np.nonzero(batch.outlier)
    return _grouped(batch.place[row, at].tolist(), row, len(batch.length))


def _modes(split: Split, number: int, centre: float) -> Modes:
    low, high = np.exp([centre + split.low[number], centre + split.high[number]]).tolist()
    share_high, switches = float(split.share_high[number]), int(split.switches[number])
    return Modes(low=low, high=high, share_high=share_high, switches=switches)
