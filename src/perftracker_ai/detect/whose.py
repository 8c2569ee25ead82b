"""Whose doing a change is: the code's, the environment's, or undecided; and what moved with the run.

In: a window or a whole curve, and what is known of the controls. Out: an `Attribution`, and for curves whose change as
measured is beyond the threshold while net of the run nothing is left the window that says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect.shift import CONTROLS, LEAST_CONTROLS
from perftracker_ai.detect.windows import severity
from perftracker_ai.model import Attribution, Cause, Confidence, Direction, FindingKind, Outcome, Window
from perftracker_ai.model.checks import StretchKind
from perftracker_ai.stats import median, ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.detect.context import Context
    from perftracker_ai.model import CurveResult, RunShift, Stretch
    from perftracker_ai.settings import DetectSettings

BEYOND = 2.0
"""What stands out of a run that moved by so many times as much as the run itself did is not the run's doing."""

MOST = 0.5
"""What moved by this part of what the run moved by, in log, moved with it."""

INSIDE = 0.5
"""A window with this share of its points in a stretch that most endpoints share belongs to it."""


def attribution(window: Window, curve: int, context: Context) -> Attribution:
    """Say whose doing a window is."""
    if _within(window, (one for one in context.late if one.kind is not StretchKind.DRIFT)):
        return Attribution.UNDECIDED
    if len(context.curves.rows[1]) > 1:  # each run of the candidate's version shows it, or it would be no finding
        return Attribution.CODE
    shift = context.shift
    if shift.stayed >= max(LEAST_CONTROLS, CONTROLS * shift.endpoints):
        return Attribution.CODE
    if not context.curves.curves[curve].metric_kind.timed and shift.endpoints == 0:
        return Attribution.CODE if _endpoints(context) >= LEAST_CONTROLS else Attribution.UNDECIDED
    run = float(np.max(np.abs(shift.per_curve), initial=0.0))
    far = shift.endpoints >= LEAST_CONTROLS + 2 and abs(math.log1p(window.median_slowdown)) >= BEYOND * run > 0
    return Attribution.CODE if far else Attribution.UNDECIDED


def _endpoints(context: Context) -> int:
    return len({curve.endpoint for curve in context.curves.curves})


def _within(window: Window, stretches: Iterable[Stretch]) -> bool:
    points = np.arange(window.first, window.last + 1)
    return any(float(np.mean(stretch.inside[points])) >= INSIDE for stretch in stretches)


def shared(windows: Sequence[Window], context: Context) -> tuple[Window, ...]:
    """Mark the windows that belong to a stretch shared by most endpoints."""
    loads = [stretch for stretch in context.late if stretch.kind is StretchKind.LOADS]
    return tuple(replace(w, kind=FindingKind.WHOLE) if _within(w, loads) else w for w in windows)


def with_run(
    result: CurveResult,
    gross: NDArray[np.float64],
    points: NDArray[np.intp],
    whole: tuple[float, float],
    context: Context,
) -> CurveResult:
    """Call no curve what only that makes of it which was taken off for the run.

    Parameters
    ----------
    gross : ndarray, shape (N,)
        Of the curve's points, as measured.
    points : ndarray of int
        The compared ones, as places in the `CurveSet`.
    whole : (float, float)
        The curve's level as measured, and half the width of its interval.
    """
    level, reach = whole
    if not len(points) or result.cause is Cause.SMALL_TIME:
        return result
    if result.outcome is Outcome.REGRESSED:
        return _apart(result, level, reach, context) if _mirrored(result, level, context) else result
    surely = abs(level) >= math.log1p(context.settings.moderate) + reach
    if (surely or result.outcome is not Outcome.INCONCLUSIVE) and _moved(result.curve, level, reach, context):
        return _with_gross(result, _window(gross, points, reach, context.settings), context)
    drifted = _drifted(gross, points, context)
    if drifted.any():
        return _with_gross(result, _window(gross[drifted], points[drifted], reach, context.settings), context)
    better = result.outcome is Outcome.IMPROVED and result.worst is not None
    return _apart(result, level, reach, context) if better and _stayed(result, context) else result


def _moved(curve: int, gross: float, reach: float, context: Context) -> bool:
    """Say whether a curve moved with the run: what was taken off it hides a change beyond the threshold.

    The run's own move is surer than that of any of its curves: where it is beyond the threshold, what went most of the
    way with it moved with it.
    """
    taken, settings = float(context.shift.per_curve[curve]), context.settings
    minor, moderate = math.log1p(settings.minor), math.log1p(settings.moderate)
    surely, mostly = moderate + reach, max(MOST * abs(taken), minor)
    least = min(surely, mostly) if abs(taken) >= moderate else surely
    return abs(taken) >= minor and gross * taken >= 0 and abs(gross) >= least


