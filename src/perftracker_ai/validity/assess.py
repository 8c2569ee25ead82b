"""All checks of a comparison, and what follows from them for its runs and points."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from perftracker_ai.model import BY_RUN, CANDIDATE, FIRST_RERUN, CheckKind, Soundness
from perftracker_ai.model import Stretch as Late
from perftracker_ai.stats import median, robust_location, robust_scale
from perftracker_ai.validity.facts import check, of_jobs, of_values
from perftracker_ai.validity.sharing import EPISODE, costs, share
from perftracker_ai.words.numbers import format_percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Check, CurveSet, Job
    from perftracker_ai.validity.sharing import Sharing, Stretch

    Floats = NDArray[np.float64]

TENTH = 0.1
"""Share of a run's points that may lie in episodes without asking for more than to be told."""

WILD, LEAST_WILD = 2.0, 0.05
"""A rerun whose points scatter so many times as much as those of the others, and by so much at all, is left out."""

_CALENDAR = 1e8  # seconds; what is smaller are places in a run's order


def assess(jobs: Sequence[Job], curves: CurveSet) -> Soundness:
    """Ask whether the runs can be compared, and what of them.

    Parameters
    ----------
    jobs : sequence of Job
        In the order of the run axis.
    curves : CurveSet
    """
    wild = _wild(curves)
    trusted = np.array([row < FIRST_RERUN or row not in wild for row in range(len(curves.mean))])
    kept = np.flatnonzero(trusted)
    sharing = share(kept_rows(curves, kept))
    shared, left_out = np.zeros(curves.mean.shape), np.zeros(curves.mean.shape, dtype=bool)
    shared[kept] = sharing.shared
    late: list[Late] = []
    for one in sharing.stretches:
        row = int(kept[one.run])
        if one.place > 0:
            shared[row, one.inside] = 0.0
            late += [Late(inside=one.inside, begin=one.begin, end=one.end)] if row == CANDIDATE else []
        else:
            left_out[row] |= one.inside
    shared[kept] += _offsets(kept_rows(curves, kept), shared[kept], left_out[kept])
    checks = [
        *of_jobs(jobs, curves),
        *_told(jobs, curves, sharing, kept),
        *(
            check(CheckKind.BAD_RERUN, [jobs[row].info.id], [str(jobs[row].info.id), told], {"scatter": scatter})
            for row, (told, scatter) in wild.items()
        ),
        *of_values(jobs, curves),
    ]
    return Soundness(
        checks=tuple(checks), shared=shared, left_out=left_out, trusted=tuple(trusted.tolist()), late=tuple(late)
    )


def kept_rows(curves: CurveSet, rows: NDArray[np.intp]) -> CurveSet:
    """Give the same curves with some of the runs only."""
    first = len(curves.mean) - curves.candidate_reruns
    chosen = {name: getattr(curves, name)[rows] for name in BY_RUN}
    return replace(curves, **chosen, candidate_reruns=int((rows >= first).sum()))


def _wild(curves: CurveSet) -> dict[int, tuple[str, float]]:
    """Find reruns that scatter far more than the other runs: they say nothing of the calm ones."""
    cost = costs(curves)
    if len(cost) <= FIRST_RERUN or not np.isfinite(cost).any():
        return {}
    bend = np.array([_roughness(row, curves) for row in cost])
    found = {}
    for row in range(FIRST_RERUN, len(cost)):
        others = float(median(np.delete(bend, row)))
        if bend[row] >= WILD * max(others, LEAST_WILD / WILD):
            own, rest = format_percent(float(bend[row])), format_percent(others)
            found[row] = (f"its points scatter by {own}, those of the others by {rest}", float(bend[row]))
    return found


