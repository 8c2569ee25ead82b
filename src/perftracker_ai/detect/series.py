"""Curves as rows of rectangular arrays: oriented log-ratios on the load grid that related curves share.

In: a `CurveSet`. Out: `Panel` s, each with the curves of whole families (same endpoint and scenario) on one grid, so
that windows of load mean the same for all of them. Nothing is filled: a load a curve has no value at is NaN.
Positive is worse everywhere: latency counts candidate over baseline, a rate baseline over candidate.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect.earlier import levelled
from perftracker_ai.model import CANDIDATE, MetricKind
from perftracker_ai.stats import median

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, CurveSet, Timeline

PANEL_CELLS = 60_000
"""Cells of one panel at most (one family apart): its arrays stay near the processor's caches, and memory is small."""


LARGEST = 20.0
"""Log-ratios end here: a factor of half a billion is no measurement, and beyond it slowdowns lose their digits."""

SMALL_CELLS = 20_000
"""Cells up to which grids of any length share a panel: the time goes into the number of panels there."""

KINDS = tuple(MetricKind)


EARLIER_PAIRS = 20
"""Pairs of earlier jobs that teach the noise, at most: older ones say little of the machines as they are now."""


class Ratios(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Oriented log-ratios per point of a `CurveSet` of P points with B baseline runs and K calm comparisons.

    Attributes
    ----------
    ratio : ndarray, shape (P,)
        Median of the candidate's runs against that of the baseline's; NaN where either has no value.
    versus : ndarray, shape (V, P)
        The same against each baseline run; and each run of the candidate, where there are several, against the
        baseline's median.
    contrast : ndarray, shape (K, P)
        Baseline runs against each other, and earlier jobs against the next of them: runs with nothing changed between
        them, or little, scaled to the variance `ratio` has then.
    cost : ndarray, shape (B + 1, P)
        Logarithm of each run's cost, candidate last: positive is worse.
    sampling : ndarray, shape (P,)
        Variance of `ratio` that the spread of the scores alone accounts for; NaN without repeated scores.
    gross : ndarray, shape (P,)
        `ratio` as measured: what runs share at a time is still in it, and so is what was left out.
    """

    ratio: NDArray[np.float64]
    versus: NDArray[np.float64]
    contrast: NDArray[np.float64]
    cost: NDArray[np.float64]
    sampling: NDArray[np.float64]
    gross: NDArray[np.float64]


class Panel(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """C curves of whole families on grids of at most N loads.

    Attributes
    ----------
    rows : ndarray of int, shape (C,)
        Curve indices; members of a family stand together.
    starts : ndarray of int
        First row of each family.
    kind : ndarray of int, shape (C,)
        Place of the curve's metric kind in `MetricKind`.
    twin : ndarray of int, shape (C,)
        Row of another metric of the same endpoint, scenario and thread count, measured by the same requests; -1
        without one.
    point : ndarray of int, shape (C, N)
        Point index in the `CurveSet`; -1 where the curve has no such load.
    ratio, sampling, gross : ndarray, shape (C, N)
    versus : ndarray, shape (V, C, N)
    contrast : ndarray, shape (K, C, N)
    cost : ndarray, shape (B + 1, C, N)
        See `Ratios`.
    """

    rows: NDArray[np.intp]
    starts: NDArray[np.intp]
    kind: NDArray[np.intp]
    twin: NDArray[np.intp]
    point: NDArray[np.intp]
    ratio: NDArray[np.float64]
    versus: NDArray[np.float64]
    contrast: NDArray[np.float64]
    cost: NDArray[np.float64]
    sampling: NDArray[np.float64]
    gross: NDArray[np.float64]


class Net(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One panel with the shift of every run taken off, C curves on N loads.

    Attributes
    ----------
    ratio : ndarray, shape (C, N)
    contrast : ndarray, shape (K, C, N)
        As in `Panel`, net.
    """

    panel: Panel
    ratio: NDArray[np.float64]
    contrast: NDArray[np.float64]


def ratios(curves: CurveSet, timeline: Timeline | None = None, measured: CurveSet | None = None) -> Ratios:
    """Compare the candidate with the baseline runs, point by point.

    Parameters
    ----------
    timeline : Timeline, optional
        Earlier jobs, the compared ones not among them.
    measured : CurveSet, optional
        The same runs as measured, where something was taken off them.

    Returns
    -------
    Ratios
        Read-only by convention; the input is not changed.
    """
    log, sign = _log(curves.mean), orientation(curves)
    base, own = (log[rows] for rows in curves.rows)
    before, after = median(base, axis=0), median(own, axis=0)
    alone = own[:0] if len(own) == 1 else own  # a single run of the candidate is what all else is compared with
    variance = 1 / len(base) + 1 / len(own)
    contrasts = (_contrasts(base, variance), _contrasts(own, variance), _successive(curves, timeline, variance))
    raw = log if measured is None else _log(measured.mean)
    gross = median(raw[curves.rows[1]], axis=0) - median(raw[curves.rows[0]], axis=0)
    return Ratios(
        gross=np.clip(sign * gross, -LARGEST, LARGEST),
        ratio=np.clip(sign * (after - before), -LARGEST, LARGEST),
        versus=np.clip(sign * np.concatenate([after - base, alone - before]), -LARGEST, LARGEST),
        contrast=sign * np.concatenate(contrasts),
        cost=sign * np.concatenate([base, log[CANDIDATE][None]]),
        sampling=_sampling(curves),
    )


def orientation(curves: CurveSet) -> NDArray[np.float64]:
    """Sign per point: +1 where a larger value is worse, -1 where it is better."""
    lengths = [curve.stop - curve.start for curve in curves.curves]
    return np.repeat([1.0 if curve.less_better else -1.0 for curve in curves.curves], lengths)


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm where there is one: a value of zero or below is as absent as a missing one."""
    positive = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    logs: NDArray[np.float64] = np.log(positive)
    return logs


def _contrasts(runs: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    """Helmert contrasts of the runs of one version: independent of each other, each free of what the other changed.

    A contrast of run k against the mean of the k runs before it has variance (1 + 1/k) of one run's; the ratio of C
    candidate runs to B baseline runs has (1/C + 1/B), so each is rescaled to that.
    """
    count = len(runs)
    rows = [(runs[k] - runs[:k].mean(axis=0)) * np.sqrt(variance / (1 + 1 / k)) for k in range(1, count)]
    return np.array(rows).reshape(count - 1, runs.shape[1])


def _successive(curves: CurveSet, timeline: Timeline | None, variance: float) -> NDArray[np.float64]:
    """Compare the latest earlier jobs two by two, scaled as the contrasts of runs are.

    Neighbours, for little changed from one to the next, and about the levels of their versions; each job in one pair
    only, so that the pairs are independent.
    """
    if timeline is None:
        return np.zeros((0, curves.mean.shape[1]))
    first = len(timeline.jobs) - 2 * pairs_of(timeline)
    versions = [job.product_ver for job in timeline.jobs[first:]]
    log = levelled(_log(timeline.mean[first:]), curves.curves, versions)
    steps: NDArray[np.float64] = (log[1::2] - log[::2]) * np.sqrt(variance / 2)
    return steps


def pairs_of(timeline: Timeline | None) -> int:
    """Count the pairs of earlier jobs that teach the noise."""
    return 0 if timeline is None else min(len(timeline.jobs) // 2, EARLIER_PAIRS)


def _sampling(curves: CurveSet) -> NDArray[np.float64]:
    """Variance of the log-ratio by the spread of the scores; runs of one score say nothing about theirs."""
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = (curves.sd / curves.mean) ** 2 / curves.count
    relative[~np.isfinite(relative)] = np.nan
    before, after = (_mean_variance(relative[rows]) for rows in curves.rows)
    return after + before


def _mean_variance(relative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of the mean of runs, from those whose scores say anything."""
    known = np.isfinite(relative).sum(axis=0)
    total = np.nansum(relative, axis=0)
    mean: NDArray[np.float64] = np.divide(total, known, out=np.full(len(total), np.nan), where=known > 0)
    return mean / len(relative)


def family_key(curve: Curve) -> tuple[str, str, str, str]:
    """What related curves share: other thread counts and metrics of one endpoint and scenario."""
    return curve.group, curve.endpoint, curve.scenario, curve.load_unit


def panels(curves: CurveSet, values: Ratios, chosen: Sequence[Curve]) -> Iterator[Panel]:
    """Lay the chosen curves out in panels of similar grid length, families kept whole.

    Yields
    ------
    Panel
        In order of grid length, then of family; nothing for no curves.
    """
    families = [tuple(members) for _, members in groupby(sorted(chosen, key=_order), key=family_key)]
    grids = [_grid(curves, family) for family in families]
    order = sorted(range(len(families)), key=lambda k: len(grids[k]))
    for batch in _batches([len(family) for family in families], [len(grid) for grid in grids], order):
        yield _panel(curves, values, [families[b] for b in batch], [grids[b] for b in batch])


def _order(curve: Curve) -> tuple[tuple[str, str, str, str], int]:
    return family_key(curve), curve.index


def _batches(rows: list[int], lengths: list[int], order: list[int]) -> Iterator[list[int]]:
    """Cut families, shortest grid first, into batches that neither waste memory nor become too large."""
    batch: list[int] = []
    held = 0
    for k in order:
        if batch and _too_different(lengths[batch[0]], lengths[k], held + rows[k]):
            yield batch
            batch, held = [], 0
        batch.append(k)
        held += rows[k]
    if batch:
        yield batch


def _too_different(shortest: int, length: int, rows: int) -> bool:
    """Say whether so many rows of this length would waste memory beside the shortest grid, or be too many."""
    wasteful = length > 2 * shortest and rows * length > SMALL_CELLS
    return wasteful or rows * length > PANEL_CELLS


def _grid(curves: CurveSet, family: tuple[Curve, ...]) -> NDArray[np.float64]:
    """Loads of a family, ascending: the union over its members."""
    loads = [curves.load[curve.start : curve.stop] for curve in family]
    if all(np.array_equal(loads[0], other) for other in loads[1:]):
        return loads[0]
    return np.array(sorted({load for part in loads for load in part.tolist()}))


def _panel(
    curves: CurveSet, values: Ratios, families: list[tuple[Curve, ...]], grids: list[NDArray[np.float64]]
) -> Panel:
    sizes = [len(family) for family in families]
    rows = [curve for family in families for curve in family]
    point = np.full((len(rows), max(len(grid) for grid in grids)), -1, dtype=np.intp)
    places = [grid for grid, family in zip(grids, families, strict=True) for _ in family]
    for row, (curve, grid) in enumerate(zip(rows, places, strict=True)):
        whole = curve.stop - curve.start == len(grid)  # then it is the grid, and nothing need be searched
        columns = slice(len(grid)) if whole else np.searchsorted(grid, curves.load[curve.start : curve.stop])
        point[row, columns] = np.arange(curve.start, curve.stop)
    return Panel(
        rows=np.array([curve.index for curve in rows], dtype=np.intp),
        starts=np.cumsum([0, *sizes[:-1]]),
        kind=np.array([KINDS.index(curve.metric_kind) for curve in rows], dtype=np.intp),
        twin=_twins(rows),
        point=point,
        ratio=_lay(values.ratio, point),
        versus=_lay(values.versus, point),
        contrast=_lay(values.contrast, point),
        cost=_lay(values.cost, point),
        sampling=_lay(values.sampling, point),
        gross=_lay(values.gross, point),
    )


def _twins(rows: list[Curve]) -> NDArray[np.intp]:
    """Find each row's twin: the first of another metric kind that its requests were measured by as well."""
    places: dict[tuple[object, ...], list[int]] = {}
    for row, curve in enumerate(rows):
        places.setdefault((family_key(curve), curve.threads), []).append(row)
    twins = np.full(len(rows), -1, dtype=np.intp)
    for members in places.values():
        for row in members:
            others = [other for other in members if rows[other].metric_kind is not rows[row].metric_kind]
            twins[row] = others[0] if others else -1
    return twins


def _lay(flat: NDArray[np.float64], point: NDArray[np.intp]) -> NDArray[np.float64]:
    """Spread values of points over a grid, NaN where the curve has no such load."""
    laid = flat[..., point]
    laid[..., point < 0] = np.nan
    return laid
