"""What each run shares in time: minutes in which everything that was measured was slow.

In: a `CurveSet`. Out: per run and point the logarithm of the cost that all endpoints measured near that time share, and
the stretches of time in which it is an episode. A machine only adds time: what one run shares is looked for where it is
slower than the other runs at the same points, each curve about its own level, so that whole curves may differ.

A witness is an endpoint measured in a stretch of time; its latency and rate, and its thread counts, are one. Where
endpoints take turns, so that few are measured near a time, nothing is taken off.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import distinct, median, numbered, robust_locations, robust_scale
from perftracker_ai.validity import turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

ROUNDS = 2
"""Times what the runs share is estimated: the second time against the other runs without what they share."""

MOST_BINS, LEAST_BINS = 60, 6
"""Stretches of equally many measurements that a run is cut into; with fewer there is no calm before and after."""

MOST_CELLS = 4_000_000
"""Cells of stretches, endpoints and groups; beyond, groups share what all do."""

SPREAD = 0.5
"""Share of a run's time over which a curve must be measured for its own level to tell an episode from a change."""

WITNESSES = 5
"""Endpoints in a stretch from which what they share is taken off: with fewer it is as unsure as a curve's own noise."""

LOCATION_COST = 1.25
"""Standard error of a robust location, in units of sigma / sqrt(n)."""

EPISODE, ERRORS = math.log(1.15), 4.0
"""An episode is slower by the smallest change that counts, and by so many standard errors."""

EDGE, PLAIN = 0.4, 3.0
"""Neighbours of an episode with this part of its size belong to it: it began or ended among their measurements. Single
measurements do where that is so many times what they scatter: of noise the slow ones alone must not be left out."""

CONTROLS, LEAST_CONTROLS = 0.2, 3
"""Share and number of endpoints that stayed where they were from which a cause that hits the machine is refuted."""

STAYED = 0.35
"""An endpoint that moved by less than this part of what the others share stayed where it was."""

NEAR = 2
"""Stretches beside an episode in which it must become calm; as many as it has itself where these are more."""

MOST = 0.5
"""An episode holds at most this share of the run: beyond, it is the rest of the run that is unusual."""


class Stretch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A stretch of one run's time in which most endpoints were slow together.

    Attributes
    ----------
    inside : ndarray of bool, shape (P,)
    begin, end : float
        As in `CurveSet.begin`.
    size : float
        Logarithm of the typical slowdown.
    slow, there : int
        Endpoints that were slow, and those measured at all.
    place : int
        Where it lies, by the names of `turns`.
    """

    run: int
    inside: NDArray[np.bool_]
    begin: float
    end: float
    size: float
    slow: int
    there: int
    place: int


class Sharing(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What the runs share.

    Attributes
    ----------
    shared : ndarray, shape (R, P)
        Logarithm of the cost, zero where nothing is taken off.
    stretches : tuple of Stretch
    drift : ndarray, shape (R,)
        Change of it from the first to the last tenth of the run, against the other runs at the same points,
        disturbed stretches left out.
    """

    shared: Floats
    stretches: tuple[Stretch, ...]
    drift: Floats


