"""What the endpoints of a product cost from job to job, against the oldest jobs that are shown.

In: the kept level of each curve of each job. Out: a slowdown for every endpoint and job, the endpoint that is slowest
now on top.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from perftracker_ai.curves.tags import read_tag
from perftracker_ai.model.history import JobRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.store import Levels
    from perftracker_ai.store.encoding import StoredCurve

    Floats = NDArray[np.float64]


class Key(NamedTuple):
    """By what a curve is the same from job to job."""

    group: str
    tag: str
    scalar: bool
    unit: str
    less_better: bool


REFERENCE = 7
"""Jobs whose median is the reference, a week of nights; of fewer than three times as many jobs, a third."""
ROWS = 40
"""Endpoints on a page."""
_LARGEST = 100.0
"""Logarithm of the largest change that is written; what is beyond is no measurement."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint: the geometric mean of what its curves cost in each job, against the reference; None for none."""

    endpoint: str
    curves: int
    slowdowns: tuple[float | None, ...]


class Heat(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints by jobs.

    Attributes
    ----------
    jobs : tuple of JobRef
        Oldest first.
    reference : int
        How many of the first jobs are the reference, by the median of each curve.
    endpoints : int
        How many there are on all pages.
    page, pages : int
        Which page of the endpoints this is, from 1, and how many there are.
    """

    jobs: tuple[JobRef, ...]
    reference: int
    endpoints: int
    page: int
    pages: int
    rows: tuple[Row, ...]


def heat(levels: Sequence[Levels], page: int) -> Heat | None:
    """Return endpoints by jobs; None where there are not two jobs to be set against each other."""
    few = 2
    if len(levels) < few:
        return None
    keys, costs = costs_of(levels)
    reference = min(REFERENCE, max(len(levels) // 3, 1))
    changes = costs - _middle(costs, reference)[:, None]
    endpoints, means = _means([endpoint_of(key.tag) for key in keys], changes)
    order = sorted(range(len(endpoints)), key=lambda at: (-_latest(means[at]), endpoints[at]))
    pages = max(-(-len(endpoints) // ROWS), 1)
    shown = min(max(page, 1), pages)
    return Heat(
        jobs=tuple(JobRef(job=one.job.id, version=one.job.product_ver, end=one.job.end) for one in levels),
        reference=reference,
        endpoints=len(endpoints),
        page=shown,
        pages=pages,
        rows=tuple(_row(*endpoints[at], means[at]) for at in order[(shown - 1) * ROWS : shown * ROWS]),
    )


def costs_of(levels: Sequence[Levels]) -> tuple[list[Key], Floats]:
    """Return by what every curve is known, and the logarithm of what it cost in every job, shape (C, J)."""
    place: dict[Key, int] = {}
    layouts = {id(one.curves): one.curves for one in levels}  # most jobs share one
    rows = {key: [place.setdefault(key_of(curve), len(place)) for curve in curves] for key, curves in layouts.items()}
    signs = {key: np.array([1.0 if one.less_better else -1.0 for one in curves]) for key, curves in layouts.items()}
    costs = np.full((len(place), len(levels)), np.nan)
    for job, one in enumerate(levels):
        known = np.where((one.level > 0) & np.isfinite(one.level), one.level, np.nan)
        costs[rows[id(one.curves)], job] = signs[id(one.curves)] * np.log(known)
    return list(place), costs


def key_of(curve: StoredCurve) -> Key:
    """Return what two jobs' curves must share to be one."""
    return Key(curve.group, curve.tag, curve.scalar, curve.base_unit, curve.less_better)


@lru_cache(maxsize=4096)
def endpoint_of(tag: str) -> str:
    """Return the endpoint that a tag tells of."""
    return read_tag(tag).endpoint


def _middle(costs: Floats, reference: int) -> Floats:
    """Return of each curve the median of its first values, of so many as the reference has."""
    order = np.argsort(np.isnan(costs), axis=1, kind="stable")  # what a curve has comes first, in the order of the jobs
    first = np.take_along_axis(costs, order, axis=1)[:, :reference]
    measured = ~np.isnan(first).all(axis=1)
    middle = np.full(len(costs), np.nan)
    middle[measured] = np.nanmedian(first[measured], axis=1)
    return middle


def _means(names: Sequence[str], changes: Floats) -> tuple[list[tuple[str, int]], Floats]:
    """Return every endpoint with its number of curves, and the mean of those that a job has, shape (E, J)."""
    members: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        members[name].append(at)
    order = np.array([at for rows in members.values() for at in rows], dtype=np.intp)
    sizes = [len(rows) for rows in members.values()]
    starts = np.cumsum([0, *sizes[:-1]])
    known = ~np.isnan(changes[order])
    counts = np.add.reduceat(known, starts, axis=0, dtype=np.intp)
    totals = np.add.reduceat(np.where(known, changes[order], 0.0), starts, axis=0)
    return list(zip(members, sizes, strict=True)), np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def _latest(means: Floats) -> float:
    """Return by what endpoints are ordered: the middle of the last values, so that one bad night is not on top."""
    known = means[~np.isnan(means)][-3:]
    return float(np.median(known)) if len(known) else -np.inf


def _row(endpoint: str, curves: int, means: Floats) -> Row:
    slowdowns = np.expm1(np.minimum(means, _LARGEST)).tolist()
    return Row(endpoint=endpoint, curves=curves, slowdowns=tuple(None if math.isnan(one) else one for one in slowdowns))
