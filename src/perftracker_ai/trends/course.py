"""What the levels of curves did over the jobs of a history, in the words its readers know.

In: curves and a `Timeline` of what the jobs measured at their points. Out: `Patterns`. Curves of one endpoint that
changed together are one item.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from perftracker_ai.model.history import Bimodal, ChangePoint, Drift, JobRef, NoiseChange, Patterns
from perftracker_ai.model.versions import order
from perftracker_ai.trends.batch import LEAST, MOST
from perftracker_ai.trends.changes import CUT_COST
from perftracker_ai.trends.engine import find_trends
from perftracker_ai.trends.vocabulary import Change, Series, Trend, TrendState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, JobInfo, Timeline

BETTER = 6.0
"""Minus twice the logarithm of how much likelier levels have to be by date to doubt the order of versions: 20 times."""

CELLS = 100_000
"""Values worked on at once: what they need then stays in a processor's second-level cache."""

T = TypeVar("T")


class _Told(NamedTuple):
    """A curve and its trend over the jobs in some order, with the size of something that it says."""

    curve: Curve
    trend: Trend
    jobs: tuple[JobRef, ...]
    size: float = 0.0


class _Moved(NamedTuple):
    curve: Curve
    change: Change
    jobs: tuple[JobRef, ...]


def patterns(curves: Sequence[Curve], timeline: Timeline) -> Patterns:
    """Say what the levels of these curves did over the jobs of a timeline.

    Parameters
    ----------
    curves : sequence of Curve
        All or some of those the timeline's points belong to.
    """
    told = _trends(curves, timeline)
    return Patterns(
        curves=len(curves),
        too_short=sum(one.trend.state is TrendState.TOO_SHORT for one in told),
        shifts=_shifts(told),
        creeps=_creeps(told),
        unrests=_unrests(told),
        switchings=_switchings(told),
    )


def places(jobs: Iterable[JobInfo]) -> tuple[JobRef, ...]:
    """Name jobs as a history does."""
    return tuple(JobRef(job=job.id, version=job.product_ver, end=job.end) for job in jobs)


def _trends(curves: Sequence[Curve], timeline: Timeline) -> list[_Told]:
    """Describe each curve over the jobs in the order of their versions, or of their dates where that explains it.

    Of branches that take turns the dates tell a level that jumps to and fro; of a machine that changed the versions do.
    """
    level = levels(curves, timeline)
    dated = _described(curves, level, timeline.jobs)
    along = _along_versions(timeline.jobs)
    if along is None:
        return dated
    lined = _described(curves, level[along], [timeline.jobs[at] for at in along])
    both = zip(dated, lined, strict=True)
    return [one if _surprise(one.trend) < _surprise(other.trend) - BETTER else other for one, other in both]


def _described(curves: Sequence[Curve], level: NDArray[np.float64], jobs: Sequence[JobInfo]) -> list[_Told]:
    times, versions = (
        np.arange(float(len(jobs))),
        tuple(job.product_ver for job in jobs),
    )  # their order is all that counts
    series = [
        Series(times=times, values=values, versions=versions, less_better=curve.less_better)
        for curve, values in zip(curves, level.T, strict=True)
    ]
    named = places(jobs)
    return [_Told(curve, trend, named) for curve, trend in zip(curves, find_trends(series), strict=True)]


def _along_versions(jobs: Sequence[JobInfo]) -> list[int] | None:
    """Return jobs in the order of their versions; None where that is the order of their dates, or is not known."""
    keys = [order(job.product_ver) for job in jobs]
    known = [(key, at) for at, key in enumerate(keys) if key is not None]
    along = [at for _, at in sorted(known)]
    return along if len(known) == len(jobs) and along != sorted(along) else None


def _surprise(trend: Trend) -> float:
    """Return minus twice the logarithm of a likelihood, a price for each change included."""
    if trend.noise is None or trend.correlation is None:
        return math.inf
    left = trend.noise**2 * (1 - trend.correlation**2)
    return trend.points * math.log(left) + CUT_COST * math.log(trend.points) * len(trend.changes)


def levels(curves: Sequence[Curve], timeline: Timeline) -> NDArray[np.float64]:
    """Give the level of each of these curves in every job: the geometric mean over its loads.

    Each load counts by how far it is from its own median over the jobs, so that a level does not move when loads are
    added or left out.

    Returns
    -------
    ndarray, shape (jobs, curves)
        NaN where a job has no value of the curve.
    """
    level = np.full((len(timeline.jobs), len(curves)), np.nan)
    for block in _blocks(curves, len(timeline.jobs)):
        level[:, block] = _block(curves[block], timeline.mean)
    return level


def _blocks(curves: Sequence[Curve], jobs: int) -> Iterator[slice]:
    """Divide curves into runs of few enough values."""
    begin, cells = 0, 0
    for end, curve in enumerate(curves):
        more = (curve.stop - curve.start) * jobs
        if cells and cells + more > CELLS:
            yield slice(begin, end)
            begin, cells = end, 0
        cells += more
    if cells:
        yield slice(begin, len(curves))