class _Clock(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where the points of one run lie in its time: B stretches of equally many measurements, E endpoints, G groups.

    Attributes
    ----------
    bins : int
        How many stretches there are; 0 when the run cannot be looked at in time.
    point : ndarray of int, shape (N,)
        The points that are in any, in the order of their cells.
    cell : ndarray of int, shape (N,)
        Number of stretch, endpoint and group, as one.
    place : ndarray of int, shape (K, L)
        Members of each cell that has any, as indices into `point`; -1 where it has fewer.
    shape : (int, int, int)
        B, E and G.
    """

    bins: int
    point: Ints
    cell: Ints
    place: Ints
    shape: tuple[int, int, int]

    @property
    def bin(self) -> Ints:
        """The stretch of each of the points."""
        return self.cell // (self.shape[1] * self.shape[2])


class _Grid(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The points of all curves as rows: which curve, endpoint and group each point is of."""

    place: Ints  # shape (C, N), -1 where a curve has no such point
    curve: Ints  # shape (P,)
    endpoint: Ints  # shape (P,)
    group: Ints  # shape (P,): metric kind and thread count
    request: Ints  # shape (P,): endpoint, scenario and thread count


def share(curves: CurveSet) -> Sharing:
    """Estimate what each run shares in time."""
    cost, grid = costs(curves), _grid(curves)
    clocks = [_clock(begin, row, grid) for begin, row in zip(curves.begin, cost, strict=True)]
    shared = np.zeros(cost.shape)
    for _ in range(ROUNDS if len(cost) > 1 else 0):
        shared = np.array([_shared(row, cost, shared, clock, grid) for row, clock in enumerate(clocks)])
    shared = _own(curves, shared, grid)
    stretches = [
        stretch
        for row, clock in enumerate(clocks)
        for stretch in _stretches(row, _residual(row, cost, shared, grid), shared[row], clock, grid, curves)
    ]
    above = _above(cost, curves)
    few = len(distinct(grid.endpoint)) < WITNESSES
    for row, clock in enumerate(clocks):
        if (few or not clock.bins) and len(cost) > 1:
            stretches += _in_turns(row, above[row], grid, curves)
    calm = shared.copy()
    for one in stretches:
        calm[one.run, one.inside] = np.nan
    apart = [row - median(np.delete(calm, run, axis=0), axis=0) for run, row in enumerate(calm)]
    drift = np.array([_drift(row, clock) for row, clock in zip(apart, clocks, strict=True)])
    return Sharing(shared=shared, stretches=tuple(stretches), drift=drift)


def costs(curves: CurveSet) -> Floats:
    """Logarithm of each run's cost per point, positive for worse; NaN for all that is neither a time nor a rate."""
    signs = [(1.0 if c.less_better else -1.0) if c.metric_kind.timed else math.nan for c in curves.curves]
    sign = np.repeat(np.array(signs), [curve.stop - curve.start for curve in curves.curves])
    known = np.isfinite(curves.mean) & (curves.mean > 0)
    logs: Floats = sign * np.log(np.where(known, curves.mean, np.nan))
    return logs


def _grid(curves: CurveSet) -> _Grid:
    lengths = np.array([curve.stop - curve.start for curve in curves.curves], dtype=np.intp)
    columns = np.arange(lengths.max(initial=0))
    starts = np.array([curve.start for curve in curves.curves], dtype=np.intp)
    place = np.where(columns < lengths[:, None], starts[:, None] + columns, -1)
    return _Grid(
        place=place,
        curve=np.repeat(np.arange(len(lengths)), lengths),
        endpoint=np.repeat(numbered(one.endpoint for one in curves.curves), lengths),
        group=np.repeat(numbered((one.metric_kind, one.threads) for one in curves.curves), lengths),
        request=np.repeat(numbered((one.endpoint, one.scenario, one.threads) for one in curves.curves), lengths),
    )


def typical(values: Floats, curves: CurveSet) -> Floats:
    """Give the median of each curve's points; NaN where none is known."""
    middle: Floats = median(_by_curve(values, _grid(curves)))
    return middle


def _by_curve(values: Floats, grid: _Grid) -> Floats:
    """Lay values of points out as one row per curve."""
    laid = values[grid.place]
    laid[grid.place < 0] = np.nan
    return laid


def _clock(begin: Floats, cost: Floats, grid: _Grid) -> _Clock:
    """Cut a run into stretches of equally many measurements."""
    known = np.flatnonzero(np.isfinite(begin) & np.isfinite(cost))
    times = _by_curve(np.where(np.isfinite(cost), begin, np.nan), grid)
    several = np.isfinite(times).sum(axis=1) >= LEAST_BINS
    none = np.zeros(0, dtype=np.intp)
    blind = _Clock(bins=0, point=none, cell=none, place=none[None], shape=(0, 1, 1))
    if not several.any():
        return blind
    span = float(np.max(begin[known]) - np.min(begin[known]))
    own = np.fmax.reduce(times[several], axis=1) - np.fmin.reduce(times[several], axis=1)
    if span <= 0 or float(median(own)) < SPREAD * span:
        return blind
    bins = min(MOST_BINS, int(np.isfinite(times).sum(axis=1).max()))
    order = known[np.argsort(begin[known], kind="stable")]
    return _cells(order, np.arange(len(order)) * bins // len(order), bins, grid)


def _cells(point: Ints, place: Ints, bins: int, grid: _Grid) -> _Clock:
    """Sort the points of a run by stretch, endpoint and group; groups are left out where they would be too many."""
    endpoints, groups = int(grid.endpoint.max()) + 1, int(grid.group.max()) + 1
    groups = groups if bins * endpoints * groups <= MOST_CELLS else 1
    cell = (place * endpoints + grid.endpoint[point]) * groups + (grid.group[point] if groups > 1 else 0)
    order = np.argsort(cell, kind="stable")
    point, cell = point[order], cell[order]
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    length = np.diff(first, append=len(cell))
    columns = np.arange(length.max(initial=0))
    members = np.where(columns < length[:, None], first[:, None] + columns, -1)
    return _Clock(bins=bins, point=point, cell=cell, place=members, shape=(bins, endpoints, groups))


def _residual(row: int, cost: Floats, shared: Floats, grid: _Grid) -> Floats:
    """Tell how far a run lies above the others at each point, each curve about its own level."""
    others = np.delete(cost - shared, row, axis=0)
    above = cost[row] - median(others, axis=0)
    level: Floats = median(_by_curve(above, grid))
    return np.asarray(above - level[grid.curve])


def _shared(row: int, cost: Floats, shared: Floats, clock: _Clock, grid: _Grid) -> Floats:
    """Estimate what one run shares at each point, from the centre of each stretch and of each group in it."""
    found = np.zeros(cost.shape[1])
    if not clock.bins:
        return found
    laid = _laid(_residual(row, cost, shared, grid), clock)
    levels = median(laid)
    centre = _centres(levels)
    own = _drawn(np.moveaxis(laid, 2, 1), centre)
    per_group = np.where((centre == 0)[:, None], 0.0, np.maximum(own, 0.0))
    found[clock.point] = per_group[clock.bin, clock.cell % clock.shape[2]]
    return found


def _laid(values: Floats, clock: _Clock) -> Floats:
    """Lay the medians of values out by stretch, endpoint and group, shape (B, E, G); NaN where there are none."""
    members = values[clock.point][clock.place]
    members[clock.place < 0] = np.nan
    laid = np.full(math.prod(clock.shape), np.nan)
    laid[clock.cell[clock.place[:, 0]]] = median(members)
    return laid.reshape(clock.shape)


def _centres(levels: Floats) -> Floats:
    """Locate what the endpoints of each stretch share; zero where too few were measured, or enough of them stayed."""
    centre, there = robust_locations(levels), np.isfinite(levels).sum(axis=1)
    stayed = (np.abs(levels) <= STAYED * np.abs(centre)[:, None]).sum(axis=1)
    refuted = (np.abs(centre) >= EPISODE) & (stayed >= np.maximum(LEAST_CONTROLS, CONTROLS * there))
    return np.where((there < WITNESSES) | refuted, 0.0, centre)


def _drawn(groups: Floats, centre: Floats) -> Floats:
    """Draw groups' own centres towards that of all as far as they differ by no more than chance (James and Stein)."""
    flat = groups.reshape(-1, groups.shape[-1])
    own, there = robust_locations(flat), np.isfinite(flat).sum(axis=1)
    error = LOCATION_COST * robust_scale(flat - own[:, None]) / np.sqrt(np.maximum(there, 1))
    own, error, there = (values.reshape(groups.shape[:2]) for values in (own, error, there))
    difference = own - centre[:, None]
    share = 1 - np.divide(error, difference, out=np.ones_like(own), where=difference != 0) ** 2
    known = (there >= WITNESSES) & np.isfinite(share)
    return centre[:, None] + np.where(known, difference * np.maximum(share, 0.0), 0.0)


def _own(curves: CurveSet, shared: Floats, grid: _Grid) -> Floats:
    """Leave to the version what all its runs share at a point, where there are several: that is reproduced."""
    kept = shared.copy()
    for rows in curves.rows:
        if len(rows) > 1:
            reproduced = np.min(shared[rows], axis=0)
            level = median(_by_curve(reproduced, grid))[grid.curve]
            kept[rows] -= np.where(np.isfinite(level), reproduced, 0.0)
    return kept


# ── episodes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _stretches(run: int, above: Floats, shared: Floats, clock: _Clock, grid: _Grid, curves: CurveSet) -> list[Stretch]:
    """Find the stretches of one run in which what it shares is an episode."""
    if clock.bins < LEAST_BINS:
        return []
    size, levels = median(_laid(shared, clock).reshape(clock.bins, -1)), median(_laid(above, clock))
    there = np.isfinite(levels).sum(axis=1)
    spread = robust_scale(levels - median(levels)[:, None])
    error = np.where(there >= LEAST_CONTROLS, LOCATION_COST * spread / np.sqrt(np.maximum(there, 1)), np.inf)
    marked = (size >= EPISODE) & (size >= ERRORS * error)
    if marked.sum() > MOST * clock.bins:
        return []
    return [
        _stretch(run, clock, size, (first, last), above, grid, curves)
        for first, last in turns.ranges(_widened(marked, np.where(np.isfinite(size), size, 0.0)))
        if _calm_beside(size, first, last)
    ]


def _above(cost: Floats, curves: CurveSet) -> Floats:
    """Tell how far each run lies above the others at each point; what all runs of a version show is reproduced."""
    above = np.array([row - median(np.delete(cost, run, axis=0), axis=0) for run, row in enumerate(cost)])
    for rows in curves.rows:
        if len(rows) > 1:
            above[rows] -= np.maximum(np.min(above[rows], axis=0), 0.0)
    return above


def _in_turns(run: int, above: Floats, grid: _Grid, curves: CurveSet) -> list[Stretch]:
    """Find the episodes of a run in which endpoints take turns, or few are measured near a time."""
    tests = turns.tests_of(above, curves.begin[run], grid.request, grid.endpoint, grid.group, EPISODE)
    return [
        _described(
            run, tests.point[(tests.of_point >= first) & (tests.of_point <= last)], size, place, above, grid, curves
        )
        for first, last, size, place in turns.stretches(tests, EPISODE)
    ]


def _calm_beside(size: Floats, first: int, last: int) -> bool:
    """Say whether it is calm before and after a stretch, and no slope of a run that drifts all the way."""
    reach, least = max(last - first + 1, NEAR), EDGE * float(median(size[first : last + 1]))
    beside = (size[max(first - reach, 0) : first], size[last + 1 : last + 1 + reach])
    return all(not len(part) or float(np.nanmin(part)) < least for part in beside)


def _widened(marked: NDArray[np.bool_], size: Floats) -> NDArray[np.bool_]:
    """Take in neighbours that have part of the size."""
    peak = np.where(marked, size, 0.0)
    beside = np.maximum(np.r_[peak[1:], 0.0], np.r_[0.0, peak[:-1]])
    return np.asarray(marked | ((beside > 0) & (size >= EDGE * beside)))


def _stretch(  # noqa: PLR0913, PLR0917 - as above
    run: int,
    clock: _Clock,
    size: Floats,
    ends: tuple[int, int],
    above: Floats,
    grid: _Grid,
    curves: CurveSet,
) -> Stretch:
    first, last = ends
    typical = float(median(size[first : last + 1]))
    inside = (clock.bin >= first) & (clock.bin <= last)
    if EDGE * typical >= PLAIN * float(robust_scale(above[np.isfinite(above)])):
        beside = (clock.bin == first - 1) | (clock.bin == last + 1)  # it begins and ends in the midst of one
        inside |= beside & (above[clock.point] >= EDGE * typical)
    place = turns.WARM_UP if first == 0 else turns.LATE if last == clock.bins - 1 else turns.EPISODE
    return _described(run, clock.point[inside], typical, place, above, grid, curves)


def _described(  # noqa: PLR0913, PLR0917 - as above
    run: int, points: Ints, typical: float, place: int, above: Floats, grid: _Grid, curves: CurveSet
) -> Stretch:
    inside = np.zeros(len(above), dtype=bool)
    inside[points] = True
    levels = _levels(above[points], grid.endpoint[points])
    return Stretch(
        run=run,
        inside=inside,
        begin=float(np.min(curves.begin[run, points])),
        end=float(np.max(curves.end[run, points])),
        size=typical,
        slow=int((levels > STAYED * typical).sum()),
        there=len(levels),
        place=place,
    )


def _levels(values: Floats, endpoints: Ints) -> Floats:
    """Give each endpoint's median."""
    known = np.isfinite(values)
    names = distinct(endpoints[known])
    return np.array([float(median(values[known & (endpoints == name)])) for name in names])


def _drift(shared: Floats, clock: _Clock) -> float:
    """Tell by how much what a run shares rises from its first tenth to its last."""
    if not clock.bins:
        return 0.0
    tenth, values = max(clock.bins // 10, 1), shared[clock.point]
    first, last = (median(values[part]) for part in (clock.bin < tenth, clock.bin >= clock.bins - tenth))
    return float(last - first)
