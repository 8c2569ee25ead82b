"""Since when the regressions of a comparison are there, and what else the jobs before it did.

In: a comparison's curves, what was found in them, and the `Timeline` of earlier jobs. Out: a `Chronicle`. With no job
between the two compared ones, a change came with the candidate; where the baseline ran after the candidate, since when
is no question, and nothing is said. Between are the jobs whose versions are, where versions can be ordered.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.model import BASELINE, CANDIDATE, Direction, Outcome, Timeline
from perftracker_ai.model.history import Chronicle, Onset
from perftracker_ai.model.versions import order
from perftracker_ai.stats import median, ratio
from perftracker_ai.trends.course import BETTER, levels, measured, medians, patterns, places
from perftracker_ai.trends.onset import EVIDENCE, locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Cluster, CurveResult, CurveSet, Detection, JobInfo, Window

LONGEST = 120
"""Jobs a chronicle shows: four months of nights, and no more than a chart has room for."""

SCATTER = 0.04
"""Standard deviation of a curve's level between two jobs where the comparison gives no interval: see `detect.noise`."""

NORMAL_975 = 1.959964
"""Normal deviate of 95 % intervals."""

MIN_CALM = 20
"""Curves without a change from which what they share in a job is told well enough to be taken off the others."""

ROUNDS = 10
"""Times levels of jobs and heights of points are found in turn, where points are missing."""


