"""The level of an issue: what its curves cost in a job, against what they cost before it came in.

In: a comparison and the points an issue concerns. Out: logarithms of cost over cost, positive is worse: *gross* as
measured, *net* of what the run shares. The median over the points of a curve and over the curves stands for an issue,
as it does for a cluster, so that single wild loads say nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perftracker_ai.model import Absence, FindingKind
from perftracker_ai.model.issues import Reference
from perftracker_ai.stats import median, quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, CurveResult, CurveSet, Detection

    Floats = NDArray[np.float64]

ENOUGH = 0.5
"""Share of an issue's points that a job must have measured to tell of it."""
FEWEST = 3
"""Other curves by which it is told what a run shares."""
NEARLY, HIGH = 0.7, 0.85
"""Share of the moderate threshold, and of the points at it or below, by which a curve is worth another comparison."""
SPARE = 1.0
"""What is added to counts and percentages before they are divided: there may have been none."""


class Level(NamedTuple):
    """Logarithms; see the module."""

    gross: float
    net: float


def references(
    curves: CurveSet, values: Floats, points: Iterable[tuple[Curve, NDArray[np.intp]]]
) -> tuple[Reference, ...]:
    """Return what curves cost at some of their points, those without a value left out.

    Parameters
    ----------
    values : ndarray of float, shape (P,)
        NaN where there is none.
    points : iterable of (Curve, ndarray of int)
    """
    made = (_reference(curves, curve, values, point[np.isfinite(values[point])]) for curve, point in points)
    return tuple(one for one in made if one.values)


def _reference(curves: CurveSet, curve: Curve, values: Floats, point: NDArray[np.intp]) -> Reference:
    return Reference(
        group=plain(curve.group),
        tag=plain(curve.tag),
        scalar=curve.scalar,
        unit=plain(curve.base_unit),
        less_better=curve.less_better,
        labels=tuple(plain(curves.label[at]) for at in point.tolist()),
        values=tuple(values[point].tolist()),
    )


def points_of(result: CurveResult, curve: Curve, *, whole: bool) -> NDArray[np.intp]:
    """Return the points that stand for how much worse a curve got; all of them where it is asked for as a whole."""
    standing = None if result.worst is None else result.windows[result.worst]
    if whole or standing is None or standing.kind is FindingKind.SPORADIC:
        return np.arange(curve.start, curve.stop)
    return np.arange(standing.first, standing.last + 1)


def job_values(curves: CurveSet, rows: Sequence[int]) -> Floats:
    """Return the value of every point over some runs of one version: their median; NaN where none has one."""
    mean = np.where(curves.absence[rows] == Absence.PRESENT, curves.mean[rows], np.nan)
    return mean[0] if len(rows) == 1 else median(mean, axis=0)


def level_of(reference: Sequence[Reference], curves: CurveSet, detection: Detection, values: Floats) -> Level | None:
    """Return an issue's level in a job; None where the job measured too little of it.

    Parameters
    ----------
    values : ndarray of float, shape (P,)
        Of the job, as `job_values` gives them.
    """
    results = detection.results
    return _level(
        reference, curves, values, lambda at: results[at].left_out, lambda curve: _log(results[curve.index].shift)
    )


def level_after(reference: Sequence[Reference], curves: CurveSet, before: Floats, values: Floats) -> Level | None:
    """Return an issue's level in a job of which no comparison is at hand; None where it measured too little of it.

    What its run shares is the median over all other times and rates, against a job from before the issue.

    Parameters
    ----------
    before, values : ndarray of float, shape (P,)
        Of the job from before, and of the job; NaN where there is none.
    """
    own = {(one.group, one.tag, one.scalar) for one in reference}
    shifts = [
        change
        for one in curves.curves
        if one.metric_kind.timed and (plain(one.group), plain(one.tag), one.scalar) not in own
        if (change := _change(one, before, values)) is not None
    ]
    shared = float(np.median(shifts)) if len(shifts) >= FEWEST else 0.0
    return _level(reference, curves, values, lambda _: (), lambda _: shared)


def _change(curve: Curve, before: Floats, values: Floats) -> float | None:
    """Return the logarithm of what a curve costs against before; None without a common point."""
    part = slice(curve.start, curve.stop)
    both = np.isfinite(before[part]) & np.isfinite(values[part]) & (before[part] > 0) & (values[part] > 0)
    if not both.any():
        return None
    change = float(np.median(np.log(values[part][both] / before[part][both])))
    return change if curve.less_better else -change


def _level(
    reference: Sequence[Reference],
    curves: CurveSet,
    values: Floats,
    left_out: Callable[[int], Sequence[int]],
    shift_of: Callable[[Curve], float],
) -> Level | None:
    """Return a level, given what to leave out of a curve, by its index, and what its run shares."""
    known = {(plain(one.group), plain(one.tag), one.scalar): one for one in curves.curves}
    asked, told, gross, shift = 0, 0, [], []
    for one in reference:
        asked += len(one.labels)
        curve = known.get((one.group, one.tag, one.scalar))
        if curve is None or plain(curve.base_unit) != one.unit:
            continue
        ratios = list(_ratios(one, curve, curves, left_out(curve.index), values))
        if ratios:
            told += len(ratios)
            gross.append(float(np.median(ratios)))
            shift.append(shift_of(curve))
    if not gross or told < ENOUGH * asked:
        return None
    level = float(np.median(gross))
    return Level(level, level - float(np.median(shift)))


def may_differ(earlier: Floats, curves: CurveSet, detection: Detection, moderate: float) -> bool:
    """Tell whether a job may be slower than an earlier one where the comparison found nothing: before the work is done.

    Parameters
    ----------
    earlier : ndarray of float, shape (P,)
        What the earlier job measured; NaN where it has no value.
    """
    least, values = NEARLY * math.log1p(moderate), job_values(curves, curves.rows[1])
    both = np.isfinite(earlier) & np.isfinite(values) & (earlier > 0) & (values > 0)
    change = np.log(np.where(both, values, 1.0) / np.where(both, earlier, 1.0))
    for curve, result in zip(curves.curves, detection.results, strict=True):
        part = slice(curve.start, curve.stop)
        if result.severity is None and both[part].any():
            slower = change[part][both[part]] * (1.0 if curve.less_better else -1.0)
            if quantile(slower, HIGH) >= least:
                return True
    return False


def _ratios(
    reference: Reference, curve: Curve, curves: CurveSet, without: Sequence[int], values: Floats
) -> Iterator[float]:
    """Yield what each point costs against before, what was measured in an episode left out."""
    left_out = set(without)
    place = {plain(curves.label[at]): at for at in range(curve.start, curve.stop) if at not in left_out}
    sign = 1.0 if reference.less_better else -1.0
    spare = 0.0 if all(value > 0 for value in reference.values) else SPARE
    for label, before in zip(reference.labels, reference.values, strict=True):
        at = place.get(label)
        now = math.nan if at is None else float(values[at])
        if math.isfinite(now) and before + spare > 0 and now + spare > 0:
            yield sign * (math.log(now + spare) - math.log(before + spare))


def _log(slowdown: float) -> float:
    return math.log1p(max(slowdown, -0.999))


def plain(text: str) -> str:
    """Replace half pairs of characters, which no store holds."""
    return text.encode(errors="replace").decode()