def _block(curves: Sequence[Curve], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    point = np.concatenate([np.arange(curve.start, curve.stop) for curve in curves])
    starts = np.cumsum([0, *(curve.stop - curve.start for curve in curves[:-1])])
    mean = mean[:, point]
    present = measured(mean)
    logs = np.log(mean if present.all() else np.where(present, mean, np.nan))
    typical = medians(logs)
    count = np.add.reduceat(present, starts, axis=1, dtype=np.float64)
    logs -= typical
    off = np.add.reduceat(np.where(present, logs, 0.0), starts, axis=1)
    ever = np.isfinite(typical)
    height = np.add.reduceat(np.where(ever, typical, 0.0), starts)
    height /= np.maximum(np.add.reduceat(ever, starts, dtype=np.float64), 1)
    level = np.exp(off / np.maximum(count, 1) + height)
    return np.where(count > 0, level, np.nan)


def measured(mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark what counts as a value, as in a `Series`."""
    present: NDArray[np.bool_] = (mean >= LEAST) & (mean <= MOST)
    return present


def medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each column's numbers, NaN for a column without any; of one row at least."""
    count = np.isfinite(values).sum(axis=0)
    if count.min(initial=len(values)) == len(values):
        return _whole_medians(values)
    ordered = np.sort(values, axis=0)
    column = np.arange(values.shape[1])
    middle: NDArray[np.float64] = (ordered[(count - 1) // 2, column] + ordered[count // 2 - (count == 0), column]) / 2
    return middle


def _whole_medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each column where nothing is absent, without sorting what is not the middle."""
    half = len(values) // 2
    parted = np.partition(values, half, axis=0)
    low = parted[half] if len(values) % 2 else parted[:half].max(axis=0)
    middle: NDArray[np.float64] = (low + parted[half]) / 2
    return middle


def _shifts(told: Sequence[_Told]) -> tuple[ChangePoint, ...]:
    moved = [_Moved(one.curve, change, one.jobs) for one in told for change in one.trend.changes]
    by = _by(moved, lambda one: (one.curve.endpoint, one.change.direction, id(one.jobs)))
    found = [_shift(members, lead) for group in by for lead, members in _together(group)]
    return tuple(
        sorted(found, key=lambda one: (-one.first.end.timestamp(), -one.first.job, -one.slowdown, one.endpoint))
    )


def _together(moved: Sequence[_Moved]) -> Iterator[tuple[_Moved, list[_Moved]]]:
    """Put changes at one job together: the clearest leads, and takes those whose own place it may be."""
    left = sorted(moved, key=lambda one: (one.change.p_value, -abs(one.change.slowdown), one.curve.index))
    while left:
        at = left[0].change.index
        members = [one for one in left if one.change.earliest <= at <= one.change.latest]
        members = members if left[0] in members else [left[0], *members]
        yield left[0], members
        left = [one for one in left if one not in members]


def _shift(members: Sequence[_Moved], lead: _Moved) -> ChangePoint:
    middle, change, jobs = _middle(members, lambda one: one.change.slowdown).change, lead.change, lead.jobs
    return ChangePoint(
        endpoint=lead.curve.endpoint,
        curves=_tags(members),
        slowdown=middle.slowdown,
        low=middle.low,
        high=middle.high,
        first=jobs[change.index],
        last_good=jobs[change.previous],
        earliest=jobs[change.earliest],
        latest=jobs[change.latest],
        same_version=change.same_version,
        recovered=None if change.recovered is None else jobs[change.recovered],
    )


def _creeps(told: Sequence[_Told]) -> tuple[Drift, ...]:
    drifting = [
        one._replace(size=drift.slowdown)
        for one in told
        if (drift := one.trend.drift) is not None and drift.significant
    ]
    creeps = []
    for members in _by(drifting, lambda one: (one.curve.endpoint, one.size > 0)):
        drift = _middle(members, lambda one: one.size).trend.drift
        assert drift is not None  # as asked for above
        endpoint, sizes = members[0].curve.endpoint, {"low": drift.low, "high": drift.high}
        creeps.append(Drift(endpoint=endpoint, curves=_tags(members), slowdown=drift.slowdown, **sizes))
    return tuple(sorted(creeps, key=lambda one: -one.slowdown))


def _unrests(told: Sequence[_Told]) -> tuple[NoiseChange, ...]:
    noisier = [one._replace(size=flaky.ratio) for one in told if (flaky := one.trend.flaky) is not None]
    unrests = []
    for members in _by(noisier, lambda one: one.curve.endpoint):
        middle = _middle(members, lambda one: one.size)
        flaky = middle.trend.flaky
        assert flaky is not None  # as asked for above
        endpoint, first = members[0].curve.endpoint, middle.jobs[flaky.index]
        unrests.append(NoiseChange(endpoint=endpoint, curves=_tags(members), ratio=flaky.ratio, first=first))
    return tuple(sorted(unrests, key=lambda one: -one.ratio))


def _switchings(told: Sequence[_Told]) -> tuple[Bimodal, ...]:
    two = [one._replace(size=modes.high / modes.low - 1) for one in told if (modes := one.trend.modes) is not None]
    found = [
        Bimodal(
            endpoint=members[0].curve.endpoint,
            curves=_tags(members),
            slowdown=_middle(members, lambda one: one.size).size,
        )
        for members in _by(two, lambda one: one.curve.endpoint)
    ]
    return tuple(sorted(found, key=lambda one: -one.slowdown))


def _by(things: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    groups: dict[object, list[T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return list(groups.values())


def _middle(things: Sequence[T], size: Callable[[T], float]) -> T:
    return sorted(things, key=size)[len(things) // 2]


def _tags(members: Iterable[_Told | _Moved]) -> tuple[str, ...]:
    return tuple(sorted({one.curve.tag for one in members}))
