"""Checks that need no statistics: of the jobs, their machines and versions, and of values that are no measurements."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.model import BASELINE, CANDIDATE, Attribution, NewerJob, NewerVersion
from perftracker_ai.model.checks import (
    AnotherMachine,
    ClippedValues,
    Difference,
    IdenticalResults,
    LowerVersion,
    Moved,
    MovedRun,
    NewerUntaken,
    OneVersion,
    OtherContext,
    TooGood,
)
from perftracker_ai.stats import distinct, ratio
from perftracker_ai.validity.sharing import costs, typical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from perftracker_ai.model import CurveSet, Job, JobInfo, Machine, Notice, RunShift
    from perftracker_ai.model.checks import Check

TOO_GOOD = 10.0
"""An endpoint that is so many times as fast may do its work no more."""

CEILING = 3
"""Points of a curve that are equal at the top, in a run, from which that is a ceiling and no chance."""

TOLD_APART = 0.5
"""Share of the values below a ceiling that differ from each other: where fewer do, the clock is coarse."""

_NUMBERS = re.compile(r"\d+")
_SHOWN = 80  # characters of a text in a check


def same_job(one: JobInfo, other: JobInfo) -> bool:
    """Say whether two headers are of one job."""
    return one.uuid == other.uuid if one.uuid and other.uuid else one.id == other.id


def of_jobs(jobs: Sequence[Job], curves: CurveSet) -> Iterator[Check]:
    """Look at what the jobs say of themselves."""
    baseline, candidate = (jobs[row].info for row in (BASELINE, CANDIDATE))
    ids = (baseline.id, candidate.id)
    if baseline.version == candidate.version:
        version = candidate.version or "none"
        yield OneVersion(jobs=ids, curves=(), blocks=False, approves=False, version=version)
    elif _is_lower(candidate.product_ver, baseline.product_ver):
        before, after = baseline.product_ver, candidate.product_ver
        yield LowerVersion(jobs=ids, curves=(), blocks=False, approves=False, baseline=before, candidate=after)
    others = tuple(name for name, one, other in _context(baseline, candidate) if one != other)
    if others:
        yield OtherContext(jobs=ids, curves=(), blocks=False, approves=False, differing=others)
    yield from _machines(jobs[BASELINE], jobs[CANDIDATE])
    yield from _same_results(jobs, curves)


def _is_lower(version: str, other: str) -> bool:
    """Compare versions by their numbers; where the words between them differ nothing is said."""
    if _NUMBERS.sub("#", version.strip()) != _NUMBERS.sub("#", other.strip()):
        one, two = (re.match(r"\d+(?:\.\d+)*", text.strip()) for text in (version, other))
        if one is None or two is None:
            return False
        version, other = one[0], two[0]
    numbers = [[int(number[:18]) for number in _NUMBERS.findall(text)] for text in (version, other)]
    return numbers[0] < numbers[1]


def _context(baseline: JobInfo, candidate: JobInfo) -> tuple[tuple[str, str, str], ...]:
    before, after = ("+".join(sorted(set(job.hosts))) for job in (baseline, candidate))
    return (
        ("product", baseline.product_name, candidate.product_name),
        ("suite", baseline.suite_name, candidate.suite_name),
        ("hardware", before, after),
    )


def of_run(jobs: Sequence[Job], shifts: Sequence[RunShift]) -> tuple[Check, ...]:
    """Tell of a run that moved as a whole, where nothing shows that the code did it."""
    large = [shift for shift in shifts if shift.large and shift.attribution is not Attribution.CODE]
    if not large:
        return ()
    moved = tuple(
        Moved(metric=shift.metric_kind or "", threads=shift.threads, slowdown=shift.slowdown) for shift in large
    )
    return (MovedRun(jobs=(jobs[CANDIDATE].info.id,), curves=(), blocks=True, approves=False, moved=moved),)


def of_notices(notices: Iterable[Notice]) -> tuple[Check, ...]:
    """Tell of jobs newer than the candidate that could not be taken: this is not the verdict on them."""
    return tuple(
        NewerUntaken(jobs=(one.job,), curves=(), blocks=True, approves=True, version=one.version, problem=one.problem)
        for one in notices
        if isinstance(one, NewerJob | NewerVersion)
    )


def _machines(baseline: Job, candidate: Job) -> Iterator[Check]:
    """Find machines that bear one name and are not the same."""
    before = {machine.name: machine for machine in baseline.machines}
    ids = (baseline.info.id, candidate.info.id)
    for machine in candidate.machines:
        known = before.get(machine.name)
        told = () if known is None else tuple(_differences(known, machine))
        if told:
            name = machine.name[:_SHOWN]
            yield AnotherMachine(jobs=ids, curves=(), blocks=True, approves=False, machine=name, differing=told)


def _differences(one: Machine, other: Machine) -> Iterator[Difference]:
    for name, before, after in (
        ("processors", one.processors, other.processors),
        ("memory in MB", one.memory_mb, other.memory_mb),
        ("system", one.kernel[:_SHOWN], other.kernel[:_SHOWN]),
        ("model", one.model[:_SHOWN], other.model[:_SHOWN]),
    ):
        if before not in {None, ""} and after not in {None, ""} and before != after:
            yield Difference(name=name, before=str(before), after=str(after))


def _same_results(jobs: Sequence[Job], curves: CurveSet) -> Iterator[Check]:
    """Find runs whose every value is the same to the last digit."""
    for row, job in enumerate(jobs):
        for other in range(row + 1, len(jobs)):
            both = np.isfinite(curves.mean[row]) & np.isfinite(curves.mean[other])
            values = curves.mean[row, both]
            if np.array_equal(values, curves.mean[other, both]) and len(values) and np.ptp(values) > 0:
                ids = (job.info.id, jobs[other].info.id)
                yield IdenticalResults(jobs=ids, curves=(), blocks=True, approves=True, points=len(values))


def of_values(jobs: Sequence[Job], curves: CurveSet) -> Iterator[Check]:
    """Look for values that are no measurements of what they are meant to measure."""
    ids = (jobs[BASELINE].info.id, jobs[CANDIDATE].info.id)
    yield from _clipped(ids, curves)
    yield from _too_good(ids, curves)


def _clipped(ids: tuple[int, int], curves: CurveSet) -> Iterator[Check]:
    """Find times of many points that are equal to the last digit at the top of all curves of one metric."""
    found: dict[float, list[tuple[int, int, int]]] = {}
    timed = [curve for curve in curves.curves if not curve.scalar and curve.base_unit == "s"]
    each = [curves.mean[: CANDIDATE + 1, curve.start : curve.stop] for curve in timed]
    tops = [float(np.fmax.reduce(values, axis=None)) for values in each]  # of no values NaN, which equals none
    highest: dict[str, float] = {}
    for curve, top in zip(timed, tops, strict=True):
        highest[curve.metric_label] = float(np.fmax(highest.get(curve.metric_label, top), top))
    for curve, values, top in zip(timed, each, tops, strict=True):
        if top != highest[curve.metric_label]:
            continue
        before, after = (int(np.count_nonzero(side == top)) for side in values)
        below = values[values < top]
        if max(before, after) >= CEILING and distinct(below).size > TOLD_APART * below.size:
            found.setdefault(top, []).append((curve.index, before, after))
    for top, members in sorted(found.items()):
        older, newer = (sum(member[k] for member in members) for k in (1, 2))
        yield ClippedValues(
            jobs=ids,
            curves=tuple(member[0] for member in members),
            blocks=True,
            approves=newer <= older,
            first=curves.curves[members[0][0]].tag,
            ceiling=top,
            points_before=older,
            points_now=newer,
        )


def _too_good(ids: tuple[int, int], curves: CurveSet) -> Iterator[Check]:
    """Find endpoints that are so fast now that they may do their work no more."""
    speed: dict[str, list[tuple[float, int]]] = {}
    cost = costs(curves)
    for curve, faster in zip(curves.curves, typical(cost[BASELINE] - cost[CANDIDATE], curves).tolist(), strict=True):
        if math.isfinite(faster):
            speed.setdefault(curve.endpoint, []).append((1 + ratio(faster), curve.index))
    fast = {endpoint: max(found) for endpoint, found in speed.items() if max(found)[0] >= TOO_GOOD}
    if fast:
        endpoint, (times, _) = max(fast.items(), key=lambda item: item[1])
        yield TooGood(
            jobs=ids,
            curves=tuple(index for name in fast for _, index in speed[name]),
            blocks=True,
            approves=True,
            endpoints=len(fast),
            endpoint=endpoint,
            times=times,
        )
