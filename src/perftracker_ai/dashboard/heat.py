"""What the endpoints of a product cost from job to job, against the oldest jobs that are shown.

In: the kept level of each curve of each job. Out: a slowdown for every endpoint and job, the endpoint that is slowest
now on top.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

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

REFERENCE = 7
"""Jobs whose median is the reference, a week of nights; of fewer than three times as many jobs, a third."""
ROWS = 40
"""Endpoints on a page."""


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
    names, costs = _costs(levels)
    reference = min(REFERENCE, max(len(levels) // 3, 1))
    changes = costs - _middle(costs, reference)[:, None]
    rows = sorted(_rows(names, changes), key=_latest, reverse=True)
    pages = max(-(-len(rows) // ROWS), 1)
    shown = min(max(page, 1), pages)
    return Heat(
        jobs=tuple(JobRef(job=one.job.id, version=one.job.product_ver, end=one.job.end) for one in levels),
        reference=reference,
        endpoints=len(rows),
        page=shown,
        pages=pages,
        rows=tuple(rows[(shown - 1) * ROWS : shown * ROWS]),
    )


def _costs(levels: Sequence[Levels]) -> tuple[list[str], Floats]:
    """Return the endpoint of every curve, and the logarithm of what it cost in every job, shape (C, J)."""
    place: dict[tuple[object, ...], int] = {}
    at = [[place.setdefault(_key(curve), len(place)) for curve in one.curves] for one in levels]
    costs = np.full((len(place), len(levels)), np.nan)
    for job, (one, rows) in enumerate(zip(levels, at, strict=True)):
        signs = np.array([1.0 if curve.less_better else -1.0 for curve in one.curves])
        known = np.where((one.level > 0) & np.isfinite(one.level), one.level, np.nan)
        costs[rows, job] = signs * np.log(known)
    return [_endpoint(str(key[1])) for key in place], costs


def _key(curve: StoredCurve) -> tuple[object, ...]:
    return curve.group, curve.tag, curve.scalar, curve.base_unit, curve.less_better


@lru_cache(maxsize=4096)
def _endpoint(tag: str) -> str:
    return read_tag(tag).endpoint


def _middle(costs: Floats, reference: int) -> Floats:
    """Return of each curve the median of its first values, of so many as the reference has."""
    order = np.argsort(np.isnan(costs), axis=1, kind="stable")  # what a curve has comes first, in the order of the jobs
    first = np.take_along_axis(costs, order, axis=1)[:, :reference]
    measured = ~np.isnan(first).all(axis=1)
    middle = np.full(len(costs), np.nan)
    middle[measured] = np.nanmedian(first[measured], axis=1)
    return middle


def _rows(names: Sequence[str], changes: Floats) -> list[Row]:
    members: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        members[name].append(at)
    return [
        Row(endpoint=name, curves=len(rows), slowdowns=tuple(map(_slowdown, _mean(changes[rows]))))
        for name, rows in members.items()
    ]


def _mean(changes: Floats) -> list[float]:
    """Return the mean over the curves of an endpoint that a job has; NaN where it has none."""
    counts = np.count_nonzero(~np.isnan(changes), axis=0)
    means: list[float] = np.where(counts > 0, np.nansum(changes, axis=0) / np.maximum(counts, 1), np.nan).tolist()
    return means


def _slowdown(change: float) -> float | None:
    return None if np.isnan(change) else float(np.expm1(min(change, 100.0)))


def _latest(row: Row) -> tuple[float, str]:
    """Return by what rows are ordered: the middle of the last values, so that one bad night is not on top."""
    known = [one for one in row.slowdowns if one is not None][-3:]
    return (float(np.median(known)) if known else -1.0), row.endpoint
