"""Changes put into a pair in which nothing changed, to see on its own noise what would be found.

In: the curves of the pair, and a generator that is seeded by it. Out: the same curves with a part of the endpoints made
slower in the candidate, and where. Of the endpoints a quarter is hit, so that the others can be what a whole run is
told from; each by one shape and size, the twelve combinations one after the other, so that all come up equally often.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from perftracker_ai.backtest.values import FACTORS, SHAPES, Found
from perftracker_ai.model import BASELINE, CANDIDATE, Absence, Direction, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, CurveResult, CurveSet, Detection

SHARE = 0.25
"""Share of the endpoints that is hit."""
LEAST = 4
"""Loads from which a part of a curve can be hit; below, all of it is."""
EDGE = 8
"""Loads from which an edge is the highest two; below, it is the highest one."""


class Change(NamedTuple):
    """What was done to one curve: the range is inclusive, in indices into the arrays of the `CurveSet`."""

    curve: int
    shape: str
    factor: float
    first: int
    last: int


def injected(curves: CurveSet, rng: np.random.Generator) -> tuple[CurveSet, tuple[Change, ...]]:
    """Return the curves with some endpoints slower in the candidate, and what was done.

    Curves without a value above zero in both runs are left alone, and so are counts and sizes as long as there are
    times and rates.
    """
    chosen = _chosen(curves, rng)
    kinds = list(product(SHAPES, FACTORS))
    begin = int(rng.integers(len(kinds)))
    changes = [
        _change(curve, *kinds[(begin + place) % len(kinds)], where)
        for place, (members, where) in enumerate((family, rng.random(2)) for family in chosen)
        for curve in members
    ]
    return _multiplied(curves, changes), tuple(changes)


def _chosen(curves: CurveSet, rng: np.random.Generator) -> list[list[Curve]]:
    """Return the curves of the endpoints that are hit."""
    values = curves.mean[[BASELINE, CANDIDATE]]
    there = (curves.absence[[BASELINE, CANDIDATE]] == Absence.PRESENT).all(axis=0) & (values > 0).all(axis=0)
    fit = [one for one in curves.curves if there[one.start : one.stop].any()]
    timed = [one for one in fit if one.metric_kind.timed] or fit
    families: dict[tuple[str, str], list[Curve]] = {}
    for one in timed:
        families.setdefault((one.endpoint, one.scenario), []).append(one)
    names = list(families)
    count = min(len(names), max(1, round(SHARE * len(names))))
    return [families[names[place]] for place in rng.permutation(len(names))[:count].tolist()]


def _change(curve: Curve, shape: str, factor: float, where: NDArray[np.float64]) -> Change:
    first, last = _range(shape, curve.stop - curve.start, where)
    shape = "whole" if curve.stop - curve.start < LEAST else shape
    return Change(curve.index, shape, factor, curve.start + first, curve.start + last)


def _range(shape: str, points: int, where: NDArray[np.float64]) -> tuple[int, int]:
    """Return first and last point of a curve that are hit.

    A tail is between a quarter and a half of the loads, a band as much anywhere.
    """
    if points < LEAST or shape == "whole":
        return 0, points - 1
    length = max(2, round(points * (0.25 + 0.25 * float(where[0]))))
    if shape == "edge":
        length = 2 if points >= EDGE else 1
    first = int(float(where[1]) * (points - length)) if shape == "band" else points - length
    return first, first + length - 1


def _multiplied(curves: CurveSet, changes: Sequence[Change]) -> CurveSet:
    """Return the curves with the candidate's values changed, the spread of its scores along."""
    mean, sd = curves.mean.copy(), curves.sd.copy()
    for one in changes:
        part = slice(one.first, one.last + 1)
        factor = one.factor if curves.curves[one.curve].less_better else 1 / one.factor
        mean[CANDIDATE, part] *= factor
        sd[CANDIDATE, part] *= factor
    for values in (mean, sd):
        values.setflags(write=False)
    return replace(curves, mean=mean, sd=sd)


# ── what was found of it ────────────────────────────────────────────────────────────────────────────────────────────


def found(changes: Sequence[Change], detection: Detection) -> tuple[Found, ...]:
    """Count what was found of changes, by shape and factor."""
    told: dict[tuple[str, float], list[tuple[bool, bool]]] = {}
    for one in changes:
        told.setdefault((one.shape, one.factor), []).append(_told(one, detection.results[one.curve]))
    return tuple(
        Found(
            shape=shape,
            factor=factor,
            curves=len(rows),
            listed=sum(listed for listed, _ in rows),
            regressed=sum(regressed for _, regressed in rows),
        )
        for (shape, factor), rows in sorted(told.items())
    )


def _told(change: Change, result: CurveResult) -> tuple[bool, bool]:
    """Tell whether a change is listed at all, and whether as a regression."""
    meets = any(
        one.direction is Direction.WORSE and one.first <= change.last and one.last >= change.first
        for one in result.windows
    )
    regressed = meets and result.outcome in {Outcome.REGRESSED, Outcome.MOVED}
    return regressed or (meets and result.outcome is Outcome.MINOR), regressed
