"""All checks of a comparison, and what follows from them for its runs and points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from perftracker_ai.model import BASELINE, BY_RUN, CANDIDATE, FIRST_RERUN, Soundness
from perftracker_ai.model import Stretch as Undecided
from perftracker_ai.model.checks import (
    DisturbedRerun,
    DriftingRun,
    EndpointsInTurn,
    Episode,
    LateStretch,
    NoTimes,
    RerunApart,
    StretchKind,
    WarmUp,
)
from perftracker_ai.stats import median, robust_location, robust_scale
from perftracker_ai.validity import turns
from perftracker_ai.validity.facts import of_jobs, of_values
from perftracker_ai.validity.nothing import nothing_shared
from perftracker_ai.validity.sharing import EPISODE, costs, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet, Job
    from perftracker_ai.model.checks import Check
    from perftracker_ai.validity.sharing import Sharing, Stretch

    Floats = NDArray[np.float64]

TENTH = 0.1
"""Share of a run's points that may lie in episodes without asking for more than to be told."""

PEAK = 0.8
"""A run that drifts is slowest before, or after, this part of its tests."""

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
    apart = {row: size for row, size in _apart(curves).items() if row not in wild}
    trusted = np.array([row not in wild and row not in apart for row in range(len(curves.mean))])
    kept = np.flatnonzero(trusted)
    timed = np.asarray(np.isfinite(curves.begin).any(axis=1))
    sharing = _of_rows(share(kept_rows(_by_load(curves, timed), kept)), kept)
    shared, left_out = np.zeros(curves.mean.shape), np.zeros(curves.mean.shape, dtype=bool)
    shared[kept] = np.where(timed[kept, None], sharing.shared, 0.0)
    late: list[Undecided] = []
    for one in sharing.stretches:
        if one.place > 0 or not timed[one.run]:
            shared[one.run, one.inside] = 0.0
            late += _undecided(one)
        else:
            left_out[one.run] |= one.inside
    late += _drifting(curves, sharing) if timed[CANDIDATE] else []
    shared[kept] += _offsets(kept_rows(curves, kept), shared[kept], left_out[kept])
    checks = [
        *nothing_shared(jobs, curves),
        *of_jobs(jobs, curves),
        *_told(jobs, curves, sharing, timed),
        *(
            DisturbedRerun(
                jobs=(jobs[row].info.id,), curves=(), blocks=True, approves=True, scatter=scatter, others=others
            )
            for row, (scatter, others) in wild.items()
        ),
        *(
            RerunApart(jobs=(jobs[row].info.id,), curves=(), blocks=True, approves=True, size=math.expm1(size))
            for row, size in apart.items()
        ),
        *of_values(jobs, curves),
    ]
    return Soundness(
        checks=tuple(checks), shared=shared, left_out=left_out, trusted=tuple(trusted.tolist()), late=tuple(late)
    )


def _by_load(curves: CurveSet, timed: NDArray[np.bool_]) -> CurveSet:
    """Take runs that tell no times for ones that went load by load: what most endpoints show may be those minutes."""
    begin, end = (np.where(timed[:, None], times, curves.load) for times in (curves.begin, curves.end))
    return replace(curves, begin=begin, end=end)


def _of_rows(sharing: Sharing, kept: NDArray[np.intp]) -> Sharing:
    """Name the runs of stretches by their rows among all."""
    return replace(sharing, stretches=tuple(replace(one, run=int(kept[one.run])) for one in sharing.stretches))


def _undecided(one: Stretch) -> list[Undecided]:
    """Keep a stretch that nobody can tell from an episode; of the baseline it may only doubt what seems improved."""
    in_turn = one.place == turns.BLOCK
    if one.run != CANDIDATE and not (in_turn and one.run == BASELINE):
        return []
    kind = StretchKind.TURNS if in_turn else StretchKind.LOADS
    return [Undecided(kind=kind, size=one.size, inside=one.inside, begin=one.begin, end=one.end)]


def _drifting(curves: CurveSet, sharing: Sharing) -> list[Undecided]:
    """Tell where a candidate that drifts is slowest, unless it has further runs: they show whether it is the code's."""
    size = float(sharing.drift[CANDIDATE])
    if not _drift_apart(sharing) or len(curves.rows[1]) > 1:
        return []
    begin = curves.begin[CANDIDATE]
    known = np.isfinite(begin)
    ends = np.quantile(begin[known], [PEAK, 1 - PEAK])
    inside = known & (begin >= ends[0] if size > 0 else begin <= ends[1])
    spans = float(np.min(begin[inside])), float(np.max(curves.end[CANDIDATE, inside]))
    return [Undecided(kind=StretchKind.DRIFT, size=abs(size), inside=inside, begin=spans[0], end=spans[1])]


def _drift_apart(sharing: Sharing) -> bool:
    """Say whether the compared runs drift apart all the way; what a stretch explains is none."""
    apart = abs(float(sharing.drift[CANDIDATE])) >= EPISODE
    return apart and not any(one.run < FIRST_RERUN for one in sharing.stretches)


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


def _apart(curves: CurveSet) -> dict[int, float]:
    """Find reruns of the baseline that lie apart from its runs as a whole, with how far; of two that is the job's own.

    Of the candidate's runs none is left out: that they differ says that what one of them shows is the machine's.
    """
    cost, baseline = costs(curves), curves.rows[0]
    many = len(baseline) > FIRST_RERUN
    reference = median(cost[baseline], axis=0) if many else cost[BASELINE]
    sizes = {row: _location(cost[row] - reference) for row in baseline if row >= FIRST_RERUN}
    return {row: size for row, size in sizes.items() if abs(size) >= EPISODE}


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


def _told(jobs: Sequence[Job], curves: CurveSet, sharing: Sharing, timed: NDArray[np.bool_]) -> Iterator[Check]:
    """Tell what was found in time."""
    # Whole endpoints of another run say nothing about the candidate.
    told = [one for one in sharing.stretches if timed[one.run] and (one.place != turns.BLOCK or one.run == CANDIDATE)]
    measured = np.isfinite(curves.mean).sum(axis=1)
    inside = np.zeros(len(curves.mean))
    for one in told:
        inside[one.run] += float((one.inside & np.isfinite(curves.mean[one.run])).sum()) / max(measured[one.run], 1)
    for one in told:
        yield _stretch(one, jobs[one.run].info.id, inside[one.run], rerun=one.run >= FIRST_RERUN)
    if timed[:FIRST_RERUN].all() and _drift_apart(sharing):
        ids, size = tuple(jobs[row].info.id for row in range(FIRST_RERUN)), float(sharing.drift[CANDIDATE])
        yield DriftingRun(jobs=ids, curves=(), blocks=True, approves=False, size=math.expm1(size))
    if not timed[:FIRST_RERUN].any():
        ids = tuple(jobs[row].info.id for row in range(FIRST_RERUN))
        yield NoTimes(jobs=ids, curves=(), blocks=True, approves=True)


def _stretch(one: Stretch, job: int, share: float, *, rerun: bool) -> Check:
    kinds: dict[int, type[WarmUp | Episode | LateStretch | EndpointsInTurn]] = {
        turns.WARM_UP: WarmUp,
        turns.EPISODE: Episode,
        turns.LATE: LateStretch,
        turns.BLOCK: EndpointsInTurn,
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
