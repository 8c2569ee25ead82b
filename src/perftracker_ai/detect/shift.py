"""The run-wide shift: what nearly all curves of a kind share, and whose doing it is.

In: the level of every curve (the median log-ratio over its loads). Out: one shift per curve to take off, and the
`RunShift` s to report. Estimated from the main body of the levels, so that a third of the curves regressing does not
pull it; a metric kind or a thread count gets a shift of its own as far as it differs by more than chance.

A machine's trouble hits all that was measured at that time. Where enough endpoints stayed where they were while the
others moved far, these are the controls: only what the controls share is taken off, which is nothing much. Where one
thread count moved and the others of the same minutes did not, that is no machine's doing either.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect.series import family_key
from perftracker_ai.model import CANDIDATE, Attribution, MetricKind, RunShift
from perftracker_ai.stats import (
    distinct,
    group_medians,
    median,
    numbered,
    quiet_scale,
    ratio,
    robust_location,
    robust_scale,
    t_quantile,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

    Key = tuple[MetricKind, int | None]
    Ints = NDArray[np.intp]

MIN_FAMILIES = 5
"""Endpoints from which a shared shift can be told from a change of each: with fewer, nothing is taken off."""

LOCATION_COST = 1.25
"""Standard error of a robust location, in units of sigma / sqrt(n): pi / 2 as variance for the median."""

SHRINK = 1.0
"""A group's difference from the overall shift counts as far as it exceeds this many standard errors (positive-part
James-Stein): below that it is chance, far above it is kept nearly whole."""

CONTROLS, LEAST_CONTROLS = 0.2, 3
"""Share and number of endpoints that stayed where they were from which a cause that hits the machine is refuted."""

APART, GAP = 4.0, math.log(1.10)
"""Controls are told from the others by a gap of so many of their own standard deviations, and of so much: where
endpoints are hit unevenly by one cause there are always some that it hits least, and no gap."""

STEADY, FAR = math.log(1.10), math.log(1.15)
"""Controls moved by less than the first; a thread count that moved by more than the second moved far."""

OTHER_THREADS = 0.35
"""Thread counts that moved by less than this part of what another moved stayed where they were."""

SPREAD = 0.5
"""Share of a run's time over which thread counts must be measured to be controls of each other."""


class Shifts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Shift of every curve on the log scale, and the shifts worth reporting.

    Attributes
    ----------
    per_curve : ndarray, shape (C,)
    reported : tuple of RunShift
        In order of metric kind and thread count; empty when there are too few endpoints to tell.
    code : ndarray of bool, shape (C,)
        Whether the shift is the code's, and was taken off only to compare curves with each other.
    error : ndarray, shape (C,)
        Standard error of what is taken off each curve.
    stayed, endpoints : int
        Endpoints that stayed where they were, and all of them.
    """

    per_curve: NDArray[np.float64]
    reported: tuple[RunShift, ...]
    code: NDArray[np.bool_]
    error: NDArray[np.float64]
    stayed: int
    endpoints: int


class Grouped(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The curves of times and rates, put together as shifts are told: the same for all comparisons of them.

    Attributes
    ----------
    curves : CurveSet
    timed : ndarray of int
        Places of these curves among all, ascending.
    endpoint, family : ndarray of int, shape (C,)
        Number of the endpoint, and of the endpoint's scenario, of every curve.
    groups : dict
        Metric kind and thread count, in order, with the places of their curves.
    """

    curves: CurveSet
    timed: Ints
    endpoint: Ints
    family: Ints
    groups: dict[Key, Ints]