def _drifted(gross: NDArray[np.float64], points: NDArray[np.intp], context: Context) -> NDArray[np.bool_]:
    """Mark the points where a run that drifts is slowest, if the curve went most of the way with it there."""
    minor = math.log1p(context.settings.minor)
    for stretch in context.late:
        part = stretch.inside[points]
        drifts = stretch.kind is StretchKind.DRIFT and part.any()
        if drifts and float(median(gross[part])) >= max(MOST * stretch.size, minor):
            return part
    return np.zeros(len(points), dtype=bool)


def _stayed(result: CurveResult, context: Context) -> bool:
    """Say whether a curve is better only by what was taken off it: as measured it stayed, in a run that got slower."""
    taken, settings = float(context.shift.per_curve[result.curve]), context.settings
    nearest = 1 / (1 + settings.minor) - 1
    return taken >= math.log1p(settings.large_shift) and all(w.gross_slowdown > nearest for w in result.windows)


def _mirrored(result: CurveResult, gross: float, context: Context) -> bool:
    """Say whether a curve is slower only by what was taken off it: as measured it stayed, in a run that got faster."""
    taken, settings = float(context.shift.per_curve[result.curve]), context.settings
    faster = taken <= -math.log1p(settings.large_shift) and abs(gross) < MOST * abs(taken)
    return faster and all(w.gross_slowdown < settings.minor for w in result.windows)


def _apart(result: CurveResult, gross: float, reach: float, context: Context) -> CurveResult:
    """Return a curve that stayed in a run that moved: nobody knows which of the two the machine did."""
    way = "slower" if context.shift.per_curve[result.curve] > 0 else "faster"
    within = abs(gross) + reach < math.log1p(context.settings.moderate)
    known = within and len(context.curves.rows[1]) > 1  # the run's move is the code's, so this curve's is none
    return replace(
        result,
        outcome=Outcome.UNCHANGED if known else Outcome.INCONCLUSIVE,
        windows=(),
        worst=None,
        confidence=None,
        reasons=(),
        attribution=None,
        cause=None if known else Cause.FEW_RUNS,
        runs_needed=None if known else 1,
        needed="" if known else f"one more run of the candidate: as measured it stayed, in a run that got {way}",
    )


def _with_gross(result: CurveResult, window: Window, context: Context) -> CurveResult:
    """Return a curve that moved with the run: the code's where controls or further runs say so."""
    reproduced, worse = len(context.curves.rows[1]) > 1, window.direction is Direction.WORSE
    code = reproduced or bool(context.shift.code[result.curve])
    by_code = Outcome.REGRESSED if worse else Outcome.IMPROVED
    why = "all runs of the candidate's version show it" if reproduced else "other thread counts stayed as they were"
    return replace(
        result,
        outcome=by_code if code else Outcome.MOVED,
        windows=(window,),
        worst=0,
        severity=window.severity,
        cause=None,
        runs_needed=None,
        needed="",
        confidence=Confidence.MEDIUM,
        reasons=(
            why if code else "nearly everything measured moved alike: a slower machine, or code that all of it shares",
        ),
        attribution=Attribution.CODE if code else Attribution.UNDECIDED,
    )


def _window(gross: NDArray[np.float64], points: NDArray[np.intp], reach: float, settings: DetectSettings) -> Window:
    """Describe a curve that moved with the run, by its change as measured at all its loads."""
    known = gross[np.isfinite(gross)]
    middle = float(median(known))
    sign = 1.0 if middle > 0 else -1.0
    slowdown = ratio(middle)
    return Window(
        kind=FindingKind.WHOLE,
        direction=Direction.WORSE if sign > 0 else Direction.BETTER,
        first=int(points[0]),
        last=int(points[-1]),
        points=len(known),
        median_slowdown=slowdown,
        mean_slowdown=ratio(float(known.mean())),
        max_slowdown=ratio(float(sign * np.max(sign * known))),
        low=ratio(middle - reach),
        high=ratio(middle + reach),
        p_value=None,
        q_value=None,
        consistency=float(np.mean(sign * known >= math.log1p(settings.moderate))),
        gross_slowdown=slowdown,
        severity=severity(slowdown, settings) if sign > 0 else None,
    )


def reported(context: Context) -> tuple[RunShift, ...]:
    """Return the shifts with whose doing they are: what all runs of the candidate's version show is the code's."""
    if len(context.curves.rows[1]) < 2:  # noqa: PLR2004 - one run reproduces nothing
        return context.shift.reported
    return tuple(
        replace(shift, attribution=Attribution.CODE if shift.large else shift.attribution)
        for shift in context.shift.reported
    )
