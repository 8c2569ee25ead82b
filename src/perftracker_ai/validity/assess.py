"""All checks of a comparison, and what follows from them for its runs and points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from perftracker_ai.model import BASELINE, BY_RUN, CANDIDATE, FIRST_RERUN, Soundness
from perftracker_ai.model import Stretch as Late
from perftracker_ai.model.checks import (
    DisturbedRerun,
    DriftingRun,
    EndpointsInTurn,
    Episode,
    LateStretch,
    NoTimes,
    WarmUp,
)
from perftracker_ai.stats import median, robust_location, robust_scale
from perftracker_ai.validity.facts import of_jobs, of_values
from perftracker_ai.validity.nothing import nothing_shared
from perftracker_ai.validity.sharing import EPISODE, costs, share
from perftracker_ai.validity.turns import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet, Job
    from perftracker_ai.model.checks import Check
    from perftracker_ai.validity.sharing import Sharing, Stretch

    Floats = NDArray[np.float64]

TENTH = 0.1
"""Share of a run's points that may lie in episodes without asking for more than to be told."""

WILD, LEAST_WILD = 2.0, 0.05
"""A rerun whose points scatter so many times as much as those of the others, and by so much at all, is left out."""


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
            unclear = row == CANDIDATE or (row == BASELINE and one.place == BLOCK)
            together = one.place != BLOCK
            late += [Late(together=together, inside=one.inside, begin=one.begin, end=one.end)] if unclear else []
        else:
            left_out[row] |= one.inside
    shared[kept] += _offsets(kept_rows(curves, kept), shared[kept], left_out[kept])
    checks = [
        *nothing_shared(jobs, curves),
        *of_jobs(jobs, curves),
        *_told(jobs, curves, sharing, kept),
        *(
            DisturbedRerun(
                jobs=(jobs[row].info.id,), curves=(), blocks=True, approves=True, scatter=scatter, others=others
            )
            for row, (scatter, others) in wild.items()
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


def _wild(curves: CurveSet) -> dict[int, tuple[float, float]]:
    """Find reruns that scatter far more than the other runs, with both scatters: they say nothing of the calm ones."""
    cost = costs(curves)
    if len(cost) <= FIRST_RERUN or not np.isfinite(cost).any():
        return {}
    bend = np.array([_roughness(row, curves) for row in cost])
    found = {}
    for row in range(FIRST_RERUN, len(cost)):
        others = float(median(np.delete(bend, row)))
        if bend[row] >= WILD * max(others, LEAST_WILD / WILD):
            found[row] = (float(bend[row]), others)
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
        if one.place == BLOCK and row != CANDIDATE:
            continue  # of another run it says nothing about the candidate
        yield _stretch(one, jobs[row].info.id, inside[row], rerun=row >= FIRST_RERUN)
    for one_row in range(FIRST_RERUN):
        size = float(sharing.drift[one_row])
        late = any(stretch.run == one_row for stretch in sharing.stretches)
        if abs(size) >= EPISODE and not late:
            number = jobs[one_row].info.id
            yield DriftingRun(jobs=(number,), curves=(), blocks=True, approves=False, size=math.expm1(size))
    if not np.isfinite(curves.begin[:FIRST_RERUN]).any():
        ids = tuple(jobs[row].info.id for row in range(FIRST_RERUN))
        yield NoTimes(jobs=ids, curves=(), blocks=True, approves=True)


def _stretch(one: Stretch, job: int, share: float, *, rerun: bool) -> Check:
    kinds: dict[int, type[WarmUp | Episode | LateStretch | EndpointsInTurn]] = {
        -1: WarmUp,
        0: Episode,
        1: LateStretch,
        BLOCK: EndpointsInTurn,
    }
    kind = kinds[one.place]
    return kind(
        jobs=(job,),
        curves=(),
        blocks=True,
        approves=rerun or bool(share <= TENTH and one.place <= 0),
        begin=one.begin,
        end=one.end,
        slow=one.slow,
        measured=one.there,
        size=math.expm1(one.size),
        share=float(share),
    )
