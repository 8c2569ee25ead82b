"""How much what a test measures scatters by itself, how large a change it can show, and why, as far as that is kept.

In: what each curve of past jobs cost, what its points were in the newest of them, the comparisons of one version with
itself. Out: the noisiest curves first. Nothing is supposed: a cause is named where the kept values show it.

The scatter of a curve is taken from differences of jobs that follow each other, for what steps once or creeps hardly
moves the middle of many differences (von Neumann 1941, doi:10.1214/aoms/1177731677). Jobs of one version are set
against each other where there are enough of them, else each job against the one before. What all curves share in such
a difference is the run's own scatter and is told apart.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime  # noqa: TC003 - msgspec reads it
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.dashboard.causes import Cause, causes_of, clock, time_of_day, waves
from perftracker_ai.dashboard.heat import costs_of, endpoint_of
from perftracker_ai.dashboard.views import Place  # noqa: TC001 - the same
from perftracker_ai.detect.need import runs_of_each
from perftracker_ai.model import Outcome
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.versions import trimmed
from perftracker_ai.stats import binomial_interval, median, ratio, robust_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.dashboard.heat import Key
    from perftracker_ai.store import Comparison, History, Levels

    Floats = NDArray[np.float64]

SIZES = (0.05, 0.10, 0.20)
"""Changes of which it is said how many runs would show them."""
ROWS = 20
"""Curves on a page."""
LOOKED_AT = 200
"""Jobs whose levels are looked at: more would tell of a machine that is gone."""
POINTS = 16
"""Newest jobs whose points are looked at for causes."""
MIN_DIFFERENCES = 5
"""Differences of jobs from which a scatter is told."""
MIN_CURVES = 5
"""Curves from which what they share is told from what is their own."""
_FLAGGED = (Outcome.REGRESSED, Outcome.IMPROVED, Outcome.CHANGED)
_JUDGED = (*_FLAGGED, Outcome.MINOR, Outcome.UNCHANGED, Outcome.MOVED)
_NEIGHBOURS = 7
"""Jobs whose median stands for a job's level, where each version ran once."""


class Scatter(msgspec.Struct, frozen=True, kw_only=True):
    """How much something scatters from job to job.

    Attributes
    ----------
    size : float
        One standard deviation as a ratio: 0.05 is 5 %.
    differences : int
        How many pairs of jobs it is taken from.
    runs : tuple of int
        Of each version, after which a change as large as each of `SIZES` is out of the reach of chance.
    """

    size: float
    differences: int
    runs: tuple[int, ...]


class NoisyCurve(msgspec.Struct, frozen=True, kw_only=True):
    """A curve, how much it scatters beside what the whole run does, and what of that is explained."""

    endpoint: str
    group: str
    tag: str
    scatter: Scatter
    causes: tuple[Cause, ...]


class SameVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What comparisons of a version with itself found, where nothing is to be found.

    Attributes
    ----------
    pairs : int
        Comparisons that are kept; 0 where none is, and all else is then empty.
    judged, flagged : int
        Curves of them all about which something could be said, and those said to have changed.
    low, high : float or None
        95 % interval of the share of the flagged ones; curves of one pair are not independent, which counts.
    paths : tuple of str
        Of the reports of the newest of them.
    to_compare : tuple of JobRef
        The newest two jobs of one version, where no such two were compared; else empty.
    """

    pairs: int
    judged: int
    flagged: int
    low: float | None
    high: float | None
    paths: tuple[str, ...]
    to_compare: tuple[JobRef, ...]


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """The noise page of a product at one place.

    Attributes
    ----------
    jobs : tuple of JobRef
        The first and the last of those that were looked at; empty where none is kept.
    count : int
        How many they are.
    same_version : bool
        Whether jobs of one version were set against each other, or each job against the one before.
    whole : Scatter or None
        Of the run as a whole, what all curves share; None where too few jobs or curves tell of it.
    whole_causes : tuple of Cause
    curves : tuple of NoisyCurve
        Of this page, the noisiest first.
    told, untold : int
        Curves of which a scatter is known, and those with too few jobs.
    page, pages : int
    """

    now: datetime
    place: Place
    others: tuple[Place, ...]
    jobs: tuple[JobRef, ...]
    count: int
    same_version: bool
    whole: Scatter | None
    whole_causes: tuple[Cause, ...]
    curves: tuple[NoisyCurve, ...]
    told: int
    untold: int
    page: int
    pages: int
    same: SameVersion


class Measured(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Past jobs taken apart.

    Attributes
    ----------
    keys : tuple of Key
        By what the C curves are known.
    costs : ndarray of float, shape (C, J)
        Logarithm of what each curve cost in each job; larger is worse, NaN where it has no value.
    own, shared : ndarray of float, shapes (C, D) and (D,)
        Differences of pairs of jobs: what is a curve's own, and what all have in common, 0 where too few tell.
    same_version : bool
        Whether the pairs are of one version each.
    """

    jobs: tuple[JobRef, ...]
    keys: tuple[Key, ...]
    costs: Floats
    own: Floats
    shared: Floats
    same_version: bool


