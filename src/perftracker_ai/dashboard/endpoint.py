"""What one endpoint cost: each of its curves over the jobs, what changed there, and the load curves of two jobs.

In: what a store keeps of the jobs. Out: values. A curve over the jobs is its geometric mean in each of them; what the
means did is said by the history engine.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads it
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.curves.tags import read_tag
from perftracker_ai.dashboard.heat import endpoint_of, key_of
from perftracker_ai.dashboard.views import Issue, Place  # noqa: TC001 - the same
from perftracker_ai.metrics import read_metric
from perftracker_ai.model import Curve, MetricKind, Timeline
from perftracker_ai.model.history import JobRef, Patterns  # noqa: TC001 - the same
from perftracker_ai.trends import patterns, places
from perftracker_ai.words.wording import metric_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet, JobInfo
    from perftracker_ai.store import History, Levels
    from perftracker_ai.store.encoding import StoredCurve

    Floats = NDArray[np.float64]

MOST = 20
"""Curves of an endpoint on a page; few endpoints have more."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What a curve is called, and in which unit its values are.

    Attributes
    ----------
    metric : str
        ``p95 latency``.
    costs_time : bool
        Whether it is of times or rates.
    """

    metric: str
    threads: int | None
    scenario: str
    group: str
    tag: str
    unit: str
    base_unit: str
    less_better: bool
    costs_time: bool


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A curve over the jobs: its geometric mean in each, in base units; None where a job has none."""

    curve: Named
    levels: tuple[float | None, ...]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A curve of two jobs along the load, in base units; None where a job has no value.

    Attributes
    ----------
    labels : tuple of str
        Loads as written.
    loads : tuple of float
        The same as numbers, or as places in their order.
    baseline, candidate, slowdowns : tuple of (float or None)
        Positive slowdowns are worse.
    """

    curve: Named
    load_unit: str
    numbered: bool
    labels: tuple[str, ...]
    loads: tuple[float, ...]
    baseline: tuple[float | None, ...]
    candidate: tuple[float | None, ...]
    slowdowns: tuple[float | None, ...]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The page of an endpoint.

    Attributes
    ----------
    jobs : tuple of JobRef
        Those of the courses, oldest first; empty where nothing is kept of jobs.
    curves : int
        How many the endpoint has, on all pages.
    page, pages : int
        Which page of the curves this is, from 1, and how many there are.
    patterns : Patterns or None
        What the courses did over the jobs; for a curve's tag stands the place of its course, from 0.
    issues : tuple of Issue
        Every issue of the endpoint.
    baseline, candidate : JobRef or None
        The jobs whose load curves are shown.
    """

    now: datetime
    place: Place
    endpoint: str
    jobs: tuple[JobRef, ...]
    curves: int
    page: int
    pages: int
    courses: tuple[Course, ...]
    patterns: Patterns | None
    issues: tuple[Issue, ...]
    baseline: JobRef | None
    candidate: JobRef | None
    pairs: tuple[Pair, ...]


def endpoints(levels: Iterable[Levels]) -> set[str]:
    """Return every endpoint that jobs measured."""
    layouts = {id(one.curves): one.curves for one in levels}
    return {endpoint_of(curve.tag) for curves in layouts.values() for curve in curves}


# ── over the jobs ───────────────────────────────────────────────────────────────────────────────────────────────────


def courses(levels: Sequence[Levels], endpoint: str) -> tuple[Course, ...]:
    """Return the courses of an endpoint, by metric and threads."""
    layouts = {id(one.curves): _own(one.curves, endpoint) for one in levels}
    newest: dict[tuple[object, ...], StoredCurve] = {}
    for one in levels:
        newest |= {key_of(curve): curve for _, curve in layouts[id(one.curves)]}
    rows = {key: row for row, key in enumerate(newest)}
    values = np.full((len(rows), len(levels)), np.nan)
    for job, one in enumerate(levels):
        for place, curve in layouts[id(one.curves)]:
            values[rows[key_of(curve)], job] = one.level[place]
    found = [
        Course(curve=named(curve), levels=_listed(row)) for curve, row in zip(newest.values(), values, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: _order(one.curve)))