def _roughness(cost: Floats, curves: CurveSet) -> float:
    """Give the typical scatter of neighbouring loads about each other."""
    bend = cost[1:-1] - (cost[:-2] + cost[2:]) / 2
    inner = np.zeros(len(cost), dtype=bool)
    for curve in curves.curves:
        inner[curve.start + 1 : curve.stop - 1] = True
    values = bend[inner[1:-1]]
    known = values[np.isfinite(values)]
    return float(robust_scale(known)) / math.sqrt(1.5) if len(known) else 0.0


def _offsets(curves: CurveSet, shared: Floats, left_out: NDArray[np.bool_]) -> Floats:
    """Take off what single runs of a version lie apart from its others, by metric and thread count.

    What all runs of the candidate's version show stays: it is reproduced.
    """
    cost = np.where(left_out, np.nan, costs(curves) - shared)
    found = np.zeros(cost.shape)
    baseline, candidate = curves.rows
    if len(cost) <= FIRST_RERUN:
        return found
    reference = median(cost[baseline], axis=0)
    groups: dict[tuple[str, int | None], list[int]] = {}
    for curve in curves.curves:
        groups.setdefault((curve.metric_kind, curve.threads), []).append(curve.index)
    for members in groups.values():
        points = np.concatenate([np.arange(curves.curves[k].start, curves.curves[k].stop) for k in members])
        offset = np.array([_location(cost[row, points] - reference[points]) for row in range(len(cost))])
        target = np.zeros(len(cost))
        own = offset[candidate]
        target[candidate] = np.clip(0.0, own.min(), own.max()) if len(candidate) > 1 else own
        target[baseline] = 0.0 if len(baseline) > 1 else offset[baseline]
        found[:, points] = (offset - target)[:, None]
    return found


def _location(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return robust_location(known) if len(known) else 0.0


# ── what is told ────────────────────────────────────────────────────────────────────────────────────────────────────


def _told(jobs: Sequence[Job], curves: CurveSet, sharing: Sharing, kept: NDArray[np.intp]) -> Iterator[Check]:
    """Tell what was found in time."""
    measured = np.isfinite(curves.mean).sum(axis=1)
    inside = np.zeros(len(curves.mean))
    for one in sharing.stretches:
        row = int(kept[one.run])
        inside[row] += float((one.inside & np.isfinite(curves.mean[row])).sum()) / max(int(measured[row]), 1)
    for one in sharing.stretches:
        row = int(kept[one.run])
        yield _stretch(one, jobs[row].info.id, inside[row], rerun=row >= FIRST_RERUN)
    for one_row in range(FIRST_RERUN):
        size = float(sharing.drift[one_row])
        late = any(stretch.run == one_row for stretch in sharing.stretches)
        if abs(size) >= EPISODE and not late:
            number = jobs[one_row].info.id
            values = [str(number), format_percent(math.expm1(size))]
            yield check(CheckKind.DRIFT, [number], values, {"size": math.expm1(size)}, approves=False)
    if not np.isfinite(curves.begin[:FIRST_RERUN]).any():
        yield check(CheckKind.NO_TIMES, [jobs[row].info.id for row in range(FIRST_RERUN)], _NO_TIMES, {})


_NO_TIMES = ("disturbed minutes cannot be told from changes",)


def _stretch(one: Stretch, job: int, share: float, *, rerun: bool) -> Check:
    kind = {-1: CheckKind.WARM_UP, 0: CheckKind.EPISODE, 1: CheckKind.LATE_STRETCH}[one.place]
    size = math.expm1(one.size)
    values = (
        str(job),
        _moment(one.begin),
        _moment(one.end),
        str(one.slow),
        str(one.there),
        format_percent(size),
        f"{format_percent(share)} of its points",
    )
    evidence = {"size": size, "endpoints slow": one.slow, "endpoints measured": one.there, "share of points": share}
    calm = rerun or bool(share <= TENTH and one.place <= 0)
    return check(kind, [job], values, evidence, time=(one.begin, one.end), approves=calm)


def _moment(time: float) -> str:
    if time < _CALENDAR:
        return f"test {time:.0f}"
    return f"{datetime.fromtimestamp(time, UTC):%H:%M:%S} UTC"