def measured(levels: Sequence[Levels]) -> Measured:
    """Take what each curve cost in past jobs apart into what the runs share and what is a curve's own."""
    keys, costs = costs_of(levels)
    versions = [one.job.version for one in levels]
    pairs, same = _pairs(versions)
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    off = costs[:, second] - costs[:, first]
    shared = median(off.T) if len(keys) >= MIN_CURVES else np.zeros(len(pairs))
    shared = np.where(np.isfinite(shared), shared, 0.0)
    return Measured(
        jobs=tuple(JobRef(job=one.job.id, version=one.job.product_ver, end=one.job.end) for one in levels),
        keys=tuple(keys),
        costs=costs,
        own=off - shared,
        shared=shared,
        same_version=same,
    )


def _pairs(versions: Sequence[str]) -> tuple[list[tuple[int, int]], bool]:
    """Return pairs of jobs that follow each other within a version; of all jobs, where those are too few."""
    runs: dict[str, list[int]] = defaultdict(list)
    for at, version in enumerate(versions):
        runs[version].append(at)
    same = [pair for own in runs.values() for pair in pairwise(own)]
    if len(same) >= MIN_DIFFERENCES:
        return sorted(same), True
    return list(pairwise(range(len(versions)))), False


def order(found: Measured) -> tuple[list[int], Floats]:
    """Return the curves of which a scatter is known, the noisiest first, and the scatter of every curve."""
    enough = np.isfinite(found.own).sum(axis=1) >= MIN_DIFFERENCES
    sigma = np.full(len(found.keys), np.nan)
    if enough.any():
        sigma[enough] = robust_scale(found.own[enough]) / math.sqrt(2)
    known = np.flatnonzero(enough).tolist()
    return sorted(known, key=lambda at: (-sigma[at], found.keys[at][:2])), sigma


