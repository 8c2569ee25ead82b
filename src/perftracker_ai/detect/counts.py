"""Counts: errors, failures, requests and the like, of which none is a value and a per cent of nearly none says nothing.

In: the results that log-ratios gave. Out: the same, with curves that count judged as such. Where a run counted none
anywhere there is no ratio, and a test for counts decides; everywhere what counts is how many more there are: in
percentage points where the total is known, by ``(new + 1) / (old + 1)`` where it is not.

The square root of a Poisson count has the variance 1/4 whatever its mean, so the difference of two roots is a z-score;
what counts scatter beyond that is learned from neighbouring loads and from runs of the baseline's version.

References
----------
Anscombe, Biometrika 35 (1948) 246-254, doi:10.1093/biomet/35.3-4.246.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect.direction import outcome_of
from perftracker_ai.detect.need import SENSIBLE_RUNS, Need, need_text
from perftracker_ai.metrics import PERCENT, Metric, read_metric
from perftracker_ai.model import (
    BASELINE,
    CANDIDATE,
    Absence,
    Attribution,
    Cause,
    Confidence,
    Direction,
    FindingKind,
    Method,
    Outcome,
    Severity,
    Window,
)
from perftracker_ai.stats import ANSCOMBE, count_rise, count_spread, median, normal_tail
from perftracker_ai.units import read_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, CurveResult, CurveSet
    from perftracker_ai.settings import DetectSettings

    Floats = NDArray[np.float64]

CHANCE = 0.01
"""Chance that any curve of a job passes the test for counts without a change, all curves and windows together."""

SMALLEST_P = 1e-300

TYPICAL = 25.0
"""What the typical value of a size with zeros counts for: as if its points scattered by a fifth."""

HUNDRED = 100.0
"""What a percentage is taken for a count of."""

ROUGH_POINTS = 6
"""Points from which neighbouring loads say how counts scatter."""

ENOUGH = 25.0
"""Counts from which log-ratios may judge a curve: they then scatter by a fifth at most."""

AGREED, MIN_AGREED = 4.0, 5
"""Standard errors of a count by which the middle endpoint differs at a load that endpoints agree on; of so many."""

TWO_SIDED = 1.96
SURE = 1e-6
"""Chance below which several loads and more than two runs make a finding sure."""


class _Counts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One curve's compared points, N of them, in the unit as written.

    Attributes
    ----------
    point : ndarray of int, shape (N,)
    old, new : ndarray, shape (N,)
        Median of the baseline's runs, and the candidate.
    before, after : ndarray, shape (N,)
        The same as counts: how many were seen in all scores together.
    total : ndarray or None, shape (N,)
        What they are counted of; None where nothing tells.
    spread : float
        By how much they scatter beyond Poisson counts, as a standard deviation; at least 1.
    between : float
        The same, from runs of the baseline's version alone.
    succeeds : bool
        Whether the curve is the share of successes: what failed is counted here, and `curve` is better smaller.
    """

    curve: Curve
    point: NDArray[np.intp]
    old: Floats
    new: Floats
    before: Floats
    after: Floats
    total: Floats | None
    spread: float
    between: float
    succeeds: bool


