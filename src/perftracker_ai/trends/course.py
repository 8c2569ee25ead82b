"""What the levels of curves did over the jobs of a history, in the words its readers know.

In: curves and a `Timeline` of what the jobs measured at their points. Out: `Patterns`. Curves of one endpoint that
changed together are one item.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from perftracker_ai.model.history import Bimodal, ChangePoint, Drift, JobRef, NoiseChange, Patterns
from perftracker_ai.trends.batch import LEAST, MOST
from perftracker_ai.trends.engine import find_trends
from perftracker_ai.trends.vocabulary import Change, Series, Trend, TrendState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, JobInfo, Timeline

CELLS = 100_000
"""Values worked on at once: what they need then stays in a processor's second-level cache."""

T = TypeVar("T")


class _Told(NamedTuple):
    """A curve and something that its trend says."""

    curve: Curve
    size: float
    trend: Trend


class _Moved(NamedTuple):
    curve: Curve
    change: Change


def patterns(curves: Sequence[Curve], timeline: Timeline) -> Patterns:
    """Say what the levels of these curves did over the jobs of a timeline.

    Parameters
    ----------
    curves : sequence of Curve
        All or some of those the timeline's points belong to.
    """
    trends = find_trends(_series(curves, timeline))
    told = list(zip(curves, trends, strict=True))
    at = places(timeline.jobs)
    return Patterns(
        curves=len(curves),
        too_short=sum(trend.state is TrendState.TOO_SHORT for trend in trends),
        shifts=_shifts(told, at),
        creeps=_creeps(told),
        unrests=_unrests(told, at),
        switchings=_switchings(told),
    )


def places(jobs: Iterable[JobInfo]) -> tuple[JobRef, ...]:
    """Name jobs as a history does."""
    return tuple(JobRef(job=job.id, version=job.product_ver, end=job.end) for job in jobs)


def _series(curves: Sequence[Curve], timeline: Timeline) -> list[Series]:
    level, jobs = levels(curves, timeline), timeline.jobs
    # Jobs that ended together are told apart by a millisecond: a series knows their order only.
    times = np.array([job.end.timestamp() for job in jobs]) + 1e-3 * np.arange(len(jobs))
    versions = tuple(job.product_ver for job in jobs)
    return [
        Series(times=times, values=values, versions=versions, less_better=curve.less_better)
        for curve, values in zip(curves, level.T, strict=True)
    ]


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
    logs = np.log(np.where(present, mean, np.nan))
    typical = medians(logs)
    count = np.add.reduceat(present, starts, axis=1, dtype=np.float64)
    off = np.add.reduceat(np.where(present, logs - typical, 0.0), starts, axis=1)
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
    ordered, count = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)
    column = np.arange(values.shape[1])
    middle: NDArray[np.float64] = (ordered[(count - 1) // 2, column] + ordered[count // 2 - (count == 0), column]) / 2
    return middle


def _shifts(told: Sequence[tuple[Curve, Trend]], places: Sequence[JobRef]) -> tuple[ChangePoint, ...]:
    moved = [_Moved(curve, change) for curve, trend in told for change in trend.changes]
    by = _by(moved, lambda one: (one.curve.endpoint, one.change.direction))
    found = [(lead, _shift(members, lead, places)) for group in by for lead, members in _together(group)]
    found.sort(key=lambda item: (-item[0].change.index, -item[1].slowdown, item[1].endpoint))
    return tuple(shift for _, shift in found)


def _together(moved: Sequence[_Moved]) -> Iterator[tuple[_Moved, list[_Moved]]]:
    """Put changes at one job together: the clearest leads, and takes those whose own place it may be."""
    left = sorted(moved, key=lambda one: (one.change.p_value, -abs(one.change.slowdown), one.curve.index))
    while left:
        at = left[0].change.index
        members = [one for one in left if one.change.earliest <= at <= one.change.latest]
        members = members if left[0] in members else [left[0], *members]
        yield left[0], members
        left = [one for one in left if one not in members]


def _shift(members: Sequence[_Moved], lead: _Moved, places: Sequence[JobRef]) -> ChangePoint:
    middle, change = _middle(members, lambda one: one.change.slowdown).change, lead.change
    return ChangePoint(
        endpoint=lead.curve.endpoint,
        curves=_tags(members),
        slowdown=middle.slowdown,
        low=middle.low,
        high=middle.high,
        first=places[change.index],
        last_good=places[change.previous],
        earliest=places[change.earliest],
        latest=places[change.latest],
        same_version=change.same_version,
        recovered=None if change.recovered is None else places[change.recovered],
    )


def _creeps(told: Sequence[tuple[Curve, Trend]]) -> tuple[Drift, ...]:
    drifting = [_Told(c, t.drift.slowdown, t) for c, t in told if t.drift is not None and t.drift.significant]
    creeps = []
    for members in _by(drifting, lambda one: (one.curve.endpoint, one.size > 0)):
        drift = _middle(members, lambda one: one.size).trend.drift
        assert drift is not None  # as asked for above
        endpoint, sizes = members[0].curve.endpoint, {"low": drift.low, "high": drift.high}
        creeps.append(Drift(endpoint=endpoint, curves=_tags(members), slowdown=drift.slowdown, **sizes))
    return tuple(sorted(creeps, key=lambda one: -one.slowdown))


def _unrests(told: Sequence[tuple[Curve, Trend]], places: Sequence[JobRef]) -> tuple[NoiseChange, ...]:
    noisier = [_Told(curve, trend.flaky.ratio, trend) for curve, trend in told if trend.flaky is not None]
    unrests = []
    for members in _by(noisier, lambda one: one.curve.endpoint):
        flaky = _middle(members, lambda one: one.size).trend.flaky
        assert flaky is not None  # as asked for above
        endpoint, first = members[0].curve.endpoint, places[flaky.index]
        unrests.append(NoiseChange(endpoint=endpoint, curves=_tags(members), ratio=flaky.ratio, first=first))
    return tuple(sorted(unrests, key=lambda one: -one.ratio))


def _switchings(told: Sequence[tuple[Curve, Trend]]) -> tuple[Bimodal, ...]:
    two = [_Told(c, t.modes.high / t.modes.low - 1, t) for c, t in told if t.modes is not None]
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
