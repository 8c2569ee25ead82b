"""The run-wide shift: what nearly all curves of a kind share is the environment's doing until shown otherwise.

In: the level of every curve (the median log-ratio over its loads). Out: one shift per curve to take off, and the
`RunShift` s to report. Estimated from the main body of the levels, so that a third of the curves regressing does not
pull it; a metric kind or a thread count gets a shift of its own as far as it differs by more than chance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect.series import family_key
from perftracker_ai.model import Attribution, MetricKind, RunShift
from perftracker_ai.stats import quiet_scale, ratio, robust_location, t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, CurveSet

MIN_FAMILIES = 5
"""Endpoints from which a shared shift can be told from a change of each: with fewer, nothing is taken off."""

MIN_GROUP = 5
"""Curves from which a thread count of a metric kind may have a shift of its own."""

LOCATION_COST = 1.25
"""Standard error of a robust location, in units of sigma / sqrt(n): pi / 2 as variance for the median."""

SHRINK = 1.0
"""A group's difference from the overall shift counts as far as it exceeds this many standard errors (positive-part
James-Stein): below that it is chance, far above it is kept nearly whole."""


class Shifts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Shift of every curve on the log scale, and the shifts worth reporting.

    Attributes
    ----------
    per_curve : ndarray, shape (C,)
    reported : tuple of RunShift
        In order of metric kind and thread count; empty when there are too few endpoints to tell.
    """

    per_curve: NDArray[np.float64]
    reported: tuple[RunShift, ...]


class _Centre(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    value: float
    error: float
    curves: int
    families: int


def estimate_shifts(curves: CurveSet, level: NDArray[np.float64], large: float, interval_level: float) -> Shifts:
    """Estimate the shift that each metric kind and thread count shares.

    Parameters
    ----------
    level : ndarray, shape (C,)
        Median log-ratio of each curve; NaN leaves it out.
    large : float
        Ratio from which a shift is reported as large.
    interval_level : float
        Level of the reported intervals.
    """
    per_curve = np.zeros(len(level))
    reported: list[RunShift] = []
    timed = [k for k, curve in enumerate(curves.curves) if curve.metric_kind is not MetricKind.OTHER]
    overall = _centre(curves.curves, level, timed)
    if overall is None:
        return Shifts(per_curve=per_curve, reported=())
    per_curve[timed] = overall.value
    groups = _groups(curves.curves, timed)
    for (kind, threads), members in groups.items():
        centre = _centre(curves.curves, level, members, overall)
        if centre is not None:
            per_curve[members] = centre.value
            reported.append(_report(kind, threads, centre, large, interval_level))
    return Shifts(per_curve=per_curve, reported=tuple(reported))


def _groups(curves: tuple[Curve, ...], chosen: list[int]) -> dict[tuple[MetricKind, int | None], list[int]]:
    found: dict[tuple[MetricKind, int | None], list[int]] = {}
    for k in sorted(chosen, key=lambda k: (curves[k].metric_kind, curves[k].threads or 0)):
        found.setdefault((curves[k].metric_kind, curves[k].threads), []).append(k)
    return found


def _centre(
    curves: tuple[Curve, ...], level: NDArray[np.float64], members: list[int], overall: _Centre | None = None
) -> _Centre | None:
    """Locate the main body of some curves' levels, drawn towards the overall shift; None when there are too few."""
    known = [k for k in members if math.isfinite(level[k])]
    families = len({family_key(curves[k]) for k in known})
    if families < MIN_FAMILIES or len(known) < MIN_GROUP:
        return None
    centre = robust_location(level[known])
    scale = quiet_scale(level[known] - centre)
    error = LOCATION_COST * scale / math.sqrt(families) if math.isfinite(scale) else 0.0
    if overall is not None:
        centre = overall.value + _shrink(centre - overall.value, error)
    return _Centre(value=centre, error=error, curves=len(known), families=families)


def _shrink(difference: float, error: float) -> float:
    if difference == 0:
        return 0.0
    return difference * max(0.0, 1 - (SHRINK * error / difference) ** 2)


def _report(kind: MetricKind, threads: int | None, centre: _Centre, large: float, interval_level: float) -> RunShift:
    reach = t_quantile((1 - interval_level) / 2, centre.families - 1) * centre.error
    low, high = ratio(centre.value - reach), ratio(centre.value + reach)
    return RunShift(
        metric_kind=kind,
        threads=threads,
        slowdown=ratio(centre.value),
        low=low,
        high=high,
        curves=centre.curves,
        significant=low > 0 or high < 0,
        large=abs(centre.value) >= math.log1p(large),
        attribution=Attribution.UNDECIDED,
    )