class _Job(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What judging a curve needs of the others.

    Attributes
    ----------
    tests : int
        How many are judged so.
    spread : float
        By how much whole curves scatter from run to run.
    bursts : float
        By how much all of them scatter from load to load, the highest load left out.
    agreed : frozenset of str
        Loads at which most endpoints count more, or fewer.
    """

    curves: CurveSet
    settings: DetectSettings
    tests: int
    spread: float
    bursts: float
    agreed: frozenset[str]


def with_counts(results: list[CurveResult], curves: CurveSet, settings: DetectSettings) -> list[CurveResult]:
    """Judge the curves that count as such; in curve order, as they come."""
    chosen = {curve.index: read_metric(curve.metric_label, curve.unit) for curve in curves.curves if _may_count(curve)}
    zeros = {index for index in chosen if _has_zero(curves, curves.curves[index])}
    judged = [index for index in chosen if index in zeros or _of_events(curves.curves[index], chosen[index])]
    judged += [index for index in chosen if index not in zeros and _of_successes(curves.curves[index], chosen[index])]
    counts = {index: _counts(curves, curves.curves[index], chosen[index]) for index in judged}
    several = list(counts.values())
    job = _Job(
        curves=curves,
        settings=settings,
        tests=len(judged),
        spread=_job_spread(several),
        bursts=_bursts(several),
        agreed=_agreed(several, curves),
    )
    return [
        result if result.curve not in counts else _judged(result, counts[result.curve], job, zero=result.curve in zeros)
        for result in results
    ]


def _judged(result: CurveResult, counts: _Counts, job: _Job, *, zero: bool) -> CurveResult:
    """Judge a curve by its log-ratios where it counted enough for them everywhere, by a test for counts otherwise."""
    enough = counts.curve.base_unit == PERCENT or float(median(counts.before)) >= ENOUGH
    resized = _resized(result, counts, job) if enough and not zero else result
    tested = resized if resized.windows and enough and not zero else _tested(result, counts, job)
    return result if counts.succeeds and not tested.windows else tested


def _of_events(curve: Curve, metric: Metric) -> bool:
    """Tell whether errors or the like are counted, not what work costs, of which a per cent says enough."""
    return metric.adverse and not curve.base_unit.endswith("/op") and not curve.base_unit.startswith(_COSTS)


def _of_successes(curve: Curve, metric: Metric) -> bool:
    """Tell whether it is the share of what did not fail: then the share that failed is counted, and better smaller."""
    return metric.succeeds and curve.direction_known and not curve.less_better


_COSTS = ("cycles", "instructions")


def _may_count(curve: Curve) -> bool:
    return not curve.metric_kind.timed


def _has_zero(curves: CurveSet, curve: Curve) -> bool:
    part = slice(curve.start, curve.stop)
    return bool((curves.mean[: CANDIDATE + 1, part] == 0).any())


# ── what was counted ────────────────────────────────────────────────────────────────────────────────────────────────


def _counts(curves: CurveSet, curve: Curve, metric: Metric) -> _Counts:
    """Take a curve's compared points as counts."""
    both = np.all(curves.absence[: CANDIDATE + 1, curve.start : curve.stop] == Absence.PRESENT, axis=0)
    point = np.flatnonzero(both) + curve.start
    size = read_unit(curve.unit).factor
    runs, new = curves.mean[curves.rows[0]][:, point] / size, curves.mean[CANDIDATE, point] / size
    succeeds = _of_successes(curve, metric)
    if succeeds:
        runs, new = np.maximum(HUNDRED - runs, 0.0), np.maximum(HUNDRED - new, 0.0)
        curve = replace(curve, less_better=True)
    old = median(runs, axis=0)
    scores = curves.count[: CANDIDATE + 1, point].min(axis=0)
    positive = np.concatenate([old[old > 0], new[new > 0]])
    scale = 1.0 if metric.adverse or succeeds or not len(positive) else min(TYPICAL / float(median(positive)), 1.0)
    before, after, between = old * scores * scale, new * scores * scale, _between(runs * scores * scale)
    return _Counts(
        curve=curve,
        point=point,
        old=old,
        new=new,
        before=before,
        after=after,
        total=np.full(len(point), HUNDRED) if curve.base_unit == PERCENT else _total(curves, curve, point),
        spread=max(_along(_steps(before, after)), between),
        between=between,
        succeeds=succeeds,
    )


def _total(curves: CurveSet, curve: Curve, point: NDArray[np.intp]) -> Floats | None:
    """Find what errors are counted of: a curve of the same endpoint, threads and loads that counts requests or so."""
    for other in curves.curves:
        same = (other.group, other.endpoint, other.scenario, other.threads) == (
            curve.group,
            curve.endpoint,
            curve.scenario,
            curve.threads,
        )
        if not same or not _may_count(other) or other.stop - other.start != curve.stop - curve.start:
            continue
        if other.index == curve.index or read_metric(other.metric_label, other.unit).adverse:
            continue
        there = point - curve.start + other.start
        if other.base_unit in _WHOLES and np.array_equal(curves.load[there], curves.load[point]):
            total = curves.mean[[BASELINE, CANDIDATE]][:, there].min(axis=0)
            return total if bool(np.all(total > 0)) else None
    return None


_WHOLES = frozenset(
    {"requests", "request", "req", "reqs", "queries", "calls", "operations", "ops", "messages", "loops"}
)


def _steps(before: Floats, after: Floats) -> Floats:
    """Square what the difference changes by from load to load; an end has no step."""
    steps: Floats = np.r_[0.0, np.diff(count_rise(before, after)) ** 2 / 2.0, 0.0]
    return steps


def _along(steps: Floats) -> float:
    """Estimate by how much counts scatter beyond Poisson's law along the load."""
    known = len(steps) - 2
    # No robust scale: counts come in bursts, and where most are none it would be nought.
    return max(1.0, math.sqrt(float(steps.sum()) / known)) if known + 1 >= ROUGH_POINTS else 1.0


def _between(runs: Floats) -> float:
    """Estimate the same between the runs of the baseline's version."""
    totals = runs.sum(axis=1)
    return max(1.0, float(np.max(np.abs(count_rise(totals[:1], totals[1:]))))) if len(runs) > 1 else 1.0


def _beside(counts: _Counts, job: _Job) -> Floats:
    """Estimate the same for each window of loads, shape (N + 1, N + 1), without the steps at which it begins and ends.

    A change would make these by itself, and hide. A lone load may be a burst: it keeps them unless several endpoints
    agree on it, or it is the highest and the job has no such bursts elsewhere.
    """
    steps, points = _steps(counts.before, counts.after), len(counts.point)
    if points < ROUGH_POINTS:
        return np.ones((points + 1, points + 1))
    inner = (np.arange(points + 1) % points > 0).astype(float)
    left = np.array(_expected(points - 1))[(inner[:, None] + inner).astype(int)]
    spread = np.sqrt(np.maximum((steps.sum() - steps[:, None] - steps) / left, 1.0))
    for lone, point in enumerate(counts.point):
        if job.curves.label[point] not in job.agreed:
            bursts = _along(steps) if lone < points - 1 else job.bursts
            spread[lone, lone + 1] = max(float(spread[lone, lone + 1]), bursts)
    return np.asarray(spread)


@lru_cache(maxsize=256)
def _expected(steps: int) -> tuple[float, float, float]:
    """Return the sum of so many squared normal numbers, and of what is left without the largest, and the two largest.

    A window is chosen by its borders, so that what lies there is the largest by chance as well.
    """
    quantile = NormalDist().inv_cdf
    squares = sorted(quantile(1 - (k + 0.5) / (2 * steps)) ** 2 for k in range(steps))
    return sum(squares), sum(squares[:-1]), sum(squares[:-2])


def _job_spread(counts: list[_Counts]) -> float:
    """Estimate the same from the totals of the job's curves that fell; endpoints are told by their number."""
    adverse = [one for one in counts if one.curve.less_better]
    rises = [(one.curve.endpoint, float(count_rise(one.before.sum(), one.after.sum()))) for one in adverse]
    down, up = (len({name for name, rise in rises if sign * rise > 0}) for sign in (-1.0, 1.0))
    return count_spread(np.array([rise for _, rise in rises]), down, up)


def _bursts(counts: list[_Counts]) -> float:
    """Estimate by how much all of a job's curves scatter from load to load, the step to the highest load left out."""
    several = [one for one in counts if len(one.point) >= ROUGH_POINTS and (one.before + one.after).any()]
    steps = [_steps(one.before, one.after)[1:-2] for one in several]
    return max(1.0, math.sqrt(float(np.concatenate(steps).mean()))) if steps else 1.0


def _agreed(counts: list[_Counts], curves: CurveSet) -> frozenset[str]:
    """Find the loads at which the middle endpoint counts more or fewer by itself: no burst of one hits them all."""
    at: dict[str, dict[str, float]] = {}
    for one in counts:
        for point, rise in zip(one.point, count_rise(one.before, one.after), strict=True):
            at.setdefault(curves.label[point], {})[one.curve.endpoint] = float(rise)
    middle = {label: median(np.array(list(by.values()))) for label, by in at.items() if len(by) >= MIN_AGREED}
    return frozenset(label for label, rise in middle.items() if abs(float(rise)) >= AGREED)


# ── a test for counts ───────────────────────────────────────────────────────────────────────────────────────────────


def _tested(result: CurveResult, counts: _Counts, job: _Job) -> CurveResult:
    """Judge a curve by a test for counts: the window of loads whose counts differ most, if chance does not do it."""
    if not len(counts.point):
        return result
    curves, settings = job.curves, job.settings
    counts = replace(counts, spread=max(counts.spread, job.spread))
    found = [one for sign in (1.0, -1.0) if (one := _window(counts, sign, job)) is not None]
    windows = sorted(found, key=lambda one: one.first)
    outcome = outcome_of(windows) or _calm(counts, settings)
    need = _need(counts, settings) if outcome is Outcome.INCONCLUSIVE else None
    sure = any((one.p_value or 1.0) < SURE for one in windows) and len(curves.mean) > CANDIDATE + 1
    change = math.expm1(float(_cost(counts, counts.old.mean(), counts.new.mean())))
    return replace(
        result,
        outcome=outcome,
        method=Method.COUNT,
        windows=tuple(windows),
        worst=_worst(windows),
        severity=next((one.severity for one in windows if one.direction is Direction.WORSE), None),
        confidence=None if not windows else Confidence.HIGH if sure else Confidence.MEDIUM,
        reasons=("counts: judged by how many more there are",) if windows else (),
        points=len(counts.point),
        samples=int(curves.count[: CANDIDATE + 1, counts.point].sum()),
        attribution=_attribution(windows, counts),
        median_slowdown=change,
        gross_slowdown=change,
        cause=None if need is None else need.cause,
        runs_needed=None if need is None else need.runs,
        needed="" if need is None else need_text(need, 0.0),
    )


def _attribution(windows: list[Window], counts: _Counts) -> Attribution | None:
    """Take what is counted at one of many loads for what may have happened in these minutes only."""
    worst = _worst(windows)
    if worst is None:
        return None
    lone = windows[worst].points == 1 and len(counts.point) >= ROUGH_POINTS
    return Attribution.UNDECIDED if lone else Attribution.CODE


def _worst(windows: list[Window]) -> int | None:
    """Place of the regression if there is one; windows are in load order."""
    worse = [place for place, one in enumerate(windows) if one.direction is Direction.WORSE]
    return (worse or [0])[0] if windows else None


def _window(counts: _Counts, sign: float, job: _Job) -> Window | None:
    """Find the window of one direction that stands out most; None where chance may have made it, or it is nothing."""
    points = len(counts.point)
    more = sign if counts.curve.less_better else -sign
    before, after = (np.concatenate([[0.0], np.cumsum(part)]) for part in (counts.before, counts.after))
    sums = [part[None, :] - part[:, None] for part in (before, after)]
    spread = np.maximum(_beside(counts, job), max(counts.between, job.spread))
    score = np.triu(more * count_rise(np.maximum(sums[0], 0), np.maximum(sums[1], 0)) / spread, 1)
    first, stop = (int(place) for place in np.unravel_index(np.argmax(score), score.shape))
    p = float(normal_tail(float(score[first, stop]))) * points * (points + 1) / 2
    if stop <= first or p * job.tests > CHANCE:
        return None
    changed = first + np.flatnonzero(more * (counts.after - counts.before)[first:stop] > 0)
    part = slice(int(changed[0]), int(changed[-1]) + 1)  # loads at which as much was counted add nothing
    severity = size_of(counts.old[part], counts.new[part], _part(counts.total, part), sign=more, settings=job.settings)
    if severity is None:
        return None
    counts = replace(counts, spread=float(spread[first, stop]))
    return _described(counts, part, sign, severity if sign > 0 else None, max(p, SMALLEST_P))


def _part(total: Floats | None, part: slice) -> Floats | None:
    return None if total is None else total[part]


def _described(counts: _Counts, part: slice, sign: float, severity: Severity | None, p: float) -> Window:
    old, new = counts.old[part], counts.new[part]
    each = np.expm1(_cost(counts, old, new))
    middle = float(_cost(counts, old.mean(), new.mean()))
    seen = 1 / (float(counts.before[part].sum()) + 1) + 1 / (float(counts.after[part].sum()) + 1)
    reach = TWO_SIDED * counts.spread * math.sqrt(seen)
    if counts.succeeds:  # as a part of what did not fail
        failed = float(counts.before[part].sum() + counts.after[part].sum())
        succeeded = (HUNDRED + 1 - float(new.mean())) * len(new)
        reach = TWO_SIDED * counts.spread * math.sqrt(failed + 2) / succeeded
    slowdown = math.expm1(middle)
    return Window(
        kind=FindingKind.COUNT,
        direction=Direction.WORSE if sign > 0 else Direction.BETTER,
        first=int(counts.point[part][0]),
        last=int(counts.point[part][-1]),
        points=len(old),
        median_slowdown=slowdown,
        mean_slowdown=slowdown,
        max_slowdown=float(each.max() if sign > 0 else each.min()),
        low=math.expm1(middle - reach),
        high=math.expm1(middle + reach),
        p_value=p,
        q_value=None,
        consistency=float(np.mean(sign * each > 0)),
        gross_slowdown=slowdown,
        severity=severity,
    )


def _cost(counts: _Counts, old: Floats | np.float64, new: Floats | np.float64) -> Floats:
    """Return the logarithm of how many times as many there are, positive for worse; of successes, how many fewer."""
    if counts.succeeds:
        old, new = HUNDRED - new, HUNDRED - old
    times: Floats = np.log((new + 1) / (old + 1))
    return times if counts.curve.less_better else -times


def _calm(counts: _Counts, settings: DetectSettings) -> Outcome:
    """Tell a count that did not change, its whole interval being below a moderate change, from one nobody can tell."""
    same = np.array_equal(counts.old, counts.new)
    return Outcome.UNCHANGED if same or _decided(counts, 1.0, settings) else Outcome.INCONCLUSIVE


def _decided(counts: _Counts, runs: float, settings: DetectSettings) -> bool:
    """Tell whether no moderate change is left within the interval that so many times the data would give."""
    scores = max(float(counts.before.sum() + counts.after.sum()), 1.0) / max(
        float((counts.old + counts.new).sum()), 1.0
    )
    totals = counts.old.sum() * scores, counts.new.sum() * scores
    reach = TWO_SIDED * counts.spread / math.sqrt(2.0 * runs)
    for low, high in (totals, totals[::-1]):
        most = np.array([max(math.sqrt(high + ANSCOMBE) + reach, 0.0) ** 2 / (scores * len(counts.old))])
        least = np.array([low / (scores * len(counts.old))])
        total = None if counts.total is None else np.array([float(counts.total.mean())])
        if Severity.rank(size_of(least, most, total, sign=1.0, settings=settings)) >= Severity.rank(Severity.MODERATE):
            return False
    return True


def _need(counts: _Counts, settings: DetectSettings) -> Need:
    runs = next((more for more in range(1, SENSIBLE_RUNS + 1) if _decided(counts, 1.0 + more, settings)), None)
    return Need(cause=Cause.TOO_NOISY if runs is None else Cause.FEW_RUNS, runs=runs)


# ── size ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def size_of(
    old: Floats, new: Floats, total: Floats | None, *, sign: float, settings: DetectSettings
) -> Severity | None:
    """Name the size of a change of counts; None where it is too small to be listed.

    Parameters
    ----------
    old, new : ndarray
        Counts at each load.
    total : ndarray or None
        What they are counted of: then percentage points decide, else the ratio, each count raised by one.
    sign : float
        +1 to ask how much more there is, -1 how much less.
    """
    first, last = (float(old.mean()), float(new.mean())) if sign > 0 else (float(new.mean()), float(old.mean()))
    times = _times(first, last)
    if total is not None:
        points = 100.0 * (last - first) / float(total.mean())
        steps = (settings.critical_points, settings.severe_points, settings.moderate_points)
        names = (Severity.CRITICAL, Severity.SEVERE, Severity.MODERATE)
        found = next((name for name, least in zip(names, steps, strict=True) if points >= least), None)
        return found or (Severity.MINOR if last > first else None)
    if times >= settings.severe_times:
        return Severity.SEVERE
    if times >= settings.moderate_times:
        return Severity.MODERATE
    return Severity.MINOR if times >= 1 + settings.minor else None


