"""Changes along the load: in go a `CurveSet` and its `Detection`, out come log cost ratios of curves and of clusters.

Everything is on the log scale, oriented so that positive is slower, and net of the run-wide shift and of the *drift*:
what the unchanged curves share at the same load, for a run that warms up slowly bends every curve alike. A *profile*
pools the curves of a cluster by the median at each load, so that one noisy curve cannot shape the diagnosis.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.model import Direction, Outcome
from perftracker_ai.stats import distinct
from perftracker_ai.stats import median as column_median
from perftracker_ai.units import read_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, CurveResult, CurveSet, Detection, Window

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MAX_POINTS = 60
"""Longer profiles are thinned by medians: a shape needs no more, and the search for bands is quadratic."""

MIN_STEADY = 10
"""Unchanged curves at one load from which their median is a drift and not their own noise."""

_STEADY = frozenset({Outcome.UNCHANGED, Outcome.INCONCLUSIVE})
_WORSE = frozenset({Outcome.REGRESSED, Outcome.MINOR, Outcome.MOVED})


class Comparison(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What diagnosis looks at: the curves, what was found on them, and which of them are related.

    Attributes
    ----------
    before, after : ndarray of float, shape (P,)
        Logarithm of every point's value in the baseline (the median of its runs) and in the candidate; NaN where
        absent.
    change : ndarray of float, shape (P,)
        Log cost ratio of every point, candidate over baseline, net of the run-wide shift but where the curve moved with
        the run; NaN where not compared.
    families : dict of str to tuple of int
        Curve indices of every endpoint.
    """

    curves: CurveSet
    detection: Detection
    before: Floats
    after: Floats
    change: Floats
    families: dict[str, tuple[int, ...]]


