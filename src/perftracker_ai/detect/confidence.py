"""How far to trust a finding, in three words with their reasons, and what would settle what could not be told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.detect.scan import inflation
from perftracker_ai.formats import format_percent
from perftracker_ai.model import Confidence, Method

if TYPE_CHECKING:
    from perftracker_ai.detect.evidence import Evidence
    from perftracker_ai.model import Window
    from perftracker_ai.settings import DetectSettings

STRONG_Q, WEAK_Q = 1e-3, 1e-2
"""In simulated jobs of every kind of noise nearly all regressions below the first are real, and more of those between
them than above the second; docs/benchmarks.md has what the grades are worth."""

CONSISTENT, PATCHY = 0.8, 0.5
"""Share of points beyond the threshold: nearly all, or no more than half."""

FEW_POINTS = 5
"""A window of fewer points rests on a handful of measurements."""

WHOLE = 0.9
"""Share of a curve's points from which a window is the whole curve."""

_ORDER = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


def certainty(
    evidence: Evidence, row: int, window: Window, method: Method, reruns: int
) -> tuple[Confidence, tuple[str, ...]]:
    """Grade a finding; every reason that lowers or carries the grade is given in words."""
    marks = [
        _by_method(method),
        _by_chance(window),
        _by_consistency(window),
        _by_points(window),
        _by_reruns(evidence, row, window, reruns),
    ]
    grade = min((mark for mark, _ in marks), key=_ORDER.index)
    return grade, tuple(reason for _, reason in marks if reason)


def _by_method(method: Method) -> tuple[Confidence, str]:
    match method:
        case Method.SIZE_ONLY:
            return Confidence.LOW, "single scores: only the size speaks for it"
        case Method.RULE:
            return Confidence.MEDIUM, "a short curve: judged by size and standard error"
        case Method.TWO_SAMPLE:
            return Confidence.MEDIUM, "few points: judged by the spread of their scores"
        case Method.FAMILY_SCAN:
            return Confidence.HIGH, "related curves show it too"
        case _:
            return Confidence.HIGH, ""


def _by_chance(window: Window) -> tuple[Confidence, str]:
    if window.q_value is None:
        return Confidence.HIGH, ""
    if window.q_value <= STRONG_Q:
        return Confidence.HIGH, f"far beyond the noise (q = {window.q_value:.1g})"
    if window.q_value <= WEAK_Q:
        return Confidence.MEDIUM, f"beyond the noise (q = {window.q_value:.1g})"
    return Confidence.MEDIUM, f"not far beyond the noise (q = {window.q_value:.1g})"


def _by_consistency(window: Window) -> tuple[Confidence, str]:
    share = f"{format_percent(window.consistency)} of the window's points are beyond the threshold"
    if window.consistency >= CONSISTENT:
        return Confidence.HIGH, share
    return (Confidence.MEDIUM if window.consistency > PATCHY else Confidence.LOW), f"only {share}"


def _by_points(window: Window) -> tuple[Confidence, str]:
    if window.points >= FEW_POINTS:
        return Confidence.HIGH, ""
    return Confidence.MEDIUM, f"the window has only {window.points} points"


def _by_reruns(evidence: Evidence, row: int, window: Window, reruns: int) -> tuple[Confidence, str]:
    """Cap what one baseline run can show: the level of a whole curve differs between runs of one version too."""
    if reruns:
        return Confidence.HIGH, f"worse than each of {reruns + 1} baseline runs"
    if window.points >= WHOLE * evidence.points[row]:
        return Confidence.MEDIUM, "the whole curve moved, and there is one baseline run"
    return Confidence.HIGH, ""


def needed(evidence: Evidence, row: int, level: float, settings: DetectSettings, method: Method) -> str:
    """Say what would decide a curve that could not be told about."""
    points = int(evidence.points[row])
    match method:
        case Method.NONE:
            return "a value in both runs at one load at least"
        case Method.SIZE_ONLY:
            return "three scores per point in both runs, or two more runs of each version"
        case Method.TWO_SAMPLE:
            return "two more runs of each version"
        case _:
            return _runs_needed(evidence, row, points, abs(level), math.log1p(settings.moderate))


def _runs_needed(evidence: Evidence, row: int, points: int, level: float, margin: float) -> str:
    """Count the runs of each version after which the interval would lie on one side of the margin."""
    track = evidence.track
    sampling = float(track.variance[row, 0]) * float(inflation(track.rho[row], points)) / points
    error = math.sqrt(sampling + float(track.level_variance[row]))
    room = max(abs(margin - level), margin / 10)
    runs = int(np.clip(math.ceil((2 * error / room) ** 2), 2, 100))
    return f"about {runs - 1} more run{'s' if runs > 2 else ''} of each version"  # noqa: PLR2004 - plural of one
