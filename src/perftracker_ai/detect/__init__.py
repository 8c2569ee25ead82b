"""Detection: which curves became slower or faster, over which loads, by how much and how surely.

In: a `CurveSet`. Out: a `Detection`. Pure and deterministic: the same curves give the same result, whatever the order
of tests or the units; the input is not changed. Refuses nothing: what cannot be told ends INCONCLUSIVE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perftracker_ai.detect.chance import suspects
from perftracker_ai.detect.context import Context
from perftracker_ai.detect.counts import with_counts
from perftracker_ai.detect.direction import without_direction
from perftracker_ai.detect.evidence import calm_level, learn, prepare, weigh
from perftracker_ai.detect.ids import with_ids
from perftracker_ai.detect.judge import judge
from perftracker_ai.detect.points import with_points
from perftracker_ai.detect.scan import COARSE
from perftracker_ai.detect.series import Net, pairs_of, panels, ratios
from perftracker_ai.detect.shift import estimate_shifts, grouped, taken_off
from perftracker_ai.detect.sound import left_out, sound
from perftracker_ai.detect.whose import reported
from perftracker_ai.detect.windows import LEVEL, shortest_change
from perftracker_ai.model import FIRST_RERUN, CurveResult, Detection, Direction
from perftracker_ai.stats import median
from perftracker_ai.words.numbers import plural

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.evidence import Evidence
    from perftracker_ai.detect.series import Panel
    from perftracker_ai.detect.shift import Grouped, Shifts
    from perftracker_ai.model import CurveSet, Soundness, Timeline
    from perftracker_ai.settings import DetectSettings

__all__ = ["detect"]

METHOD = "multiscale scan of log-ratios 1"


class _Shift(NamedTuple):
    """What the run shares: in the comparison, and against each single run, shape (V, C)."""

    compared: Shifts
    against: NDArray[np.float64]


def detect(
    curves: CurveSet,
    settings: DetectSettings,
    seed: int,
    timeline: Timeline | None = None,
    soundness: Soundness | None = None,
) -> Detection:
    """Compare the candidate with the baseline runs, curve by curve.

    Parameters
    ----------
    curves : CurveSet
        Rows of its run axis: baseline, candidate, reruns of the one and of the other version.
    settings : DetectSettings
    seed : int
        Recorded with the result; the method itself draws no random numbers.
    timeline : Timeline, optional
        What earlier jobs measured at the same points, the compared jobs not among them: they teach how much curves
        scatter from run to run.
    soundness : Soundness, optional
        Which runs and points can be trusted, and what runs share at a time.

    Returns
    -------
    Detection
        One result per curve, in curve order.
    """
    measured, curves = (curves, curves) if soundness is None else sound(curves, soundness)
    laid = list(panels(curves, ratios(curves, timeline, measured), curves.curves))
    shift, evidences = _evidence(curves, laid, settings)
    reruns = len(curves.mean) - FIRST_RERUN
    context = Context(
        curves=curves,
        settings=settings,
        shift=shift.compared,
        against=shift.against,
        reruns=len(curves.rows[0]) - 1,
        shortest=shortest_change(curves, settings),
        late=() if soundness is None else soundness.late,
        left_out=left_out(measured, curves),
    )
    results = sorted(judge(evidences, context), key=lambda result: result.curve)
    results = with_counts(with_points(results, curves, settings), curves, settings)
    results = without_direction(results, curves, settings)
    return Detection(
        results=with_ids(results, curves.curves),
        shifts=reported(context),
        method=METHOD,
        level=LEVEL,
        fdr=settings.fdr,
        seed=seed,
        noise_source=_noise_source(reruns, 2 * pairs_of(timeline)),
        mirrored=_mirrored(results, settings),
    )


def _evidence(curves: CurveSet, laid: list[Panel], settings: DetectSettings) -> tuple[_Shift, list[Evidence]]:
    """Weigh the evidence, a second time without what seemed changed: it must not pass for the environment's doing."""
    groups = grouped(curves)
    if not laid:
        nothing = np.full(len(curves.curves), np.nan)
        return _Shift(estimate_shifts(groups, nothing, settings.large_shift, LEVEL), nothing[None]), []
    calm = _each(groups, _ordered(groups, laid, [median(panel.contrast) for panel in laid]))
    marks = [np.zeros(panel.ratio.shape, dtype=bool) for panel in laid]
    shift = _shift(groups, laid, marks, settings)
    nets = [_net(panel, shift, calm) for panel in laid]
    learned = learn(nets)
    ready = prepare(nets, learned, marks)
    marks = suspects(weigh(ready, COARSE))
    if any(mark.any() for mark in marks):
        shift = _shift(groups, laid, marks, settings)
        ready = prepare([_net(panel, shift, calm) for panel in laid], learned, marks)
    return _Shift(shift, _against(groups, laid, marks, shift)), weigh(ready)


def _shift(groups: Grouped, laid: list[Panel], marks: list[NDArray[np.bool_]], settings: DetectSettings) -> Shifts:
    """Estimate the shift of the comparison."""
    levels = [calm_level(panel.ratio, mark)[None] for panel, mark in zip(laid, marks, strict=True)]
    return estimate_shifts(groups, _ordered(groups, laid, levels)[0], settings.large_shift, LEVEL)


def _against(groups: Grouped, laid: list[Panel], marks: list[NDArray[np.bool_]], shift: Shifts) -> NDArray[np.float64]:
    """Estimate the shift against each single run, shape (V, C)."""
    if len(groups.curves.mean) == FIRST_RERUN:  # then the comparison with the one run is the comparison
        return shift.per_curve[None]
    levels = [
        np.array([calm_level(part, mark) for part in panel.versus]) for panel, mark in zip(laid, marks, strict=True)
    ]
    return _each(groups, _ordered(groups, laid, levels))


def _ordered(groups: Grouped, laid: list[Panel], levels: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Put the levels of K comparisons, shape (K, C) for each panel, in the order of the curves."""
    ordered = np.full((len(levels[0]), len(groups.endpoint)), np.nan)
    for panel, level in zip(laid, levels, strict=True):
        ordered[:, panel.rows] = level
    return ordered


def _each(groups: Grouped, levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the shift of each of K comparisons, shape (K, C)."""
    return np.array([taken_off(groups, level) for level in levels]).reshape(levels.shape)


def _net(panel: Panel, shift: Shifts, calm: NDArray[np.float64]) -> Net:
    """Take the shift off the comparison, and off each of the calm ones."""
    return Net(
        panel=panel,
        ratio=panel.ratio - shift.per_curve[panel.rows][:, None],
        contrast=panel.contrast - calm[:, panel.rows, None],
    )


def _noise_source(reruns: int, earlier: int) -> str:
    parts = ["curve roughness", "the scatter of curve levels"]
    if reruns:
        parts.append(plural(reruns, "rerun"))
    if earlier:
        parts.append(plural(earlier, "earlier job"))
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _mirrored(results: list[CurveResult], settings: DetectSettings) -> int:
    """Count curves that would be regressions if the two runs were swapped."""
    least = 1 / (1 + settings.moderate) - 1
    return sum(
        any(w.direction is Direction.BETTER and w.median_slowdown <= least for w in result.windows)
        for result in results
    )
