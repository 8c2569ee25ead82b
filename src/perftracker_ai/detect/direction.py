"""Changes of which nobody knows whether they are good: neither better nor worse, whatever their size.

In: the results of curves whose direction is known or not. Out: the same, with *changed* where it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from perftracker_ai.model import Attribution, Direction, Outcome, Severity
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
    sizes = [window.median_slowdown for window in result.windows]
    largest = max(sizes, key=lambda size: max(size, 1 / (1 + size) - 1))
    relevant = max(largest, 1 / (1 + largest) - 1) >= settings.moderate
    return replace(
        result,
        outcome=Outcome.CHANGED,
        windows=(),
        worst=None,
        severity=None,
        confidence=None,
        reasons=(),
        attribution=Attribution.UNDECIDED if relevant else None,
        needed=f"{format_change(largest)}, direction unknown: curves.less_better says whether less of it is better",
    )