class _Centre(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    value: float
    error: float
    curves: int
    families: int


def grouped(curves: CurveSet) -> Grouped:
    """Put the curves together by what they may share."""
    every = curves.curves
    timed = [k for k, curve in enumerate(every) if curve.metric_kind.timed]
    groups: dict[Key, list[int]] = {}
    for k in sorted(timed, key=lambda k: (every[k].metric_kind, every[k].threads or 0)):
        groups.setdefault((every[k].metric_kind, every[k].threads), []).append(k)
    return Grouped(
        curves=curves,
        timed=np.array(timed, dtype=np.intp),
        endpoint=numbered(curve.endpoint for curve in every),
        family=numbered(family_key(curve) for curve in every),
        groups={key: np.array(members) for key, members in groups.items()},
    )


def taken_off(groups: Grouped, level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate what each metric kind and thread count shares, as `estimate_shifts` does: for every curve."""
    return _per_curve(groups, _centres(groups, level, _controls(*_endpoint_levels(groups, level))))[0]


def estimate_shifts(groups: Grouped, level: NDArray[np.float64], large: float, interval_level: float) -> Shifts:
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
    endpoints, values = _endpoint_levels(groups, level)
    controls = _controls(endpoints, values)
    centres = _centres(groups, level, controls)
    alone = _one_thread_count(groups.curves, centres) if controls is None else None
    per_curve, error = _per_curve(groups, centres)
    own = np.zeros(len(level), dtype=bool)
    for (kind, threads), members in groups.groups.items():
        own[members] = alone is not None and threads == alone and (kind, threads) in centres
    reported = tuple(
        _report(kind, threads, centre, large, interval_level, code=alone is not None and threads == alone)
        for (kind, threads), centre in centres.items()
        if centre.curves
    )
    stayed = len(controls) if controls is not None else _stayed(values, math.log1p(large))
    return Shifts(
        per_curve=per_curve, reported=reported, code=own, error=error, stayed=stayed, endpoints=len(endpoints)
    )


def _per_curve(groups: Grouped, centres: dict[Key, _Centre]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread the shifts and their errors over the curves; 0 where nothing is taken off."""
    value, error = np.zeros(len(groups.endpoint)), np.zeros(len(groups.endpoint))
    for key, centre in centres.items():
        value[groups.groups[key]], error[groups.groups[key]] = centre.value, centre.error
    return value, error


def _endpoint_levels(groups: Grouped, level: NDArray[np.float64]) -> tuple[Ints, NDArray[np.float64]]:
    """Give each endpoint's number and median level."""
    known = groups.timed[np.isfinite(level[groups.timed])]
    endpoint = groups.endpoint[known]
    there = distinct(endpoint)
    return there, group_medians(level[known], np.searchsorted(there, endpoint))


def _controls(endpoints: Ints, level: NDArray[np.float64]) -> Ints | None:
    """Find the endpoints that stayed where they were while the others moved far; None where there is no such gap."""
    if len(endpoints) < MIN_FAMILIES:
        return None
    order = np.argsort(level, kind="stable")
    values = level[order]
    cuts = [0, *(np.flatnonzero(np.diff(values) >= GAP) + 1).tolist(), len(values)]
    parts = [slice(first, last) for first, last in pairwise(cuts)]
    least = max(LEAST_CONTROLS, math.ceil(CONTROLS * len(values)))
    steady = [part for part in parts if part.stop - part.start >= least and _alone(values, part)]
    if len(parts) == 1 or not steady:
        return None
    nearest = min(steady, key=lambda part: abs(float(median(values[part]))))
    return endpoints[order[nearest]] if abs(float(median(values[nearest]))) < STEADY else None


def _alone(values: NDArray[np.float64], part: slice) -> bool:
    """Say whether the gaps on both sides of a part of ascending values are wide for what scatters inside it."""
    inside = values[part]
    spread = float(robust_scale(inside - median(inside)))
    left = inside[0] - values[part.start - 1] if part.start else math.inf
    right = values[part.stop] - inside[-1] if part.stop < len(values) else math.inf
    return bool(min(left, right) >= APART * spread)


def _stayed(values: NDArray[np.float64], large: float) -> int:
    """Count the endpoints that stayed with the main body of them, where that did not move far itself."""
    if len(values) == 0:
        return 0
    centre = robust_location(values) if len(values) >= MIN_FAMILIES else 0.0
    if abs(centre) >= large:
        return 0
    scale = quiet_scale(values - centre)
    reach = max(GAP, 2 * scale) if math.isfinite(scale) and len(values) >= MIN_FAMILIES else GAP
    return int((np.abs(values - centre) <= reach).sum())


def _centres(groups: Grouped, level: NDArray[np.float64], controls: Ints | None) -> dict[Key, _Centre]:
    """Locate each group's shift from its members; a group without enough of them has that of all."""
    least, known = MIN_FAMILIES, np.isfinite(level)
    if controls is not None:
        least, known = LEAST_CONTROLS, known & (groups.endpoint[:, None] == controls).any(axis=1)
    overall = _centre(groups, level, groups.timed[known[groups.timed]], least, None)
    if overall is None:
        return {}
    whole = _Centre(value=overall.value, error=overall.error, curves=0, families=0)
    return {
        key: _centre(groups, level, members[known[members]], least, overall) or whole
        for key, members in groups.groups.items()
    }


def _one_thread_count(curves: CurveSet, centres: dict[Key, _Centre]) -> int | None:
    """Name the only thread count that moved while the others, measured in the same minutes, did not."""
    moved: dict[int, list[float]] = {}
    for (_, threads), centre in centres.items():
        if threads is not None:
            moved.setdefault(threads, []).append(centre.value)
    if len(moved) < 2:  # noqa: PLR2004 - one has no other
        return None
    size = {threads: float(median(np.array(values))) for threads, values in moved.items()}
    first = max(size, key=lambda threads: abs(size[threads]))
    rest = max(abs(size[threads]) for threads in size if threads != first)
    alone = abs(size[first]) >= FAR and rest <= OTHER_THREADS * abs(size[first]) and rest < STEADY
    return first if alone and _interleaved(curves) else None  # which is asked last, for it costs most


def _interleaved(curves: CurveSet) -> bool:
    """Say whether every thread count was measured over most of the candidate's time."""
    begin = curves.begin[CANDIDATE]
    if not np.isfinite(begin).any():
        return False
    times: dict[int | None, list[NDArray[np.float64]]] = {}
    for curve in curves.curves:
        times.setdefault(curve.threads, []).append(begin[curve.start : curve.stop])
    whole = float(np.nanmax(begin) - np.nanmin(begin))
    spans = [np.concatenate(parts) for parts in times.values()]
    known = [part[np.isfinite(part)] for part in spans if np.isfinite(part).any()]
    return whole > 0 and all(float(np.ptp(part)) >= SPREAD * whole for part in known)


def _centre(
    groups: Grouped, level: NDArray[np.float64], members: Ints, least: int, overall: _Centre | None
) -> _Centre | None:
    """Locate the main body of some curves' levels, drawn towards the overall shift; None when there are too few.

    Parameters
    ----------
    members : ndarray of int
        Places of curves that have a level.
    """
    families = len(distinct(groups.family[members]))
    if families < least:
        return None
    centre = robust_location(level[members])
    scale = quiet_scale(level[members] - centre)
    error = LOCATION_COST * scale / math.sqrt(families) if math.isfinite(scale) else 0.0
    if overall is not None:
        centre = overall.value + _shrink(centre - overall.value, error)
    return _Centre(value=centre, error=error, curves=len(members), families=families)


def _shrink(difference: float, error: float) -> float:
    if difference == 0:
        return 0.0
    return difference * max(0.0, 1 - (SHRINK * error / difference) ** 2)


def _report(
    kind: MetricKind, threads: int | None, centre: _Centre, large: float, interval_level: float, *, code: bool
) -> RunShift:
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
        attribution=Attribution.CODE if code else Attribution.UNDECIDED,
    )
