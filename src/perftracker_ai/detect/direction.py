"""Changes of which nobody knows whether they are good: neither better nor worse, whatever their size.

In: the results of curves whose direction is known or not. Out: the same, with *changed* where it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from perftracker_ai.detect.windows import severity
from perftracker_ai.model import Attribution, Direction, FindingKind, Outcome, Severity
from perftracker_ai.words.numbers import format_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perftracker_ai.model import CurveResult, CurveSet, Window
    from perftracker_ai.settings import DetectSettings

_JUDGED = frozenset({Outcome.REGRESSED, Outcome.MINOR, Outcome.IMPROVED})


def without_direction(results: Iterable[CurveResult], curves: CurveSet, settings: DetectSettings) -> list[CurveResult]:
    """Call a change *changed* where the direction is not known; undecided from the size of a regression on."""
    return [
        result
        if curves.curves[result.curve].direction_known or result.outcome not in _JUDGED
        else _changed(result, settings)
        for result in results
    ]


def outcome_of(windows: Sequence[Window]) -> Outcome | None:
    """Say how a curve with such windows ends; None without any."""
    worse = [window for window in windows if window.direction is Direction.WORSE]
    if any(Severity.rank(window.severity) >= Severity.rank(Severity.MODERATE) for window in worse):
        return Outcome.REGRESSED
    if worse:
        return Outcome.MINOR
    return Outcome.IMPROVED if windows else None


def _changed(result: CurveResult, settings: DetectSettings) -> CurveResult:
    windows = tuple(
        replace(window, direction=Direction.UNKNOWN, severity=_severity(window, settings)) for window in result.windows
    )
    worst = max(range(len(windows)), key=lambda place: _size(windows[place]))
    large = Severity.rank(windows[worst].severity) >= Severity.rank(Severity.MODERATE)
    size = format_change(windows[worst].median_slowdown)
    return replace(
        result,
        outcome=Outcome.CHANGED,
        windows=windows if large else (),
        worst=worst if large else None,
        severity=windows[worst].severity if large else None,
        confidence=result.confidence if large else None,
        reasons=result.reasons if large else (),
        attribution=Attribution.UNDECIDED if large else None,
        needed=f"{size}, direction unknown: curves.less_better says whether less of it is better",
    )


def _size(window: Window) -> float:
    """Return the size of a change, the same for twice as much and for half of it."""
    return max(window.median_slowdown, 1 / (1 + window.median_slowdown) - 1)


def _severity(window: Window, settings: DetectSettings) -> Severity | None:
    """Return how grave a change would be that were for the worse; of counts never critical."""
    if window.direction is Direction.WORSE:
        return window.severity
    found = severity(_size(window), settings)
    counted = window.kind is FindingKind.COUNT and found is Severity.CRITICAL
    return Severity.SEVERE if counted else found