class _Line(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The jobs that can tell something, oldest first.

    Attributes
    ----------
    jobs : Timeline
        Those of the history up to the candidate, and the compared ones.
    baseline, candidate : int
        Their positions.
    shown : ndarray of int
        Positions of the jobs of the candidate's hardware and suite, the candidate last.
    """

    jobs: Timeline
    baseline: int
    candidate: int
    shown: NDArray[np.intp]


class _Affected(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The points at which a cluster's curves got slower.

    Attributes
    ----------
    point : ndarray of int, shape (N,)
        Those that baseline and candidate have both.
    worse : ndarray, shape (N,)
        1 where a larger value is worse, -1 otherwise.
    weight : ndarray, shape (N,)
        How much a point's deviation counts.
    timed : ndarray of bool, shape (N,)
        Whether the run-wide shift concerns it.
    variance : float
        Of a job's level, as the comparison was judged by.
    """

    point: NDArray[np.intp]
    worse: NDArray[np.float64]
    weight: NDArray[np.float64]
    timed: NDArray[np.bool_]
    variance: float


class _Placed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """As `Placed`, in positions of a `_Line`."""

    first: int
    last_good: int
    earliest: int
    latest: int
    before: float
    misfit: float


def chronicle(
    curves: CurveSet,
    detection: Detection,
    clusters: tuple[Cluster, ...],
    timeline: Timeline,
    baseline: JobInfo,
    candidate: JobInfo,
) -> Chronicle:
    """Say what the jobs of a product's history tell of a comparison.

    Parameters
    ----------
    timeline : Timeline
        At the points of ``curves``. Neither of the compared jobs need be in it; jobs after the candidate are left out.

    Returns
    -------
    Chronicle
        With the last `LONGEST` jobs, an `Onset` for every cluster of slowdowns that has one, and the patterns over all
        jobs.
    """
    line = _line(curves, timeline, baseline, candidate)
    worse = [cluster for cluster in clusters if cluster.direction is Direction.WORSE]
    shared = _shared(curves, detection, line.jobs) if worse else np.zeros(len(line.jobs.jobs))
    asked = (_onset(cluster, line, _affected(curves, detection, cluster), shared) for cluster in worse)
    onsets = tuple(onset for onset in asked if onset is not None)
    shown = line.jobs.of(line.shown.tolist())
    jobs, found = places(shown.jobs), patterns(curves.curves, shown)
    return Chronicle(jobs=jobs[-LONGEST:], onsets=onsets, patterns=found, oldest=jobs[0])


# ── the jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _line(curves: CurveSet, timeline: Timeline, baseline: JobInfo, candidate: JobInfo) -> _Line:
    """Put the compared jobs, with what was compared, among those of the history."""
    compared = {baseline.id, candidate.id}
    earlier = [row for row, job in enumerate(timeline.jobs) if job.id not in compared and _at(job) < _at(candidate)]
    jobs = [*(timeline.jobs[row] for row in earlier), baseline, candidate]
    mean = np.concatenate([timeline.mean[earlier], curves.mean[[BASELINE, CANDIDATE]]])
    order = sorted(range(len(jobs)), key=lambda row: _at(jobs[row]))
    old, new = order.index(len(jobs) - 2), order.index(len(jobs) - 1)
    known = baseline.id in {job.id for job in timeline.jobs}
    return _Line(
        jobs=Timeline(jobs=tuple(jobs), mean=mean).of(order),
        baseline=old,
        candidate=new,
        shown=np.array([row for row in range(new + 1) if known or row != old]),
    )


def _at(job: JobInfo) -> tuple[float, int]:
    return job.end.timestamp(), job.id


def _shared(curves: CurveSet, detection: Detection, jobs: Timeline) -> NDArray[np.float64]:
    """Return what each job's run as a whole was slower by, as the curves without a change have it; 0 with few of them.

    Detection takes the run-wide shift of baseline and candidate off; so it is taken off the others as well.
    """
    calm = [
        curve
        for curve, result in zip(curves.curves, detection.results, strict=True)
        if curve.metric_kind.timed and result.outcome in {Outcome.UNCHANGED, Outcome.INCONCLUSIVE}
    ]
    if len(calm) < MIN_CALM:
        return np.zeros(len(jobs.jobs))
    sign = np.array([1.0 if curve.less_better else -1.0 for curve in calm])
    cost = sign * np.log(levels(calm, jobs))
    shift = median(cost - medians(cost))
    return np.where(np.isfinite(shift), shift, 0.0)


# ── what changed ────────────────────────────────────────────────────────────────────────────────────────────────────


def _affected(curves: CurveSet, detection: Detection, cluster: Cluster) -> _Affected:
    compared = np.logical_and.reduce(measured(curves.mean[[BASELINE, CANDIDATE]]))
    parts, precision = [], []
    for index in cluster.curves:
        curve, result = curves.curves[index], detection.results[index]
        point = _points(result, compared)
        precision.append(1 / _variance(result))
        columns = (1.0 if curve.less_better else -1.0, precision[-1] / max(len(point), 1), curve.metric_kind)
        parts.append((point, *columns))
    point = np.concatenate([part[0] for part in parts])
    repeat = [len(part[0]) for part in parts]
    return _Affected(
        point=point,
        worse=np.repeat([part[1] for part in parts], repeat),
        weight=np.repeat([part[2] for part in parts], repeat),
        timed=np.repeat([part[3].timed for part in parts], repeat),
        # That of one of the curves: how far they vary together from job to job only the jobs can tell.
        variance=len(precision) / sum(precision),
    )


def _points(result: CurveResult, compared: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the compared points of a curve's windows that got worse."""
    ranges = [np.arange(window.first, window.last + 1) for window in _worse(result)]
    point = np.concatenate([np.zeros(0, dtype=np.intp), *ranges])
    kept: NDArray[np.intp] = point[compared[point]]
    return kept


def _worse(result: CurveResult) -> Sequence[Window]:
    return [window for window in result.windows if window.direction is Direction.WORSE]


def _variance(result: CurveResult) -> float:
    """Return the variance of one job's level in a curve's windows, from the interval of the widest of them."""
    widest = max(_worse(result), key=lambda window: window.points, default=None)
    if widest is None or widest.low <= -1 or not widest.low < widest.high < math.inf:
        return SCATTER**2 / 2
    reach = (math.log1p(widest.high) - math.log1p(widest.low)) / 2
    return (reach / NORMAL_975) ** 2 / 2  # the interval is that of a difference of two jobs


# ── since when ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _onset(cluster: Cluster, line: _Line, affected: _Affected, shared: NDArray[np.float64]) -> Onset | None:
    level, share = _levels(line, affected, shared)
    placed = _placed(line, level, share, affected.variance)
    if placed is None:
        return None
    first, last_good, earliest, latest = places(
        line.jobs.jobs[at] for at in (placed.first, placed.last_good, placed.earliest, placed.latest)
    )
    told = [
        ratio(cost - placed.before) if math.isfinite(cost - placed.before) else None
        for cost in level[line.shown].tolist()
    ]
    return Onset(
        cluster=cluster.id,
        first=first,
        last_good=last_good,
        earliest=earliest,
        latest=latest,
        levels=tuple(told[-LONGEST:]),
    )


def _levels(
    line: _Line, affected: _Affected, shared: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the cost of what changed in every job that is asked about, and how much of it the job measured.

    Each point counts by how far it is from its own height, so that points a job has not move nothing.
    """
    start = max(0, min(line.baseline - EVIDENCE, int(line.shown[-LONGEST:][0])))
    mean = line.jobs.mean[start:, affected.point]
    present = measured(mean)
    cost = np.where(present, affected.worse * np.log(np.where(present, mean, 1.0)), np.nan)
    cost -= affected.timed * shared[start:, None]
    weight = np.where(present, affected.weight, 0.0)
    total = weight.sum(axis=1)
    level, share = np.full((2, len(line.jobs.jobs)), np.nan)
    level[start:], share[start:] = _fitted(cost, weight, total), total / max(float(affected.weight.sum()), 1e-300)
    return level, share


def _fitted(cost: NDArray[np.float64], weight: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the level of each job, NaN for one without points: levels and heights of points in turn."""
    level = np.zeros(len(cost))
    for _ in range(ROUNDS if (weight == 0).any() else 1):
        off = np.where(weight > 0, cost - medians(cost - level[:, None]), 0.0)
        level = np.where(total > 0, (weight * off).sum(axis=1) / np.maximum(total, 1e-300), np.nan)
    return level


def _placed(line: _Line, level: NDArray[np.float64], share: NDArray[np.float64], variance: float) -> _Placed | None:
    """Say with which job a change came in; None where it did not come in between the compared ones as they ran.

    Jobs are taken in the order of their versions, so that a patch of an old branch that ran in between is neither the
    first bad one nor the last good one; in that of their dates, where these explain the levels far better: then it was
    not the code.
    """
    known = np.flatnonzero(share > 0)
    known = known[known <= line.candidate]
    if line.baseline >= line.candidate or not np.isin([line.baseline, line.candidate], known).all():
        return None
    by_date, by_version = known, _by_version(line, known)
    found = _located(by_date, line, level, share, variance)
    if len(by_version):
        along = _located(by_version, line, level, share, variance)
        same = _located(np.sort(by_version), line, level, share, variance)
        found = found if same.misfit + BETTER < along.misfit else along
    return found


def _by_version(line: _Line, known: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the jobs of versions up to the candidate's in the order of these; none where that says no more."""
    keys = [order(job.version) for job in line.jobs.jobs]
    old, new = keys[line.baseline], keys[line.candidate]
    if old is None or new is None or old >= new:
        return known[:0]
    ranked = sorted((key, at) for at in known.tolist() if (key := keys[at]) is not None and key <= new)
    along = np.array([at for _, at in ranked])
    return known[:0] if np.array_equal(along, known) else along


def _located(
    along: NDArray[np.intp], line: _Line, level: NDArray[np.float64], share: NDArray[np.float64], variance: float
) -> _Placed:
    """Place a change among jobs in an order; the candidate is taken as the last of them."""
    along = np.append(along[along != line.candidate], line.candidate)
    found = locate(level[along], share[along], int(np.flatnonzero(along == line.baseline)[0]), variance)
    first, good, earliest, latest = along[[found.first, found.last_good, found.earliest, found.latest]].tolist()
    return _Placed(
        first=first, last_good=good, earliest=earliest, latest=latest, before=found.before, misfit=found.misfit
    )