def _times(old: float, new: float) -> float:
    return (new + 1) / (old + 1)


def _resized(result: CurveResult, counts: _Counts, job: _Job) -> CurveResult:
    """Measure what log-ratios found by how many more there are, where counts do not differ so much by themselves."""
    windows = tuple(one for window in result.windows if (one := _measured(window, counts, job)) is not None)
    if not windows:
        return replace(result, windows=())
    outcome = outcome_of(windows)
    worse = [k for k, one in enumerate(windows) if one.direction is Direction.WORSE]
    worst = max(worse or range(len(windows)), key=lambda k: (Severity.rank(windows[k].severity), windows[k].points))
    return replace(
        result, outcome=outcome or result.outcome, windows=windows, worst=worst, severity=windows[worst].severity
    )


def _measured(window: Window, counts: _Counts, job: _Job) -> Window | None:
    inside = (counts.point >= window.first) & (counts.point <= window.last)
    if not inside.any():
        return window
    if counts.curve.base_unit != PERCENT and _by_chance(counts, inside) * job.tests > CHANCE:
        return None
    worse = window.direction is Direction.WORSE
    more = 1.0 if worse is counts.curve.less_better else -1.0
    total = None if counts.total is None else counts.total[inside]
    severity = size_of(counts.old[inside], counts.new[inside], total, sign=more, settings=job.settings)
    return None if severity is None else replace(window, kind=FindingKind.COUNT, severity=severity if worse else None)


def _by_chance(counts: _Counts, inside: NDArray[np.bool_]) -> float:
    """Return the chance that counts which scatter by Poisson's law alone differ so much in some window."""
    rise = float(np.abs(count_rise(counts.before[inside].sum(), counts.after[inside].sum())))
    return float(normal_tail(rise)) * len(counts.point) * (len(counts.point) + 1) / 2