class Profile(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The pooled change of a cluster along the load.

    Attributes
    ----------
    load : ndarray of float, shape (K,)
        Ascending.
    change : ndarray of float, shape (K,)
        Median log cost ratio; positive is the cluster's own direction.
    numbered : bool
        Whether loads are real numbers.
    """

    load: Floats
    change: Floats
    numbered: bool


def compare(curves: CurveSet, detection: Detection) -> Comparison:
    """Compute the log cost ratio of every point, and group the curves by endpoint."""
    sign = np.array([1.0 if curve.less_better else -1.0 for curve in curves.curves])
    shift = np.array([_taken(result) for result in detection.results])
    owner = np.repeat(np.arange(len(sign)), np.array([c.stop - c.start for c in curves.curves], dtype=np.int64))
    logs = np.log(_positive(curves))
    before, after = (column_median(logs[rows], axis=0) for rows in curves.rows)
    change = sign[owner] * (after - before) - shift[owner]
    change = change - _drift(curves, detection, change, owner)
    families: dict[str, list[int]] = defaultdict(list)
    for curve in curves.curves:
        families[curve.endpoint].append(curve.index)
    frozen = {endpoint: tuple(indices) for endpoint, indices in families.items()}
    return Comparison(curves=curves, detection=detection, before=before, after=after, change=change, families=frozen)


def _taken(result: CurveResult) -> float:
    """Return what is taken off a curve, as a logarithm: nothing where its change is told as measured."""
    standing = None if result.worst is None else result.windows[result.worst]
    as_measured = standing is not None and standing.gross_slowdown == standing.median_slowdown
    return 0.0 if as_measured else math.log1p(result.shift)


def _positive(curves: CurveSet) -> Floats:
    """Return values that have a logarithm: where none is counted, every count of the curve is raised by one."""
    raised = curves.mean.copy()
    for curve in curves.curves:
        if not curve.metric_kind.timed and (curves.mean[:, curve.start : curve.stop] == 0).any():
            raised[:, curve.start : curve.stop] += read_unit(curve.unit).factor
    return np.where(raised > 0, raised, np.nan)


def _drift(curves: CurveSet, detection: Detection, change: Floats, owner: Ints) -> Floats:
    """Give at every point the median change of the unchanged curves at the same load; 0 where these are too few.

    Only the bend is taken, not the level: that is the run-wide shift's, and curves not yet found would lift it.
    """
    steady = np.array([result.outcome in _STEADY for result in detection.results], dtype=bool)[owner]
    place, used = _places(curves, owner), np.flatnonzero(steady & np.isfinite(change))
    order = used[np.lexsort((change[used], place[used]))]
    count = np.bincount(place[order], minlength=place.max(initial=-1) + 1)
    start = np.cumsum(count) - count
    enough = count >= MIN_STEADY
    low, high = (start + (count - 1) // 2)[enough], (start + count // 2)[enough]
    drift = np.zeros(len(count))
    drift[enough] = 0.5 * (change[order[low]] + change[order[high]])
    if enough.any():
        drift[enough] -= median(drift[enough])
    return drift[place]


def _places(curves: CurveSet, owner: Ints) -> Ints:
    """Number the different loads: points with the same unit and load get the same number."""
    place, used = np.zeros(len(owner), dtype=np.int64), 0
    for unit in sorted({curve.load_unit for curve in curves.curves}):
        mine = np.array([curve.load_unit == unit for curve in curves.curves], dtype=bool)[owner]
        loads = distinct(curves.load[mine])
        place[mine] = np.searchsorted(loads, curves.load[mine]) + used
        used += len(loads)
    return place


def standing_window(result: CurveResult, direction: Direction) -> Window | None:
    """Choose the window that stands for a curve in one direction; None when it did not change that way."""
    if direction is Direction.WORSE:
        worst = None if result.worst is None or result.outcome not in _WORSE else result.windows[result.worst]
        return worst if worst is not None and worst.direction is direction else None
    if direction is Direction.UNKNOWN:
        return result.windows[result.worst] if result.outcome is Outcome.CHANGED and result.worst is not None else None
    better = [window for window in result.windows if window.direction is Direction.BETTER]
    return min(better, key=lambda window: window.median_slowdown, default=None)


def curve_change(comparison: Comparison, index: int) -> Floats:
    """Give the log cost ratios of one curve."""
    curve = comparison.curves.curves[index]
    return comparison.change[curve.start : curve.stop]


def pool(comparison: Comparison, members: Sequence[int], direction: Direction) -> Profile:
    """Pool the members that share the first one's load axis.

    Returns
    -------
    Profile
        Of the points at least one member measured on both sides; empty for scalars.
    """
    first = comparison.curves.curves[members[0]]
    axis = [index for index in members if _same_axis(comparison.curves.curves[index], first)]
    load = distinct(np.concatenate([_loads(comparison, index) for index in axis]))
    table = np.full((len(axis), len(load)), np.nan)
    for row, index in enumerate(axis):
        table[row, np.searchsorted(load, _loads(comparison, index))] = curve_change(comparison, index)
    measured = np.isfinite(table).any(axis=0) & (not first.scalar)
    sign = 1.0 if direction is Direction.WORSE else -1.0
    change = sign * column_median(table[:, measured], axis=0)
    return _thinned(Profile(load=load[measured], change=without_spikes(change), numbered=first.numbered))


def median(values: Floats) -> float:
    """Take the median of finite values; ten times faster on a few values than numpy's own."""
    ordered = np.sort(values)
    return float(0.5 * (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]))


def without_spikes(values: Floats) -> Floats:
    """Replace every value by the median of itself and its neighbours; the ends by that of the nearest three.

    A single spike is noise, and three points are the shortest window detection reports, so nothing real is lost.
    """
    if len(values) < 5:  # noqa: PLR2004 - with fewer there is no shape to protect
        return values
    middle = column_median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([middle[:1], middle, middle[-1:]])


def _same_axis(one: Curve, other: Curve) -> bool:
    return (one.load_unit, one.numbered, one.scalar) == (other.load_unit, other.numbered, other.scalar)


def _loads(comparison: Comparison, index: int) -> Floats:
    curve = comparison.curves.curves[index]
    return comparison.curves.load[curve.start : curve.stop]


def _thinned(profile: Profile) -> Profile:
    """Put neighbouring points of a long profile together."""
    if len(profile.load) <= MAX_POINTS:
        return profile
    parts = np.array_split(np.arange(len(profile.load)), MAX_POINTS)
    return Profile(
        load=np.array([profile.load[part[0]] for part in parts]),
        change=np.array([median(profile.change[part]) for part in parts]),
        numbered=profile.numbered,
    )
