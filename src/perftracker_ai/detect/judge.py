"""From evidence to results: which curves changed, over which loads, how much, and how surely.

In: the evidence of all panels. Out: one `CurveResult` per curve. False discoveries are controlled once, here, over
all curves and per direction, so that a job and its mirror image (the two runs swapped) give mirrored results.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect import null, short
from perftracker_ai.detect.chance import RULE_P, weigh_chances
from perftracker_ai.detect.confidence import certainty, needed
from perftracker_ai.detect.evidence import RULE_POINTS, SCANNED_POINTS, SIDES
from perftracker_ai.detect.noise import mean_variance
from perftracker_ai.detect.windows import LEVEL, describe, extents, merged, practical
from perftracker_ai.model import Attribution, CurveResult, Direction, Method, Outcome
from perftracker_ai.stats import median, ratio, t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.chance import Chances
    from perftracker_ai.detect.evidence import Evidence, Side
    from perftracker_ai.detect.scan import Track
    from perftracker_ai.detect.windows import Extent
    from perftracker_ai.model import CurveSet, Window
    from perftracker_ai.settings import DetectSettings


class Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one row shows in one direction: its windows and how they were found."""

    windows: tuple[Window, ...]
    method: Method


class Context(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What judging needs besides the evidence."""

    curves: CurveSet
    settings: DetectSettings
    shift: NDArray[np.float64]
    reruns: int
    noise: float


def judge(evidences: list[Evidence], context: Context) -> list[CurveResult]:
    """Judge every row of every panel; in panel order."""
    if not evidences:
        return []
    chances = [weigh_chances(evidences, k, context.settings.fdr) for k in range(len(SIDES))]
    results: list[CurveResult] = []
    for place, evidence in enumerate(evidences):
        sides = [_side(evidence, place, sign, chance, context) for sign, chance in zip(SIDES, chances, strict=True)]
        whole = zip(*_whole(evidence), strict=True)
        results += [
            _result(evidence, row, [side.get(row) for side in sides], level, context) for row, level in enumerate(whole)
        ]
    return results


def _whole(evidence: Evidence) -> tuple[list[float], list[float]]:
    """Return every row's level and half the width of its interval."""
    track = evidence.track
    sampling = mean_variance(track.variance[:, 0], evidence.points, track.rho)
    reach = [
        t_quantile((1 - LEVEL) / 2, max(dof, 1.0)) * error
        for dof, error in zip(track.dof.tolist(), np.sqrt(sampling + track.level_variance).tolist(), strict=True)
    ]
    return median(evidence.net.ratio).tolist(), reach


def _side(evidence: Evidence, place: int, sign: float, chances: Chances, context: Context) -> dict[int, Found]:
    """Windows of one direction for every row that shows any."""
    side, fdr = evidence.sides[0 if sign > 0 else 1], context.settings.fdr
    rule = evidence.points < SCANNED_POINTS
    cut = null.threshold(np.where(rule, RULE_P, chances.cut), evidence.points, evidence.track.rho)
    route, p, q = _routes(side, (chances.own[place], chances.twin[place], chances.family[place]), fdr)
    track = _by_route(route, (evidence.track, evidence.paired, evidence.joint))
    first, last = (
        np.choose(route, [getattr(best, end) for best in (side.best, side.twin, side.family)])
        for end in ("first", "last")
    )
    found: dict[int, Found] = {}
    for row, ranges in _by_row(extents(track, np.flatnonzero(q <= fdr), sign, cut, (first, last))).items():
        windows = _windows(evidence, ranges, sign, (float(p[row]), None if rule[row] else float(q[row])), context)
        method = Method.RULE if rule[row] else Method.FAMILY_SCAN if route[row] else Method.SCAN
        kept = [
            w for w in windows if method is not Method.RULE or sign * math.log1p(w.median_slowdown) >= short.RULE_SIZE
        ]
        if kept:
            found[row] = Found(windows=tuple(kept), method=method)
    return found | _short(evidence, sign, context)


def _routes(
    side: Side, q: tuple[NDArray[np.float64], ...], fdr: float
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Choose for every row the first of own scan, twin and siblings that makes it a discovery; with its p and q."""
    known = np.array([np.where(np.isfinite(values), values, 1.0) for values in q])
    route = np.argmax(known <= fdr, axis=0)
    return route, np.choose(route, [side.p, side.twin_p, side.member_p]), np.choose(route, known)


def _by_route(route: NDArray[np.intp], tracks: tuple[Track, ...]) -> Track:
    """Take every row from the track of its route."""
    return replace(
        tracks[0],
        value=np.choose(route[:, None], [track.value for track in tracks]),
        variance=np.choose(route[:, None], [track.variance for track in tracks]),
        level_variance=np.choose(route, [track.level_variance for track in tracks]),
        drift_variance=np.choose(route, [track.drift_variance for track in tracks]),
    )


def _by_row(found: list[Extent]) -> dict[int, list[Extent]]:
    rows: dict[int, list[Extent]] = {}
    for extent in found:
        rows.setdefault(extent.row, []).append(extent)
    return rows


def _windows(
    evidence: Evidence, ranges: list[Extent], sign: float, chance: tuple[float, float | None], context: Context
) -> tuple[Window, ...]:
    net = evidence.net.ratio[ranges[0].row]
    joined = merged(ranges, net, sign, math.log1p(context.settings.moderate))
    kept = [part for part in joined if practical(context.curves, evidence, part, sign, context.settings)]
    return tuple(describe(evidence, part, sign, context.settings, chance) for part in kept)


def _short(evidence: Evidence, sign: float, context: Context) -> dict[int, Found]:
    """Windows of the rows that are single values rather than curves."""
    found: dict[int, Found] = {}
    for row in np.flatnonzero((evidence.points >= 1) & (evidence.points < RULE_POINTS)):
        hit = short.find(context.curves, evidence, int(row), sign, context.noise)
        if hit is not None:
            windows = _windows(evidence, [hit.extent], sign, (hit.p, None), context)
            if windows:
                found[int(row)] = Found(windows=windows, method=hit.method)
    return found


def _result(
    evidence: Evidence, row: int, found: list[Found | None], whole: tuple[float, float], context: Context
) -> CurveResult:
    """Put one curve together; ``whole`` is its level and half the width of the level's interval."""
    index = int(evidence.net.panel.rows[row])
    points = evidence.net.panel.point[row][np.isfinite(evidence.net.ratio[row])]
    windows = tuple(sorted((w for side in found if side for w in side.windows), key=lambda w: (w.first, w.last)))
    outcome = _outcome(windows, context.settings) or _calm(len(points), *whole, context)
    method = _method([side.method for side in found if side], points, context)
    worst = _worst(windows, outcome)
    confidence, reasons = (
        certainty(evidence, row, windows[worst], method, context.reruns) if worst is not None else (None, ())
    )
    return CurveResult(
        curve=index,
        outcome=outcome,
        method=method,
        windows=windows,
        worst=worst,
        severity=windows[worst].severity if worst is not None else None,
        confidence=confidence,
        reasons=reasons,
        points=len(points),
        samples=int(context.curves.count[:2, points].sum()),
        attribution=None if worst is None else Attribution.CODE,
        left_out=(),
        median_slowdown=math.expm1(whole[0]) if len(points) else None,
        gross_slowdown=ratio(whole[0] + context.shift[index]) if len(points) else None,
        shift=math.expm1(context.shift[index]),
        noise=_noise(evidence, row),
        needed=needed(evidence, row, whole[0], context.settings, method) if outcome is Outcome.INCONCLUSIVE else "",
    )


def _noise(evidence: Evidence, row: int) -> float | None:
    variance = float(evidence.track.variance[row, 0])
    return math.sqrt(variance) if evidence.points[row] >= RULE_POINTS and math.isfinite(variance) else None


def _method(methods: list[Method], points: NDArray[np.intp], context: Context) -> Method:
    """Name how the curve was judged: the way its windows were found, or the way it was searched in vain."""
    return methods[0] if methods else short.method_of(len(points), short.scored(context.curves, points))


def _outcome(windows: tuple[Window, ...], settings: DetectSettings) -> Outcome | None:
    worse = [w for w in windows if w.direction is Direction.WORSE]
    if any(w.median_slowdown >= settings.moderate for w in worse):
        return Outcome.REGRESSED
    if worse:
        return Outcome.MINOR
    return Outcome.IMPROVED if windows else None


def _worst(windows: tuple[Window, ...], outcome: Outcome) -> int | None:
    """Place of the window that stands for the curve: the largest in the direction of the outcome."""
    if not windows:
        return None
    sign = -1.0 if outcome is Outcome.IMPROVED else 1.0
    return max(range(len(windows)), key=lambda k: sign * windows[k].median_slowdown)


def _calm(points: int, level: float, reach: float, context: Context) -> Outcome:
    """Tell a curve that did not change from one that could not be told about."""
    known = points >= RULE_POINTS and abs(level) + reach < math.log1p(context.settings.moderate)
    return Outcome.UNCHANGED if known else Outcome.INCONCLUSIVE
