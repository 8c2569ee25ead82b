"""How far to trust a finding, in three words with their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Confidence, Method
from perftracker_ai.words.numbers import format_percent

if TYPE_CHECKING:
    from perftracker_ai.model import Window

STRONG_Q, WEAK_Q = 1e-3, 1e-2
"""In simulated jobs of every kind of noise nearly all regressions below the first are real, and more of those between
them than above the second; docs/benchmarks-full.md has what the grades are worth."""

CONSISTENT, PATCHY = 0.8, 0.5
"""Share of points beyond the threshold: nearly all, or no more than half."""

FEW_POINTS = 5
"""A window of fewer points rests on a handful of measurements."""

_ORDER = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)


def certainty(window: Window, method: Method, reruns: int) -> tuple[Confidence, tuple[str, ...]]:
    """Grade a finding; every reason that lowers or carries the grade is given in words."""
    marks = [
        _by_method(method),
        _by_chance(window),
        _by_consistency(window),
        _by_points(window),
        _by_reruns(reruns),
    ]
    grade = min((mark for mark, _ in marks), key=_ORDER.index)
    return grade, tuple(reason for _, reason in marks if reason)


def _by_method(method: Method) -> tuple[Confidence, str]:
    match method:
        case Method.SIZE_ONLY:
            return Confidence.LOW, "single scores: only the size against the suite's scatter speaks for it"
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
    return Confidence.LOW, f"not far beyond the noise (q = {window.q_value:.1g})"


def _by_consistency(window: Window) -> tuple[Confidence, str]:
    share = f"{format_percent(window.consistency)} of the window's points are beyond the threshold"
    if window.consistency >= CONSISTENT:
        return Confidence.HIGH, share
    return (Confidence.MEDIUM if window.consistency > PATCHY else Confidence.LOW), f"only {share}"


def _by_points(window: Window) -> tuple[Confidence, str]:
    if window.points >= FEW_POINTS:
        return Confidence.HIGH, ""
    return Confidence.MEDIUM, f"the window has only {window.points} points"


def _by_reruns(reruns: int) -> tuple[Confidence, str]:
    """Cap what one run of each version can show: an episode of either, or a level that differs, looks the same."""
    if reruns:
        return Confidence.HIGH, f"worse than each of {reruns + 1} baseline runs"
    return Confidence.MEDIUM, "one run of each version: an episode of either would look the same"