def noise(
    found: Measured,
    points: History | None,
    comparisons: Sequence[tuple[Comparison, str]],
    *,
    places: tuple[Place, tuple[Place, ...]],
    page: int,
    now: datetime,
) -> Noise:
    """Return the noise page's values.

    Parameters
    ----------
    points : History or None
        The newest jobs with their points; None where they are not kept.
    comparisons : sequence of (Comparison, str)
        Those of this place, oldest first, with the address of each report.
    places : (Place, tuple of Place)
        This one, and where else the product is measured.
    page : int
        Which curves, from 1.
    """
    ranked, sigma = order(found)
    pages = max(-(-len(ranked) // ROWS), 1)
    page = min(page, pages)
    shown = ranked[(page - 1) * ROWS : page * ROWS]
    told = len(found.shared) >= MIN_DIFFERENCES and len(found.keys) >= MIN_CURVES
    return Noise(
        now=now,
        place=places[0],
        others=places[1],
        jobs=(found.jobs[0], found.jobs[-1]) if found.jobs else (),
        count=len(found.jobs),
        same_version=found.same_version,
        whole=_scatter(float(robust_scale(found.shared[None])[0]) / math.sqrt(2), len(found.shared)) if told else None,
        whole_causes=time_of_day(*_day(found), median(levels_off(found, found.costs).T)) if told else (),
        curves=_curves(found, points, shown, sigma),
        told=len(ranked),
        untold=len(found.keys) - len(ranked),
        page=page,
        pages=pages,
        same=same_versions(comparisons, found.jobs),
    )


def _curves(found: Measured, points: History | None, shown: Sequence[int], sigma: Floats) -> tuple[NoisyCurve, ...]:
    off, day = levels_off(found, found.costs), _day(found)
    whole = median(off.T) if len(found.keys) >= MIN_CURVES else np.zeros(len(found.jobs))
    told = causes_of([found.keys[at] for at in shown], sigma[shown], found.costs[shown], points)
    return tuple(
        NoisyCurve(
            endpoint=endpoint_of(found.keys[at].tag),
            group=found.keys[at].group,
            tag=found.keys[at].tag,
            scatter=_scatter(float(sigma[at]), int(np.isfinite(found.own[at]).sum())),
            causes=(*causes, *time_of_day(*day, off[at] - whole)),
        )
        for at, causes in zip(shown, told, strict=True)
    )


def _day(found: Measured) -> tuple[Floats, Floats]:
    """Return at which hours jobs ended, and the waves of a day, taken off their level as values are."""
    hours = clock([job.end for job in found.jobs])
    return hours, levels_off(found, waves(hours), _mean)


def _mean(values: Floats) -> Floats:
    average: Floats = values.mean(axis=1)
    return average


def levels_off(found: Measured, costs: Floats, middle: Callable[[Floats], Floats] = median) -> Floats:
    """Return how far values of each job are off the level of its version, or off that of its neighbours.

    Parameters
    ----------
    costs : ndarray of float, shape (C, J)
    middle : callable
        Takes the level of each row.

    Returns
    -------
    ndarray of float, shape (C, J)
        NaN for jobs whose version ran once, where versions are looked at: nothing is off its own level.
    """
    count = len(found.jobs)
    off = np.full_like(costs, np.nan)
    if found.same_version:
        versions = [trimmed(job.version) for job in found.jobs]
        for version in {one for one in versions if versions.count(one) > 1}:
            own = np.array([one == version for one in versions])
            off[:, own] = costs[:, own] - middle(costs[:, own])[:, None]
        return off
    for job in range(count):
        first = min(max(job - _NEIGHBOURS // 2, 0), max(count - _NEIGHBOURS, 0))
        off[:, job] = costs[:, job] - middle(costs[:, first : first + _NEIGHBOURS])
    return off


def _scatter(sigma: float, differences: int) -> Scatter:
    """Return a standard deviation of logarithms with what it would take to see past it."""
    runs = tuple(runs_of_each(math.log1p(size), math.sqrt(2) * sigma) for size in SIZES)
    return Scatter(size=ratio(sigma), differences=differences, runs=runs)


# ── one version against itself ──────────────────────────────────────────────────────────────────────────────────────


def same_versions(comparisons: Sequence[tuple[Comparison, str]], jobs: Sequence[JobRef]) -> SameVersion:
    """Return what comparisons of one version with itself flagged."""
    own = [(one, path) for one, path in comparisons if trimmed(one.baseline_version) == trimmed(one.candidate_version)]
    judged = np.array([sum(one.counts.get(kind.value, 0) for kind in _JUDGED) for one, _ in own], dtype=np.float64)
    flagged = np.array([sum(one.counts.get(kind.value, 0) for kind in _FLAGGED) for one, _ in own], dtype=np.float64)
    low, high = _share(flagged, judged)
    return SameVersion(
        pairs=len(own),
        judged=int(judged.sum()),
        flagged=int(flagged.sum()),
        low=low,
        high=high,
        paths=tuple(path for _, path in own[-3:]),
        to_compare=() if own else _newest_of_one_version(jobs),
    )


def _share(flagged: Floats, judged: Floats) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a share over clusters.

    The count is taken to be so much smaller as the shares of pairs differ more than by chance (Korn and Graubard 1998,
    "Confidence intervals for proportions with small expected number of positive counts"); it is never taken larger.
    """
    total = float(judged.sum())
    if not total:
        return None, None
    share, effective = float(flagged.sum()) / total, total
    if len(judged) > 1 and 0 < share < 1:
        variance = len(judged) / (len(judged) - 1) * float(((flagged - share * judged) ** 2).sum()) / total**2
        effective = min(share * (1 - share) / max(variance, 1e-12), total)
    return binomial_interval(share * effective, effective)


def _newest_of_one_version(jobs: Sequence[JobRef]) -> tuple[JobRef, ...]:
    seen: dict[str, JobRef] = {}
    for job in reversed(jobs):
        version = trimmed(job.version)
        if version in seen:
            return job, seen[version]
        seen[version] = job
    return ()
