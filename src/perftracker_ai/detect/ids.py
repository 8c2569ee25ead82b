"""What curves are called before readers: a letter for the outcome, and the rank among its like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from perftracker_ai.model import Outcome, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perftracker_ai.model import Curve, CurveResult

LETTERS = {
    Outcome.REGRESSED: "R",
    Outcome.MINOR: "M",
    Outcome.IMPROVED: "I",
    Outcome.UNCHANGED: "N",
    Outcome.INCONCLUSIVE: "U",
    Outcome.MOVED: "S",
    Outcome.CHANGED: "D",
}


def with_ids(results: Iterable[CurveResult], curves: Sequence[Curve]) -> tuple[CurveResult, ...]:
    """Return results in curve order with their ids: by severity, size and name, counted within each outcome."""
    seen = dict.fromkeys(Outcome, 0)
    named = []
    for result in sorted(results, key=lambda result: _order(curves, result)):
        seen[result.outcome] += 1
        named.append(replace(result, id=f"{LETTERS[result.outcome]}{seen[result.outcome]}"))
    return tuple(sorted(named, key=lambda result: result.curve))


def _order(curves: Sequence[Curve], result: CurveResult) -> tuple[int, float, str, str]:
    curve = curves[result.curve]
    window = None if result.worst is None else result.windows[result.worst]
    size = abs(window.median_slowdown) if window else 0.0
    return -Severity.rank(result.severity), -size, curve.tag, curve.group