def on_page(found: Sequence[Course], wanted: int) -> tuple[tuple[Course, ...], int, int]:
    """Return the courses of a page, from 1, which page that is, for there may be fewer, and how many there are."""
    pages = max(-(-len(found) // MOST), 1)
    page = min(wanted, pages)
    return tuple(found[(page - 1) * MOST : page * MOST]), page, pages


def _own(curves: Sequence[StoredCurve], endpoint: str) -> list[tuple[int, StoredCurve]]:
    return [(at, curve) for at, curve in enumerate(curves) if endpoint_of(curve.tag) == endpoint]


def named(curve: StoredCurve | Curve) -> Named:
    """Return what a curve is called."""
    told = read_tag(curve.tag)
    kind = read_metric(told.metric_label, curve.unit).kind
    return Named(
        metric="value" if told.metric_label == told.endpoint else metric_words(kind, told.statistic, told.metric_label),
        threads=told.threads,
        scenario=told.scenario,
        group=curve.group,
        tag=curve.tag,
        unit=curve.unit,
        base_unit=curve.base_unit,
        less_better=curve.less_better,
        costs_time=kind.timed,
    )


def _order(curve: Named) -> tuple[object, ...]:
    return curve.scenario, curve.group, curve.metric, curve.threads or 0, curve.tag


def _listed(values: Floats) -> tuple[float | None, ...]:
    known = np.isfinite(values).tolist()
    return tuple(value if there else None for value, there in zip(values.tolist(), known, strict=True))


def what_happened(levels: Sequence[Levels], found: Sequence[Course], endpoint: str) -> Patterns:
    """Return what the courses of an endpoint did, each looked at as a curve of one point."""
    mean = np.array([[np.nan if value is None else value for value in one.levels] for one in found]).T
    curves = [_pointlike(one.curve, endpoint, at) for at, one in enumerate(found)]
    return patterns(curves, Timeline(jobs=tuple(one.job for one in levels), mean=mean))


def _pointlike(curve: Named, endpoint: str, at: int) -> Curve:
    """Return a curve of one point, its level, under a name of its own."""
    return Curve(
        index=at,
        group=curve.group,
        tag=str(at),
        metric_label=curve.metric,
        metric_kind=MetricKind.LATENCY if curve.costs_time else MetricKind.OTHER,
        statistic="",
        threads=curve.threads,
        method="",
        path="",
        endpoint=endpoint,
        scenario=curve.scenario,
        unit=curve.unit,
        base_unit=curve.base_unit,
        less_better=curve.less_better,
        direction_known=True,
        load_unit="",
        numbered=False,
        scalar=True,
        start=at,
        stop=at + 1,
    )


def jobs_of(levels: Sequence[Levels]) -> tuple[JobRef, ...]:
    """Return the jobs of levels as they are named everywhere."""
    return places(one.job for one in levels)


def job_of(job: JobInfo) -> JobRef:
    """Return a job as it is named everywhere."""
    return places((job,))[0]


# ── of two jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────


def pairs(measured: History, baseline: str, candidate: str, shown: Sequence[Course]) -> tuple[Pair, ...]:
    """Return the load curves that two jobs by their uuids have of the courses that are shown, by metric and threads."""
    rows = {job.uuid: row for row, job in enumerate(measured.jobs)}
    if baseline not in rows or candidate not in rows:
        return ()
    chosen = rows[baseline], rows[candidate]
    wanted = {(one.curve.group, one.curve.tag, one.curve.base_unit) for one in shown}
    own = [one for one in measured.curves.curves if (one.group, one.tag, one.base_unit) in wanted]
    return tuple(sorted((_pair(measured.curves, one, chosen) for one in own), key=lambda one: _order(one.curve)))


def _pair(curves: CurveSet, curve: Curve, rows: tuple[int, int]) -> Pair:
    part = slice(curve.start, curve.stop)
    before, after = (curves.mean[row, part] for row in rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = after / before if curve.less_better else before / after
    return Pair(
        curve=named(curve),
        load_unit=curve.load_unit,
        numbered=curve.numbered,
        labels=curves.label[part],
        loads=tuple(curves.load[part].tolist()),
        baseline=_listed(before),
        candidate=_listed(after),
        slowdowns=_listed(np.where(ratio > 0, ratio - 1, np.nan)),
    )
