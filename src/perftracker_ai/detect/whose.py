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
from perftracker_ai.model import Attribution, Confidence, Direction, FindingKind, Outcome, Window
from perftracker_ai.stats import median, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.detect.context import Context
    from perftracker_ai.model import RunShift
    from perftracker_ai.settings import DetectSettings

BEYOND = 2.0
"""What stands out of a run that moved by so many times as much as the run itself did is not the run's doing."""

INSIDE = 0.5
"""A window with this share of its points in a stretch that most endpoints share belongs to it."""


def attribution(window: Window, curve: int, context: Context) -> Attribution:
    """Say whose doing a window is."""
    if _late(window, context):
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


def _late(window: Window, context: Context) -> bool:
    points = np.arange(window.first, window.last + 1)
    return any(float(np.mean(stretch.inside[points])) >= INSIDE for stretch in context.late)


def shared(windows: Sequence[Window], context: Context) -> tuple[Window, ...]:
    """Mark the windows that belong to a stretch shared by most endpoints."""
    return tuple(replace(w, kind=FindingKind.WHOLE) if _late(w, context) else w for w in windows)


def moved(curve: int, gross: float, context: Context) -> bool:
    """Say whether a curve moved with the run: what was taken off it hides a change beyond the threshold."""
    taken = float(context.shift.per_curve[curve])
    least, settings = abs(gross), context.settings
    return abs(taken) >= math.log1p(settings.minor) and least >= math.log1p(settings.moderate) and gross * taken >= 0


def window_of(gross: NDArray[np.float64], points: NDArray[np.intp], reach: float, settings: DetectSettings) -> Window:
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


def outcome_of(window: Window, curve: int, context: Context) -> tuple[Outcome, Attribution, Confidence, str]:
    """Name what a curve that moved with the run is: the code's where controls or further runs say so."""
    reproduced = len(context.curves.rows[1]) > 1
    if not (reproduced or context.shift.code[curve]):
        why = "nearly everything measured in the run moved with it"
        return Outcome.MOVED, Attribution.UNDECIDED, Confidence.MEDIUM, why
    outcome = Outcome.REGRESSED if window.direction is Direction.WORSE else Outcome.IMPROVED
    why = "all runs of the candidate's version show it" if reproduced else "other thread counts stayed as they were"
    return outcome, Attribution.CODE, Confidence.MEDIUM, why


def reported(context: Context) -> tuple[RunShift, ...]:
    """Return the shifts with whose doing they are: what all runs of the candidate's version show is the code's."""
    if len(context.curves.rows[1]) < 2:  # noqa: PLR2004 - one run reproduces nothing
        return context.shift.reported
    return tuple(
        replace(shift, attribution=Attribution.CODE if shift.large else shift.attribution)
        for shift in context.shift.reported
    )
